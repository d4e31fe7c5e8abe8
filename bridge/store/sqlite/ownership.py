"""Lock an SQLite file for one process: the owner holds a lock on the file beside it."""

import fcntl
import os
from pathlib import Path

from bridge.store.models import StoreRefusedError

_MARK = "holds a store"


def beside(path: Path, kind: str) -> Path:
    """Return a file that belongs to a store's: ``wal``, ``shm``, ``lock``."""
    return path.with_name(f"{path.name}{'.' if kind == 'lock' else '-'}{kind}")


def marked(text: str) -> bool:
    """Return whether a lock file's text records that a store was created beside it."""
    return _MARK in text.splitlines()[1:]


def mark(lock: int) -> None:
    """Record in the lock file that there is a store: a file found empty later has lost its content."""
    os.pwrite(lock, f"{os.getpid()}\n{_MARK}\n".encode(), 0)


def own(path: Path) -> tuple[int, bool]:
    """Lock ``<file>.lock`` and write our pid into it. The kernel releases the lock when the process ends.

    Return the lock, and whether the file, which exists, contained a store before.
    """
    lock = os.open(beside(path, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        had_store = marked(os.pread(lock, 100, 0).decode("ascii", "replace")) and path.exists()
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n{_MARK if had_store else ''}".encode(), 0)
    except BlockingIOError:
        pid = os.pread(lock, 100, 0).decode("ascii", "replace").partition("\n")[0] or "unknown"
        os.close(lock)
        raise StoreRefusedError(
            f"the store {path} is in use by process {pid}: stop that one, or let BRIDGE_STORE name another file"
        ) from None
    except BaseException:
        os.close(lock)
        raise
    return lock, had_store


def is_owned(path: Path) -> bool:
    """Return whether a process owns the database now. Its lock ends with it."""
    lock_path = beside(path.resolve(), "lock")
    try:
        lock = os.open(lock_path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # missing, or another user's: then one of that user's processes may own the database
        return lock_path.exists()
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
