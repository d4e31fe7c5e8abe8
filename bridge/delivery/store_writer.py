"""Write a worker's results to the store, and retry until they are stored."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from bridge.delivery.next_step import back_off
from bridge.delivery.worker_deps import WorkerDeps
from bridge.store import DeliveryResult, HoldLostError, StoreUnavailableError

MAX_RETRY_SECONDS = 2.0
"""Longest pause between two tries: a stop leaves only a few seconds, and an unrecorded post is sent again."""

Write = Callable[[], Awaitable[None]]

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class StoreWriter:
    """Writes results of one channel worker. It never gives up: an unrecorded post would be sent again."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self._channel = channel
        self._deps = deps

    async def settle(self, results: Sequence[DeliveryResult]) -> None:
        """Store results of deliveries. Retry until stored."""
        hold, clock = self._deps.holds[self._channel], self._deps.clock
        # A smaller record may be stored where the whole failed.
        smaller = [replace(result, attempt=None, message=None, template_fault="", line="") for result in results]
        await self.retry_until_stored(
            lambda: hold.settle(results, clock.now()), lambda: hold.settle(smaller, clock.now())
        )

    async def retry_until_stored(self, write: Write, instead: Write | None = None) -> None:
        """Retry a write while the store is unavailable; after any other error write ``instead``, if there is one."""
        failures = 0
        while True:
            try:
                await write()
                return
            except StoreUnavailableError as error:
                failures += 1
                self.log_error(error, failures)
            except HoldLostError:
                raise
            except Exception as error:
                if instead is None:
                    raise
                failures += 1
                self.log_error(error, failures)
                write = instead
            await self._deps.clock.sleep(min(back_off(failures, self._deps.random()), MAX_RETRY_SECONDS))

    def log_error(self, error: Exception, failures: int) -> None:
        """Log an error that the worker survives; that the store is unavailable, only the first time."""
        if not isinstance(error, StoreUnavailableError):
            log.error("internal error, retrying", channel=self._channel, exc_info=error)
        elif failures == 1:
            log.error("store unavailable, retrying", channel=self._channel, reason=str(error))
