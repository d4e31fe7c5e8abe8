"""Whether a process owns an SQLite file, for those who work beside it."""

import fcntl
import os
from pathlib import Path

from bridge.store.sqlite.files import beside


def is_owned(place: str) -> bool:
    """Whether a process owns the database at a path now. The owner holds a lock that ends with it."""
    lock_path = beside(Path(place).resolve(), "lock")
    try:
        lock = os.open(lock_path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # not there, or another user's: then one of that user's processes may have it
        return lock_path.exists()
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
