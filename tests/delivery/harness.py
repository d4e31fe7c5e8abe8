"""Harness for channel workers: real SQLite, a simulated Slack on real sockets, and a clock set by the test."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.core.states import DeliveryState
from bridge.delivery.channel_worker import ChannelWorker
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import WorkerDeps
from bridge.events import Event, Request, new_id
from bridge.messages import Message, Rendered
from bridge.routing.decide import Planned
from bridge.routing.schema import ChannelPolicy
from bridge.store import Arrival, Counts, Delivery, DeliveryResult, DeliveryRow, Hold, NewEvent, Query, Store
from bridge.store.sqlite.files import open_files
from bridge.store.sqlite.hold import SqliteHold
from bridge.store.sqlite.store import SqliteStore
from tests.delivery.clock import PATIENCE, HandClock
from tests.slack.simulator import SlackSimulator

T = TypeVar("T")
REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {}, b"{}")


class WatchedStore(SqliteStore):
    """Real store that records results, and fails single calls on request."""

    def __init__(self, url: str, *, owner: bool = True) -> None:
        place = url.partition(":///")[2]
        super().__init__(open_files(place, limit=2**30, owner=owner), place)
        self.settled: list[DeliveryResult] = []
        self.settle_errors: deque[Exception] = deque()
        self.claim_errors: deque[Exception] = deque()
        self.changes_errors: deque[Exception] = deque()
        self.counts_errors: deque[Exception] = deque()
        self.change = asyncio.Condition()

    async def hold(self, channel: str, owner: str, seconds: float) -> SqliteHold:
        return WatchedHold(self, await super().hold(channel, owner, seconds))

    async def counts(self) -> Counts:
        if self.counts_errors:
            raise self.counts_errors.popleft()
        return await super().counts()

    async def changes(self) -> frozenset[str]:
        if self.changes_errors:
            raise self.changes_errors.popleft()
        return await super().changes()


class WatchedHold(SqliteHold):
    """Hold of a watched store."""

    def __init__(self, store: WatchedStore, hold: SqliteHold) -> None:
        super().__init__(hold.channel, hold.token, store._writer, store._reader)
        self._store = store

    async def claim(self, n: int) -> list[Delivery]:
        if self._store.claim_errors:
            raise self._store.claim_errors.popleft()
        return await super().claim(n)

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        if self._store.settle_errors:
            raise self._store.settle_errors.popleft()
        await super().settle(results, now)
        async with self._store.change:
            self._store.settled.extend(results)
            self._store.change.notify_all()

    async def record_digest(self, digest_id: str, message: Mapping[str, object], now: float) -> None:
        if self._store.settle_errors:
            raise self._store.settle_errors.popleft()
        await super().record_digest(digest_id, message, now)


def message(title: str, notes: Sequence[str] = ()) -> Message:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in (title, *notes)]
    return Message(title, blocks)


def policy(**settings: float) -> ChannelPolicy:
    """Return a policy with settings as code holds them. In routes.toml: ``pace = "5/s"``, within limits."""
    return ChannelPolicy().model_copy(update=settings)


async def render(delivery: Delivery, notes: Sequence[str]) -> Rendered:
    """Render a message of the event's name and the notes."""
    return Rendered("test.j2", message(delivery.event.name, notes), line=delivery.event.name)


@dataclass
class Harness:
    """Channel workers and their dependencies.

    Channels post to the simulator's webhooks of the same names. The jitter is always 1, so back-offs last longest.
    """

    slack: SlackSimulator
    store: WatchedStore
    database: str
    """The store's URL."""
    clock: HandClock
    deps: WorkerDeps
    urls: dict[str, str]
    limiters: dict[str, RateLimiter]
    slept: list[float] = field(default_factory=list)
    """Every sleep that ``until`` skipped, in seconds."""
    workers: list[asyncio.Task[None]] = field(default_factory=list)

    async def accept(
        self, *titles: str, channel: str = "general", store: Store | None = None, subject: str = ""
    ) -> list[str]:
        """Store one event per title for one channel, and return the ids.

        Each event has its own subject, unless one is given.
        """
        ids = []
        for title in titles:
            now = self.clock.now()
            event = Event(
                id=new_id(now),
                source="gitlab",
                provider="gitlab",
                type="push",
                keys=(f"test:{title}:{channel}",),
                payload={},
                subject=subject or title,
                name=title,
                url="",
                actor="",
                occurred_at=None,
                received_at=now,
                confidential=False,
                test=False,
            )
            entry = NewEvent(event, 0, (Planned(channel, "a route", None),), (3600.0,))
            await (store or self.store).accept([Arrival(REQUEST, (entry,))], now)
            ids.append(event.id)
        return ids

    async def hold(self, channel: str = "general") -> Hold:
        """Hold a channel's queue, as its worker does."""
        return await self.store.hold(channel, self.deps.owner, 60.0)

    def start(self, channel: str = "general") -> ChannelWorker:
        """Start a channel worker. The channel may be new."""
        self.urls.setdefault(channel, self.slack.webhook(channel))
        worker = ChannelWorker(channel, self.deps)
        self.workers.append(asyncio.create_task(worker.run()))
        return worker

    async def until(self, reached: Awaitable[T]) -> T:
        """Skip every sleep until something is reached, and return its result."""
        waiting = asyncio.ensure_future(reached)
        async with asyncio.timeout(PATIENCE):
            while True:
                sleeper = asyncio.ensure_future(self.clock.skip())
                await asyncio.wait({waiting, sleeper}, return_when=asyncio.FIRST_COMPLETED)
                if sleeper.done():
                    self.slept.append(round(sleeper.result(), 3))
                if waiting.done():
                    sleeper.cancel()
                    return waiting.result()

    async def until_settled(self, n: int) -> list[DeliveryResult]:
        """Skip every sleep until ``n`` delivery results are recorded, and return them."""
        return await self.until(self.settled(n))

    async def settled(self, n: int) -> list[DeliveryResult]:
        """Wait until ``n`` delivery results are recorded, and return them."""
        return await self._once(lambda: len(self.store.settled) >= n, n)

    async def until_ended(self, n: int) -> list[DeliveryResult]:
        """Skip every sleep until ``n`` deliveries no longer wait."""

        def ended() -> bool:
            return sum(result.state != "waiting" for result in self.store.settled) >= n

        return await self.until(self._once(ended, None))

    async def _once(self, reached: Callable[[], bool], n: int | None) -> list[DeliveryResult]:
        async with self.store.change:
            await self.store.change.wait_for(reached)
        return self.store.settled[:n]

    def shown(self, channel: str = "general") -> list[object]:
        """Return the texts that a channel shows."""
        return [post.body["text"] for post in self.slack.posts(channel)]

    def answered(self, channel: str = "general") -> list[str]:
        """Return the answer to each request for a channel."""
        return [hit.answered for hit in self.slack.hits(channel)]

    async def rows(self) -> list[DeliveryRow]:
        """Return the event log, oldest first."""
        return sorted(await self.store.find(Query(limit=1000)), key=lambda row: row.delivery)

    async def states(self) -> list[DeliveryState]:
        """Return the state of each delivery, oldest first."""
        return [row.state for row in await self.rows()]
