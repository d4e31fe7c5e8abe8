"""Open connections to a healthy SQLite file without another owner."""

import contextlib
import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bridge.store.models import StoreRefusedError
from bridge.store.sqlite import schema
from bridge.store.sqlite.file_sizes import free_bytes, length
from bridge.store.sqlite.guard import Guard, OwnerGuard
from bridge.store.sqlite.ownership import beside, is_owned, mark, own, wait_for_owner
from bridge.store.sqlite.quota import Quota, share_of
from bridge.store.sqlite.reserve import lacks_room, remove

BUSY_TIMEOUT = 2.0
"""Seconds to wait for another process's transaction."""
PAGE = 4096
"""SQLite's page size in bytes."""
CHECKPOINT_PAGES = 1000
"""Pages in the write-ahead log at which they are moved into the database, at most: SQLite's default."""
MEMORY = ":memory:"
RESCUE_HINT = (
    "`bridge check --store` shows what can be saved; or restore a copy, or move it and its -wal to start empty"
)

log = logging.getLogger("bridge.store")


@dataclass(frozen=True, slots=True)
class Opened:
    """Two connections to one database, and its guard. In memory there is one connection, twice."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    guard: Guard


def open_files(place: str, *, limit: int, owner: bool) -> Opened:
    """Open ``:memory:`` or a file. Raises StoreRefusedError."""
    if place == MEMORY:
        db = _connect(MEMORY, limit)
        schema.migrate(db)
        return Opened(db, db, Guard(Quota(limit)))
    try:
        path = Path(place).resolve()
        if not path.parent.is_dir():
            raise StoreRefusedError(
                f"the folder {path.parent} is not there: create it, or let BRIDGE_STORE name another"
            )
        quota = Quota(limit, beside(path, "wal"), share_of(limit, path.parent))
        if not owner:
            return Opened(*_connections(path, None, quota.wal_share), Guard(quota))
        wait_for_owner(path)
        lock, had_store = own(path)
    except (OSError, ValueError) as error:
        raise StoreRefusedError(f"the store at {place!r} cannot be opened: {_why(error)}") from None
    try:
        try:
            connections = _connections(path, lock, quota.wal_share, had_store=had_store)
        except StoreRefusedError:
            if free_bytes(path.parent) > quota.wal_share or not remove(beside(path, "reserve")):
                raise
            log.warning("the disk of %s is full: its reserve is given up for the start", path)
            connections = _connections(path, lock, quota.wal_share, had_store=had_store)
        return Opened(*connections, OwnerGuard(quota, path, Path(place).absolute(), lock))
    except BaseException:
        os.close(lock)
        raise


def _connections(
    path: Path, lock: int | None, wal_share: int, *, had_store: bool = False
) -> tuple[sqlite3.Connection, sqlite3.Connection]:
    connections: list[sqlite3.Connection] = []
    try:
        _refuse_emptied(path, lock, had_store=had_store)
        # SQLite gives its -wal and -shm files the mode of the database.
        flags = os.O_RDWR | os.O_CLOEXEC | (0 if lock is None else os.O_CREAT)
        os.close(os.open(path, flags, 0o600))
        connections.append(writer := _connect(str(path), wal_share))
        schema.check(writer, str(path))
        if had_store and schema.is_blank(writer):
            raise StoreRefusedError(f"the store {path} holds nothing any more, where there had been one: {RESCUE_HINT}")
        _keep_private(path)
        if writer.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StoreRefusedError(f"the file system of {path} cannot hold SQLite's write-ahead log: use a local disk")
        if lock is None:
            _refuse_unmigrated(writer, path)
        elif schema.migrate(writer) == 0:
            # Logged, so that a missing volume or a truncated file is visible.
            log.info("store created: %s is new and empty", path)
        _refuse_torn(writer, path)
        if lock is not None and (message := schema.damage(writer)):
            raise StoreRefusedError(f"the store {path} is damaged ({message}): {RESCUE_HINT}")
        connections.append(reader := _connect(str(path), wal_share))
        if lock is not None:
            mark(lock)
    except FileNotFoundError:
        raise StoreRefusedError(
            f"there is no store at {path}: `bridge serve` makes it, or BRIDGE_STORE is wrong"
        ) from None
    except OSError as error:
        raise StoreRefusedError(f"the store {path} cannot be written: {_why(error)}; see to its permissions") from None
    except sqlite3.Error as error:
        raise StoreRefusedError(f"the store {path} cannot be opened: {_hint(error)}") from None
    finally:
        if len(connections) < 2:
            for connection in connections:
                connection.close()
    return writer, reader


def _connect(place: str, wal_share: int) -> sqlite3.Connection:
    # Made here so that refusals come at once; from then on each connection belongs to one thread.
    db = sqlite3.connect(
        place, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=128
    )
    try:
        db.execute("PRAGMA synchronous = FULL")
        # The size of the write-ahead log after it was longer, and the one at which it is moved into the database.
        db.execute(f"PRAGMA journal_size_limit = {wal_share}")
        db.execute(f"PRAGMA wal_autocheckpoint = {max(1, min(wal_share // 2 // PAGE, CHECKPOINT_PAGES))}")
        db.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _refuse_emptied(path: Path, lock: int | None, *, had_store: bool) -> None:
    """Refuse to create a store over the rest of one: SQLite takes an empty file for new, and drops its -wal."""
    if length(path) == 0 and length(beside(path, "wal")):
        state = "is empty" if path.exists() else "is not there"
        raise StoreRefusedError(
            f"the store {path} {state}, and {beside(path, 'wal').name} has the last writes: {RESCUE_HINT}"
        )
    if path.exists() and length(path) == 0 and had_store:
        raise StoreRefusedError(f"the store {path} is an empty file, where there had been a store: {RESCUE_HINT}")
    if path.exists() and length(path) == 0 and lock is None:
        raise StoreRefusedError(f"there is no store at {path}, which is an empty file: `bridge serve` makes it one")


def _refuse_unmigrated(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a store without the tables of this version: only `bridge serve` makes and migrates them."""
    if schema.is_blank(db):
        raise StoreRefusedError(f"there is no store in {path}, which holds nothing: `bridge serve` makes it one")
    if schema.is_older(db):
        user = "is in use by" if is_owned(path) else "was last written by"
        raise StoreRefusedError(
            f"the store {path} {user} an older version of Bridge: start `bridge serve` of this version, which migrates "
            "it, or use the older version's commands"
        )


def _keep_private(path: Path) -> None:
    """Remove other users' permissions on the files: they hold the providers' data."""
    for file in (path, beside(path, "wal"), beside(path, "shm")):
        # Missing, or another user's (a volume's): then its owner decides.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if (mode := file.stat().st_mode) & 0o077:
                file.chmod(mode & 0o700)


def _refuse_torn(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a file with a truncated last page: SQLite reads zeros there (missing whole pages it refuses)."""
    # In this order: once all of the log was moved into the file, it must hold the pages counted before.
    pages, page_size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    try:
        busy, logged, moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        if lacks_room(error):
            return
        raise
    if not busy and logged == moved and path.stat().st_size < pages * page_size:
        raise StoreRefusedError(f"the store {path} is cut short: {RESCUE_HINT}")


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _hint(error: sqlite3.Error) -> str:
    # The primary code is the low byte, see https://www.sqlite.org/rescode.html.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return (
                "it is not an SQLite database, or its beginning is overwritten; "
                "`bridge check --store` examines it, or let BRIDGE_STORE name another file"
            )
        case sqlite3.SQLITE_CORRUPT:
            return f"it is damaged; {RESCUE_HINT}"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another process holds it locked; end that one and try again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return f"{error}; the file and its folder must be writable"
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return f"{error}; make room on the disk, if it is full"
        case _:
            return str(error)
