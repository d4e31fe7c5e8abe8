"""The embedded store: one SQLite file, one thread for writes and one for reads."""

import asyncio
import os
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from bridge.core.states import WorkerState
from bridge.events import Request
from bridge.routing.on_change import LastState
from bridge.store.models import (
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
    StoredDelivery,
)
from bridge.store.sqlite import (
    accept,
    destination_states,
    digests,
    event_log,
    last_states,
    outbox,
    pruning,
    repeat_windows,
    replay,
    schema,
)
from bridge.store.sqlite.files import Opened, open_files
from bridge.store.sqlite.history import event_history
from bridge.store.sqlite.ownership import is_owned
from bridge.store.sqlite.quota import Quota
from bridge.store.sqlite.records import json_text
from bridge.store.sqlite.worker import Worker

MAX_LISTED = 12
"""Length of each list in a backlog."""


def open_sqlite(place: str, *, limit: int, owner: bool) -> "SqliteStore":
    """Open ``relative.db``, ``/absolute.db`` or ``:memory:``, a URL's part after ``sqlite:///``.

    Raises StoreRefusedError.
    """
    return SqliteStore(open_files(place, owner=owner), limit, place)


class SqliteStore:
    """See ``Store``. Readers never wait for the writer (WAL), and the event loop waits for neither."""

    def __init__(self, opened: Opened, limit: int, place: str) -> None:
        self._lock = opened.lock
        self._place = place
        self._quota = Quota(limit)
        self._seen_version = _data_version(opened.writer)
        self._writer = Worker("store writer", opened.writer, self._quota.measure)
        self._reader = self._writer if opened.reader is opened.writer else Worker("store reader", opened.reader)

    @property
    def commits(self) -> int:
        """Transactions committed so far: far fewer than calls under load."""
        return self._writer.commits

    async def accept(self, request: Request, entries: Sequence[NewEvent], now: float) -> list[AcceptResult]:
        """See ``Store.accept``."""

        def job(db: sqlite3.Connection) -> list[AcceptResult]:
            self._quota.require()
            return accept.accept(db, request, entries, now)

        return await self._writer.write(job)

    async def claim(self, channel: str, owner: str, n: int) -> list[Delivery]:  # noqa: ARG002 (one process owns a file)
        """See ``Store.claim``."""
        return await self._reader.read(lambda db: outbox.claim(db, channel, n))

    async def request_of(self, delivery: int) -> Request | None:
        """See ``Store.request_of``."""
        return await self._reader.read(lambda db: outbox.request_of(db, delivery))

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        """See ``Store.settle``."""
        messages = outbox.message_texts(results)
        await self._writer.write(lambda db: outbox.settle(db, results, messages, now))

    async def waiting(self, channel: str, limit: int) -> int:
        """See ``Store.waiting``."""
        return await self._reader.read(lambda db: digests.waiting(db, channel, limit))

    async def open_window(self, channel: str, window: RepeatWindow, now: float) -> int | None:
        """See ``Store.open_window``."""
        return await self._reader.read(lambda db: repeat_windows.first_of(db, channel, window, now))

    async def ended_windows(self, channel: str, now: float) -> list[RepeatWindow]:
        """See ``Store.ended_windows``."""
        return await self._reader.read(lambda db: repeat_windows.ended(db, channel, now))

    async def next_window(self, channel: str) -> float | None:
        """See ``Store.next_window``."""
        return await self._reader.read(lambda db: repeat_windows.next_end(db, channel))

    async def close_window(self, channel: str, window: RepeatWindow) -> None:
        """See ``Store.close_window``."""
        await self._writer.write(lambda db: repeat_windows.close(db, channel, window))

    async def last_state(self, channel: str, key: GroupKey) -> LastState | None:
        """See ``Store.last_state``."""
        return await self._reader.read(lambda db: last_states.last_of(db, channel, key))

    async def backlog(self, channel: str, failures: Sequence[str]) -> Backlog:
        """See ``Store.backlog``."""
        return await self._reader.read(lambda db: digests.backlog(db, channel, failures, MAX_LISTED))

    async def record_digest(
        self, digest_id: str, channel: str, upto: int, message: Mapping[str, object], now: float
    ) -> None:
        """See ``Store.record_digest``."""
        written = json_text(message)
        await self._writer.write(lambda db: digests.record(db, digest_id, channel, upto, written, now))

    async def unfinished_digests(self, channel: str) -> list[str]:
        """See ``Store.unfinished_digests``."""
        return await self._reader.read(lambda db: digests.unfinished(db, channel))

    async def settle_digest(self, digest_id: str, now: float) -> None:
        """See ``Store.settle_digest``."""
        while not await self._writer.write(lambda db: digests.settle(db, digest_id, now)):
            pass

    async def check(self) -> None:
        """See ``Store.check``."""

        def job(db: sqlite3.Connection) -> None:
            self._quota.require()
            schema.write_version(db)

        await self._writer.write(job)

    async def find(self, query: Query) -> list[DeliveryRow]:
        """See ``Store.find``."""
        return await self._reader.read(lambda db: event_log.find(db, query))

    async def changes_since(self, query: Query, cursor: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
        """See ``Store.changes_since``."""
        return await self._reader.read(lambda db: event_log.changes_since(db, query, cursor))

    async def events_named(self, name: str) -> list[str]:
        """See ``Store.events_named``."""
        return await self._reader.read(lambda db: event_log.events_named(db, name))

    async def event_history(self, event_id: str) -> EventHistory | None:
        """See ``Store.event_history``."""
        return await self._reader.read(lambda db: event_history(db, event_id))

    async def stored_deliveries(self, deliveries: Sequence[int]) -> list[StoredDelivery]:
        """See ``Store.stored_deliveries``."""
        return await self._reader.read(lambda db: replay.stored_deliveries(db, deliveries))

    async def replay(self, rows: Sequence[DeliveryRow], cursor: Cursor, now: float) -> list[ReplayResult]:
        """See ``Store.replay``."""
        return await self._writer.write(lambda db: replay.replay(db, rows, cursor, now))

    async def served(self) -> bool:
        """See ``Store.served``."""
        return self._lock is not None or await asyncio.to_thread(is_owned, Path(self._place))

    async def counts(self) -> Counts:
        """See ``Store.counts``."""
        return await self._reader.read(lambda db: event_log.counts(db, self._quota.limit))

    async def record_destination(self, channel: str, state: WorkerState, detail: str, now: float) -> bool:
        """See ``Store.record_destination``."""
        return await self._writer.write(lambda db: destination_states.record(db, channel, state, detail, now))

    async def destination_alerted(self, channel: str) -> None:
        """See ``Store.destination_alerted``."""
        await self._writer.write(lambda db: destination_states.mark_alerted(db, channel))

    async def held(self, channel: str) -> int:
        """See ``Store.held``."""
        return await self._reader.read(lambda db: destination_states.held(db, channel))

    async def clear_destination(self, channel: str) -> None:
        """See ``Store.clear_destination``."""
        await self._writer.write(lambda db: destination_states.clear(db, channel))

    async def destination_states(self) -> list[DestinationState]:
        """See ``Store.destination_states``."""
        return await self._reader.read(destination_states.rows)

    async def prune(self, now: float, retention: float) -> int:
        """See ``Store.prune``."""
        while await self._writer.write(lambda db: pruning.drop_keys(db, now)) == pruning.BATCH:
            pass
        before = now - retention
        await self._writer.write(lambda db: digests.prune(db, before))
        await self._writer.write(lambda db: last_states.prune(db, now))
        dropped = 0
        after: int | None = 0
        while after is not None:
            window = await self._reader.read(partial(pruning.find_old, after=after, before=before))
            for batch in window.batches():
                dropped += await self._writer.write(partial(pruning.drop_events, seqs=batch, before=before))
            after = window.after
        return dropped

    async def changed(self) -> bool:
        """See ``Store.changed``."""
        # Asked on the writer's connection: the number moves when another one writes, and no other of ours does.
        version = await self._writer.read(_data_version)
        changed, self._seen_version = version != self._seen_version, version
        return changed

    async def close(self) -> None:
        """See ``Store.close``."""
        await self._writer.close()
        await self._reader.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _data_version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA data_version").fetchone()[0])
