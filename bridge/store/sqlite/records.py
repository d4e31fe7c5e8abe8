"""Convert requests and events to rows, and back."""

import json
import math
import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from bridge.core.states import DeliveryState
from bridge.events import Event, Request
from bridge.sources import line_of

EVENT_COLUMNS = (
    *("id", "source", "provider", "type", "keys", "subject", "name", "url", "actor"),
    *("occurred_at", "received_at", "confidential", "test"),
)
"""The columns of an event, in the order of ``event_values`` and ``event_of``."""

EVENT = ", ".join(f"e.{column}" for column in EVENT_COLUMNS)
"""The same columns in a query, where ``e`` is the events."""

LINE = "CASE d.line WHEN '' THEN e.former_line ELSE d.line END, e.provider, e.type, e.subject, e.name"
"""What ``line_in`` reads, where ``d`` is the deliveries and ``e`` the events."""

EventRow = tuple[str, str, str, str, str, str, str, str, str, float | None, float, int, int]


def text(value: str) -> str:
    """Return text as valid UTF-8 for SQLite: lone surrogates become backslash escapes."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def literals(*states: DeliveryState) -> str:
    """Return states as SQL, for ``IN (…)`` or ``=``. Only for our own enum: nothing is escaped."""
    return ", ".join(f"'{state}'" for state in sorted(states))


def json_text(value: object) -> str:
    """Return JSON of outside data for a column, in ASCII: lone surrogates need no care."""
    return json.dumps(value, separators=(",", ":"))


def seconds(value: float | None) -> float | None:
    """Return a time for SQLite. A value without a finite double (a huge integer, NaN) becomes None."""
    if value is None:
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def event_values(event: Event) -> EventRow:
    """Return an event's columns."""
    return (
        event.id,
        text(event.source),
        text(event.provider),
        text(event.type),
        json_text(event.keys),
        text(event.subject),
        text(event.name),
        text(event.url),
        text(event.actor),
        seconds(event.occurred_at),
        event.received_at,
        event.confidential,
        event.test,
    )


def event_of(row: EventRow, payload: Mapping[str, object]) -> Event:
    """Return an event from its columns."""
    return Event(
        id=row[0],
        source=row[1],
        provider=row[2],
        type=row[3],
        keys=tuple(json.loads(row[4])),
        payload=payload,
        subject=row[5],
        name=row[6],
        url=row[7],
        actor=row[8],
        occurred_at=row[9],
        received_at=row[10],
        confidential=bool(row[11]),
        test=bool(row[12]),
    )


class _StoredFacts(NamedTuple):
    provider: str
    type: str
    subject: str
    name: str


def line_in(line: str, provider: str, event_type: str, subject: str, name: str) -> str:
    """Return a delivery's line, from the columns of ``LINE``: its provider's plain line before it is rendered."""
    return line or line_of(_StoredFacts(provider, event_type, subject, name))


def insert_request(db: sqlite3.Connection, request: Request) -> int:
    """Store a request. Return its number."""
    cursor = db.execute(
        "INSERT INTO requests (method, url, headers, body) VALUES (?, ?, ?, ?)",
        (text(request.method), text(request.url), json_text(dict(request.headers)), request.body),
    )
    return cursor.lastrowid or 0


def request_of(db: sqlite3.Connection, number: int) -> Request:
    """Return a request by its number. Raises LookupError."""
    row = db.execute("SELECT method, url, headers, body FROM requests WHERE id = ?", (number,)).fetchone()
    if row is None:
        raise LookupError(f"no request {number}")
    method, url, headers, body = row
    return Request(method, url, json.loads(headers), body)
