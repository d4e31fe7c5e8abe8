"""Tests of replays in a SQLite file."""

from pathlib import Path

from bridge.store import Query
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import (
    NOW,
    accept,
    entry,
    execute,
    receive,
    replay_all,
    request,
    rows,
    settle_all,
)


async def test_a_delivery_pruned_after_the_read_is_gone(path: Path, stored: SqliteStore) -> None:
    await accept(stored)
    await settle_all(stored, "delivered")
    found, cursor = await stored.changes_since(Query(), None)
    await stored.prune(NOW + 10, 1)
    assert [one.why for one in await stored.replay(found, cursor, NOW + 3600)] == ["gone"]
    assert rows(path, "SELECT * FROM deliveries") == []


async def test_it_works_at_the_limit_of_the_size(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    await receive(store, request(b"x" * 300_000), [entry()], NOW)
    await settle_all(store, "dead")
    await store.close()
    store = opened_sqlite(f"sqlite:///{path}", limit=200_000)
    assert [one.why for one in await replay_all(store)] == [""]
    await store.close()


async def test_a_deliverys_old_message_that_is_no_object_is_none(path: Path, stored: SqliteStore) -> None:
    await accept(stored)
    execute(path, "UPDATE deliveries SET message = '[1]'")
    assert [one.message for one in await stored.stored_deliveries([1])] == [None]
