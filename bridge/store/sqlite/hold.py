"""A channel's queue for its worker: every call of ``Hold``, as a job of the store's two workers."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from bridge.routing.on_change import LastState
from bridge.store.models import Backlog, Delivery, DeliveryResult, GroupKey, HoldLostError, RepeatWindow
from bridge.store.sqlite import digests, holds, last_states, outbox, repeat_windows
from bridge.store.sqlite.records import json_text
from bridge.store.sqlite.worker import Worker

MAX_LISTED = 12
"""Length of each list in a backlog."""

T = TypeVar("T")


class SqliteHold:
    """See ``Hold``. It does not end, but for a newer one."""

    def __init__(self, channel: str, token: int, writer: Worker, reader: Worker) -> None:
        self.channel = channel
        self.token = token
        self._writer = writer
        self._reader = reader

    async def claim(self, n: int) -> list[Delivery]:
        """See ``Hold.claim``."""
        return await self._reader.read(lambda db: outbox.claim(db, self.channel, n))

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        """See ``Hold.settle``."""
        messages = outbox.message_texts(results)
        await self._write(lambda db: outbox.settle(db, results, messages, now))

    async def record_render_fault(self, delivery: int, fault: str) -> None:
        """See ``Hold.record_render_fault``."""
        await self._write(lambda db: outbox.record_render_fault(db, delivery, fault))

    async def waiting(self, limit: int) -> int:
        """See ``Hold.waiting``."""
        return await self._reader.read(lambda db: digests.waiting(db, self.channel, limit))

    async def open_window(self, window: RepeatWindow, now: float) -> int | None:
        """See ``Hold.open_window``."""
        return await self._reader.read(lambda db: repeat_windows.first_of(db, self.channel, window, now))

    async def ended_windows(self, now: float) -> list[RepeatWindow]:
        """See ``Hold.ended_windows``."""
        return await self._reader.read(lambda db: repeat_windows.ended(db, self.channel, now))

    async def next_window(self) -> float | None:
        """See ``Hold.next_window``."""
        return await self._reader.read(lambda db: repeat_windows.next_end(db, self.channel))

    async def close_window(self, window: RepeatWindow) -> None:
        """See ``Hold.close_window``."""
        await self._write(lambda db: repeat_windows.close(db, self.channel, window))

    async def last_state(self, key: GroupKey) -> LastState | None:
        """See ``Hold.last_state``."""
        return await self._reader.read(lambda db: last_states.last_of(db, self.channel, key))

    async def count_backlog(self, digest_id: str, failures: Sequence[str], now: float) -> Backlog:  # noqa: ARG002 (for engines that stamp the time)
        """See ``Hold.count_backlog``. The rows are stamped a few at a time; then those that are stamped are counted."""
        upto = await self._reader.read(lambda db: digests.last_waiting(db, self.channel))
        after: int | None = 0
        while after is not None:
            stamp = partial(digests.stamp, digest_id=digest_id, channel=self.channel, after=after, upto=upto)
            after = await self._write(stamp)
        return await self._reader.read(lambda db: digests.backlog(db, digest_id, failures, MAX_LISTED))

    async def record_digest(self, digest_id: str, message: Mapping[str, object], now: float) -> None:
        """See ``Hold.record_digest``."""
        written = json_text(message)
        await self._write(lambda db: digests.record(db, digest_id, self.channel, written, now))

    async def unfinished_digests(self) -> list[str]:
        """See ``Hold.unfinished_digests``."""
        return await self._reader.read(lambda db: digests.unfinished(db, self.channel))

    async def settle_digest(self, digest_id: str, now: float) -> None:
        """See ``Hold.settle_digest``."""
        after: int | None = 0
        while after is not None:
            after = await self._write(partial(digests.settle, digest_id=digest_id, after=after, now=now))

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job in a transaction if this is the newest hold. Raises HoldLostError."""

        def fenced(db: sqlite3.Connection) -> tuple[T] | None:
            return (job(db),) if holds.is_newest(db, self.channel, self.token) else None

        done = await self._writer.write(fenced)
        if done is None:
            raise HoldLostError(f"another owner holds {self.channel} by now")
        return done[0]
