"""Migrates the store in a file, and kills itself at a given moment: ``migration_child.py PATH MOMENT``.

A moment is a number of calls of SQLite's progress handler. Without a moment it prints how many there are.
"""

import os
import signal
import sqlite3
import sys

from bridge.store.sqlite import schema

INSTRUCTIONS = 2_000
"""Instructions of SQLite's virtual machine between two moments."""


def main(path: str, moment: int) -> None:
    """Migrate, and die at the moment."""
    db = sqlite3.connect(path, isolation_level=None)
    passed = 0

    def progress() -> int:
        nonlocal passed
        passed += 1
        if passed == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    # A small cache, so that changed pages reach the disk before the commit.
    db.execute("PRAGMA cache_size = 10")
    db.set_progress_handler(progress, INSTRUCTIONS)
    schema.migrate(db)
    sys.stdout.write(f"{passed}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
