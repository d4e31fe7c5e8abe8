"""Tests of opening: errors and their texts, file permissions, the owner's lock, and migrations."""
# ruff: noqa: ASYNC220 (nothing else runs on the event loop of these tests)

import fcntl
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bridge.store import Query, StoreRefusedError
from bridge.store.sqlite import schema
from bridge.store.sqlite.ownership import beside
from tests.store.conftest import opened_sqlite
from tests.store.samples import accept, execute, rows

ROOT = Path(__file__).parents[3]
OWNER = """
import sys
from bridge.store import open_store
store = open_store(sys.argv[1], limit=2**30, owner=True)
print("open", flush=True)
sys.stdin.read()
"""


def refusal(url: str, *, owner: bool = True) -> str:
    """Return the error text of a store that cannot be opened: one line."""
    with pytest.raises(StoreRefusedError) as refused:
        opened_sqlite(url, owner=owner)
    text = str(refused.value)
    assert text
    assert "\n" not in text
    return text


@contextmanager
def unprivileged_user() -> Iterator[Path]:
    """Create a folder of another user, and drop root's rights. Root may write everywhere."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o700)


async def test_a_relative_an_absolute_and_a_memory_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, file in (
        ("sqlite:///one.db", tmp_path / "one.db"),
        (f"sqlite:///{tmp_path}/two.db", tmp_path / "two.db"),
        ("SQLite:///:memory:", None),
    ):
        store = opened_sqlite(url)
        await accept(store)
        assert len(await store.find(Query())) == 1
        await store.close()
        assert file is None or file.is_file()
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        *("one.db", "one.db.lock", "one.db.reserve"),
        *("two.db", "two.db.lock", "two.db.reserve"),
    ]


@pytest.mark.parametrize("url", ["redis://user:pa55@host", "bridge.db", "", "sqlite:bridge.db", "postgres://pa55"])
def test_an_unknown_scheme_is_refused_without_repeating_the_url(url: str) -> None:
    text = refusal(url)
    assert "BRIDGE_STORE" in text
    assert "pa55" not in text


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://bridge.db", "sqlite://host/bridge.db"])
def test_too_few_slashes_are_refused_with_the_hint(url: str) -> None:
    assert "three slashes" in refusal(url)


def test_a_missing_folder_is_refused_and_not_created(tmp_path: Path) -> None:
    assert str(tmp_path / "no") in refusal(f"sqlite:///{tmp_path}/no/bridge.db")
    assert not (tmp_path / "no").exists()


def test_an_invalid_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.db").mkdir()
    refusal(f"sqlite:///{tmp_path}/file/bridge.db")
    refusal(f"sqlite:///{tmp_path}/folder.db")
    refusal(f"sqlite:///{tmp_path}/nul\0.db")
    refusal(f"sqlite:///{tmp_path}/{'x' * 300}.db")


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    with unprivileged_user() as folder:
        with as_owner():
            folder.chmod(0o555)
        assert "cannot be opened: Permission denied" in refusal(f"sqlite:///{folder}/bridge.db")


def test_a_file_that_cannot_be_written_is_refused() -> None:
    with unprivileged_user() as folder:
        with as_owner():
            folder.chmod(0o777)
            (folder / "bridge.db").touch(0o400)
        assert "see to its permissions" in refusal(f"sqlite:///{folder}/bridge.db")


@contextmanager
def as_owner() -> Iterator[None]:
    """Become root again for a moment, if the tests run as root."""
    euid = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    try:
        yield
    finally:
        os.seteuid(euid)


def cut(number: int) -> Callable[[bytes], bytes]:
    """Damage: keep only so many bytes. A negative number is the number of missing bytes."""
    return lambda data: data[:number]


def other(data: bytes) -> bytes:
    """Damage: replace the contents by other data."""
    return b"no database " * len(data)


def scribble(data: bytes) -> bytes:
    """Damage: keep the first pages, and replace the others by noise."""
    return data[:8192] + b"\x5a" * (len(data) - 8192)


def nothing(_data: bytes) -> bytes:
    """Damage: make the file empty."""
    return b""


def zero(table: str) -> Callable[[bytes], bytes]:
    """Damage: replace a table's first page by zeros."""

    def harm(data: bytes) -> bytes:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            [(root,)] = rows(Path(file.name), f"SELECT rootpage FROM sqlite_master WHERE name = '{table}'")  # noqa: S608 (our own name)
        assert isinstance(root, int)
        return data[: (root - 1) * 4096] + bytes(4096) + data[root * 4096 :]

    return harm


@pytest.mark.parametrize(
    "harm",
    [cut(50), cut(4096), cut(10_000), cut(-4096), cut(-1), scribble, other, zero("events"), zero("requests"), nothing],
    ids=[
        *("header", "a page", "half a page", "the last page", "the last byte", "noise", "text"),
        *("events", "requests", "nothing"),
    ],
)
async def test_a_damaged_file_is_refused_and_left_as_it_is(path: Path, harm: Callable[[bytes], bytes]) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    for _ in range(20):
        await accept(store)
    await store.close()
    damaged = harm(path.read_bytes())
    path.write_bytes(damaged)
    for _ in range(2):
        text = refusal(f"sqlite:///{path}")
        assert str(path) in text
        assert "`bridge check --store`" in text
    assert path.read_bytes() == damaged
    # Nothing is cached: with a good file in its place, the store opens.
    path.unlink()
    await opened_sqlite(f"sqlite:///{path}").close()


async def test_an_empty_file_becomes_a_store_and_this_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    path.touch()
    await opened_sqlite(f"sqlite:///{path}").close()
    assert "is new and empty" in caplog.text
    caplog.clear()
    await opened_sqlite(f"sqlite:///{path}").close()
    assert not caplog.text


async def test_a_store_that_was_moved_is_created_again(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    path.unlink()
    await opened_sqlite(f"sqlite:///{path}").close()
    assert rows(path, "SELECT count(*) FROM events") == [(0,)]


@pytest.mark.parametrize("left", [None, b""], ids=["gone", "empty"])
async def test_no_store_is_created_over_the_remains_of_another(path: Path, left: bytes | None) -> None:
    """SQLite would delete a -wal without its database, and lose its last writes."""
    store = opened_sqlite(f"sqlite:///{path}")
    await accept(store)
    wal = path.with_name("bridge.db-wal").read_bytes()
    assert wal
    await store.close()
    path.with_name("bridge.db.lock").unlink()
    path.with_name("bridge.db-wal").write_bytes(wal)
    path.unlink()
    if left is not None:
        path.write_bytes(left)
    assert "bridge.db-wal has the last writes" in refusal(f"sqlite:///{path}")
    assert path.with_name("bridge.db-wal").read_bytes() == wal
    assert path.exists() == (left is not None)


async def test_a_store_whose_tables_went_with_its_wal_is_refused(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    path.unlink()
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "DROP TABLE t")
    assert "holds nothing any more" in refusal(f"sqlite:///{path}")


def test_an_empty_file_is_no_store_for_a_process_that_creates_none(path: Path) -> None:
    path.touch()
    assert "`bridge serve` makes it one" in refusal(f"sqlite:///{path}", owner=False)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("statement", ["CREATE TABLE t (a)", "PRAGMA user_version = 1"])
def test_another_programs_database_is_refused_and_left_as_it_is(path: Path, statement: str) -> None:
    execute(path, statement)
    before = path.read_bytes()
    assert "another program's" in refusal(f"sqlite:///{path}")
    assert path.read_bytes() == before


async def test_a_newer_file_is_refused(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    execute(path, f"PRAGMA user_version = {schema.VERSION + 1}")
    assert "newer version" in refusal(f"sqlite:///{path}")
    assert "newer version" in refusal(f"sqlite:///{path}", owner=False)


async def test_an_older_file_is_migrated_and_keeps_its_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    await accept(store)
    await store.close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("ALTER TABLE events ADD COLUMN mood TEXT",)))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    store = opened_sqlite(f"sqlite:///{path}")
    assert len(await store.find(Query())) == 1
    await accept(store)
    await store.close()
    assert rows(path, "PRAGMA user_version") == [(schema.VERSION,)]
    assert rows(path, "SELECT mood FROM events") == [(None,), (None,)]


async def test_a_migration_that_fails_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    version = schema.VERSION
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE half (a)", "nonsense")))
    monkeypatch.setattr(schema, "VERSION", version + 1)
    refusal(f"sqlite:///{path}")
    assert rows(path, "PRAGMA user_version") == [(version,)]
    assert rows(path, "SELECT name FROM sqlite_master WHERE name = 'half'") == []


async def test_other_users_may_not_read_the_files(path: Path) -> None:
    mask = os.umask(0)
    try:
        store = opened_sqlite(f"sqlite:///{path}")
        await accept(store)
        files = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
        assert files == dict.fromkeys(
            ["bridge.db", "bridge.db-wal", "bridge.db-shm", "bridge.db.lock", "bridge.db.reserve"], 0o600
        )
        await store.close()
    finally:
        os.umask(mask)


async def test_a_file_that_others_may_read_is_made_private(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    path.chmod(0o644)
    store = opened_sqlite(f"sqlite:///{path}")
    await accept(store)
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}
    await store.close()


async def test_every_commit_is_on_disk(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    assert await store._writer.read(lambda db: db.execute("PRAGMA synchronous").fetchone()) == (2,)
    assert await store._writer.read(lambda db: db.execute("PRAGMA journal_mode").fetchone()) == ("wal",)
    await store.close()


async def test_a_second_owner_is_refused_with_the_pid_of_the_first(path: Path) -> None:
    url = f"sqlite:///{path}"
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout
        assert first.stdout.readline() == "open\n"
        assert f"process {first.pid}:" in refusal(url)
        beside = opened_sqlite(url, owner=False)
        await accept(beside)
        await beside.close()
        assert f"process {first.pid}:" in refusal(url)
        first.kill()
    # The lock ended with the process, though its file still exists.
    store = opened_sqlite(url)
    assert len(await store.find(Query())) == 1
    assert f"process {os.getpid()}:" in refusal(url)
    await store.close()
    await store.close()
    await opened_sqlite(url).close()


async def test_a_command_that_looks_for_the_owner_refuses_no_start(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    looking = os.open(beside(path, "lock"), os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", lambda _: os.close(looking))
    await opened_sqlite(f"sqlite:///{path}").close()


async def test_a_link_leads_to_the_same_lock(path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{path}")
    link = path.with_name("link.db")
    link.symlink_to(path)
    assert "in use" in refusal(f"sqlite:///{link}")
    await store.close()


def test_a_process_that_does_not_own_the_store_does_not_create_one(path: Path) -> None:
    assert "bridge serve" in refusal(f"sqlite:///{path}", owner=False)
    assert list(path.parent.iterdir()) == []


async def test_a_writer_beside_does_not_hinder_the_opening(path: Path) -> None:
    await opened_sqlite(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await opened_sqlite(f"sqlite:///{path}", owner=False).close()
