"""Replay: re-read stored deliveries and queue them again."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Literal

from bridge.core.states import DeliveryState
from bridge.store.log_models import Cursor, DeliveryRow, ReplayResult, StoredDelivery
from bridge.store.sqlite.history import message_of
from bridge.store.sqlite.outbox import COLUMNS, deliveries_of
from bridge.store.sqlite.records import text


def stored_deliveries(db: sqlite3.Connection, numbers: Sequence[int]) -> list[StoredDelivery]:
    """Return deliveries in the order of the numbers, with the posted messages."""
    found = db.execute(
        f"SELECT {COLUMNS} FROM json_each(?) j CROSS JOIN deliveries d ON d.id = j.value "  # noqa: S608 (our own text)
        "JOIN events e ON e.seq = d.event JOIN requests r ON r.id = e.request ORDER BY j.key",
        (json.dumps(numbers),),
    )
    return [StoredDelivery(delivery, message_of(db, delivery.id)) for delivery in deliveries_of(found)]


def replay(db: sqlite3.Connection, rows: Sequence[DeliveryRow], cursor: Cursor, now: float) -> list[ReplayResult]:
    """Queue deliveries again, within the caller's transaction, in the order in which their events were accepted."""
    order = sorted(range(len(rows)), key=lambda place: rows[place].accepted)
    results = {place: _replay(db, rows[place], cursor, now) for place in order}
    return [results[place] for place in range(len(rows))]


def _replay(db: sqlite3.Connection, row: DeliveryRow, cursor: Cursor, now: float) -> ReplayResult:
    if why := _obstacle(db, row, cursor):
        return ReplayResult(row, None, why)
    if row.state == DeliveryState.DEAD:
        db.execute(
            "UPDATE deliveries SET state = ?, revived = 1, settled_at = NULL, render_fault = '', replayed_at = ? "
            "WHERE id = ? AND state = ?",
            (DeliveryState.WAITING, now, row.delivery, DeliveryState.DEAD),
        )
        return ReplayResult(row, row.delivery)
    made = db.execute(
        "INSERT INTO deliveries (event, channel, route, template, state, reason, replayed_at, group_state) "
        "SELECT event, channel, route, template, ?, '', ?, group_state FROM deliveries WHERE id = ?",
        (DeliveryState.WAITING, now, row.delivery),
    )
    return ReplayResult(row, made.lastrowid)


def _obstacle(db: sqlite3.Connection, row: DeliveryRow, cursor: Cursor) -> Literal["", "waiting", "changed", "gone"]:
    """Return the reason to skip a delivery.

    No clock is needed: changes since the row was read show in the row itself and in newer deliveries.
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
    if any(state == DeliveryState.WAITING for state, _ in others):
        return "waiting"
    if as_it_is != [row.state, row.attempts, row.replayed_at] or any(number > cursor.last for _, number in others):
        return "changed"
    return ""
