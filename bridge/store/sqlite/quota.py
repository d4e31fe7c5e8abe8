"""How much room the store takes, and whether there is any left."""

import logging
import sqlite3

from bridge.store.models import StoreUnavailableError

LOUD = 0.9
"""The part of the limit from which on it is loud."""

log = logging.getLogger("bridge.store")


def size_of(db: sqlite3.Connection) -> int:
    """Bytes in use. Pages that became free count as room: SQLite fills them before its file grows."""
    pages, free, page_size = (
        int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * page_size


class Quota:
    """The limit, and what was measured last. Used by the writer's thread alone."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._size = 0
        self._loud = False

    def measure(self, db: sqlite3.Connection) -> None:
        """Look how much is used. Once for each group of commits: in between, the limit is not exact."""
        self._size = size_of(db)
        loud = self._size >= LOUD * self.limit
        if loud and not self._loud:
            log.error(
                "the store is nearly full: %d of %d bytes are used; from there on new events get 503. "
                "Raise BRIDGE_STORE_LIMIT, shorten BRIDGE_RETENTION, or see why deliveries wait",
                self._size,
                self.limit,
            )
        self._loud = loud

    def require(self) -> None:
        """Raises StoreUnavailableError if the store is at its limit."""
        if self._size >= self.limit:
            raise StoreUnavailableError(f"the store is at its limit of {self.limit} bytes (BRIDGE_STORE_LIMIT)")
