"""Read the complete record of one event, from its arrival to Slack's answers."""

import json
import sqlite3
from collections.abc import Iterator, Mapping

from bridge.core.states import OutcomeKind
from bridge.events import Event
from bridge.store.log_models import DedupeKey, DeliveryHistory, DeliveryRow, Digest, EventHistory
from bridge.store.models import Attempt
from bridge.store.sqlite import event_log
from bridge.store.sqlite.records import EVENT, event_of, request_of, text


def event_history(db: sqlite3.Connection, event_id: str) -> EventHistory | None:
    """Return the record of one event, None for an unknown one."""
    row = db.execute(
        f"SELECT e.seq, e.request, e.part, {EVENT} FROM events e WHERE e.id = ?",  # noqa: S608 (our own text)
        (text(event_id),),
    ).fetchone()
    if row is None:
        return None
    seq, request, part, *columns = row
    event = event_of(tuple(columns), {})
    numbers = [number for (number,) in db.execute("SELECT id FROM deliveries WHERE event = ?", (seq,))]
    rows = reversed(event_log.rows_of(db, numbers))
    return EventHistory(
        event=event,
        request=request_of(db, request),
        part=part,
        keys=tuple(_dedupe_keys(db, event)),
        deliveries=tuple(_delivery_history(db, row) for row in rows),
    )


def _delivery_history(db: sqlite3.Connection, row: DeliveryRow) -> DeliveryHistory:
    digest = _digest(db, row.summarized_in)
    return DeliveryHistory(row, _attempts(db, row.delivery), message_of(db, row.delivery), digest)


def message_of(db: sqlite3.Connection, delivery: int) -> Mapping[str, object] | None:
    """Return the posted message of a delivery, if any."""
    row = db.execute("SELECT message FROM deliveries WHERE id = ?", (delivery,)).fetchone()
    return None if row is None else _message(row[0])


def _message(written: str | None) -> Mapping[str, object] | None:
    message: object = None if written is None else json.loads(written)
    return message if isinstance(message, dict) else None


def _dedupe_keys(db: sqlite3.Connection, event: Event) -> Iterator[DedupeKey]:
    for key in event.keys:
        row = db.execute(
            "SELECT expires_at FROM keys WHERE source = ? AND key = ? AND event = ?",
            (text(event.source), text(key), event.id),
        ).fetchone()
        yield DedupeKey(key, None if row is None else row[0])


def _attempts(db: sqlite3.Connection, delivery: int) -> tuple[Attempt, ...]:
    rows = db.execute(
        "SELECT at, kind, status, answer, seconds FROM attempts WHERE delivery = ? ORDER BY number", (delivery,)
    )
    return tuple(Attempt(at, OutcomeKind(kind), *answer) for at, kind, *answer in rows)


def _digest(db: sqlite3.Connection, summarized_in: str | None) -> Digest | None:
    row = db.execute("SELECT id, posted_at, message FROM digests WHERE id = ?", (summarized_in,)).fetchone()
    if row is None:
        return None
    digest_id, posted_at, message = row
    return Digest(digest_id, posted_at, _message(message) or {})
