"""Prune the store regularly, by a time that was seen twice."""

import structlog

from bridge.core.clock import Clock
from bridge.core.counters import EVENTS_PRUNED, Counters
from bridge.store import StoreUnavailableError, Upkeep

PRUNE_EVERY = 600.0
"""Seconds between two prunings of the store."""
LOOK_AGAIN = 60.0
"""Seconds until a time is looked at again that was not expected: at the start, and after a jump of the clock."""
JUMP = 30.0
"""Seconds by which the machine's clock may differ from the time that has passed."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.service")


class TimeCheck:
    """Compares the machine's clock with the time that has passed.

    A clock can be wrong for a moment: before the time server is reached, after a pause of the machine. Whoever deletes
    what is old must not believe it at once.
    """

    def __init__(self) -> None:
        self._offset: float | None = None

    def is_confirmed(self, now: float, monotonic: float) -> bool:
        """Return whether the clock goes on from the last look. The first look confirms nothing."""
        # A clock that was set back is no danger: less is old.
        before, self._offset = self._offset, now - monotonic
        return before is not None and self._offset - before <= JUMP


async def keep_pruned(store: Upkeep, clock: Clock, retention: float, counters: Counters) -> None:
    """Prune a store regularly, without end. If it is unavailable, try again the next time."""
    check = TimeCheck()
    while True:
        now = clock.now()
        confirmed = check.is_confirmed(now, clock.monotonic())
        if confirmed:
            await _prune(store, now, retention, counters)
        await clock.sleep(PRUNE_EVERY if confirmed else LOOK_AGAIN)


async def _prune(store: Upkeep, now: float, retention: float, counters: Counters) -> None:
    try:
        pruned = await store.prune(now, retention)
    except StoreUnavailableError as error:
        log.warning("store pruning postponed", reason=str(error))
    except Exception:
        log.exception("store pruning failed")
    else:
        if pruned:
            counters.inc(EVENTS_PRUNED, by=pruned)
            log.info("events pruned", events=pruned)
