"""Deliveries once more: as they would be sent again, and let wait again."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal

from bridge.store.models import Cursor, DeliveryRow, ReplayResult, StoredDelivery
from bridge.store.sqlite.history import message_of
from bridge.store.sqlite.outbox import COLUMNS, deliveries_of
from bridge.store.sqlite.records import text


def stored_deliveries(db: sqlite3.Connection, numbers: Sequence[int]) -> list[StoredDelivery]:
    """Deliveries with their payloads and what was posted of them, as many of the first as memory has room for."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM json_each(?) j CROSS JOIN deliveries d ON d.id = j.value "  # noqa: S608 (our own text)
        "JOIN events e ON e.seq = d.event JOIN requests r ON r.id = e.request ORDER BY j.key",
        (json.dumps(numbers),),
    )
    return [StoredDelivery(delivery, message_of(db, delivery.id)) for delivery in deliveries_of(db, found)]


def replay(db: sqlite3.Connection, rows: Sequence[DeliveryRow], mark: Cursor, now: float) -> list[ReplayResult]:
    """Let deliveries wait again, within the caller's transaction."""
    return [_replay(db, row, mark, now) for row in rows]


def _replay(db: sqlite3.Connection, row: DeliveryRow, mark: Cursor, now: float) -> ReplayResult:
    if why := _obstacle(db, row, mark):
        return ReplayResult(row, None, why)
    if row.state == "dead":
        db.execute(
            "UPDATE deliveries SET state = 'waiting', revived = 1, settled_at = NULL, replayed_at = ? "
            "WHERE id = ? AND state = 'dead'",
            (now, row.delivery),
        )
        return ReplayResult(row, row.delivery)
    made = db.execute(
        "INSERT INTO deliveries (event, channel, route, template, state, reason, replayed_at) "
        "SELECT event, channel, route, template, 'waiting', '', ? FROM deliveries WHERE id = ?",
        (now, row.delivery),
    )
    return ReplayResult(row, made.lastrowid)


def _obstacle(db: sqlite3.Connection, row: DeliveryRow, mark: Cursor) -> Literal["", "waiting", "changed", "gone"]:
    """Why a delivery is passed over.

    No clock is asked: what others did since the row was read shows in the row itself and in newer deliveries.
    """
    found = db.execute(
        "SELECT event, state, attempts, replayed_at FROM deliveries WHERE id = ?", (row.delivery,)
    ).fetchone()
    if found is None:
        return "gone"
    event, *as_it_is = found
    others = db.execute(
        "SELECT state, id FROM deliveries WHERE event = ? AND channel = ?", (event, text(row.channel))
    ).fetchall()
    if any(state == "waiting" for state, _ in others):
        return "waiting"
    if as_it_is != [row.state, row.attempts, row.replayed_at] or any(number > mark.last for _, number in others):
        return "changed"
    return ""
