"""The embedded store: one SQLite file, one thread for writes and one for reads."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bridge.core.states import WorkerState
from bridge.events import Request
from bridge.routing.on_change import LastState
from bridge.store.log_models import Cursor, DeliveryRow, EventHistory, Query, ReplayResult, StoredDelivery
from bridge.store.models import AcceptResult, Arrival, Counts, DestinationState, GroupKey
from bridge.store.sqlite import (
    accept,
    destination_states,
    digests,
    event_log,
    holds,
    last_states,
    outbox,
    pruning,
    replay,
    schema,
    webhooks,
)
from bridge.store.sqlite.files import Opened, open_files
from bridge.store.sqlite.history import event_history
from bridge.store.sqlite.hold import SqliteHold
from bridge.store.sqlite.ownership import is_owned
from bridge.store.sqlite.quota import ROWS, USUAL_BODY
from bridge.store.sqlite.worker import Worker


def open_sqlite(place: str, *, limit: int, owner: bool) -> "SqliteStore":
    """Open ``relative.db``, ``/absolute.db`` or ``:memory:``, a URL's part after ``sqlite:///``.

    Raises StoreRefusedError.
    """
    return SqliteStore(open_files(place, limit=limit, owner=owner), place)


class SqliteStore:
    """See ``Store``. Readers never wait for the writer (WAL), and the event loop waits for neither."""

    def __init__(self, opened: Opened, place: str) -> None:
        self._guard = opened.guard
        self._quota = opened.guard.quota
        self._place = place
        self._seen_version = _data_version(opened.writer)
        self._writer = Worker("store writer", opened.writer, self._guard)
        self._reader = (
            self._writer if opened.reader is opened.writer else Worker("store reader", opened.reader, self._guard)
        )

    @property
    def commits(self) -> int:
        """Transactions committed so far: far fewer than calls under load."""
        return self._writer.commits

    async def accept(self, arrivals: Sequence[Arrival], now: float) -> list[list[AcceptResult]]:
        """See ``Inbox.accept``."""

        size = sum(len(arrival.request.body) + ROWS * len(arrival.entries) for arrival in arrivals)

        def job(db: sqlite3.Connection) -> list[list[AcceptResult]]:
            self._quota.require(size)
            return accept.accept(db, arrivals, now)

        return await self._writer.write(job, intake=True)

    async def check(self) -> None:
        """See ``Inbox.check``."""

        def job(db: sqlite3.Connection) -> None:
            self._quota.require(USUAL_BODY)
            schema.write_version(db)

        await self._writer.write(job, intake=True)

    async def hold(self, channel: str, owner: str, seconds: float) -> SqliteHold:  # noqa: ARG002 (it does not end)
        """See ``Queues.hold``."""
        token = await self._reader.read(lambda db: holds.token_of(db, channel, owner))
        if token is None:
            token = await self._writer.write(lambda db: holds.take(db, channel, owner))
        return SqliteHold(channel, token, self._writer, self._reader)

    async def request_of(self, delivery: int) -> Request | None:
        """See ``Queues.request_of``."""
        return await self._reader.read(lambda db: outbox.request_of(db, delivery))

    async def reserve(self, webhook: str, per_second: float, burst: int, now: float) -> float:
        """See ``Queues.reserve``."""
        return await self._writer.write(lambda db: webhooks.reserve(db, webhook, per_second, burst, now))

    async def pause(self, webhook: str, until: float, now: float) -> None:
        """See ``Queues.pause``."""
        await self._writer.write(lambda db: webhooks.pause(db, webhook, until, now))

    async def paused_until(self, webhook: str, now: float) -> float:
        """See ``Queues.paused_until``."""
        return await self._reader.read(lambda db: webhooks.paused_until(db, webhook, now))

    async def changes(self) -> frozenset[str]:
        """See ``Queues.changes``. SQLite tells only that there was a write: every channel may have changed."""
        # Asked on the writer's connection: the number moves when another one writes, and no other of ours does.
        version = await self._writer.read(_data_version)
        if version == self._seen_version:
            return frozenset()
        self._seen_version = version
        return await self._reader.read(event_log.channels)

    async def find(self, query: Query) -> list[DeliveryRow]:
        """See ``EventLog.find``."""
        return await self._reader.read(lambda db: event_log.find(db, query))

    async def changes_since(self, query: Query, cursor: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
        """See ``EventLog.changes_since``."""
        return await self._reader.read(lambda db: event_log.changes_since(db, query, cursor))

    async def events_named(self, name: str) -> list[str]:
        """See ``EventLog.events_named``."""
        return await self._reader.read(lambda db: event_log.events_named(db, name))

    async def event_history(self, event_id: str) -> EventHistory | None:
        """See ``EventLog.event_history``."""
        return await self._reader.read(lambda db: event_history(db, event_id))

    async def stored_deliveries(self, deliveries: Sequence[int]) -> list[StoredDelivery]:
        """See ``EventLog.stored_deliveries``."""
        return await self._reader.read(lambda db: replay.stored_deliveries(db, deliveries))

    async def replay(self, rows: Sequence[DeliveryRow], cursor: Cursor, now: float) -> list[ReplayResult]:
        """See ``EventLog.replay``."""
        return await self._writer.write(lambda db: replay.replay(db, rows, cursor, now))

    async def last_states(self, keys: Mapping[str, GroupKey]) -> dict[str, LastState | None]:
        """See ``EventLog.last_states``."""
        return await self._reader.read(
            lambda db: {channel: last_states.last_of(db, channel, key) for channel, key in keys.items()}
        )

    async def counts(self) -> Counts:
        """See ``Upkeep.counts``."""
        return await self._reader.read(lambda db: event_log.counts(db, self._quota.limit))

    async def record_destination(self, channel: str, state: WorkerState, detail: str, now: float) -> bool:
        """See ``Upkeep.record_destination``."""
        return await self._writer.write(lambda db: destination_states.record(db, channel, state, detail, now))

    async def destination_alerted(self, channel: str) -> None:
        """See ``Upkeep.destination_alerted``."""
        await self._writer.write(lambda db: destination_states.mark_alerted(db, channel))

    async def held(self, channel: str) -> int:
        """See ``Upkeep.held``."""
        return await self._reader.read(lambda db: destination_states.held(db, channel))

    async def clear_destination(self, channel: str) -> None:
        """See ``Upkeep.clear_destination``."""
        await self._writer.write(lambda db: destination_states.clear(db, channel))

    async def destination_states(self) -> list[DestinationState]:
        """See ``Upkeep.destination_states``."""
        return await self._reader.read(destination_states.rows)

    async def prune(self, now: float, retention: float) -> int:
        """See ``Upkeep.prune``."""
        while await self._writer.write(lambda db: pruning.drop_keys(db, now)) == pruning.BATCH:
            pass
        before = now - retention
        await self._writer.write(lambda db: digests.prune(db, before))
        await self._writer.write(lambda db: webhooks.prune(db, before))
        await self._writer.write(lambda db: last_states.prune(db, now))
        dropped = 0
        after: int | None = 0
        while after is not None:
            window = await self._reader.read(partial(pruning.find_old, after=after, before=before))
            for batch in window.batches():
                dropped += await self._writer.write(partial(pruning.drop_events, seqs=batch, before=before))
            after = window.after
        return dropped

    async def served(self) -> bool:
        """See ``Upkeep.served``."""
        return self._guard.owns or await asyncio.to_thread(is_owned, Path(self._place))

    async def close(self) -> None:
        """See ``Upkeep.close``."""
        await asyncio.to_thread(self._guard.stop)
        await self._writer.close()
        await self._reader.close()
        self._guard.close()


def _data_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA data_version").fetchone()[0])
