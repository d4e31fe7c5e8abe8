"""Keep room on the disk: a file to delete when the disk is full, so that waiting deliveries can still be settled."""

import contextlib
import errno
import logging
import os
import sqlite3
import stat
import threading
import time
from pathlib import Path

from bridge.store.sqlite.file_sizes import free_bytes

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SMALLEST = 128 * 2**10
"""Bytes of the smallest file that lets a service start on a full disk: SQLite's -shm takes 32 KiB."""
CHUNK = 2**20

log = logging.getLogger("bridge.store")


def lacks_room(error: BaseException) -> bool:
    """Return whether an error may go away when there is more room on the disk.

    SQLite reports ENOSPC as SQLITE_FULL, and other errors of a write (over a quota of the disk, or over the maximum
    size of a file) as SQLITE_IOERR_WRITE; see https://www.sqlite.org/rescode.html.
    """
    if isinstance(error, OSError):
        return error.errno in FULL
    return getattr(error, "sqlite_errorcode", 0) in (
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_SHMSIZE,
    )


class Reserve:
    """A file of so many bytes. Its methods may be called from any thread.

    While it stands, everything that was accepted can be posted and recorded. While it cannot stand because the disk is
    full, nothing more is accepted.
    """

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._lock = threading.Lock()
        self._refusal = ""
        self._problem = ""
        self._next_try = 0.0
        self._adopt()
        self.keep()

    def refusal(self) -> str:
        """Return why nothing may be accepted; "" if there is room. A missing reserve is made again here."""
        with self._lock:
            self._make()
            return self._refusal

    def _adopt(self) -> None:
        """Take over the file of another process: it may be of another limit, or a copy that holds no room."""
        found = _found(self.path)
        if found and found.st_size > self.size:
            with contextlib.suppress(OSError):
                os.truncate(self.path, self.size)
        elif found and found.st_blocks * 512 < found.st_size:
            remove(self.path)

    def keep(self) -> None:
        """Make the file, or make it again."""
        with self._lock:
            self._make()

    def release(self) -> bool:
        """Delete the file. Return whether that made room."""
        with self._lock:
            if not remove(self.path):
                return False
            self._judge(good=False)
            return True

    def keep_some(self) -> None:
        """Keep what room there is for the next start: SQLite has just deleted its -wal and -shm."""
        with self._lock:
            size = self.size
            while self._refusal and size >= SMALLEST and self._length() < SMALLEST:
                with contextlib.suppress(OSError):
                    _allocate(self.path, size)
                size //= 2

    def _standing(self) -> bool:
        return self._length() >= self.size

    def _length(self) -> int:
        found = _found(self.path)
        return found.st_size if found else 0

    def _needed(self) -> int:
        """Return the free bytes at which new events are accepted.

        After the disk was full it takes more: the write-ahead log alone gives back as much as the reserve when it is
        cut, and nobody is helped by a service that accepts for a moment.
        """
        margin = self.size if self._refusal else self.size // 4
        return margin if self._standing() else self.size - self._length() + margin

    def _make(self) -> None:
        if free_bytes(self.path.parent) < self._needed():
            self._judge(good=False)
            return
        if self._standing():
            self._judge(good=True)
            return
        if time.monotonic() < self._next_try:
            return
        began = time.monotonic()
        try:
            _allocate(self.path, self.size)
        except OSError as error:
            self._next_try = time.monotonic() + 10 * (time.monotonic() - began)
            self._judge(good=error.errno not in FULL)
            if error.errno not in FULL and self._problem != str(error):
                self._problem = str(error)
                log.warning(
                    "no reserve for a full disk: %s cannot be made (%s). Deliveries that wait when the disk is full "
                    "cannot be recorded",
                    self.path,
                    error.strerror,
                )
        else:
            self._judge(good=True)

    def _judge(self, good: bool) -> None:
        """Set the state, and log a change."""
        before, self._refusal = self._refusal, "" if good else "the disk is full"
        if good and before:
            log.warning("the disk has room again: new events are accepted")
        elif not good and not before:
            log.error(
                "the disk of %s is full: new events are answered with 503 until it has %d bytes more. Waiting "
                "deliveries are still posted, with the room of %s. Make room on the disk, or move the store",
                self.path.parent,
                max(0, self._needed() - free_bytes(self.path.parent)),
                self.path.name,
            )


def remove(path: Path) -> bool:
    """Delete a reserve. Return whether there was one."""
    found = _found(path)
    if not found or not found.st_size:
        return False
    with contextlib.suppress(OSError):
        os.truncate(path, 0)  # a full Btrfs may refuse to delete, and yet cut short
    with contextlib.suppress(OSError):
        path.unlink()
    return not ((found := _found(path)) and found.st_size)


def _found(path: Path) -> os.stat_result | None:
    """Return what is at a path, if it is a file and no link: a link's file is not ours to cut."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _allocate(path: Path, size: int) -> None:
    """Make a file of so many bytes that the disk really holds. Raises OSError, and then leaves it as it was."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    before = os.fstat(file).st_size
    try:
        with contextlib.suppress(AttributeError):  # not on macOS
            os.posix_fallocate(file, 0, size)
        if os.fstat(file).st_blocks * 512 < size:
            # ZFS promises nothing, and would store zeros as nothing.
            for start in range(0, size, CHUNK):
                os.pwrite(file, os.urandom(min(CHUNK, size - start)), start)
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(file, before) if before else path.unlink()
        raise
    finally:
        os.close(file)
