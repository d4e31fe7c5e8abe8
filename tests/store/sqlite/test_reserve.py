"""Tests of the reserve: on a real small disk, with real processes that are killed."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.store import StoreRefusedError, StoreUnavailableError
from bridge.store.sqlite import schema
from bridge.store.sqlite.guard import OwnerGuard
from bridge.store.sqlite.ownership import beside
from bridge.store.sqlite.store import SqliteStore
from tests.small_disk import fill, needs_small_disk, small_disk
from tests.store.conftest import opened_sqlite
from tests.store.samples import NOW, accept, claim, entry, receive, request, rows, settle_all, settle_first

ROOT = Path(__file__).parents[3]
MIB = 2**20
LIMIT = 8 * MIB


def allocated(path: Path) -> int:
    """Return the size of a store's reserve; 0 if it is not there, or if the disk keeps no room for it."""
    file = beside(path, "reserve")
    if not file.exists():
        return 0
    found = file.stat()
    return found.st_size if found.st_blocks * 512 >= found.st_size else 0


def look(store: SqliteStore) -> None:
    assert isinstance(store._guard, OwnerGuard)
    store._guard.look()


async def test_the_reserve_is_there_before_the_first_event_and_its_room_is_real(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
    assert allocated(path) == MIB
    await store.close()
    assert allocated(path) == MIB


async def test_it_is_no_larger_than_8_mib_and_no_larger_than_an_eighth_of_the_disk(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}", limit=2**40)
    assert allocated(path) == 8 * MIB
    await store.close()
    # A lower limit shrinks it at the next start.
    store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
    assert allocated(path) == MIB
    await store.close()


@needs_small_disk
async def test_on_a_small_disk_it_takes_an_eighth_of_that() -> None:
    with small_disk("16m") as disk:
        store = opened_sqlite(f"sqlite:///{disk}/bridge.db", limit=2**40)
        assert allocated(disk / "bridge.db") == 2 * MIB
        await store.close()


async def test_a_copy_that_holds_no_room_is_made_again(path: Path) -> None:
    with beside(path, "reserve").open("wb") as file:
        file.truncate(MIB)
    assert allocated(path) == 0
    store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
    assert allocated(path) == MIB
    await store.close()


async def test_what_is_no_file_of_ours_in_its_place_is_left_alone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = path.with_name("other")
    other.write_bytes(b"x" * 2 * MIB)
    beside(path, "reserve").symlink_to(other)
    store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
    await accept(store)
    assert store._guard.make_room(store._writer._db) in (True, False)
    await store.close()
    assert other.read_bytes() == b"x" * 2 * MIB
    assert caplog.text.count("no reserve for a full disk") == 1


async def test_write_errors_of_a_disk_with_room_do_not_delete_it_again_and_again(path: Path) -> None:
    """A quota of the disk does not show in its free bytes, so it is tried, but a broken disk fails each second."""
    store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
    db = store._writer._db
    assert store._guard.make_room(db)
    assert allocated(path) == 0
    look(store)
    for _ in range(3):
        store._guard.make_room(db)
        assert allocated(path) == MIB
    await store.close()


@needs_small_disk
async def test_on_a_full_disk_waiting_deliveries_are_settled_and_new_events_are_refused() -> None:
    with small_disk("12m") as disk:
        path = disk / "bridge.db"
        store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
        for _ in range(100):
            await receive(store, request(b"x" * 1000), [entry()], NOW)
        filler = fill(disk)
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            await receive(store, request(b"x" * 1000), [entry()], NOW)
        for _ in range(100):
            assert len(await settle_first(store)) == 1
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            await store.check()
        filler.unlink()
        look(store)
        assert allocated(path) == MIB
        await store.check()
        await accept(store)
        await store.close()
        assert rows(path, "SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY 1") == [
            ("delivered", 100),
            ("waiting", 1),
        ]


@needs_small_disk
@pytest.mark.parametrize("with_reserve", [True, False])
async def test_a_migration_on_a_full_disk_takes_the_reserve_or_changes_nothing(
    with_reserve: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk("12m") as disk:
        path = disk / "bridge.db"
        store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
        for _ in range(100):
            await receive(store, request(b"x" * 1000), [entry()], NOW)
        await store.close()
        if not with_reserve:
            beside(path, "reserve").unlink()
        filler = fill(disk)
        version = schema.VERSION
        step = ("ALTER TABLE events ADD COLUMN mood TEXT", "UPDATE requests SET url = url || '?'")
        monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, step))
        monkeypatch.setattr(schema, "VERSION", version + 1)
        if not with_reserve:
            with pytest.raises(StoreRefusedError, match="make room on the disk"):
                opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
            filler.unlink()
            assert rows(path, "PRAGMA user_version") == [(version,)]
        store = opened_sqlite(f"sqlite:///{path}", limit=LIMIT)
        assert len(await claim(store, 1000)) == 100
        await settle_all(store, "delivered")
        await store.close()
        filler.unlink(missing_ok=True)
        assert rows(path, "PRAGMA user_version") == [(version + 1,)]
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.slow
@needs_small_disk
def test_kill_at_any_moment_on_a_disk_that_fills_and_empties_loses_nothing() -> None:
    """The reserve is deleted and made again all the time; every start must succeed, and every acked event be there."""
    moments = random.Random(7)
    with small_disk("12m") as disk:
        path = disk / "bridge.db"
        acknowledged: set[str] = set()
        full = 0
        for turn in range(8):
            filler = disk / "filler"
            with subprocess.Popen(
                [sys.executable, "-m", "tests.store.full_disk_child", str(path), str(turn)], cwd=ROOT,
                stdout=subprocess.PIPE, text=True,
            ) as child:  # fmt: skip
                assert child.stdout
                assert child.stdout.readline() == "open\n"
                for _ in range(moments.randrange(1, 4)):
                    fill(disk)
                    time.sleep(moments.random() * 0.2)
                    filler.unlink()
                    time.sleep(moments.random() * 0.2)
                fill(disk)
                time.sleep(moments.random() * 0.05)
                child.kill()
                lines = child.stdout.read().split("\n")[:-1]
            acknowledged |= {line for line in lines if line.startswith("e")}
            full += lines.count("full")
            assert allocated(path) <= MIB
            filler.unlink()
            assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        assert full > 8
        assert len(acknowledged) > 100
        assert acknowledged - {str(name) for (name,) in rows(path, "SELECT id FROM events")} == set()
