"""Tests of the writer thread: grouped commits, separate errors, and no lost call."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bridge.store import Query, StoreUnavailableError
from bridge.store.sqlite import files, worker
from bridge.store.sqlite.guard import Guard
from bridge.store.sqlite.quota import Quota
from bridge.store.sqlite.store import SqliteStore
from bridge.store.sqlite.worker import Worker
from tests.store.conftest import opened_sqlite
from tests.store.samples import LIMIT, NOW, accept, claim, entry, event, receive, request, rows, settle

Job = Callable[[sqlite3.Connection], object]


@pytest.fixture
async def numbers(path: Path) -> AsyncIterator[Worker]:
    """Create a worker on a table of numbers."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, other REFERENCES numbers DEFERRABLE INITIALLY DEFERRED)")
    it = Worker("numbers", db, Guard(Quota(LIMIT)))
    yield it
    await it.close()


def put(number: int) -> Job:
    """Return a job that writes a number."""
    return lambda db: db.execute("INSERT INTO numbers (n) VALUES (?)", (number,)).lastrowid


def fail_with(error: BaseException, number: int) -> Job:
    """Return a job that writes a number, and then fails."""

    def job(db: sqlite3.Connection) -> None:
        put(number)(db)
        raise error

    return job


def kept(path: Path) -> list[object]:
    """Return the numbers on disk."""
    return [number for (number,) in rows(path, "SELECT n FROM numbers ORDER BY n")]


@asynccontextmanager
async def held(it: Worker) -> AsyncIterator[None]:
    """Keep the thread busy, so that calls made meanwhile queue up into one group."""
    busy, free = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> bool:
        busy.set()
        return free.wait(10)

    waiting = asyncio.ensure_future(it.read(wait))
    assert await asyncio.to_thread(busy.wait, 10)
    try:
        yield
        # The calls made meanwhile queue up when their tasks start, in the order of the calls.
        await asyncio.sleep(0)
    finally:
        free.set()
    assert await waiting


async def together(it: Worker, *jobs: Job) -> list[object]:
    """Return the results of jobs in one group, exceptions included."""
    async with held(it):
        calls: list[Awaitable[object]] = [asyncio.ensure_future(it.write(job)) for job in jobs]
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_queued_calls_are_one_commit(numbers: Worker, path: Path) -> None:
    assert await together(numbers, *(put(n) for n in range(100))) == list(range(100))
    assert numbers.commits == 1
    assert kept(path) == list(range(100))


async def test_a_group_is_bounded(numbers: Worker) -> None:
    await together(numbers, *(put(n) for n in range(worker.GROUP * 2 + 1)))
    assert numbers.commits == 3


async def test_concurrent_accepts_take_far_fewer_commits(store: SqliteStore) -> None:
    async with held(store._writer):
        calls = [asyncio.ensure_future(accept(store)) for _ in range(200)]
    assert {outcome.status for (outcome,) in await asyncio.gather(*calls)} == {"accepted"}
    assert store.commits == 1
    assert len(await store.find(Query(limit=1000))) == 200


async def test_one_caller_is_answered_only_after_the_commit(numbers: Worker, path: Path) -> None:
    for number in range(20):
        await numbers.write(put(number))
        assert number in kept(path)


@pytest.mark.parametrize("error", [KeyError("a bug"), sqlite3.IntegrityError("odd"), StoreUnavailableError("full")])
async def test_an_error_fails_its_own_call_and_no_other(numbers: Worker, path: Path, error: Exception) -> None:
    first, failed, last = await together(numbers, put(1), fail_with(error, 2), put(3))
    assert (first, last) == (1, 3)
    assert isinstance(failed, StoreUnavailableError)
    assert kept(path) == [1, 3]


async def test_a_failing_commit_fails_everyone_and_keeps_nothing(numbers: Worker, path: Path) -> None:
    def dangling(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO numbers (n, other) VALUES (7, 99)")

    outcomes = await together(numbers, put(1), dangling, put(2))
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
    assert len({id(outcome) for outcome in outcomes}) == 3
    assert kept(path) == []
    assert await numbers.write(put(1)) == 1


async def test_a_transaction_that_sqlite_rolls_back_fails_all_its_callers(numbers: Worker, path: Path) -> None:
    def rolls_back(db: sqlite3.Connection) -> None:
        db.execute("INSERT OR ROLLBACK INTO numbers (n) VALUES (1)")

    outcomes = await together(numbers, put(1), rolls_back, put(2))
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailableError] * 3
    assert kept(path) == []
    assert await numbers.write(put(1)) == 1


@pytest.mark.parametrize("error", [SystemExit("a job"), MemoryError(), GeneratorExit()])
async def test_nothing_ends_the_thread(
    numbers: Worker, path: Path, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StoreUnavailableError, match=type(error).__name__):
        await numbers.write(fail_with(error, 1))
    with pytest.raises(StoreUnavailableError, match=type(error).__name__):
        await numbers.read(fail_with(error, 1))
    assert "internal error" in caplog.text
    assert await numbers.write(put(2)) == 2
    assert kept(path) == [2]


async def test_a_reading_job_leaves_nothing_behind(numbers: Worker, path: Path) -> None:
    await numbers.read(put(1))
    assert kept(path) == []


async def test_a_cancelled_caller_affects_no_other(numbers: Worker, path: Path) -> None:
    async with held(numbers):
        gone, stays = (asyncio.ensure_future(numbers.write(put(n))) for n in (1, 2))
        await asyncio.sleep(0)
        gone.cancel()
    assert await stays == 2
    assert gone.cancelled()
    assert kept(path) == [1, 2]


def test_a_closed_event_loop_affects_no_other(path: Path) -> None:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    it = Worker("lone", db, Guard(Quota(LIMIT)))
    free = threading.Event()

    async def leave() -> None:
        call = asyncio.ensure_future(it.read(lambda _: free.wait(10)))
        await asyncio.sleep(0)
        call.cancel()

    asyncio.run(leave())
    free.set()

    async def stay() -> None:
        assert await it.read(lambda db: db.execute("SELECT 7").fetchone()) == (7,)
        await it.close()

    asyncio.run(stay())


async def test_closing_finishes_what_is_queued(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    async with held(store._writer):
        calls = [asyncio.ensure_future(accept(store)) for _ in range(600)]
        await asyncio.sleep(0)
        closing_it = asyncio.ensure_future(store.close())
    await closing_it
    assert {outcome.status for (outcome,) in await asyncio.gather(*calls)} == {"accepted"}
    assert rows(path, "SELECT count(*) FROM events") == [(600,)]


async def test_a_closed_store_is_unavailable(store: SqliteStore) -> None:
    await store.close()
    for call in (accept(store), claim(store, 1, "a"), store.find(Query()), store.counts(), settle(store, [], NOW)):
        with pytest.raises(StoreUnavailableError, match="closed"):
            await call
    await store.close()


async def test_a_locked_store_is_unavailable_still_reads_and_recovers(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "BUSY_TIMEOUT", 0.05)
    store = opened_sqlite(f"sqlite:///{path}")
    await accept(store)
    hold = await store.hold("general", "me", 60.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="locked"):
                await accept(store, entry(event("k")))
        with pytest.raises(StoreUnavailableError, match="locked"):
            await store.check()
        assert len(await hold.claim(10)) == 1
        other.execute("ROLLBACK")
    assert (await accept(store, entry(event("k"))))[0].status == "accepted"
    await store.close()


async def test_a_full_disk_is_unavailable_remembers_nothing_and_recovers(store: SqliteStore) -> None:
    def allow(pages: int) -> Job:
        return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()

    await store._writer.read(allow(1))  # For SQLite, this is the current number of pages: not one page more
    large = request(b"x" * 100_000)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match="full"):
            await receive(store, large, [entry(event("k"))], NOW)
    assert await store.find(Query()) == []
    await store._writer.read(allow(1_000_000))
    assert (await receive(store, large, [entry(event("k"))], NOW))[0].status == "accepted"
    await store.check()


class FailingGuard(Guard):
    """A guard that cannot look at its files."""

    def after(self, db: sqlite3.Connection) -> None:  # noqa: ARG002 (it fails before)
        raise PermissionError("not yours")


async def test_a_guard_that_fails_ends_no_thread(path: Path) -> None:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY)")
    it = Worker("guarded", db, FailingGuard(Quota(LIMIT)))
    for number in range(2):
        with pytest.raises(StoreUnavailableError):
            await asyncio.wait_for(it.write(put(number)), 5)
    await it.close()
