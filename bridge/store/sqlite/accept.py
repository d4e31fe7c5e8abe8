"""Store new events with their keys and deliveries, and recognize duplicates."""

import logging
import sqlite3
from collections.abc import Sequence

from bridge.core.states import DeliveryState
from bridge.store.models import AcceptResult, Arrival, NewEvent
from bridge.store.sqlite import last_states
from bridge.store.sqlite.records import EVENT_COLUMNS, event_values, insert_request, text

_INSERT_EVENT = f"""
    INSERT INTO events ({", ".join(EVENT_COLUMNS)}, request, part, former_line)
    VALUES ({", ".join("?" * len(EVENT_COLUMNS))}, ?, ?, '')
"""  # noqa: S608 (made of our own constants)
log = logging.getLogger("bridge.store")


def accept(db: sqlite3.Connection, arrivals: Sequence[Arrival], now: float) -> list[list[AcceptResult]]:
    """Store the new events of requests, within the caller's transaction.

    A request that cannot be stored has no results, and costs none of its neighbours. Raises its error if it is alone.
    """
    if len(arrivals) == 1:
        return [_accept_one(db, arrivals[0], now)]
    return [_accept_apart(db, arrival, now) for arrival in arrivals]


def _accept_apart(db: sqlite3.Connection, arrival: Arrival, now: float) -> list[AcceptResult]:
    db.execute("SAVEPOINT arrival")
    try:
        results = _accept_one(db, arrival, now)
    except Exception:
        # After some errors SQLite rolls back by itself, see https://www.sqlite.org/lang_transaction.html.
        if not db.in_transaction:
            raise
        log.exception("a request of a batch cannot be stored")
        db.execute("ROLLBACK TO arrival")
        results = []
    db.execute("RELEASE arrival")
    return results


def _accept_one(db: sqlite3.Connection, arrival: Arrival, now: float) -> list[AcceptResult]:
    outcomes: list[AcceptResult] = []
    request_number: int | None = None
    for entry in arrival.entries:
        source = text(entry.event.source)
        keys = [text(key) for key in entry.event.keys]
        first = _first_arrival(db, source, keys, now)
        if first is None:
            if request_number is None:
                request_number = insert_request(db, arrival.request)
            outcome = _keep(db, request_number, entry, now)
        else:
            outcome = _revive_or_ignore(db, first)
        # A key that has not expired keeps its time: a resend does not extend it. One that would live longer than a new
        # one is cut: the clock was set back, or its time was made shorter. Else a real repeat would be a duplicate.
        for key, ttl in zip(keys, entry.ttls, strict=True):
            db.execute(
                "INSERT INTO keys (source, key, event, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (source, key) "
                "DO UPDATE SET expires_at = excluded.expires_at, "
                "event = CASE WHEN expires_at <= ? THEN excluded.event ELSE event END "
                "WHERE expires_at <= ? OR expires_at > excluded.expires_at",
                (source, key, outcome.id, now + ttl, now, now),
            )
        outcomes.append(outcome)
    return outcomes


def _first_arrival(db: sqlite3.Connection, source: str, keys: list[str], now: float) -> str | None:
    """Return the id of the event that any of the keys belongs to."""
    for key in keys:
        row: tuple[str] | None = db.execute(
            "SELECT event FROM keys WHERE source = ? AND key = ? AND expires_at > ?", (source, key, now)
        ).fetchone()
        if row is not None:
            return row[0]
    return None


def _keep(db: sqlite3.Connection, request_number: int, entry: NewEvent, now: float) -> AcceptResult:
    event = entry.event
    seq = db.execute(_INSERT_EVENT, (*event_values(event), request_number, entry.part)).lastrowid
    for planned in entry.deliveries:
        db.execute(
            "INSERT INTO deliveries (event, channel, route, template, state, reason, settled_at, group_state) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                seq,
                text(planned.channel),
                text(planned.route),
                None if planned.template is None else text(planned.template),
                planned.state,
                text(planned.reason),
                None if planned.state == DeliveryState.WAITING else now,
                None if planned.group_state is None else last_states.written(planned.group_state),
            ),
        )
    return AcceptResult(
        "accepted", event.id, tuple(p.channel for p in entry.deliveries if p.state == DeliveryState.WAITING)
    )


def _revive_or_ignore(db: sqlite3.Connection, event_id: str) -> AcceptResult:
    """Return a duplicate's result. If deliveries of the first arrival are dead, its resend revives them."""
    dead = db.execute(
        "SELECT d.id, d.channel FROM events e JOIN deliveries d ON d.event = e.seq WHERE e.id = ? AND d.state = ?",
        (event_id, DeliveryState.DEAD),
    ).fetchall()
    if not dead:
        return AcceptResult("duplicate", event_id)
    db.executemany(
        "UPDATE deliveries SET state = ?, revived = 1, settled_at = NULL, render_fault = '' WHERE id = ?",
        [(DeliveryState.WAITING, delivery) for delivery, _ in dead],
    )
    return AcceptResult("revived", event_id, tuple(channel for _, channel in dead))
