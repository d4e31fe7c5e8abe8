"""From a path to open connections on a healthy SQLite file that nobody else owns."""

import contextlib
import fcntl
import logging
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bridge.store import StoreRefused, schema

PATIENCE = 2.0
"""Seconds to wait for another process's transaction."""
JOURNAL = 16 * 2**20
"""Bytes to which the write-ahead log is cut back once it has grown longer."""
MEMORY = ":memory:"
RESTORE = "restore a copy, or move it away to start with an empty one"

log = logging.getLogger("bridge.store")


@dataclass(frozen=True, slots=True)
class Opened:
    """Two connections to one database, and what holds it. In memory there is one connection, twice."""

    writer: sqlite3.Connection
    reader: sqlite3.Connection
    lock: int | None
    """The descriptor of the lock file, where this process owns the database; closing it lets go."""


def open_files(place: str, *, owner: bool) -> Opened:
    """Open ``:memory:`` or a file. Raises StoreRefused."""
    if place == MEMORY:
        db = _connect(MEMORY)
        schema.migrate(db)
        return Opened(db, db, None)
    try:
        path = Path(place).resolve()
        if not path.parent.is_dir():
            raise StoreRefused(f"the folder {path.parent} is not there: create it, or let BRIDGE_STORE name another")
        lock = _own(path) if owner else None
    except (OSError, ValueError) as error:
        raise StoreRefused(f"the store at {place!r} cannot be opened: {_why(error)}") from None
    try:
        return _open(path, lock)
    except BaseException:
        if lock is not None:
            os.close(lock)
        raise


def _open(path: Path, lock: int | None) -> Opened:
    connections: list[sqlite3.Connection] = []
    try:
        # SQLite gives its -wal and -shm files the mode of the database.
        flags = os.O_RDWR | os.O_CLOEXEC | (0 if lock is None else os.O_CREAT)
        os.close(os.open(path, flags, 0o600))
        connections.append(writer := _connect(str(path)))
        schema.check(writer, str(path))
        _keep_private(path)
        if writer.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise StoreRefused(f"the file system of {path} cannot hold SQLite's write-ahead log: use a local disk")
        if schema.migrate(writer) == 0:
            # Said, so that a volume that went missing, or a file cut to nothing, does not go unseen.
            log.info("the store %s is new and empty", path)
        _refuse_torn(writer, path)
        if lock is not None and (said := schema.damage(writer)):
            raise StoreRefused(f"the store {path} is damaged ({said}): {RESTORE}")
        connections.append(reader := _connect(str(path)))
    except FileNotFoundError:
        raise StoreRefused(f"there is no store at {path}: `bridge serve` makes it, or BRIDGE_STORE is wrong") from None
    except OSError as error:
        raise StoreRefused(f"the store {path} cannot be written: {_why(error)}; see to its permissions") from None
    except sqlite3.Error as error:
        raise StoreRefused(f"the store {path} cannot be opened: {_mend(error)}") from None
    finally:
        if len(connections) < 2:
            for connection in connections:
                connection.close()
    return Opened(writer, reader, lock)


def _connect(place: str) -> sqlite3.Connection:
    # Made here so that refusals come at once; from then on each connection belongs to one thread.
    db = sqlite3.connect(place, timeout=PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=128)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA journal_size_limit = {JOURNAL}")
        db.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        db.close()
        raise
    return db


def _own(path: Path) -> int:
    """Lock ``<file>.lock`` and write our pid into it. The kernel lets go when the process ends, however it ends."""
    lock_path = path.with_name(f"{path.name}.lock")
    lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        pid = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StoreRefused(
            f"the store {path} is in use by process {pid}: stop that one, or let BRIDGE_STORE name another file"
        ) from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _keep_private(path: Path) -> None:
    """Take away what others may do with the files: they hold what providers sent."""
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        # Missing, or another user's (a volume's): then its owner decides.
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if (mode := file.stat().st_mode) & 0o077:
                file.chmod(mode & 0o700)


def _refuse_torn(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a file whose last page is cut: SQLite reads zeros there (where whole pages are missing, it refuses)."""
    # In this order: once all of the log was moved into the file, it must hold the pages counted before.
    pages, page_size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    busy, logged, moved = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if not busy and logged == moved and path.stat().st_size < pages * page_size:
        raise StoreRefused(f"the store {path} is cut short: {RESTORE}")


def _why(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _mend(error: sqlite3.Error) -> str:
    # The primary code is the low byte, see https://www.sqlite.org/rescode.html.
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_NOTADB:
            return "it is not an SQLite database; let BRIDGE_STORE name another file"
        case sqlite3.SQLITE_CORRUPT:
            return f"it is damaged; {RESTORE}"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return "another process holds it locked; end that one and try again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return f"{error}; the file and its folder must be writable"
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return f"{error}; see to the disk"
        case _:
            return str(error)
