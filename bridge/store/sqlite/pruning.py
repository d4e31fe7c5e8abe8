"""Find old events a few at a time, and delete them in small transactions."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from bridge.core.states import OPEN
from bridge.store.sqlite.records import literals

WINDOW = 5000
"""Events examined at once."""
BATCH = 200
"""Rows deleted in one transaction, so that an arrival never waits long."""
BATCH_BYTES = 4 * 2**20
"""Bytes of bodies deleted in one transaction: a long body has many pages to free."""

_OLD = f"""
    e.received_at <= :before AND NOT EXISTS (
        SELECT 1 FROM deliveries d WHERE d.event = e.seq AND (d.state IN ({literals(*OPEN)}) OR d.settled_at > :before)
    )
"""  # noqa: S608 (our own text)


@dataclass(frozen=True, slots=True)
class EventRange:
    """Some events in their order: the old and settled ones, each with the size of its body."""

    old: tuple[tuple[int, int], ...]
    after: int | None
    """Start of the next range; None after the last old event."""

    def batches(self) -> Iterator[list[int]]:
        """Return the old events in batches."""
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


def find_old(db: sqlite3.Connection, after: int, before: float) -> EventRange:
    """Find events after ``after`` that were settled ``before``."""
    last, oldest = db.execute(
        "SELECT max(seq), min(received_at) FROM "
        "(SELECT seq, received_at FROM events WHERE seq > ? ORDER BY seq LIMIT ?)",
        (after, WINDOW),
    ).fetchone()
    # Events come in the order of their time, but for a clock that was set: a whole window of young ones is the end.
    if last is None or oldest > before:
        return EventRange((), None)
    old = db.execute(
        f"SELECT e.seq, length(r.body) FROM events e JOIN requests r ON r.id = e.request "  # noqa: S608 (our own text)
        f"WHERE e.seq > :after AND e.seq <= :last AND {_OLD} ORDER BY e.seq",
        {"after": after, "last": last, "before": before},
    ).fetchall()
    return EventRange(tuple(old), last)


def drop_events(db: sqlite3.Connection, seqs: list[int], before: float) -> int:
    """Delete events with their deliveries, unless one of them has become open meanwhile. Return the number."""
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
    """Delete some expired keys. Return the number."""
    expired = db.execute("SELECT source, key FROM keys WHERE expires_at <= ? LIMIT ?", (now, BATCH)).fetchall()
    db.executemany("DELETE FROM keys WHERE source = ? AND key = ?", expired)
    return len(expired)
