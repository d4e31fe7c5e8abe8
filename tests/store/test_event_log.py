"""Tests of queries of the event log, and of the store's size and limit."""

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.events import new_id
from bridge.routing.decide import Planned
from bridge.sources import line_of
from bridge.store import Attempt, DeliveryResult, Query, StoreUnavailableError, open_store
from bridge.store.sqlite import event_log
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened
from tests.store.samples import LIMIT, NOW, accept, entry, event, execute, receive, request, settle, settle_all


async def test_rows_are_newest_first_and_limited(store: SqliteStore) -> None:
    ids = [(await accept(store))[0].id for _ in range(5)]
    assert [row.event for row in await store.find(Query())] == ids[::-1]
    assert [row.event for row in await store.find(Query(limit=2))] == ids[:2:-1]
    assert await store.find(Query(limit=-1)) == []


async def test_a_row_holds_the_deliverys_and_the_events_columns(store: SqliteStore) -> None:
    one = event()
    await accept(store, entry(one, deliveries=(Planned("ops", "pipelines", "x.j2"),)))
    (row,) = await store.find(Query())
    assert (row.event, row.source, row.type, row.name) == (one.id, one.source, one.type, one.name)
    assert (row.channel, row.route, row.state, row.reason) == ("ops", "pipelines", "waiting", "")
    assert (row.attempts, row.received_at, row.settled_at, row.template_fault) == (0, NOW, None, "")


async def test_every_condition_of_a_query_narrows_it(store: SqliteStore) -> None:
    one = event(source="gitlab")
    await accept(store, entry(one, channels=("a", "b")), entry(event(source="two"), channels=("a",)))
    await settle_all(store, "dead", "b")
    assert len(await store.find(Query(source="gitlab"))) == 2
    assert len(await store.find(Query(channel="a"))) == 2
    assert len(await store.find(Query(state=DeliveryState.DEAD))) == 1
    assert len(await store.find(Query(event=one.id))) == 2
    assert len(await store.find(Query(state=DeliveryState.WAITING, source="gitlab", channel="a", event=one.id))) == 1
    assert await store.find(Query(state=DeliveryState.DEAD, channel="a")) == []
    assert await store.find(Query(event="' OR 1=1 --")) == []


async def test_counts_are_by_state_and_waiting_ones_by_channel(store: SqliteStore) -> None:
    await accept(store, entry(channels=("a", "gone")), entry(channels=("a", "b")))
    await settle_all(store, "delivered", "b")
    counts = await store.counts()
    assert counts.states == {"waiting": 3, "delivered": 1}
    assert counts.waiting == {"a": 2, "gone": 1}
    assert counts.limit == LIMIT
    assert counts.size > 0


async def test_the_size_counts_what_is_in_use_and_falls_when_it_is_pruned(store: SqliteStore) -> None:
    empty = (await store.counts()).size
    await receive(store, request(b"x" * 1_000_000), [entry()], NOW)
    full = (await store.counts()).size
    assert full >= empty + 990_000
    await settle_all(store, "delivered")
    await store.prune(NOW + 10, 1)
    assert (await store.counts()).size < empty + 100_000
    await receive(store, request(b"x" * 1_000_000), [entry()], NOW)
    assert (await store.counts()).size <= full + 20_000


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
    store = opened("sqlite:///:memory:", limit=1_000_000)
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
    beside = opened(f"sqlite:///{path}", owner=False)
    await accept(beside)
    assert await stored.changes() == {"general"}
    assert await beside.changes() == frozenset()
    await beside.close()


async def test_check_commits(store: SqliteStore) -> None:
    commits = store.commits
    await store.check()
    assert store.commits == commits + 1


async def test_times_are_those_of_arrival_from_one_moment_up_to_another(store: SqliteStore) -> None:
    for hours in range(5):
        await accept(store, entry(event(event_id=new_id(NOW + 3600 * hours), now=NOW + 3600 * hours)))
    found = await store.find(Query(since=NOW + 3600, until=NOW + 3 * 3600))
    assert [row.received_at for row in found] == [NOW + 2 * 3600, NOW + 3600]
    assert len(await store.find(Query(since=NOW))) == 5
    assert await store.find(Query(since=NOW + 10 * 3600)) == []
    assert len(await store.find(Query(since=-1e12))) == 5
    assert await store.find(Query(until=NOW)) == []


async def test_an_old_event_that_was_replayed_is_no_new_arrival(store: SqliteStore) -> None:
    await accept(store, entry(event(event_id=new_id(NOW))))
    await settle_all(store, "delivered")
    await accept(store, entry(event(event_id=new_id(NOW + 3600), now=NOW + 3600)))
    rows, cursor = await store.changes_since(Query(state=DeliveryState.DELIVERED), None)
    await store.replay(rows, cursor, NOW + 7200)
    assert [row.delivery for row in await store.find(Query(since=NOW + 3600))] == [2]
    assert [row.delivery for row in await store.find(Query(until=NOW + 3600))] == [3, 1]


async def test_types_are_patterns_and_the_limit_counts_matching_rows(store: SqliteStore) -> None:
    kinds = ("push", "pipeline.failed", "pipeline.success", "orders/create", "pipelines")
    await accept(store, *(entry(replace(event(), type=kind)) for kind in kinds * 2))
    found = await store.find(Query(types=("pipeline", "!*.success")))
    assert [row.type for row in found] == ["pipeline.failed"] * 2
    assert [row.type for row in await store.find(Query(types=("*.failed",), limit=1))] == ["pipeline.failed"]
    assert len(await store.find(Query(types=("!push",)))) == 8
    assert await store.find(Query(types=("%",))) == []


@pytest.mark.parametrize(
    ("sought", "numbers"),
    [
        ("100% of", [1]),
        ("%", [1]),
        ("_", [2]),
        ("ÄRGER", [3]),
        ("straße", [3]),
        ("STRASSE", [3]),
        ("ada", [4, 3, 2, 1]),
        ("7#12", [4, 3, 2, 1]),
        ("because", [4]),
        ("' OR 1=1 --", []),
        ("\ud800", []),
        ("x" * 100_000, []),
        ("https://gitlab", []),
    ],
)
async def test_free_text_is_searched_literally_and_in_any_case(
    store: SqliteStore, sought: str, numbers: list[int]
) -> None:
    for name in ("100% of tests", "a_b", "Ärger in der Straße", "plain"):
        await accept(store, entry(replace(event(), name=name)))
    await settle(store, [DeliveryResult(4, DeliveryState.DEAD, "Because")], NOW)
    assert [row.delivery for row in await store.find(Query(contains=sought))] == numbers


async def test_free_text_is_searched_in_the_line_that_is_shown(store: SqliteStore) -> None:
    build, deploy = replace(event(), name="Build"), replace(event(), name="Deploy")
    await accept(store, entry(build), entry(deploy))
    await settle(store, [DeliveryResult(1, DeliveryState.DELIVERED, line="❌ Broken at last")], NOW)
    found = {
        sought: [row.delivery for row in await store.find(Query(contains=sought))] for sought in ("broken", "build")
    }
    assert found == {"broken": [1], "build": [1]}
    assert [row.line for row in await store.find(Query(contains=line_of(deploy).upper()))] == [line_of(deploy)]


async def test_an_event_is_found_by_the_start_of_its_id(store: SqliteStore) -> None:
    for event_id in ("01a%", "01a_x", "01b", "01"):
        await accept(store, entry(event(event_id=event_id)))
    assert [row.event for row in await store.find(Query(id_prefix="01a"))] == ["01a_x", "01a%"]
    assert [row.event for row in await store.find(Query(id_prefix="01a%"))] == ["01a%"]
    assert len(await store.find(Query(id_prefix="01"))) == 4
    assert await store.find(Query(id_prefix="\ud800")) == []


async def test_routes_digests_and_numbers_narrow_it_too(path: Path, stored: SqliteStore) -> None:
    await accept(stored, entry(deliveries=(Planned("a", "one", None), Planned("b", "two", None))))
    execute(path, "UPDATE deliveries SET summarized_in = 'd1', state = 'summarized' WHERE id = 2")
    assert [row.channel for row in await stored.find(Query(route="one"))] == ["a"]
    assert [row.channel for row in await stored.find(Query(summarized_in="d1"))] == ["b"]
    assert [row.channel for row in await stored.find(Query(deliveries=(2, 99)))] == ["b"]
    assert await stored.find(Query(deliveries=())) == []
    assert len(await stored.find(Query(limit=None))) == 2


async def test_changes_since_a_cursor_are_new_and_changed_rows(store: SqliteStore) -> None:
    await accept(store, entry(channels=("a", "b")))
    rows, cursor = await store.changes_since(Query(), None)
    assert [row.delivery for row in rows] == [2, 1]
    assert (await store.changes_since(Query(), cursor))[0] == []
    await settle(
        store,
        [DeliveryResult(1, DeliveryState.WAITING, "ratelimited", Attempt(NOW, OutcomeKind.RATE_LIMITED, 429, "", 0.1))],
        NOW,
    )
    await accept(store, entry(channels=("a",)))
    rows, cursor = await store.changes_since(Query(), cursor)
    assert [(row.delivery, row.state, row.attempts) for row in rows] == [(3, "waiting", 0), (1, "waiting", 1)]
    await settle_all(store, "delivered", "a")
    await settle_all(store, "dead", "b")
    rows, cursor = await store.changes_since(Query(channel="b"), cursor)
    assert [(row.delivery, row.state) for row in rows] == [(2, "dead")]
    await accept(store, entry(deliveries=(Planned("a", "r", None, DeliveryState.SKIPPED, "confidential"),)))
    assert [row.delivery for row in (await store.changes_since(Query(limit=1), cursor))[0]] == [4]


async def test_a_query_by_state_uses_the_index(path: Path, stored: SqliteStore) -> None:
    """A delivery's row holds its message, so a query for the few dead ones must not read all the others."""
    await accept(stored)
    with closing(sqlite3.connect(path)) as db:
        statements: list[str] = []
        db.set_trace_callback(statements.append)
        event_log.find(db, Query(state=DeliveryState.DEAD))
        plan = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {statements[0]}")]
    assert any("COVERING INDEX deliveries_state" in step for step in plan)
