"""Tests of the sizes of a store's files: together they stay below the limit, and the write-ahead log is cut back."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from itertools import count
from pathlib import Path

import pytest

from bridge.store import NewEvent, StoreUnavailableError
from bridge.store.sqlite import guard
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import NOW, entry, event, receive, request, rows, settle_all

MIB = 2**20
BODY = b"x" * 60_000


def sizes(path: Path) -> dict[str, int]:
    """Return the bytes of the files that count towards the limit."""
    files = {name: path.with_name(f"{path.name}{name}") for name in ("", "-wal", ".reserve")}
    return {name: file.stat().st_size for name, file in files.items()}


@asynccontextmanager
async def small_store(path: Path, limit: int = 8 * MIB) -> AsyncIterator[SqliteStore]:
    store = opened_sqlite(f"sqlite:///{path}", limit=limit)
    try:
        yield store
    finally:
        await store.close()


@contextmanager
def long_reader(path: Path) -> Iterator[None]:
    """Read one snapshot for a long time: what is written meanwhile must stay in the write-ahead log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM events").fetchone()
        yield


async def accept_until_full(store: SqliteStore, begin: int = 0) -> int:
    """Accept until the limit is reached, and return the number of accepted events."""
    number = begin
    with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):  # noqa: PT012 (the last of many)
        while True:
            await receive(store, request(BODY), [entry(event(f"k{number}", event_id=f"e{number}"))], NOW)
            number += 1
    return number - begin


@pytest.mark.parametrize("limit", [8 * MIB, 24 * MIB], ids=["8 MiB", "24 MiB"])
async def test_all_files_together_stay_within_the_limit(path: Path, limit: int) -> None:
    async with small_store(path, limit) as store:
        number = await accept_until_full(store)
        assert number * len(BODY) > limit // 2
        found = sizes(path)
        assert sum(found.values()) <= limit
        assert found["-wal"] <= limit // 8
        assert found[".reserve"] == limit // 8
        # At the limit everything else works.
        await settle_all(store, "delivered")
        assert (await store.counts()).states == {"delivered": number}
        await store.prune(NOW + 10, 1)
        assert await accept_until_full(store, number) > number // 2
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_log_that_a_reader_pins_counts_and_is_cut_back_after_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "CHECKPOINT_EVERY", 0.0)
    monkeypatch.setattr(guard, "CHECKPOINT_WAIT", 0)
    async with small_store(path) as store:
        with long_reader(path):
            pinned = await accept_until_full(store)
            assert pinned
            assert sizes(path)["-wal"] > 2 * MIB
            assert sum(sizes(path).values()) <= 8 * MIB
            with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):
                await store.check()
        with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):
            await store.check()  # this one cuts the log
        await store.check()
        assert sizes(path)["-wal"] <= MIB
        assert await accept_until_full(store, pinned) > 8
        assert sum(sizes(path).values()) <= 8 * MIB


async def test_a_pinned_log_does_not_hinder_settling(path: Path) -> None:
    async with small_store(path) as store:
        with long_reader(path):
            number = await accept_until_full(store)
            await settle_all(store, "delivered")
        assert (await store.counts()).states == {"delivered": number}


async def test_a_body_that_never_fits_is_refused_and_a_smaller_one_is_kept(path: Path) -> None:
    async with small_store(path) as store:
        with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):
            await receive(store, request(b"x" * 8 * MIB), [entry()], NOW)
        assert (await receive(store, request(BODY), [entry()], NOW))[0].status == "accepted"
        assert sum(sizes(path).values()) <= 8 * MIB


async def test_a_request_of_many_events_stays_within_the_limit_too(path: Path) -> None:
    async with small_store(path) as store:
        batches = count()
        with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):  # noqa: PT012 (the last of many)
            while True:
                await receive(store, request(b"x" * 500), many_entries(next(batches)), NOW)
        assert sum(sizes(path).values()) <= 8 * MIB
        assert next(batches) > 2
        await receive(store, request(), [entry()], NOW)


def many_entries(batch: int) -> list[NewEvent]:
    """Return the events of one request, as Twilio's Event Streams send them."""
    names = [f"e{batch}-{part}" for part in range(1000)]
    return [entry(event(name, event_id=name), channels=("a", "b", "c"), part=part) for part, name in enumerate(names)]
