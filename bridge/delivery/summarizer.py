"""Post digests instead of thousands of messages, and repeat notices at the end of repeat windows."""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from bridge.delivery.digests import FAILED_TYPES, digest_message, repeat_notices
from bridge.delivery.outcome import Outcome
from bridge.delivery.sender import Sender
from bridge.delivery.step import SHARED, Action, Step
from bridge.delivery.store_writer import StoreWriter, Write
from bridge.delivery.worker_deps import WorkerDeps
from bridge.events import new_id
from bridge.messages import Message
from bridge.store import RepeatWindow

DIGEST = "digest"
NOTICES = "repeat notices"
"""Messages at the head that are no deliveries."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class Summarizer:
    """Digests and repeat notices of one channel."""

    def __init__(self, channel: str, deps: WorkerDeps, sender: Sender, writer: StoreWriter) -> None:
        self._channel = channel
        self._deps = deps
        self._sender = sender
        self._writer = writer
        self._unfinished: list[str] | None = None
        """Digests with deliveries still to settle; None before the store was asked."""
        self._no_digest_until = 0
        """Deliveries up to this one are batched, because Slack rejected their digest."""
        self._single_notices = 0
        """Number of repeat notices to post one by one, because Slack rejected them in one post."""

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
        action = await self._post(NOTICES, message, url, partial(self._close, windows[:number]))
        if action.step == Step.GIVE_UP and number > 1:
            self._single_notices = number
        elif action.step == Step.GIVE_UP:
            log.error("repeat notice dropped", channel=self._channel, repeats=windows[0].repeats, reason=action.reason)
            await self._close(windows[:1])
        if action.step != Step.POST and number == 1:
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
        action = await self._post(DIGEST, message, url, record)
        if action.step == Step.DONE:
            log.warning("digest posted", channel=self._channel, digest=digest_id, deliveries=backlog.number)
            self._unfinished = [*(self._unfinished or []), digest_id]
            await self.settle_digests()
        elif action.step == Step.GIVE_UP:
            log.error(
                "digest rejected, deliveries are batched",
                channel=self._channel,
                digest=digest_id,
                reason=action.reason,
            )
            self._no_digest_until = backlog.upto

    async def settle_digests(self) -> None:
        """Settle the deliveries of posted digests, also of digests that an earlier process left unfinished."""
        hold = self._deps.holds[self._channel]
        if self._unfinished is None:
            self._unfinished = await hold.unfinished_digests()
        while self._unfinished:
            await hold.settle_digest(self._unfinished[0], self._deps.clock.now())
            self._unfinished.pop(0)

    async def _post(self, about: str, message: Message, url: str, record: Write) -> Action:
        """Post, and record the post once Slack shows it."""

        async def record_shown(_at: float, outcome: Outcome, action: Action) -> None:
            if action.step == Step.DONE:
                await self._writer.retry_until_stored(record)
            else:
                log.warning("summary failed", channel=self._channel, about=about, answer=outcome.summary)

        self._sender.take(about)
        await self._sender.post(url, message.body(), SHARED, record_shown)
        return await self._sender.follow(url)
