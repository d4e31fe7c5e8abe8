"""What waits for a channel, summed up; and the digests that stand for it."""

import sqlite3
from collections.abc import Sequence

from bridge.store.models import Backlog
from bridge.store.sqlite.records import text

BATCH = 1_000
"""Deliveries settled in one transaction, so that an arrival never waits long behind them."""
_WAITING = "deliveries d INDEXED BY deliveries_state JOIN events e ON e.seq = d.event"
_THESE = "d.state = 'waiting' AND d.channel = :channel"


def waiting(db: sqlite3.Connection, channel: str, most: int) -> int:
    """How many deliveries wait for a channel; counting stops at ``most``."""
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_state "
        "WHERE state = 'waiting' AND channel = ? LIMIT ?)"
    )
    return int(db.execute(sql, (text(channel), most)).fetchone()[0])


def backlog(db: sqlite3.Connection, channel: str, failures: Sequence[str], most: int) -> Backlog:
    """What waits for a channel. Each list has ``most`` entries at most; ``failures`` are parts of types (LIKE)."""
    given = {"channel": text(channel), "most": most}
    number, upto, first, last, kinds = db.execute(
        "SELECT count(*), max(d.id), min(e.received_at), max(e.received_at), "  # noqa: S608 (our own text)
        f"count(DISTINCT e.source || '/' || e.type) FROM {_WAITING} WHERE {_THESE}",
        given,
    ).fetchone()
    types = db.execute(
        f"SELECT e.source, e.type, count(*) FROM {_WAITING} WHERE {_THESE} "  # noqa: S608
        "GROUP BY e.source, e.type ORDER BY count(*) DESC, e.source, e.type LIMIT :most",
        given,
    ).fetchall()
    # Of each subject its latest title: SQLite takes bare columns from the row that has the maximum.
    subjects = db.execute(
        f"SELECT e.title, e.url, count(*), max(d.id) FROM {_WAITING} WHERE {_THESE} "  # noqa: S608
        "GROUP BY e.source, e.subject HAVING count(*) > 1 ORDER BY count(*) DESC, max(d.id) LIMIT :most",
        given,
    ).fetchall()
    named = " OR ".join(f"e.type LIKE :like{number}" for number in range(len(failures)))
    likes = {f"like{number}": f"%{part}%" for number, part in enumerate(failures)}
    failed = f"FROM {_WAITING} WHERE {_THESE} AND ({named})"
    failing = db.execute(f"SELECT count(*) {failed}", given | likes).fetchone()[0]
    latest = db.execute(f"SELECT e.title, e.url {failed} ORDER BY d.id DESC LIMIT :most", given | likes).fetchall()
    return Backlog(
        number=number,
        upto=upto or 0,
        first=first or 0.0,
        last=last or 0.0,
        kinds=kinds,
        types=tuple(types),
        subjects=tuple((title, url, count) for title, url, count, _ in subjects),
        failures=failing,
        failed=tuple(reversed(latest)),
    )


def keep(db: sqlite3.Connection, digest_id: str, channel: str, upto: int, message: str, now: float) -> None:
    """Write down a digest that was posted. What it tells of is settled by ``tell``."""
    # Where the answer to a commit was lost, the caller tries again: that must not fail for ever.
    db.execute(
        "INSERT OR IGNORE INTO digests (id, channel, upto, posted_at, message) VALUES (?, ?, ?, ?, ?)",
        (digest_id, text(channel), upto, now, message),
    )


def unfinished(db: sqlite3.Connection, channel: str) -> list[str]:
    """Digests that were posted, and whose deliveries are not all settled."""
    return [
        digest_id
        for (digest_id,) in db.execute("SELECT id FROM digests WHERE channel = ? AND NOT done", (text(channel),))
    ]


def tell(db: sqlite3.Connection, digest_id: str, now: float) -> bool:
    """Settle some of the deliveries that a digest tells of. Returns whether all are."""
    changed = db.execute(
        "UPDATE deliveries SET state = 'told', told_in = :id, reason = 'told in a digest', settled_at = :now "
        "WHERE id IN (SELECT d.id FROM digests g JOIN deliveries d INDEXED BY deliveries_state "
        "ON d.state = 'waiting' AND d.channel = g.channel WHERE g.id = :id AND d.id <= g.upto "
        # What was dead and was asked for again since then has a number below that, and was not counted.
        "AND (d.replayed_at IS NULL OR d.replayed_at <= g.posted_at) LIMIT :batch)",
        {"id": digest_id, "now": now, "batch": BATCH},
    ).rowcount
    if changed == BATCH:
        return False
    db.execute("UPDATE digests SET done = 1 WHERE id = ?", (digest_id,))
    return True


def prune(db: sqlite3.Connection, before: float) -> None:
    """Drop digests that are old."""
    db.execute("DELETE FROM digests WHERE done AND posted_at <= ?", (before,))
