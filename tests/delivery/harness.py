"""Harness for channel workers: real SQLite, a simulated Slack on real sockets, and a clock set by the test."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.core.states import DeliveryState, WorkerState
from bridge.delivery.channel_worker import ChannelWorker
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import WorkerDeps
from bridge.events import Event, Request, new_id
from bridge.messages import Message, Rendered
from bridge.routing.decide import Planned
from bridge.routing.on_change import LastState
from bridge.routing.schema import ChannelPolicy
from bridge.store import (
    AcceptResult,
    Backlog,
    Counts,
    Cursor,
    Delivery,
    DeliveryResult,
    DeliveryRow,
    DestinationState,
    EventHistory,
    GroupKey,
    NewEvent,
    Query,
    RepeatWindow,
    ReplayResult,
    Store,
    StoredDelivery,
)
from tests.delivery.clock import PATIENCE, HandClock
from tests.slack.simulator import SlackSimulator

T = TypeVar("T")
REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {}, b"{}")


class WatchedStore:
    """Real store that records results, and fails single calls on request."""

    def __init__(self, store: Store) -> None:
        self.inner = store
        self.settled: list[DeliveryResult] = []
        self.settle_errors: deque[Exception] = deque()
        self.claim_errors: deque[Exception] = deque()
        self.changed_errors: deque[Exception] = deque()
        self.counts_errors: deque[Exception] = deque()
        self.change = asyncio.Condition()

    async def accept(self, request: Request, entries: Sequence[NewEvent], now: float) -> list[AcceptResult]:
        return await self.inner.accept(request, entries, now)

    async def claim(self, channel: str, owner: str, n: int) -> list[Delivery]:
        if self.claim_errors:
            raise self.claim_errors.popleft()
        return await self.inner.claim(channel, owner, n)

    async def request_of(self, delivery: int) -> Request | None:
        return await self.inner.request_of(delivery)

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        if self.settle_errors:
            raise self.settle_errors.popleft()
        await self.inner.settle(results, now)
        async with self.change:
            self.settled.extend(results)
            self.change.notify_all()

    async def waiting(self, channel: str, limit: int) -> int:
        return await self.inner.waiting(channel, limit)

    async def open_window(self, channel: str, window: RepeatWindow, now: float) -> int | None:
        return await self.inner.open_window(channel, window, now)

    async def ended_windows(self, channel: str, now: float) -> list[RepeatWindow]:
        return await self.inner.ended_windows(channel, now)

    async def next_window(self, channel: str) -> float | None:
        return await self.inner.next_window(channel)

    async def close_window(self, channel: str, window: RepeatWindow) -> None:
        await self.inner.close_window(channel, window)

    async def last_state(self, channel: str, key: GroupKey) -> LastState | None:
        return await self.inner.last_state(channel, key)

    async def backlog(self, channel: str, failures: Sequence[str]) -> Backlog:
        return await self.inner.backlog(channel, failures)

    async def record_digest(
        self, digest_id: str, channel: str, upto: int, message: Mapping[str, object], now: float
    ) -> None:
        if self.settle_errors:
            raise self.settle_errors.popleft()
        await self.inner.record_digest(digest_id, channel, upto, message, now)

    async def unfinished_digests(self, channel: str) -> list[str]:
        return await self.inner.unfinished_digests(channel)

    async def settle_digest(self, digest_id: str, now: float) -> None:
        await self.inner.settle_digest(digest_id, now)

    async def check(self) -> None:
        await self.inner.check()

    async def find(self, query: Query) -> list[DeliveryRow]:
        return await self.inner.find(query)

    async def changes_since(self, query: Query, cursor: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
        return await self.inner.changes_since(query, cursor)

    async def events_named(self, name: str) -> list[str]:
        return await self.inner.events_named(name)

    async def event_history(self, event_id: str) -> EventHistory | None:
        return await self.inner.event_history(event_id)

    async def stored_deliveries(self, deliveries: Sequence[int]) -> list[StoredDelivery]:
        return await self.inner.stored_deliveries(deliveries)

    async def replay(self, rows: Sequence[DeliveryRow], cursor: Cursor, now: float) -> list[ReplayResult]:
        return await self.inner.replay(rows, cursor, now)

    async def served(self) -> bool:
        return await self.inner.served()

    async def counts(self) -> Counts:
        if self.counts_errors:
            raise self.counts_errors.popleft()
        return await self.inner.counts()

    async def record_destination(self, channel: str, state: WorkerState, detail: str, now: float) -> bool:
        return await self.inner.record_destination(channel, state, detail, now)

    async def destination_alerted(self, channel: str) -> None:
        await self.inner.destination_alerted(channel)

    async def held(self, channel: str) -> int:
        return await self.inner.held(channel)

    async def clear_destination(self, channel: str) -> None:
        await self.inner.clear_destination(channel)

    async def destination_states(self) -> list[DestinationState]:
        return await self.inner.destination_states()

    async def prune(self, now: float, retention: float) -> int:
        return await self.inner.prune(now, retention)

    async def changed(self) -> bool:
        if self.changed_errors:
            raise self.changed_errors.popleft()
        return await self.inner.changed()

    async def close(self) -> None:
        await self.inner.close()


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
            await (store or self.store).accept(
                REQUEST, [NewEvent(event, 0, (Planned(channel, "a route", None),), (3600.0,))], now
            )
            ids.append(event.id)
        return ids

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
