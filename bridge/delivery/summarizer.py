"""Post digests instead of thousands of messages, and repeat notices at the end of repeat windows."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Literal

import structlog

from bridge.core.counters import POSTS
from bridge.core.states import OutcomeKind
from bridge.delivery.circuit_breaker import FAILURES, CircuitBreaker, describe
from bridge.delivery.digests import FAILED_TYPES, digest_message, repeat_notices
from bridge.delivery.store_writer import StoreWriter
from bridge.delivery.worker_deps import WorkerDeps
from bridge.events import new_id
from bridge.messages import Message
from bridge.store import RepeatWindow

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class Summarizer:
    """Digests and repeat notices of one channel.

    ``in_flight`` surrounds each post and its record, so that a stop cannot separate them.
    """

    def __init__(
        self,
        channel: str,
        deps: WorkerDeps,
        breaker: CircuitBreaker,
        writer: StoreWriter,
        in_flight: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._channel = channel
        self._deps = deps
        self._breaker = breaker
        self._writer = writer
        self._in_flight = in_flight
        self._unfinished: list[str] | None = None
        """Digests with deliveries still to settle; None before the store was asked."""
        self._no_digest_until = 0
        """Deliveries up to this one are batched, because Slack rejected their digest."""
        self._single_notices = 0
        """Number of repeat notices to post one by one, because Slack rejected them in one post."""
        self._failures = 0
        """Failures in a row that say nothing about the message."""

    async def post_repeat_notices(self, url: str) -> bool:
        """Close ended repeat windows. Return whether that took the worker's turn."""
        ended = await self._deps.holds[self._channel].ended_windows(self._deps.clock.now())
        await self._close([window for window in ended if not window.repeats])
        due = [window for window in ended if window.repeats]
        if due:
            await self._post_notices(due[:1] if self._single_notices else due, url)
        return bool(due)

    async def _post_notices(self, windows: Sequence[RepeatWindow], url: str) -> None:
        try:
            message, number = repeat_notices(windows)
        except Exception:  # an internal error would recur, and block the channel
            log.exception("repeat notice failed", channel=self._channel, windows=len(windows))
            await self._close(windows)
            return
        result = await self._post(message, url, partial(self._close, windows[:number]))
        if result == "rejected" and number > 1:
            self._single_notices = number
        elif result == "rejected":
            log.error("repeat notice dropped", channel=self._channel, repeats=windows[0].repeats)
            await self._close(windows[:1])
        if result != "retry" and number == 1:
            self._single_notices = max(0, self._single_notices - 1)

    async def _close(self, windows: Sequence[RepeatWindow]) -> None:
        # All together, so that the store writes them in one transaction.
        await asyncio.gather(*(self._deps.holds[self._channel].close_window(window) for window in windows))

    async def needs_digest(self, head: int) -> bool:
        """Return whether more than ``digest_after`` deliveries wait, from the delivery ``head`` on."""
        limit = self._deps.policy_of(self._channel).digest_after
        if not limit or head <= self._no_digest_until:
            return False
        return await self._deps.holds[self._channel].waiting(limit + 1) > limit

    async def post_digest(self, url: str) -> None:
        """Post one message for everything that waits."""
        hold, now = self._deps.holds[self._channel], self._deps.clock.now()
        digest_id = f"d{new_id(now)[:16]}"
        backlog = await hold.count_backlog(digest_id, FAILED_TYPES, now)
        if not backlog.number:  # dropped meanwhile
            return
        try:
            message = digest_message(backlog, digest_id)
        except Exception:  # an internal error says nothing about the delivery at the head
            log.exception("digest failed, deliveries are batched", channel=self._channel)
            self._no_digest_until = backlog.upto
            return
        record = partial(hold.record_digest, digest_id, message.body(), now)
        result = await self._post(message, url, record)
        if result == "posted":
            log.warning("digest posted", channel=self._channel, digest=digest_id, deliveries=backlog.number)
            self._unfinished = [*(self._unfinished or []), digest_id]
            await self.settle_digests()
        elif result == "rejected":
            log.error("digest rejected, deliveries are batched", channel=self._channel, digest=digest_id)
            self._no_digest_until = backlog.upto

    async def settle_digests(self) -> None:
        """Settle the deliveries of posted digests, also of digests that an earlier process left unfinished."""
        hold = self._deps.holds[self._channel]
        if self._unfinished is None:
            self._unfinished = await hold.unfinished_digests()
        while self._unfinished:
            await hold.settle_digest(self._unfinished[0], self._deps.clock.now())
            self._unfinished.pop(0)

    async def _post(
        self, message: Message, url: str, record: Callable[[], Awaitable[None]]
    ) -> Literal["posted", "rejected", "retry"]:
        """Post, record the post, and wait while Slack takes nothing.

        A message is also rejected if Slack fails on it repeatedly but answers probes: otherwise it would block the
        channel for ever.
        """
        await self._deps.limiter_of(url).acquire()
        async with self._in_flight():
            outcome = await self._deps.poster.post(url, message.body())
            self._deps.counters.inc(POSTS, self._channel, outcome.kind)
            if outcome.kind == OutcomeKind.OK:
                await self._writer.retry_until_stored(record)
        match outcome.kind:
            case OutcomeKind.OK:
                self._failures = 0
                self._breaker.record_success()
                return "posted"
            case OutcomeKind.REJECTED:
                self._failures = 0
                log.warning("summary rejected", channel=self._channel, answer=describe(outcome))
                return "rejected"
            case OutcomeKind.RATE_LIMITED:
                self._breaker.pause(url, outcome)
            case OutcomeKind.DESTINATION_GONE:
                await self._breaker.wait_until_reopened(url, outcome)
            case OutcomeKind.UNAVAILABLE:
                self._failures += 1
                await self._breaker.wait_until_available(url, outcome)
                if self._failures >= FAILURES and self._breaker.is_current(url):
                    self._failures = 0
                    log.warning("summary failed", channel=self._channel, answer=describe(outcome))
                    return "rejected"
        return "retry"
