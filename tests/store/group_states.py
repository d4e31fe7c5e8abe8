"""States of groups for the tests of last states."""

from dataclasses import replace

from bridge.core.states import DeliveryState
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState, LastState
from bridge.store import DeliveryResult, GroupKey, Store
from tests.store.samples import NOW, accept, claim, entry, event, held, settle

FAILED = GroupState("7/pipeline/main", "failed", False, "pipeline", (10, 90211), NOW)
PASSED = replace(FAILED, state="success", good=True)
KEY = GroupKey("a route", "gitlab", FAILED.group)


def last(state: GroupState) -> LastState:
    return LastState(state.state, state.kind, state.order, state.at)


async def waiting(store: Store, *states: GroupState | None, channel: str = "general") -> list[int]:
    """Accept a delivery for each state, and return the waiting ones."""
    for state in states:
        planned = Planned(channel, "a route", None, group_state=state)
        await accept(store, entry(event(), deliveries=[planned]))
    return [delivery.id for delivery in await claim(store, 1000, channel)]


async def last_state(store: Store, key: GroupKey) -> LastState | None:
    found = await (await held(store)).last_state(key)
    assert await store.last_states({"general": key, "none": key}) == {"general": found, "none": None}
    return found


async def shown(store: Store, state: GroupState, key: GroupKey = KEY, *, now: float = NOW) -> None:
    """Deliver a state, so that it is remembered."""
    number = (await waiting(store, state))[-1]
    result = DeliveryResult(number, DeliveryState.DELIVERED, remembers=(key, state))
    await settle(store, [result], now)
