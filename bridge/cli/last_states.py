"""Say for `bridge explain` what a route with ``notify = "on_change"`` would show, by the last states in the store."""

import asyncio
from collections.abc import Sequence

from bridge.config.settings import Settings
from bridge.core.payload import clean
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState, LastState, compare
from bridge.store import GroupKey, StoreRefusedError, StoreUnavailableError, open_store

_RULE = "shown if the state differs from the last shown"


def expectations(settings: Settings, source: str, deliveries: Sequence[Planned]) -> list[str]:
    """Return for each delivery what will be compared, and the result; "" for one that is not compared."""
    compared = {
        planned.channel: GroupKey(planned.route, source, planned.group_state.group)
        for planned in deliveries
        if planned.group_state is not None
    }
    if not compared:
        return [""] * len(deliveries)
    try:
        last = asyncio.run(_last_states(settings, compared))
    except (StoreRefusedError, StoreUnavailableError) as error:
        unknown = f"{_RULE}, which is unknown here: {error}"
        return [unknown if planned.group_state else "" for planned in deliveries]
    return [
        _expectation(planned.group_state, last[planned.channel]) if planned.group_state else ""
        for planned in deliveries
    ]


async def _last_states(settings: Settings, compared: dict[str, GroupKey]) -> dict[str, LastState | None]:
    if settings.store.endswith(":///:memory:"):
        raise StoreRefusedError("BRIDGE_STORE is in memory")
    store = open_store(settings.store, limit=settings.store_limit, owner=False)
    try:
        return await store.last_states(compared)
    finally:
        await store.close()


def _expectation(new: GroupState, last: LastState | None) -> str:
    shown = "none yet" if last is None else clean(last.state) or "uncertain since a digest"
    found = compare(new, last)
    result = "so it would be shown now" if found.shown else f"so it would be skipped now: {clean(found.reason)}"
    return f"{_RULE}: {shown}\n    it is {clean(new.state)}, {result}"
