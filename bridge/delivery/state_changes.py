"""Compare the states of deliveries with the last ones shown, for routes with ``notify = "on_change"``."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.core.states import DeliveryState
from bridge.delivery.worker_deps import WorkerDeps
from bridge.routing.on_change import GroupState, LastState, compare
from bridge.store import Delivery, DeliveryResult, GroupKey

Remembered = tuple[GroupKey, GroupState]


@dataclass(slots=True)
class PostStates:
    """The last states as they will be once a post and what was skipped before it are recorded."""

    last: dict[GroupKey, GroupState] = field(default_factory=dict)
    posted: set[GroupKey] = field(default_factory=set)
    """Groups with a state in the post itself."""

    def add(self, remembered: Remembered | None, *, posted: bool) -> None:
        """Note what a delivery will be remembered for."""
        if remembered is not None:
            key, state = remembered
            self.last[key] = state
            if posted:
                self.posted.add(key)

    def decided(self, delivery: Delivery) -> bool:
        """Return whether the post decides on a delivery, because it shows another one of the same group."""
        return delivery.group_state is not None and group_key(delivery, delivery.group_state) in self.posted


async def skipped_or_remembered(
    delivery: Delivery, channel: str, deps: WorkerDeps, states: Mapping[GroupKey, GroupState]
) -> DeliveryResult | Remembered | None:
    """Return the result of a delivery that is skipped, else what is remembered once it is shown.

    ``states`` go before the stored ones.
    """
    new = delivery.group_state
    if new is None:
        return None
    key = group_key(delivery, new)
    if (pending := states.get(key)) is not None:
        last: LastState | None = LastState(pending.state, pending.kind, pending.order, pending.at)
    else:
        last = await deps.holds[channel].last_state(key)
    found = compare(new, last, replayed=delivery.replayed_at is not None)
    remembered = (key, new) if found.remembered else None
    if found.shown:
        return remembered
    return DeliveryResult(delivery.id, DeliveryState.SKIPPED, found.reason, remembers=remembered)


def group_key(delivery: Delivery, state: GroupState) -> GroupKey:
    """Return what a delivery's state belongs to."""
    return GroupKey(delivery.route, delivery.event.source, state.group)
