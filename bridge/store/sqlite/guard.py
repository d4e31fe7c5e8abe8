"""Guard an owner's files: they are at their paths, locked, within their shares, with room for what waits."""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from bridge.store.models import StoreRefusedError
from bridge.store.sqlite.file_sizes import free_bytes, length
from bridge.store.sqlite.ownership import WATCH_EVERY, Place, beside, mark, own, place_of
from bridge.store.sqlite.quota import Quota
from bridge.store.sqlite.reserve import Reserve, lacks_room

CHECKPOINT_WAIT = 50
"""Milliseconds for which a checkpoint waits for readers, while every writer waits for it."""
CHECKPOINT_EVERY = 1.0
"""Seconds between two attempts to cut back the write-ahead log: a reader may pin it."""
RELEASE_EVERY = 60.0
"""Seconds between two attempts to make room on a disk that seems to have some."""

log = logging.getLogger("bridge.store")


class Guard:
    """What a worker asks before and after each group of jobs. This one guards nothing but the limit."""

    owns = False
    """Whether this process owns the store."""

    def __init__(self, quota: Quota) -> None:
        self.quota = quota

    def before(self, db: sqlite3.Connection) -> None:
        """Prepare for a group of writes."""
        self.quota.measure(db)

    def after(self, db: sqlite3.Connection) -> None:
        """Tidy up after a group of writes."""

    def may_accept(self, db: sqlite3.Connection) -> str:  # noqa: ARG002 (see OwnerGuard)
        """Return why nothing may be accepted; "" if it may. Asked before a group."""
        return ""

    def is_lost(self) -> str:
        """Return why what was written will not be found; "" if it will. Asked after the commit."""
        return ""

    def may_read(self) -> str:
        """Return why nothing may be read, and so nothing claimed; "" if it may."""
        return ""

    def make_room(self, db: sqlite3.Connection) -> bool:  # noqa: ARG002 (see OwnerGuard)
        """Make room on a full disk. Return whether there is more now."""
        return False

    def stop(self) -> None:
        """Stop watching, before the connections are closed."""

    def close(self) -> None:
        """Release the store, after the connections were closed."""


class OwnerGuard(Guard):
    """The owner's guard. A thread looks at the files, also while nothing is written.

    The database is looked at only by its path: closing a handle of our own to it would drop SQLite's locks
    (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
    While SQLite has the files open, no other file gets their numbers.
    """

    def __init__(self, quota: Quota, path: Path, given: Path, lock: int) -> None:
        super().__init__(quota)
        self.owns = True
        self._path = path
        self._lock = lock
        self._wal = beside(path, "wal")
        self._lock_place = place_of(beside(path, "lock"))
        self._database = {file: place_of(file) for file in (given, path)}
        self._log_files = {file: place_of(file) for file in (self._wal, beside(path, "shm"))}
        self._reserve = Reserve(beside(path, "reserve"), quota.wal_share)
        self._other_owner = ""
        self._unlocked = ""
        self._logged = ""
        self._next_checkpoint = self._next_release = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="store watch", daemon=True)
        self._thread.start()

    def may_accept(self, db: sqlite3.Connection) -> str:
        if lost := self.is_lost():
            self._save_log(db)
            return lost
        try:
            return self._reserve.refusal()
        except OSError as error:
            return f"the disk of {self._path} cannot be looked at ({error.strerror})"

    def is_lost(self) -> str:
        return self._other_owner or self._moved() or self._unlocked

    def may_read(self) -> str:
        return self._other_owner

    def after(self, db: sqlite3.Connection) -> None:
        if self._logged:
            self._save_log(db)
        elif length(self._wal) > self.quota.wal_share and time.monotonic() >= self._next_checkpoint:
            self._next_checkpoint = time.monotonic() + CHECKPOINT_EVERY
            # Without room for all of it, half a checkpoint would take the last room, and give nothing back.
            if free_bytes(self._path.parent) > length(self._wal):
                self._cut_wal(db)

    def make_room(self, db: sqlite3.Connection) -> bool:
        if self.is_lost():
            return False
        # A quota of the disk does not show in the free bytes; on a broken disk every write fails.
        if free_bytes(self._path.parent) > self.quota.wal_share and time.monotonic() < self._next_release:
            return False
        self._next_release = time.monotonic() + RELEASE_EVERY
        released, before = self._reserve.release(), length(self._wal)
        self._cut_wal(db)
        return released or length(self._wal) < before

    def stop(self) -> None:
        if not self._stopped.is_set():
            self._stopped.set()
            self._thread.join()
            self._logged = self.is_lost()

    def close(self) -> None:
        lock, self._lock = self._lock, -1
        if lock != -1:
            if not self._logged:
                self._reserve.keep_some()
            os.close(lock)

    def _save_log(self, db: sqlite3.Connection) -> None:
        """Move what only a vanished log has into the database, before anything happens to this process."""
        if _difference(self._log_files) and not _difference(self._database):
            self._cut_wal(db)

    def _cut_wal(self, db: sqlite3.Connection) -> None:
        """Move the write-ahead log into the database, and cut it to nothing, unless a reader pins it."""
        (timeout,) = db.execute("PRAGMA busy_timeout").fetchone()
        db.execute(f"PRAGMA busy_timeout = {CHECKPOINT_WAIT}")
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.Error as error:
            # On a full disk each delivery tries it.
            level = logging.DEBUG if lacks_room(error) else logging.WARNING
            log.log(level, "the write-ahead log of the store cannot be cut back: %s", error)
        finally:
            db.execute(f"PRAGMA busy_timeout = {timeout}")

    def _watch(self) -> None:
        while not self._stopped.wait(WATCH_EVERY):
            try:
                self.look()
            except Exception:
                log.exception("internal error while watching the store's files")

    def look(self) -> None:
        """Look at the files once, mend what can be mended, and log a change."""
        if not self._moved():
            self._keep_lock()
        lost = self.is_lost()
        if not lost:
            self._reserve.keep()
        if lost != self._logged:
            self._logged = lost
            if lost:
                log.error(
                    "store lost: %s. New events are answered with 503. Put the store's files back as they were, or "
                    'restart Bridge on the right ones: docs/operations.md, "When the store\'s files are moved"',
                    lost,
                )
            else:
                log.warning("the store's files are in their places again: new events are accepted")

    def _moved(self) -> str:
        return _difference(self._database) or _difference(self._log_files)

    def _keep_lock(self) -> None:
        """Make a removed or replaced lock file again, unless another process was faster."""
        if place_of(beside(self._path, "lock")) == self._lock_place:
            self._other_owner = self._unlocked = ""
            return
        try:
            lock, _ = own(self._path)
        except StoreRefusedError as refused:
            self._other_owner = str(refused)
        except OSError as error:
            self._unlocked = f"its lock file cannot be made again ({error.strerror})"
        else:
            mark(lock)
            os.close(self._lock)
            self._lock, self._lock_place = lock, place_of(beside(self._path, "lock"))
            self._other_owner = self._unlocked = ""
            log.warning("the lock file of the store was removed or replaced, and is made again: %s", self._path)


def _difference(files: Mapping[Path, Place | None]) -> str:
    """Return which file is not in its place, and why; "" if all are."""
    for file, place in files.items():
        if place != (now := place_of(file)):
            is_there = now is not None and now.linked
            return f"{file} is {'another file than the one in use' if is_there else 'not there any more'}"
    return ""
