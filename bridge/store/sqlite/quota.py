"""Measure the store's size, and refuse what does not fit into its limit."""

import logging
import sqlite3
from pathlib import Path

from bridge.store.models import StoreUnavailableError
from bridge.store.sqlite.file_sizes import disk_bytes, length

WARN_AT = 0.9
"""Part of the room at which a warning is logged."""
LARGEST_SHARE = 8 * 2**20
"""Maximum bytes of the write-ahead log at rest, and of the reserve: enough for about a thousand settled deliveries."""
ROWS = 2048
"""Bytes that an event takes with its keys and deliveries."""
PAGES = 8192
"""Bytes that a batch of events takes beside, in the pages of tables and indexes that it changes."""
USUAL_BODY = 64 * 2**10
"""Bytes of a body for which there must be room, or else the store counts as full."""

log = logging.getLogger("bridge.store")


def share_of(limit: int, folder: Path) -> int:
    """Return the bytes for the write-ahead log, and for the reserve: each an eighth of limit or disk, at most."""
    return min(min(limit, disk_bytes(folder)) // 8, LARGEST_SHARE)


def size_of(db: sqlite3.Connection) -> int:
    """Return the bytes in use, without free pages: SQLite fills them before its file grows."""
    pages, free, page_size = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_size


class Quota:
    """The size limit and the last measurement. Used only by the writer's thread.

    The limit holds for all files together: the database, the write-ahead log and the reserve.
    """

    def __init__(self, limit: int, wal: Path | None = None, share: int = 0) -> None:
        self.limit = limit
        self.wal = wal
        self.wal_share = share
        self._room = limit - share  # without the reserve
        self._size = self._wal_size = 0
        self._warned = False

    def measure(self, db: sqlite3.Connection) -> None:
        """Measure the files before a group of jobs."""
        self._size = size_of(db)
        self._wal_size = length(self.wal) if self.wal else 0
        warned = self._size >= WARN_AT * (self._room - self.wal_share)
        if warned and not self._warned:
            log.error(
                "store nearly full: %d of %d bytes; when it is full, new events are answered with 503. "
                "Raise BRIDGE_STORE_LIMIT, shorten BRIDGE_RETENTION, or find out why deliveries wait",
                self._size,
                self.limit,
            )
        self._warned = warned

    def require(self, incoming: int) -> None:
        """Raise StoreUnavailableError if so many more bytes do not fit; else count them."""
        new = incoming + PAGES
        # Until the next checkpoint, what is new stands in the write-ahead log, and then in the database too.
        wal = self._wal_size + new if self.wal else 0
        if self._size + new + max(wal, self.wal_share) > self._room:
            raise StoreUnavailableError(f"the store is at its limit of {self.limit} bytes (BRIDGE_STORE_LIMIT)")
        self._size += new
        self._wal_size += new
