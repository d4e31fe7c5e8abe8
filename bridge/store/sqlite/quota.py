"""Measure the store's size, and refuse writes at its limit."""

import logging
import sqlite3

from bridge.store.models import StoreUnavailableError

WARN_AT = 0.9
"""Part of the limit at which a warning is logged."""

log = logging.getLogger("bridge.store")


def size_of(db: sqlite3.Connection) -> int:
    """Return the bytes in use, without free pages: SQLite fills them before its file grows."""
    pages, free, page_size = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_size


class Quota:
    """The size limit and the last measurement. Used only by the writer's thread."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._size = 0
        self._warned = False

    def measure(self, db: sqlite3.Connection) -> None:
        """Measure the size once for each group of commits: in between, the limit is not exact."""
        self._size = size_of(db)
        warned = self._size >= WARN_AT * self.limit
        if warned and not self._warned:
            log.error(
                "store nearly full: %d of %d bytes; when it is full, new events are answered with 503. "
                "Raise BRIDGE_STORE_LIMIT, shorten BRIDGE_RETENTION, or find out why deliveries wait",
                self._size,
                self.limit,
            )
        self._warned = warned

    def require(self) -> None:
        """Raise StoreUnavailableError if the store is at its limit."""
        if self._size >= self.limit:
            raise StoreUnavailableError(f"the store is at its limit of {self.limit} bytes (BRIDGE_STORE_LIMIT)")
