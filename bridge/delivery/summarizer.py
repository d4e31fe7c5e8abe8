"""What a lane says of its own: digests in place of thousands of messages, and how many a window has folded."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Literal

import structlog

from bridge.core.counters import POSTS
from bridge.delivery.circuit_breaker import FAILURES, CircuitBreaker, briefly
from bridge.delivery.digests import FAILED_TYPES, and_many_more, digest
from bridge.delivery.store_writer import StoreWriter
from bridge.delivery.worker_deps import WorkerDeps
from bridge.events import new_id
from bridge.messages import Message
from bridge.store import RepeatWindow

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class Summarizer:
    """One lane's. ``in_flight`` surrounds each post and its record, so that a stop does not come in between."""

    def __init__(
        self,
        channel: str,
        deps: WorkerDeps,
        standing: CircuitBreaker,
        record: StoreWriter,
        in_flight: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._channel = channel
        self._deps = deps
        self._breaker = standing
        self._writer = record
        self._in_flight = in_flight
        self._unfinished: list[str] | None = None
        """Digests whose deliveries are still to be settled; None until the store was asked."""
        self._undigested = 0
        """Up to this delivery all is packed, since Slack did not take a digest of it."""
        self._singly = 0
        """How many windows are to be told one by one, since Slack did not take them together."""
        self._failures = 0
        """In a row, of the kind that says nothing about the message."""

    async def told_windows(self, url: str) -> bool:
        """Close windows that have ended. Returns whether that took the lane's turn."""
        ended = await self._deps.store.ended_windows(self._channel, self._deps.clock.now())
        await self._close([window for window in ended if not window.more])
        telling = [window for window in ended if window.more]
        if telling:
            await self._tell_of(telling[:1] if self._singly else telling, url)
        return bool(telling)

    async def _tell_of(self, windows: Sequence[RepeatWindow], url: str) -> None:
        try:
            message, number = and_many_more(windows)
        except Exception:  # an error of our own: it would come again and again, and hold the lane
            log.exception("what windows folded cannot be told", channel=self._channel)
            await self._close(windows)
            return
        fate = await self._post(message, url, partial(self._close, windows[:number]))
        if fate == "refused" and number > 1:
            self._singly = number
        elif fate == "refused":
            log.error("nobody hears how many messages were folded", channel=self._channel, number=windows[0].more)
            await self._close(windows[:1])
        if fate != "later" and number == 1:
            self._singly = max(0, self._singly - 1)

    async def _close(self, windows: Sequence[RepeatWindow]) -> None:
        # At once, so that the store writes them in one transaction.
        await asyncio.gather(*(self._deps.store.close_window(self._channel, window) for window in windows))

    async def too_many(self, head: int) -> bool:
        """Whether more waits than the channel wants to read, from the delivery ``head`` on."""
        most = self._deps.policy_of(self._channel).digest_after
        if not most or head <= self._undigested:
            return False
        return await self._deps.store.waiting(self._channel, most + 1) > most

    async def digest(self, url: str) -> None:
        """Tell in one message of all that waits."""
        store, now = self._deps.store, self._deps.clock.now()
        backlog = await store.backlog(self._channel, FAILED_TYPES)
        if not backlog.number:  # dropped meanwhile
            return
        digest_id = f"d{new_id(now)[:16]}"
        try:
            message = digest(backlog, digest_id)
        except Exception:  # an error of our own: it says nothing of the delivery at the head
            log.exception("a digest cannot be written: what waits is packed", channel=self._channel)
            self._undigested = backlog.upto
            return
        log.warning(
            "too much waits, a digest stands for it", channel=self._channel, digest=digest_id, waiting=backlog.number
        )
        keep = partial(store.keep_digest, digest_id, self._channel, backlog.upto, message.body(), now)
        fate = await self._post(message, url, keep)
        if fate == "shown":
            self._unfinished = [*(self._unfinished or []), digest_id]
            await self.finish()
        elif fate == "refused":
            log.error("there is no digest: what waits is packed", channel=self._channel, digest=digest_id)
            self._undigested = backlog.upto

    async def finish(self) -> None:
        """Settle what digests have told of, those of a process that ended in between too."""
        store = self._deps.store
        if self._unfinished is None:
            self._unfinished = await store.unfinished_digests(self._channel)
        while self._unfinished:
            await store.tell_digest(self._unfinished[0], self._deps.clock.now())
            self._unfinished.pop(0)

    async def _post(
        self, message: Message, url: str, shown: Callable[[], Awaitable[None]]
    ) -> Literal["shown", "refused", "later"]:
        """Post, record that it is shown, and wait out what keeps Slack from taking it.

        Refused is also what Slack fails on again and again while it answers probes: it would hold the lane for ever.
        """
        await self._deps.limiter_of(url).turn()
        async with self._in_flight():
            outcome = await self._deps.poster.post(url, message.body())
            self._deps.counters.inc(POSTS, self._channel, outcome.kind)
            if outcome.kind == "ok":
                await self._writer.retry_until_stored(shown)
        match outcome.kind:
            case "ok":
                self._failures = 0
                self._breaker.runs()
                return "shown"
            case "refused":
                self._failures = 0
                log.warning("Slack refused a summary", channel=self._channel, answer=briefly(outcome))
                return "refused"
            case "limited":
                self._breaker.pause(url, outcome)
            case "dead_destination":
                await self._breaker.stopped(url, outcome)
            case "away":
                self._failures += 1
                await self._breaker.away(url, outcome)
                if self._failures >= FAILURES and self._breaker.serves(url):
                    self._failures = 0
                    log.warning("Slack fails on a summary", channel=self._channel, answer=briefly(outcome))
                    return "refused"
        return "later"
