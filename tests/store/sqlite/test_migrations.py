"""Migrations of a store with rows that an older schema version wrote, on real SQLite."""

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState, OutcomeKind, WorkerState
from bridge.store import DestinationState, Query, RepeatWindow, StoreRefusedError, open_store
from bridge.store.sqlite import schema
from tests.store.conftest import opened_sqlite
from tests.store.samples import LIMIT, NOW, claim, held, rows

WINDOW = RepeatWindow("r", "7!12", "abc", "Pipeline failed", 600.0, NOW, repeats=3)


def test_the_enums_are_spelled_as_the_newest_version_stores_them() -> None:
    """Migrations hold literal text, so a renamed state needs another migration; a new one only its place here."""
    assert set(DeliveryState) == {"waiting", "delivered", "skipped", "summarized", "dead", "dropped"}
    assert set(OutcomeKind) == {"ok", "rate_limited", "rejected", "destination_gone", "unavailable"}
    assert set(WorkerState) == {"running", "paused", "unavailable", "stopped"}


def write_version_2(path: Path) -> None:
    """Write a store as version 2 of the schema did: one delivery of each state, and one attempt of each kind."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db, 2)
        db.execute("BEGIN")
        db.execute("INSERT INTO requests VALUES (1, 'POST', '', '{}', x'7b7d')")
        event = ("id-1", "gitlab", "gitlab", "push", "[]", "s", "t", "", "", None, NOW, 0, 0, 1, 0)
        db.execute(f"INSERT INTO events VALUES (1, {', '.join('?' * len(event))})", event)  # noqa: S608 (marks alone)
        states = ("waiting", "delivered", "skipped", "told", "dead", "dropped")
        for number, state in enumerate(states, 1):
            db.execute(
                "INSERT INTO deliveries (id, event, channel, route, state, reason, settled_at, told_in) "
                "VALUES (?, 1, 'general', 'r', ?, '', ?, ?)",
                (number, state, None if state == "waiting" else NOW, "d1" if state == "told" else None),
            )
        for number, kind in enumerate(("ok", "limited", "refused", "dead_destination", "away"), 1):
            db.execute("INSERT INTO attempts VALUES (1, ?, ?, ?, NULL, '', 0.1)", (number, NOW, kind))
        db.execute("INSERT INTO digests VALUES ('d1', 'general', 4, ?, '{\"text\": \"many\"}', 1)", (NOW,))
        window = ("general", WINDOW.route, WINDOW.subject, WINDOW.fingerprint, 2, WINDOW.line, NOW, NOW + 600, 3)
        db.execute("INSERT INTO repeats VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", window)
        db.execute("INSERT INTO lanes VALUES ('deploys', 'stopped', 'no_service', ?, 1)", (NOW,))
        db.execute("INSERT INTO lanes VALUES ('general', 'away', 'no answer', ?, 0)", (NOW,))
        db.execute("COMMIT")


async def test_version_2_is_migrated_with_its_states_kinds_and_windows(path: Path) -> None:
    write_version_2(path)
    store = opened_sqlite(f"sqlite:///{path}")
    states = [row.state for row in (await store.find(Query()))[::-1]]
    assert states == ["waiting", "delivered", "skipped", "summarized", "dead", "dropped"]
    assert {(row.line, row.name) for row in await store.find(Query())} == {("t", "")}
    (summarized,) = await store.find(Query(summarized_in="d1"))
    assert (summarized.delivery, summarized.state) == (4, DeliveryState.SUMMARIZED)
    history = await store.event_history("id-1")
    assert history is not None
    assert [attempt.kind for attempt in history.deliveries[0].attempts] == [
        *("ok", "rate_limited", "rejected", "destination_gone", "unavailable")
    ]
    assert history.deliveries[3].digest is not None
    assert await store.destination_states() == [
        DestinationState("deploys", WorkerState.STOPPED, "no_service", NOW, alerted=True),
        DestinationState("general", WorkerState.UNAVAILABLE, "no answer", NOW, alerted=False),
    ]
    assert await (await held(store)).open_window(WINDOW, NOW) == 2
    assert await (await held(store)).ended_windows(NOW + 600) == [WINDOW]
    # The store works: the waiting delivery is claimed, and the number of the next one is new.
    assert [delivery.id for delivery in await claim(store, 10)] == [1]
    await store.close()
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


async def test_a_migrated_store_has_the_tables_of_a_new_one(path: Path) -> None:
    def layout(file: Path) -> dict[object, object]:
        columns = "SELECT m.name, group_concat(c.name) FROM sqlite_master m, pragma_table_info(m.name) c GROUP BY 1"
        indexes = rows(file, "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        return dict(rows(file, columns)) | dict(indexes)  # type: ignore[arg-type]  # two columns each

    write_version_2(path)
    await opened_sqlite(f"sqlite:///{path}").close()
    new = path.with_name("new.db")
    await opened_sqlite(f"sqlite:///{new}").close()
    assert layout(path) == layout(new)


async def test_a_migration_that_breaks_off_leaves_version_2(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_version_2(path)
    broken = (*schema.MIGRATIONS[:2], (*schema.MIGRATIONS[2], "nonsense"))
    with monkeypatch.context() as patch:
        patch.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StoreRefusedError):
            open_store(f"sqlite:///{path}", limit=LIMIT, owner=True)
    assert rows(path, "PRAGMA user_version") == [(2,)]
    assert rows(path, "SELECT state FROM deliveries WHERE told_in = 'd1'") == [("told",)]
    await opened_sqlite(f"sqlite:///{path}").close()
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]


async def test_only_the_owner_migrates_a_store(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as older:
        older.setattr(schema, "VERSION", 2)
        service = opened_sqlite(f"sqlite:///{path}")
    for user in ("is in use by an older version", "was last written by an older version"):
        with pytest.raises(StoreRefusedError, match=user) as refused:
            open_store(f"sqlite:///{path}", limit=LIMIT, owner=False)
        assert "start `bridge serve` of this version" in str(refused.value)
        assert rows(path, "PRAGMA user_version") == [(2,)]
        await service.close()
    await opened_sqlite(f"sqlite:///{path}").close()
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]
    await opened_sqlite(f"sqlite:///{path}", owner=False).close()


def test_a_command_makes_no_store_of_an_empty_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM")
        db.execute("PRAGMA journal_mode = WAL")
    before = path.read_bytes()
    assert before
    with pytest.raises(StoreRefusedError, match="which holds nothing"):
        open_store(f"sqlite:///{path}", limit=LIMIT, owner=False)
    assert path.read_bytes() == before


async def test_a_digest_that_an_older_version_posted_still_settles_what_it_counted(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        schema.migrate(db, 5)
        db.execute("INSERT INTO requests VALUES (1, 'POST', '', '{}', x'7b7d')")
        event = ("id-1", "gitlab", "gitlab", "push", "[]", "s", "t", "", "", None, NOW, 0, 0, 1, 0, "")
        db.execute(f"INSERT INTO events VALUES (1, {', '.join('?' * len(event))})", event)  # noqa: S608 (marks alone)
        for number, channel, replayed_at in (
            (1, "general", NOW + 9),  # dead at the count, and replayed after the post
            (2, "general", NOW - 9),
            (3, "other", None),
            (4, "general", None),
            (5, "general", None),
        ):
            db.execute(
                "INSERT INTO deliveries (id, event, channel, route, state, reason, replayed_at) "
                "VALUES (?, 1, ?, 'r', 'waiting', '', ?)",
                (number, channel, replayed_at),
            )
        db.execute("INSERT INTO digests VALUES ('done', 'other', 3, ?, '{}', 1)", (NOW,))
        db.execute("INSERT INTO digests VALUES ('d1', 'general', 4, ?, '{}', 0)", (NOW,))
    store = opened_sqlite(f"sqlite:///{path}")
    hold = await held(store)
    assert await hold.unfinished_digests() == ["d1"]
    await hold.settle_digest("d1", NOW + 20)
    summarized = await store.find(Query(summarized_in="d1"))
    assert [row.delivery for row in summarized] == [4, 2]
    assert [delivery.id for delivery in await hold.claim(9)] == [1, 5]
    assert [delivery.id for delivery in await claim(store, 9, "other")] == [3]
    await store.close()


def write_version_5(path: Path, number: int) -> None:
    """Write a store as version 5 did, with many waiting deliveries of a digest that is not done."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        schema.migrate(db, 5)
        db.execute("BEGIN")
        db.execute("INSERT INTO requests VALUES (1, 'POST', '', '{}', x'7b7d')")
        event = ("id-1", "gitlab", "gitlab", "push", "[]", "s", "t", "", "", None, NOW, 0, 0, 1, 0, "")
        db.execute(f"INSERT INTO events VALUES (1, {', '.join('?' * len(event))})", event)  # noqa: S608 (marks alone)
        db.executemany(
            "INSERT INTO deliveries (event, channel, route, state, reason) VALUES (1, 'general', 'r', 'waiting', '')",
            [()] * number,
        )
        db.execute("INSERT INTO digests VALUES ('d1', 'general', ?, ?, '{}', 0)", (number - 5, NOW))
        db.execute("COMMIT")


def migrate_in_a_process(path: Path, moment: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tests.store.sqlite.migration_child", str(path), str(moment)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
async def test_a_kill_in_the_middle_of_a_migration_leaves_the_version_before_and_the_next_start_migrates(
    path: Path,
) -> None:
    number = 3_000
    write_version_5(path, number)
    whole = path.with_name("whole.db")
    shutil.copyfile(path, whole)
    moments = int(migrate_in_a_process(whole, 0).stdout)
    assert moments > 50
    for turn in range(1, 9):
        assert migrate_in_a_process(path, moments * turn // 9).returncode == -signal.SIGKILL
        assert rows(path, "PRAGMA user_version") == [(5,)]
        assert rows(path, "SELECT count(*) FROM deliveries WHERE summarized_in IS NOT NULL") == [(0,)]
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    store = opened_sqlite(f"sqlite:///{path}")
    hold = await held(store)
    await hold.settle_digest("d1", NOW)
    assert (await store.counts()).states == {"summarized": number - 5, "waiting": 5}
    await store.close()
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]


@pytest.mark.slow
async def test_two_processes_that_migrate_at_once_migrate_once(path: Path) -> None:
    write_version_5(path, 500)
    both = await asyncio.gather(*(asyncio.to_thread(migrate_in_a_process, path, 0) for _ in range(2)))
    assert [(one.returncode, one.stderr) for one in both] == [(0, "")] * 2
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]
    assert rows(path, "SELECT count(*) FROM deliveries WHERE summarized_in = 'd1'") == [(495,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
