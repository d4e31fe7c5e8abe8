"""Tests of claims and results as SQLite reads and keeps them."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.store import Attempt, DeliveryResult, Query
from bridge.store.sqlite import outbox
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import (
    NOW,
    POST,
    accept,
    claim,
    entry,
    execute,
    rows,
    settle,
)


@pytest.mark.parametrize(
    "damage",
    ["UPDATE requests SET headers = '{'", "DELETE FROM requests", "UPDATE requests SET headers = x'ff'"],
)
async def test_a_damaged_request_is_none_and_the_claim_is_unchanged(
    path: Path, stored: SqliteStore, damage: str
) -> None:
    await accept(stored)
    execute(path, damage)
    assert await stored.request_of(1) is None


async def test_a_claim_reads_along_the_index_however_much_waits(path: Path, stored: SqliteStore) -> None:
    with closing(sqlite3.connect(path)) as db:
        plan = [str(row[3]) for row in db.execute(f"EXPLAIN QUERY PLAN {outbox.CLAIM}", ("general", 1))]
    assert any("deliveries_state (state=? AND channel=?)" in step for step in plan)
    assert not [step for step in plan if "SCAN" in step or "TEMP B-TREE" in step]


async def test_the_attempt_and_the_message_are_kept_as_posted(path: Path, stored: SqliteStore) -> None:
    await accept(stored)
    (claimed,) = await claim(stored, 1)
    message = {"text": "ü \U0001f600 \ud800", "blocks": [{"n": 2**70}]}
    await settle(
        stored,
        [
            DeliveryResult(
                claimed.id, DeliveryState.WAITING, "later", Attempt(NOW, OutcomeKind.UNAVAILABLE, None, "timeout", 6.0)
            )
        ],
        NOW,
    )
    await settle(stored, [DeliveryResult(claimed.id, DeliveryState.DELIVERED, attempt=POST, message=message)], NOW)
    assert rows(path, "SELECT delivery, number, at, kind, status, answer, seconds FROM attempts ORDER BY number") == [
        (claimed.id, 1, NOW, "unavailable", None, "timeout", 6.0),
        (claimed.id, 2, NOW + 5, "ok", 200, "ok", 0.25),
    ]
    ((kept,),) = rows(path, "SELECT message FROM deliveries")
    assert json.loads(str(kept)) == message


async def test_many_are_settled_at_once_and_unknown_ones_are_ignored(store: SqliteStore) -> None:
    await accept(store, *(entry() for _ in range(5)))
    claimed = await claim(store, 10)
    commits = store.commits
    unknown = DeliveryResult(999_999, DeliveryState.DELIVERED, attempt=POST)
    await settle(
        store,
        [unknown, *(DeliveryResult(delivery.id, DeliveryState.SUMMARIZED, "in a digest") for delivery in claimed)],
        NOW,
    )
    assert store.commits == commits + 1
    assert (await store.counts()).states == {"summarized": 5}


async def test_a_delivery_dropped_meanwhile_keeps_its_state_and_gets_the_attempt(
    path: Path, stored: SqliteStore
) -> None:
    await accept(stored)
    (claimed,) = await claim(stored, 1)
    execute(path, "UPDATE deliveries SET state = 'dropped', reason = 'by hand', settled_at = 1")
    await settle(stored, [DeliveryResult(claimed.id, DeliveryState.DELIVERED, "fine", POST)], NOW)
    (row,) = await stored.find(Query())
    assert (row.state, row.reason, row.settled_at, row.attempts) == ("dropped", "by hand", 1, 1)
    assert rows(path, "SELECT kind FROM attempts") == [("ok",)]


async def test_a_claim_includes_the_time_of_a_replay(stored: SqliteStore, path: Path) -> None:
    await accept(stored, entry(), entry())
    execute(path, "UPDATE deliveries SET replayed_at = 1800000005 WHERE id = 2")
    assert [delivery.replayed_at for delivery in await claim(stored, 2)] == [None, NOW + 5]
