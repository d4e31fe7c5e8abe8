"""Tests of queries, changes and limits of a SQLite file."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState
from bridge.routing.decide import Planned
from bridge.store import Query, StoreUnavailableError, open_store
from bridge.store.sqlite import event_log
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import NOW, accept, entry, event, execute, receive, request, settle_all


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:///{}"])
async def test_at_the_limit_new_events_are_refused_and_old_ones_are_settled(path: Path, url: str) -> None:
    store = open_store(url.format(path), limit=1_000_000, owner=True)
    number = 0
    with pytest.raises(StoreUnavailableError, match="BRIDGE_STORE_LIMIT"):  # noqa: PT012 (the last of many)
        while True:
            await receive(store, request(b"x" * 1000), [entry(event(f"k{number}", event_id=f"e{number}"))], NOW)
            number += 1
    with pytest.raises(StoreUnavailableError):
        await store.check()
    assert number > 20
    await settle_all(store, "delivered")
    assert (await store.counts()).states == {"delivered": number}
    await store.prune(NOW + 10, 1)
    assert (await receive(store, request(), [entry(event("new"))], NOW))[0].status == "accepted"
    await store.check()
    await store.close()


async def test_at_nine_tenths_of_the_limit_it_is_loud_once_a_crossing(caplog: pytest.LogCaptureFixture) -> None:
    store = opened_sqlite("sqlite:///:memory:", limit=1_000_000)
    for _ in range(2):
        caplog.clear()
        await receive(store, request(b"x" * 780_000), [entry()], NOW)
        await accept(store)
        assert not caplog.records
        await receive(store, request(b"x" * 100_000), [entry()], NOW)
        for _ in range(3):
            await accept(store)
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        await settle_all(store, "delivered")
        await store.prune(NOW + 10, 1)
        await accept(store)
    await store.close()


async def test_changes_names_every_channel_however_many_there_are(path: Path, stored: SqliteStore) -> None:
    names = [f"c{number}" for number in range(30)]
    for number, name in enumerate(names):
        for state in (DeliveryState.WAITING, DeliveryState.SKIPPED, DeliveryState.DEAD)[: number % 3 + 1]:
            await accept(stored, entry(deliveries=(Planned(name, "r", None, state),)))
    execute(path, "UPDATE deliveries SET state = 'delivered' WHERE channel < 'c15'")
    assert await stored.changes() == {*names}


async def test_changes_reports_the_writes_of_other_processes_only(path: Path, stored: SqliteStore) -> None:
    assert await stored.changes() == frozenset()
    await accept(stored)
    await settle_all(stored, "delivered")
    assert await stored.changes() == frozenset()
    execute(path, "UPDATE deliveries SET state = 'waiting'")
    assert await stored.changes() == {"general"}
    assert await stored.changes() == frozenset()
    beside = opened_sqlite(f"sqlite:///{path}", owner=False)
    await accept(beside)
    assert await stored.changes() == {"general"}
    assert await beside.changes() == frozenset()
    await beside.close()


async def test_check_commits(store: SqliteStore) -> None:
    commits = store.commits
    await store.check()
    assert store.commits == commits + 1


async def test_routes_digests_and_numbers_narrow_it_too(path: Path, stored: SqliteStore) -> None:
    await accept(stored, entry(deliveries=(Planned("a", "one", None), Planned("b", "two", None))))
    execute(path, "UPDATE deliveries SET summarized_in = 'd1', state = 'summarized' WHERE id = 2")
    assert [row.channel for row in await stored.find(Query(route="one"))] == ["a"]
    assert [row.channel for row in await stored.find(Query(summarized_in="d1"))] == ["b"]
    assert [row.channel for row in await stored.find(Query(deliveries=(2, 99)))] == ["b"]
    assert await stored.find(Query(deliveries=())) == []
    assert len(await stored.find(Query(limit=None))) == 2


async def test_a_query_by_state_uses_the_index(path: Path, stored: SqliteStore) -> None:
    """A delivery's row holds its message, so a query for the few dead ones must not read all the others."""
    await accept(stored)
    with closing(sqlite3.connect(path)) as db:
        statements: list[str] = []
        db.set_trace_callback(statements.append)
        event_log.find(db, Query(state=DeliveryState.DEAD))
        plan = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert any("COVERING INDEX deliveries_state" in step for step in plan)
