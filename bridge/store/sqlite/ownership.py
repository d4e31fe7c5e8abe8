"""Lock an SQLite file for one process: the owner holds a lock on the file beside it."""

import contextlib
import errno
import fcntl
import logging
import os
import time
from pathlib import Path
from typing import NamedTuple

from bridge.store.models import StoreRefusedError

WATCH_EVERY = 0.5
"""Seconds between two looks of an owner at its files."""
WAIT = 3 * WATCH_EVERY
"""Seconds that a start waits for a running owner to put its lock back."""
REPLACED = 20
"""Attempts to lock a file that others replace."""
TOUCHED = 5
"""Attempts to lock a file that commands look at."""
_MARK = "holds a store"

log = logging.getLogger("bridge.store")


class Place(NamedTuple):
    """What tells one file from another."""

    device: int
    inode: int
    linked: bool


def beside(path: Path, kind: str) -> Path:
    """Return a file that belongs to a store's: ``wal``, ``shm``, ``lock``, ``reserve``."""
    return path.with_name(f"{path.name}{'.' if kind in ('lock', 'reserve') else '-'}{kind}")


def marked(text: str) -> bool:
    """Return whether a lock file's text records that a store was created beside it."""
    return _MARK in text.splitlines()[1:]


def mark(lock: int) -> None:
    """Record in the lock file that there is a store: a file found empty later has lost its content."""
    _write(lock, has_store=True)


def own(path: Path) -> tuple[int, bool]:
    """Lock ``<file>.lock`` and write our pid into it. The kernel releases the lock when the process ends.

    Return the lock, and whether the file, which exists, contained a store before. Raises StoreRefusedError, OSError.
    """
    lock_path = beside(path, "lock")
    for _ in range(REPLACED):
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock(lock)
            if place_of(lock_path) == place_of(lock):
                had_store = marked(_read(lock)) and path.exists()
                _write(lock, has_store=had_store)
                return lock, had_store
        except BlockingIOError:
            pid = _read(lock).partition("\n")[0] or "unknown"
            os.close(lock)
            raise StoreRefusedError(
                f"the store {path} is in use by process {pid}: stop that one, or let BRIDGE_STORE name another file"
            ) from None
        except BaseException:
            os.close(lock)
            raise
        os.close(lock)  # replaced meanwhile
    raise StoreRefusedError(f"the lock file {lock_path} is replaced again and again: use a local disk")


def _lock(file: int) -> None:
    """Lock a file for us alone. Raises BlockingIOError if another process keeps it: `is_owned` only touches it."""
    for _ in range(TOUCHED):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(0.02)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def wait_for_owner(path: Path) -> None:
    """Let a running owner put its lock back, if the lock file was removed or replaced and the store is in use.

    The owner looks at its files more often than this waits. SQLite's -shm exists while a process has the store open,
    and after a crash.
    """
    with contextlib.suppress(OSError):
        lock = os.open(beside(path, "lock"), os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _read(lock).splitlines()[2:] == [str(os.fstat(lock).st_ino)]:
                return
        finally:
            os.close(lock)
    if beside(path, "shm").exists() and not is_owned(path):
        log.warning("the lock file of %s is new: looking for %g s whether another process uses the store", path, WAIT)
        time.sleep(WAIT)


def place_of(file: Path | int) -> Place | None:
    """Return which file is at a path, or is open; None if there is none.

    The numbers of a file do not change while a process has it open, on a bind mount and on overlayfs too (there it
    changes when it is first opened for writing, which we have done before). A file that is mounted by itself is still
    there after it was removed: then no link to it is left.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 (of a descriptor too)
    except OSError:
        return None
    return Place(found.st_dev, found.st_ino, found.st_nlink > 0)


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


def _read(lock: int) -> str:
    return os.pread(lock, 100, 0).decode("ascii", "replace")


def _write(lock: int, *, has_store: bool) -> None:
    """Write who holds the lock, and which file it is: a copy of it is not a lock that an owner left."""
    text = f"{os.getpid()}\n{_MARK if has_store else ''}\n{os.fstat(lock).st_ino}\n".encode()
    # Not cut to nothing first: on a full disk there would be no room to write again. The lock holds without its text.
    try:
        os.pwrite(lock, text, 0)
        os.ftruncate(lock, len(text))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
