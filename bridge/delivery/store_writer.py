"""What a lane puts on record, however long the store is not available."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from bridge.delivery.worker_deps import WorkerDeps, back_off
from bridge.store import DeliveryResult, StoreUnavailableError

LONGEST = 2.0
"""Seconds between two tries: a stop gives a post in flight a few, and what is not on record by then is posted again."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class StoreWriter:
    """One lane's hand in the ledger. What was posted and is not on record would be posted again: nothing gives up."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self._channel = channel
        self._deps = deps

    async def settle(self, settlements: Sequence[DeliveryResult]) -> None:
        """Record what became of deliveries."""
        failures = 0
        while True:
            try:
                await self._deps.store.settle(settlements, self._deps.clock.now())
                return
            except StoreUnavailableError as error:
                failures += 1
                self.tell(error, failures)
            except Exception as error:  # noqa: BLE001 (less may pass where the whole did not)
                failures += 1
                self.tell(error, failures)
                settlements = [replace(one, attempt=None, message=None, template_fault="") for one in settlements]
            await self._deps.clock.sleep(min(back_off(self._deps.random, failures), LONGEST))

    async def retry_until_stored(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write something else, again and again while the store is not available."""
        failures = 0
        while True:
            try:
                await write()
                return
            except StoreUnavailableError as error:
                failures += 1
                self.tell(error, failures)
            await self._deps.clock.sleep(min(back_off(self._deps.random, failures), LONGEST))

    def tell(self, error: Exception, times: int) -> None:
        """Log an error that the lane survives; of a store that is not available, the first time only."""
        if not isinstance(error, StoreUnavailableError):
            log.error("the lane failed, and goes on", channel=self._channel, exc_info=error)
        elif times == 1:
            log.error("the store is not available, the lane waits for it", channel=self._channel, reason=str(error))
