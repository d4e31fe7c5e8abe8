"""Summaries of a channel's waiting deliveries, and the digests posted for them."""

import sqlite3
from collections.abc import Sequence

from bridge.core.states import DeliveryState
from bridge.store.models import Backlog
from bridge.store.sqlite import last_states
from bridge.store.sqlite.records import LINE, line_in, literals, text

BATCH = 1_000
"""Deliveries stamped or settled in one transaction, so that an arrival never waits long."""
_COUNTED = "deliveries d INDEXED BY deliveries_summarized_in JOIN events e ON e.seq = d.event"
_CONDITION = f"d.summarized_in = :digest AND +d.state = {literals(DeliveryState.WAITING)}"


def waiting(db: sqlite3.Connection, channel: str, limit: int) -> int:
    """Count the waiting deliveries of a channel, up to ``limit``."""
    sql = (
        "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_state "
        "WHERE state = ? AND channel = ? LIMIT ?)"
    )
    return int(db.execute(sql, (DeliveryState.WAITING, text(channel), limit)).fetchone()[0])


def last_waiting(db: sqlite3.Connection, channel: str) -> int:
    """Return the number of a channel's last waiting delivery; 0 for none."""
    sql = "SELECT max(id) FROM deliveries INDEXED BY deliveries_state WHERE state = ? AND channel = ?"
    return int(db.execute(sql, (DeliveryState.WAITING, text(channel))).fetchone()[0] or 0)


def stamp(db: sqlite3.Connection, digest_id: str, channel: str, after: int, upto: int) -> int | None:
    """Stamp a batch of a channel's waiting deliveries. Return the last one; None if there are no more.

    The stamp of a waiting delivery is its ``summarized_in``. A later digest overwrites it, and so does a result.
    """
    stamped = db.execute(
        "UPDATE deliveries SET summarized_in = ? WHERE id IN (SELECT id FROM deliveries INDEXED BY deliveries_state "
        "WHERE state = ? AND channel = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?) RETURNING id",
        (digest_id, DeliveryState.WAITING, text(channel), after, upto, BATCH),
    ).fetchall()
    return max(number for (number,) in stamped) if len(stamped) == BATCH else None


def backlog(db: sqlite3.Connection, digest_id: str, failures: Sequence[str], limit: int) -> Backlog:
    """Summarize the stamped deliveries that wait.

    ``limit`` limits each list; ``failures`` are parts of types (LIKE).
    """
    given: dict[str, str | int] = {"digest": digest_id, "limit": limit}
    number, upto, first, last, kinds = db.execute(
        "SELECT count(*), max(d.id), min(e.received_at), max(e.received_at), "  # noqa: S608 (our own text)
        f"count(DISTINCT e.source || '/' || e.type) FROM {_COUNTED} WHERE {_CONDITION}",
        given,
    ).fetchone()
    types = db.execute(
        f"SELECT e.source, e.type, count(*) FROM {_COUNTED} WHERE {_CONDITION} "  # noqa: S608
        "GROUP BY e.source, e.type ORDER BY count(*) DESC, e.source, e.type LIMIT :limit",
        given,
    ).fetchall()
    # The latest event of each subject: SQLite takes bare columns from the row with the maximum.
    subjects = db.execute(
        f"SELECT count(*), max(d.id), e.url, {LINE} FROM {_COUNTED} WHERE {_CONDITION} "  # noqa: S608
        "GROUP BY e.source, e.subject HAVING count(*) > 1 ORDER BY count(*) DESC, max(d.id) LIMIT :limit",
        given,
    ).fetchall()
    named = " OR ".join(f"e.type LIKE :like{number}" for number in range(len(failures)))
    likes = {f"like{number}": f"%{part}%" for number, part in enumerate(failures)}
    failed = f"FROM {_COUNTED} WHERE {_CONDITION} AND ({named})"
    failing = db.execute(f"SELECT count(*) {failed}", given | likes).fetchone()[0]
    latest = db.execute(f"SELECT e.url, {LINE} {failed} ORDER BY d.id DESC LIMIT :limit", given | likes).fetchall()
    return Backlog(
        number=number,
        upto=upto or 0,
        first=first or 0.0,
        last=last or 0.0,
        kinds=kinds,
        types=tuple(types),
        subjects=tuple((line_in(*line), url, count) for count, _, url, *line in subjects),
        failures=failing,
        failed=tuple((line_in(*line), url) for url, *line in reversed(latest)),
    )


def record(db: sqlite3.Connection, digest_id: str, channel: str, message: str, now: float) -> None:
    """Record a posted digest. Its deliveries are settled by ``settle``."""
    # The caller retries if a commit's answer was lost: that must succeed.
    db.execute(
        "INSERT OR IGNORE INTO digests (id, channel, upto, posted_at, message) "
        "SELECT :id, :channel, coalesce(max(id), 0), :now, :message FROM deliveries WHERE summarized_in = :id",
        {"id": digest_id, "channel": text(channel), "now": now, "message": message},
    )


def unfinished(db: sqlite3.Connection, channel: str) -> list[str]:
    """Return posted digests with deliveries still to settle."""
    return [
        digest_id
        for (digest_id,) in db.execute("SELECT id FROM digests WHERE channel = ? AND NOT done", (text(channel),))
    ]


def settle(db: sqlite3.Connection, digest_id: str, after: int, now: float) -> int | None:
    """Settle a batch of the deliveries that a digest stamped. Return the last one; None if all are settled."""
    settled = db.execute(
        "UPDATE deliveries SET state = :summarized, reason = 'in digest ' || :id, settled_at = :now "
        "WHERE id IN (SELECT d.id FROM deliveries d INDEXED BY deliveries_summarized_in "
        "WHERE d.summarized_in = :id AND d.id > :after AND +d.state = :waiting "
        "AND EXISTS (SELECT 1 FROM digests WHERE id = :id) ORDER BY d.id LIMIT :batch) "
        "RETURNING id, channel, route, event, group_state",
        {
            "waiting": DeliveryState.WAITING,
            "summarized": DeliveryState.SUMMARIZED,
            "id": digest_id,
            "after": after,
            "now": now,
            "batch": BATCH,
        },
    ).fetchall()
    last_states.make_uncertain(db, [row[1:] for row in sorted(settled)], now)
    if len(settled) == BATCH:
        return max(int(number) for number, *_ in settled)
    db.execute("UPDATE digests SET done = 1 WHERE id = ?", (digest_id,))
    return None


def prune(db: sqlite3.Connection, before: float) -> None:
    """Delete old digests."""
    db.execute("DELETE FROM digests WHERE done AND posted_at <= ?", (before,))
