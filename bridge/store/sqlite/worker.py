"""Run jobs on one SQLite connection in a thread, and commit all queued jobs together."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar, cast

from bridge.store.models import StoreUnavailableError
from bridge.store.sqlite.guard import Guard
from bridge.store.sqlite.reserve import lacks_room

TRIES = 4
"""Attempts of one group on a full disk: without its intake, with the room of the reserve, and with that of the log."""
GROUP = 256
"""Maximum of calls in one transaction, so that the first does not wait long for the last."""

T = TypeVar("T")
log = logging.getLogger("bridge.store")


@dataclass(slots=True, eq=False)
class _Call:
    """One coroutine waiting for its job."""

    job: Callable[[sqlite3.Connection], object]
    writes: bool
    intake: bool
    """Whether it takes in something new: a promise, refused before the disk is full or when the file is gone."""
    future: asyncio.Future[object]
    result: object = None
    error: StoreUnavailableError | None = None

    def resolve(self) -> None:
        if self.future.done():  # the caller was cancelled
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Worker:
    """Run jobs on a connection in its own thread. The worker owns the connection and closes it.

    A job is a plain function of the connection; the worker adds BEGIN and COMMIT. Any error of a job is raised to its
    caller as StoreUnavailableError, and the thread continues.
    """

    def __init__(self, name: str, db: sqlite3.Connection, guard: Guard) -> None:
        self.commits = 0
        """Transactions committed so far."""
        self._db = db
        self._guard = guard
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def write(self, job: Callable[[sqlite3.Connection], T], *, intake: bool = False) -> T:
        """Run a job in a transaction, and return after its commit. Raises StoreUnavailableError.

        The job may run again: if the disk is full, the group is repeated without its ``intake``, and then with the
        room of the reserve.
        """
        # The cast is sound: the result of this very job resolves the future.
        return cast("T", await self._submit(job, writes=True, intake=intake))

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a read-only job on one snapshot, between the groups. Raises StoreUnavailableError."""
        return cast("T", await self._submit(job, writes=False))

    async def close(self) -> None:
        """Finish queued jobs, close the connection, end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(
        self, job: Callable[[sqlite3.Connection], object], *, writes: bool, intake: bool = False
    ) -> asyncio.Future[object]:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._queue.put(_Call(job, writes, intake, future))
        return future

    def _run(self) -> None:
        while self._run_group():
            pass
        self._db.close()

    def _run_group(self) -> bool:
        """Run one group of calls and answer them. Return whether more may come."""
        # Not part of the loop in `_run`: answered calls, with their bodies, are freed before it waits for the next.
        calls, is_open = self._take()
        writes = [call for call in calls if call.writes]
        try:
            self._write(writes)
        except BaseException as error:  # noqa: BLE001 (if the thread ended here, every later call would hang)
            for call in writes:
                call.error = _unavailable(error)
        for call in calls:
            if not call.writes:
                self._read(call)
        self._answer(calls)
        return is_open

    def _take(self) -> tuple[list[_Call], bool]:
        """Return all queued calls, and whether more may come."""
        calls: list[_Call] = []
        try:
            call = self._queue.get()
            while call is not None:
                calls.append(call)
                if len(calls) == GROUP:
                    return calls, True
                call = self._queue.get_nowait()
        except Empty:
            return calls, True
        return calls, False

    def _write(self, calls: list[_Call]) -> None:
        """Run jobs in one transaction. On a full disk the intake gives way first, and then the reserve."""
        if any(call.intake for call in calls) and (reason := self._guard.may_accept(self._db)):
            calls = _refuse_intake(calls, StoreUnavailableError(reason))
        tries = TRIES
        while calls and (error := self._commit(calls)):
            tries -= 1
            if tries and lacks_room(error):
                others = _refuse_intake(calls, error)
                if len(others) < len(calls) or self._guard.make_room(self._db):
                    calls = others
                    continue
            for call in calls:
                call.error = _unavailable(error)
            return
        if calls:
            self._guard.after(self._db)
        if any(call.intake for call in calls) and (reason := self._guard.is_lost()):
            _refuse_intake(calls, StoreUnavailableError(reason))

    def _commit(self, calls: list[_Call]) -> BaseException | None:
        """Run jobs in one transaction. Return an error if none of them has happened."""
        db = self._db
        self._roll_back()  # in case that it failed the last time
        try:
            db.execute("BEGIN IMMEDIATE")
            self._guard.before(db)
            for call in calls:
                self._write_one(call)
            db.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 (as above)
            self._roll_back()
            return error
        self.commits += 1
        return None

    def _write_one(self, call: _Call) -> None:
        """Run a job in a savepoint, so that its error does not affect the others."""
        db = self._db
        call.error = None
        db.execute("SAVEPOINT call")
        try:
            call.result = call.job(db)
        except Exception as error:
            # After some errors SQLite rolls back by itself, see https://www.sqlite.org/lang_transaction.html.
            if not db.in_transaction or (lacks_room(error) and not call.intake):
                raise
            db.execute("ROLLBACK TO call")
            call.error = _unavailable(error)
        db.execute("RELEASE call")

    def _read(self, call: _Call) -> None:
        try:
            if reason := self._guard.may_read():
                raise StoreUnavailableError(reason)
            self._db.execute("BEGIN")
            call.result = call.job(self._db)
        except BaseException as error:  # noqa: BLE001 (as above)
            call.error = _unavailable(error)
        finally:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            try:
                self._db.execute("ROLLBACK")
            except sqlite3.Error as error:
                log.error("store rollback failed: %s", error)

    @staticmethod
    def _answer(calls: list[_Call]) -> None:
        """Wake each event loop once for all its callers."""
        by_loop: dict[asyncio.AbstractEventLoop, list[_Call]] = {}
        for call in calls:
            by_loop.setdefault(call.future.get_loop(), []).append(call)
        for loop, its_calls in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, its_calls)
            except RuntimeError:
                log.debug("event loop closed: %d store calls unanswered", len(its_calls))


def _resolve(calls: list[_Call]) -> None:
    for call in calls:
        call.resolve()


def _refuse_intake(calls: list[_Call], error: BaseException) -> list[_Call]:
    """Answer the calls that take in something new with an error. Return the others."""
    for call in calls:
        if call.intake:
            call.error = _unavailable(error)
    return [call for call in calls if not call.intake]


def _unavailable(error: BaseException) -> StoreUnavailableError:
    """Return an exception for one caller. Each needs its own, since raising writes a traceback into it."""
    if isinstance(error, StoreUnavailableError):
        return StoreUnavailableError(*error.args)
    if isinstance(error, sqlite3.OperationalError):
        return StoreUnavailableError(str(error))
    log.error("internal error in the store", exc_info=error)
    return StoreUnavailableError(f"{type(error).__name__} in the store")
