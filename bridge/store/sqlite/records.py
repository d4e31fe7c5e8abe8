"""Requests and events as rows, and back."""

import json
import math
import sqlite3
from collections.abc import Mapping

from bridge.events import Event, Request

EVENT_COLUMNS = (
    *("id", "source", "provider", "type", "keys", "subject", "title", "url", "actor"),
    *("occurred_at", "received_at", "confidential", "test"),
)
"""The columns of an event, in the order of ``event_values`` and ``event_of``."""

EventRow = tuple[str, str, str, str, str, str, str, str, str, float | None, float, int, int]


def text(value: str) -> str:
    """Text that SQLite takes: lone surrogates, which are no UTF-8, are written out as backslash escapes."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def json_text(value: object) -> str:
    """JSON of outside data for a column: ASCII, so that lone surrogates need no care."""
    return json.dumps(value, separators=(",", ":"))


def seconds(value: float | None) -> float | None:
    """A time that SQLite can hold. What is no finite double (a huge integer, NaN) is no time."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def event_values(event: Event) -> EventRow:
    """An event's columns."""
    return (
        event.id,
        text(event.source),
        text(event.provider),
        text(event.type),
        json_text(event.keys),
        text(event.subject),
        text(event.title),
        text(event.url),
        text(event.actor),
        seconds(event.occurred_at),
        event.received_at,
        event.confidential,
        event.test,
    )


def event_of(row: EventRow, payload: Mapping[str, object]) -> Event:
    """An event from its columns."""
    return Event(
        id=row[0],
        source=row[1],
        provider=row[2],
        type=row[3],
        keys=tuple(json.loads(row[4])),
        payload=payload,
        subject=row[5],
        title=row[6],
        url=row[7],
        actor=row[8],
        occurred_at=row[9],
        received_at=row[10],
        confidential=bool(row[11]),
        test=bool(row[12]),
    )


def keep_request(db: sqlite3.Connection, request: Request) -> int:
    """Write a request down. Returns its number."""
    cursor = db.execute(
        "INSERT INTO requests (method, url, headers, body) VALUES (?, ?, ?, ?)",
        (text(request.method), text(request.url), json_text(dict(request.headers)), request.body),
    )
    return cursor.lastrowid or 0


def request_of(db: sqlite3.Connection, number: int) -> Request:
    """A request by its number. Raises LookupError."""
    row = db.execute("SELECT method, url, headers, body FROM requests WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"no request {number}")
    method, url, headers, body = row
    return Request(method, url, json.loads(headers), body)
