"""Questions to the ledger, and the store's size and limit."""

import logging
from pathlib import Path

import pytest

from bridge.decide import Planned
from bridge.store import Query, StoreUnavailable, open_store
from bridge.store.sqlite import SqliteStore
from tests.store.conftest import opened
from tests.store.samples import LIMIT, NOW, accept, entry, event, execute, request, settle_all


async def test_rows_come_newest_first_and_no_more_than_asked_for(store: SqliteStore) -> None:
    ids = [(await accept(store))[0].id for _ in range(5)]
    assert [row.event for row in await store.find(Query())] == ids[::-1]
    assert [row.event for row in await store.find(Query(limit=2))] == ids[:2:-1]
    assert await store.find(Query(limit=-1)) == []


async def test_a_row_holds_the_deliverys_and_the_events_columns(store: SqliteStore) -> None:
    one = event()
    await accept(store, entry(one, deliveries=(Planned("ops", "pipelines", "x.j2"),)))
    (row,) = await store.find(Query())
    assert (row.event, row.source, row.type, row.title) == (one.id, one.source, one.type, one.title)
    assert (row.channel, row.route, row.state, row.reason) == ("ops", "pipelines", "waiting", "")
    assert (row.attempts, row.received_at, row.settled_at, row.template_fault) == (0, NOW, None, "")


async def test_every_condition_of_a_query_narrows_it(store: SqliteStore) -> None:
    one = event(source="gitlab")
    await accept(store, entry(one, channels=("a", "b")), entry(event(source="two"), channels=("a",)))
    await settle_all(store, "dead", "b")
    assert len(await store.find(Query(source="gitlab"))) == 2
    assert len(await store.find(Query(channel="a"))) == 2
    assert len(await store.find(Query(state="dead"))) == 1
    assert len(await store.find(Query(event=one.id))) == 2
    assert len(await store.find(Query(state="waiting", source="gitlab", channel="a", event=one.id))) == 1
    assert await store.find(Query(state="dead", channel="a")) == []
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
    await store.accept(request(b"x" * 1_000_000), [entry()], NOW)
    full = (await store.counts()).size
    assert full >= empty + 990_000
    await settle_all(store, "delivered")
    await store.prune(NOW + 10, 1)
    assert (await store.counts()).size < empty + 100_000
    await store.accept(request(b"x" * 1_000_000), [entry()], NOW)
    assert (await store.counts()).size <= full + 20_000


@pytest.mark.parametrize("url", ["sqlite:///:memory:", "sqlite:///{}"])
async def test_at_the_limit_new_events_are_refused_and_old_ones_are_settled(path: Path, url: str) -> None:
    store = open_store(url.format(path), limit=1_000_000, owner=True)
    await store.accept(request(b"x" * 1_100_000), [entry(event("k"))], NOW)
    with pytest.raises(StoreUnavailable, match="BRIDGE_STORE_LIMIT"):
        await store.accept(request(), [entry(event("new"))], NOW)
    with pytest.raises(StoreUnavailable):
        await store.check()
    await settle_all(store, "delivered")
    assert (await store.counts()).states == {"delivered": 1}
    await store.prune(NOW + 10, 1)
    assert (await store.accept(request(), [entry(event("new"))], NOW))[0].status == "accepted"
    await store.check()
    await store.close()


async def test_at_nine_tenths_of_the_limit_it_is_loud_once_a_crossing(caplog: pytest.LogCaptureFixture) -> None:
    store = opened("sqlite:///:memory:", limit=1_000_000)
    for _ in range(2):
        caplog.clear()
        await store.accept(request(b"x" * 800_000), [entry()], NOW)
        await accept(store)
        assert not caplog.records
        await store.accept(request(b"x" * 100_000), [entry()], NOW)
        for _ in range(3):
            await accept(store)
        assert [record.levelno for record in caplog.records] == [logging.ERROR]
        await settle_all(store, "delivered")
        await store.prune(NOW + 10, 1)
        await accept(store)
    await store.close()


async def test_changed_tells_other_processes_writes_and_not_our_own(path: Path, stored: SqliteStore) -> None:
    assert not await stored.changed()
    await accept(stored)
    await settle_all(stored, "delivered")
    assert not await stored.changed()
    execute(path, "UPDATE deliveries SET state = 'waiting'")
    assert await stored.changed()
    assert not await stored.changed()
    beside = opened(f"sqlite:///{path}", owner=False)
    await accept(beside)
    assert await stored.changed()
    assert not await beside.changed()
    await beside.close()


async def test_check_commits(store: SqliteStore) -> None:
    commits = store.commits
    await store.check()
    assert store.commits == commits + 1
