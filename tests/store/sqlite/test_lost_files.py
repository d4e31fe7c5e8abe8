"""Tests of a store whose files vanish, are replaced or lose their lock under its owner. Real files, real processes."""
# ruff: noqa: ASYNC220, ASYNC221 (nothing else runs on the event loop of these tests)

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bridge.store import StoreRefusedError, StoreUnavailableError
from bridge.store.sqlite.guard import OwnerGuard
from bridge.store.sqlite.ownership import beside, own
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import accept, claim, rows, settle_all

ROOT = Path(__file__).parents[3]
FILES = ("bridge.db", "bridge.db-wal", "bridge.db-shm", "bridge.db.lock", "bridge.db.reserve")


def look(store: SqliteStore) -> None:
    """Let the owner look at its files, as it does twice a second."""
    assert isinstance(store._guard, OwnerGuard)
    store._guard.look()


async def refusal(store: SqliteStore) -> str:
    """Return why nothing is accepted, at once and while it is so."""
    with pytest.raises(StoreUnavailableError) as refused:
        await accept(store)
    with pytest.raises(StoreUnavailableError) as checked:
        await store.check()
    assert str(checked.value) == str(refused.value)
    return str(refused.value)


def put_away(folder: Path, *names: str) -> Path:
    """Move files to another folder of the same disk, and return it."""
    away = folder / "away"
    away.mkdir()
    for name in names:
        (folder / name).rename(away / name)
    return away


def put_back(folder: Path) -> None:
    """Move the files back, over whatever is there."""
    for file in (folder / "away").iterdir():
        file.replace(folder / file.name)


@pytest.mark.parametrize("name", ["bridge.db", "bridge.db-wal", "bridge.db-shm"])
async def test_a_file_that_vanishes_stops_the_intake_and_its_return_starts_it(
    path: Path, stored: SqliteStore, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    await accept(stored)
    put_away(path.parent, name)
    assert f"{name} is not there any more" in await refusal(stored)
    look(stored)
    look(stored)
    assert [record.levelname for record in caplog.records if "store lost" in record.message] == ["ERROR"]
    assert "docs/operations.md" in caplog.text
    # What waits is posted and recorded: if the file is not lost for good, nothing comes twice.
    await settle_all(stored, "delivered")
    put_back(path.parent)
    await accept(stored)
    await stored.check()
    look(stored)
    assert "in their places again" in caplog.text
    await stored.close()
    assert rows(path, "SELECT state FROM deliveries ORDER BY id") == [("delivered",), ("waiting",)]


@pytest.mark.parametrize("name", ["bridge.db", "bridge.db-wal"])
async def test_a_file_that_is_replaced_stops_the_intake(path: Path, stored: SqliteStore, name: str) -> None:
    await accept(stored)
    shutil.copy2(path.with_name(name), path.with_name("copy"))
    path.with_name("copy").replace(path.with_name(name))
    assert f"{name} is another file" in await refusal(stored)


async def test_a_folder_that_vanishes_stops_the_intake_and_gets_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    store = opened_sqlite(f"sqlite:///{folder}/bridge.db")
    folder.rename(tmp_path / "elsewhere")
    folder.mkdir()
    assert "not there any more" in await refusal(store)
    look(store)
    assert list(folder.iterdir()) == []
    folder.rmdir()
    (tmp_path / "elsewhere").rename(folder)
    await accept(store)
    look(store)
    await store.close()
    assert rows(folder / "bridge.db", "SELECT count(*) FROM events") == [(1,)]


async def test_a_link_that_leads_elsewhere_stops_the_intake(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "data").symlink_to("one")
    store = opened_sqlite(f"sqlite:///{tmp_path}/data/bridge.db")
    await accept(store)
    (tmp_path / "data").unlink()
    (tmp_path / "data").symlink_to("two")
    assert "data/bridge.db is not there any more" in await refusal(store)
    (tmp_path / "data").unlink()
    (tmp_path / "data").symlink_to("one")
    await accept(store)
    await store.close()


@pytest.mark.parametrize("name", ["bridge.db-wal", "bridge.db-shm"])
async def test_what_only_a_removed_log_had_is_in_the_database_even_after_a_kill(path: Path, name: str) -> None:
    child = subprocess.run(
        [sys.executable, "-c", REMOVE_AND_DIE, str(path), name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert len(rows(path, "SELECT id FROM events")) == 5
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    store = opened_sqlite(f"sqlite:///{path}")
    assert len(await claim(store, 10)) == 5
    await store.close()


REMOVE_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from bridge.store import StoreUnavailableError
from tests.store.conftest import opened_sqlite
from tests.store.samples import accept

async def main(path: Path, name: str) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    for _ in range(5):
        await accept(store)
    path.with_name(name).unlink()
    try:
        await store.check()
    except StoreUnavailableError:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""


def remove(lock: Path) -> None:
    lock.unlink()


def replace(lock: Path) -> None:
    shutil.copy2(lock, lock.with_name("copy"))
    lock.with_name("copy").replace(lock)


@pytest.mark.parametrize("harm", [remove, replace])
async def test_a_lock_file_that_is_removed_or_replaced_is_made_again(
    path: Path, stored: SqliteStore, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        harm(beside(path, "lock"))
        look(stored)
        with pytest.raises(StoreRefusedError, match=f"in use by process {os.getpid()}"):
            opened_sqlite(f"sqlite:///{path}")
        await accept(stored)
    assert caplog.text.count("is made again") == 2


@pytest.mark.parametrize("harm", [remove, replace])
async def test_a_second_owner_without_a_lock_file_waits_for_the_first_one_to_put_it_back(
    path: Path, stored: SqliteStore, harm: Callable[[Path], None]
) -> None:
    await accept(stored)
    harm(beside(path, "lock"))
    second = subprocess.run(
        [sys.executable, "-c", "import sys; from tests.store.conftest import opened_sqlite; opened_sqlite(sys.argv[1])",
         f"sqlite:///{path}"], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert f"in use by process {os.getpid()}" in second.stderr
    await accept(stored)


async def test_an_owner_whose_lock_another_process_took_accepts_and_claims_nothing(path: Path) -> None:
    first = opened_sqlite(f"sqlite:///{path}")
    await accept(first)
    beside(path, "lock").unlink()
    lock, _ = own(path)
    look(first)
    assert "in use by process" in await refusal(first)
    with pytest.raises(StoreUnavailableError, match="in use by process"):
        await claim(first, 1)
    os.close(lock)
    look(first)
    await accept(first)
    await first.close()


STOP_AFTER_SWAP = """
import asyncio, sys
from pathlib import Path
from tests.store.conftest import opened_sqlite
from tests.store.samples import accept

async def main(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    await accept(store)
    print("open", flush=True)
    sys.stdin.read()
    await store.close()

asyncio.run(main(Path(sys.argv[1])))
"""


async def test_the_stop_of_a_lost_store_leaves_the_files_of_the_one_in_its_place(path: Path) -> None:
    """SQLite closes by deleting the -wal at its path, unless the database was moved."""
    with subprocess.Popen(
        [sys.executable, "-c", STOP_AFTER_SWAP, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as first:
        assert first.stdin
        assert first.stdout
        assert first.stdout.readline() == b"open\n"
        away = put_away(path.parent, *FILES)
        store = opened_sqlite(f"sqlite:///{path}")
        for _ in range(3):
            await accept(store)
        first.stdin.close()
        assert first.wait(10) == 0
        assert beside(path, "wal").stat().st_size > 0
        await store.check()
        await accept(store)
        await store.close()
    assert rows(path, "SELECT count(*) FROM events") == [(4,)]
    # The moved one is whole as well.
    moved = opened_sqlite(f"sqlite:///{away}/bridge.db")
    assert len(await claim(moved, 10)) == 1
    await moved.close()


async def test_a_store_of_another_process_beside_the_owner_gives_no_false_alarm(
    path: Path, stored: SqliteStore
) -> None:
    await accept(stored)
    beside_it = opened_sqlite(f"sqlite:///{path}", owner=False)
    await accept(beside_it)
    await beside_it.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with closing(sqlite3.connect(path)) as other, closing(sqlite3.connect(path.with_name("copy.db"))) as copy:
        other.backup(copy)
    look(stored)
    await stored.check()
    await accept(stored)
