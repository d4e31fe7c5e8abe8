"""What is not needed any more, found by looking at a few rows at a time and dropped in small transactions."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

WINDOW = 5000
"""Events looked at in one go."""
BATCH = 200
"""Rows dropped in one transaction, so that an arrival never waits long behind it."""
BATCH_BYTES = 4 * 2**20
"""Bodies dropped in one transaction: a long body is many pages to set free."""

_OLD = """
    e.received_at <= :before AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.event = e.seq AND (d.state IN ('waiting', 'dead') OR d.settled_at > :before)
    )
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Some events in their order: which of them are old and settled, and how many bytes stand behind each."""

    old: tuple[tuple[int, int], ...]
    after: int | None
    """Where to look next; None where there is nothing older any more."""

    def batches(self) -> Iterator[list[int]]:
        """The old ones in portions."""
        batch: list[int] = []
        size = 0
        for seq, length in self.old:
            if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(seq)
            size += length
        if batch:
            yield batch


def look(db: sqlite3.Connection, after: int, before: float) -> Window:
    """Look at the events that follow ``after``, for those that were settled ``before``."""
    last, oldest = db.execute(
        "SELECT max(seq), min(received_at) FROM "
        "(SELECT seq, received_at FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
        (after, WINDOW),
    ).fetchone()
    # Events come in the order of their time, but for a clock that was set: a whole window of young ones is the end.
    if last is None or oldest > before:
        return Window((), None)
    old = db.execute(
        f"SELECT e.seq, length(r.body) FROM events e JOIN requests r ON r.id = e.request "  # noqa: S608 (our own text)
        f"WHERE e.seq > :after AND e.seq <= :last AND {_OLD} ORDER BY e.seq",
        {"after": after, "last": last, "before": before},
    ).fetchall()
    return Window(tuple(old), last)


def drop_events(db: sqlite3.Connection, seqs: list[int], before: float) -> int:
    """Drop events with all that belongs to them, unless one of them woke up meanwhile. Returns how many."""
    asked = {"seqs": json.dumps(seqs), "before": before}
    doomed = db.execute(
        f"SELECT e.seq, e.request FROM events e WHERE e.seq IN (SELECT value FROM json_each(:seqs)) AND {_OLD}",  # noqa: S608 (our own text)
        asked,
    ).fetchall()
    events = (json.dumps([seq for seq, _ in doomed]),)
    db.execute(
        "DELETE FROM attempts WHERE delivery IN "
        "(SELECT id FROM deliveries WHERE event IN (SELECT value FROM json_each(?)))",
        events,
    )
    db.execute("DELETE FROM deliveries WHERE event IN (SELECT value FROM json_each(?))", events)
    db.execute("DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", events)
    db.execute(
        "DELETE FROM requests WHERE id IN (SELECT value FROM json_each(?)) "
        "AND NOT EXISTS (SELECT 1 FROM events e WHERE e.request = requests.id)",
        (json.dumps([request for _, request in doomed]),),
    )
    return len(doomed)


def drop_keys(db: sqlite3.Connection, now: float) -> int:
    """Drop some expired keys. Returns how many."""
    expired = db.execute("SELECT source, key FROM keys WHERE expires_at <= ? LIMIT ?", (now, BATCH)).fetchall()
    db.executemany("DELETE FROM keys WHERE source = ? AND key = ?", expired)
    return len(expired)
