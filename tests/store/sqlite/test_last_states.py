"""Tests of stored states in a SQLite file."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.store.sqlite import last_states
from bridge.store.sqlite.store import SqliteStore
from tests.store.group_states import FAILED, KEY, PASSED, last, last_state, shown, waiting
from tests.store.samples import DAY, NOW, claim, held, rows


async def test_a_delivery_without_a_state_writes_none(stored: SqliteStore, path: Path) -> None:
    await waiting(stored, None)
    assert rows(path, "SELECT count(group_state), count(*) FROM deliveries") == [(0, 1)]


@pytest.mark.parametrize(
    "garbled", ["{", "[]", "5", '{"group": "g\x00', '{"group": "g"}', '{"group": "g", "state": "s", "order": ["x"]}']
)
async def test_a_garbled_state_does_not_hold_up_its_channel(stored: SqliteStore, path: Path, garbled: str) -> None:
    await waiting(stored, FAILED, PASSED)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE deliveries SET group_state = ? WHERE id = 1", (garbled,))
    assert [one.group_state for one in await claim(stored, 9)] == [None, PASSED]
    hold = await held(stored)
    await hold.count_backlog("d1", ["fail"], NOW)
    await hold.record_digest("d1", {"text": "many"}, NOW)
    await hold.settle_digest("d1", NOW)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE last_states SET run = ?", (garbled,))
    assert await last_state(stored, KEY) == replace(last(PASSED), order=())


async def test_too_many_groups_forget_the_oldest(stored: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_states, "MOST", 3)
    keys = [replace(KEY, group=f"g{number}") for number in range(5)]
    for age, key in enumerate(reversed(keys)):
        await shown(stored, FAILED, key, now=NOW + age)
    await stored.prune(NOW + 10, 7 * DAY)
    left = [key for key in keys if await last_state(stored, key)]
    assert left == keys[:3]
