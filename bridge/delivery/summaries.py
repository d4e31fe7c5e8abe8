"""What a lane says of its own: digests in place of thousands of messages, and how many a window has folded."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import structlog

from bridge.delivery.digests import FAILED_TYPES, and_more, digest
from bridge.delivery.means import Means
from bridge.delivery.outcome import Outcome
from bridge.delivery.record import Record
from bridge.delivery.standing import Standing, said
from bridge.events import new_id
from bridge.messages import Message
from bridge.store import Window

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class Summaries:
    """One lane's. ``in_flight`` surrounds each post and its record, so that a stop does not come in between."""

    def __init__(
        self,
        channel: str,
        means: Means,
        standing: Standing,
        record: Record,
        in_flight: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._channel = channel
        self._means = means
        self._standing = standing
        self._record = record
        self._in_flight = in_flight
        self._unfinished: list[str] | None = None
        """Digests whose deliveries are still to be settled; None until the store was asked."""
        self._digestible = True
        """Whether Slack takes digests."""

    async def told_one(self, url: str) -> bool:
        """Finish what was begun, and close a window that has ended. Returns whether that took the lane's turn."""
        await self._finish()
        store = self._means.store
        ended = await store.ended_windows(self._channel, self._means.clock.now())
        if not ended:
            return False
        close = partial(store.close_window, self._channel, ended[0])
        if not ended[0].more:
            await close()
        else:
            await self._tell_of(ended[0], close, url)
        return True

    async def _tell_of(self, window: Window, close: Callable[[], Awaitable[None]], url: str) -> None:
        outcome = await self._post(and_more(window), url, close)
        if outcome.kind == "refused":
            log.error("Slack refused to hear how many messages were folded", channel=self._channel, **said(outcome))
            await close()

    async def too_many(self) -> bool:
        """Whether more waits than the channel wants to read."""
        most = self._means.terms_of(self._channel).digest_after
        if not most or not self._digestible:
            return False
        return await self._means.store.waiting(self._channel, most + 1) > most

    async def digest(self, url: str) -> None:
        """Tell in one message of all that waits."""
        store, now = self._means.store, self._means.clock.now()
        backlog = await store.backlog(self._channel, FAILED_TYPES)
        id = f"d{new_id(now)[:16]}"
        message = digest(backlog, id)
        log.warning("too much waits, a digest stands for it", channel=self._channel, digest=id, waiting=backlog.number)
        keep = partial(store.keep_digest, id, self._channel, backlog.upto, message.body(), now)
        outcome = await self._post(message, url, keep)
        if outcome.kind == "ok":
            self._unfinished = [*(self._unfinished or []), id]
            await self._finish()
        elif outcome.kind == "refused":
            log.error("Slack refused a digest: what waits is packed", channel=self._channel, **said(outcome))
            self._digestible = False

    async def _finish(self) -> None:
        """Settle what digests have told of, those of a process that ended in between too."""
        store = self._means.store
        if self._unfinished is None:
            self._unfinished = await store.unfinished_digests(self._channel)
        while self._unfinished:
            await store.tell_digest(self._unfinished[0], self._means.clock.now())
            self._unfinished.pop(0)

    async def _post(self, message: Message, url: str, shown: Callable[[], Awaitable[None]]) -> Outcome:
        """Post, record that it is shown, and wait out what keeps Slack from taking it."""
        await self._means.pacer_of(url).turn()
        async with self._in_flight():
            outcome = await self._means.poster.post(url, message.body())
            self._means.counts[outcome.kind] += 1
            if outcome.kind == "ok":
                await self._record.surely(shown)
        match outcome.kind:
            case "ok":
                self._standing.runs()
            case "limited":
                self._standing.pause(url, outcome)
            case "dead_destination":
                await self._standing.stopped(url, outcome)
            case "away":
                await self._standing.away(url, outcome)
        return outcome
