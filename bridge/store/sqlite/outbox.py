"""Deliveries on their way out: claimed by the lanes, settled by what came of them."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bridge.core import large_bodies
from bridge.events import Event
from bridge.sources import PROVIDERS, Malformed
from bridge.store.models import Delivery, DeliveryResult
from bridge.store.sqlite import repeat_windows
from bridge.store.sqlite.records import EVENT_COLUMNS, event_of, json_text, request_of, text

CLAIM_BYTES = 2 * 2**20
"""Bodies behind one claim, in bytes: as Python data they take several times as much."""

COLUMNS = f"""
    d.id, d.channel, d.route, d.template, d.attempts, d.revived, d.replayed_at, e.request, e.part, length(r.body),
    {", ".join(f"e.{column}" for column in EVENT_COLUMNS)}
"""
"""What ``deliveries_of`` makes deliveries of."""

CLAIM = f"""
    SELECT {COLUMNS} FROM deliveries d INDEXED BY deliveries_state
    JOIN events e ON e.seq = d.event
    JOIN requests r ON r.id = e.request
    WHERE d.state = 'waiting' AND d.channel = ? ORDER BY d.id LIMIT ?
"""  # noqa: S608 (made of our own constants)

log = logging.getLogger("bridge.store")


def claim(db: sqlite3.Connection, channel: str, n: int) -> list[Delivery]:
    """The oldest ``n`` waiting deliveries of a channel; fewer where their bodies are large, but one at least."""
    return deliveries_of(db, db.execute(CLAIM, (text(channel), max(0, n))))


def deliveries_of(db: sqlite3.Connection, found: sqlite3.Cursor) -> list[Delivery]:
    """Deliveries with their payloads, from rows of ``COLUMNS``; fewer where bodies are large, but one at least."""
    deliveries: list[Delivery] = []
    parsed: dict[int, Sequence[Event]] = {}
    size = 0
    for row in found:
        number, channel, route, template, attempts, revived, replayed_at, request, part, length, *columns = row
        event = event_of(tuple(columns), {})
        if request not in parsed:
            size += length
            if deliveries and size > CLAIM_BYTES:
                break
            parsed[request] = _events_again(event, db, request, length)
        event = replace(event, payload=_payload(parsed[request], part, event.id))
        deliveries.append(Delivery(number, event, channel, route, template, attempts, bool(revived), replayed_at))
    return deliveries


def event_again(db: sqlite3.Connection, event: Event, request: int, part: int, length: int) -> Event:
    """An event with its payload. ``length`` is the body's, in bytes."""
    return replace(event, payload=_payload(_events_again(event, db, request, length), part, event.id))


def _events_again(event: Event, db: sqlite3.Connection, request: int, length: int) -> Sequence[Event]:
    """The request's events, read anew; none where that is not possible any more. ``length`` is the body's, in bytes."""
    with large_bodies.one_at_a_time(length):
        events = _read_again(event, db, request)
        if length < large_bodies.LARGE:
            return events
        # A message shows a few lines: what it waits with, perhaps for long, need not be the whole.
        return [replace(event, payload=large_bodies.cut_down(event.payload)) for event in events]


def _read_again(event: Event, db: sqlite3.Connection, request: int) -> Sequence[Event]:
    provider = PROVIDERS.get(event.provider)
    if provider is None:
        return ()
    try:
        return provider.events(request_of(db, request), event.source, event.received_at)
    except Malformed:
        return ()
    except sqlite3.OperationalError:  # the disk, for now: the payload is still there
        raise
    except Exception:
        # Code that reads otherwise than before, or a damaged body. Were this raised, the lane would never get past it.
        log.exception("the body of event %s cannot be read any more", event.id)
        return ()


def _payload(events: Sequence[Event], part: int, event_id: str) -> Mapping[str, object]:
    if part < len(events):
        return events[part].payload
    log.error("the payload of event %s cannot be read any more: it goes out without", event_id)
    return {}


def settle(
    db: sqlite3.Connection, settlements: Sequence[DeliveryResult], messages: Sequence[str | None], now: float
) -> None:
    """Record outcomes, within the caller's transaction. ``messages`` are what was posted, as JSON, one for each."""
    for settlement, message in zip(settlements, messages, strict=True):
        row: tuple[str, int, str] | None = db.execute(
            "SELECT state, attempts, channel FROM deliveries WHERE id = ?", (settlement.delivery,)
        ).fetchone()
        if row is None:
            continue
        state, attempts, channel = row
        if (attempt := settlement.attempt) is not None:
            attempts += 1
            db.execute(
                "INSERT INTO attempts (delivery, number, at, kind, status, answer, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    settlement.delivery,
                    attempts,
                    attempt.at,
                    text(attempt.kind),
                    attempt.status,
                    text(attempt.answer),
                    attempt.seconds,
                ),
            )
        if state == "waiting":
            db.execute(
                "UPDATE deliveries SET state = ?, reason = ?, attempts = ?, settled_at = ?, template_fault = ?, "
                "message = coalesce(?, message), told_in = ? WHERE id = ?",
                (
                    settlement.state,
                    text(settlement.reason),
                    attempts,
                    None if settlement.state == "waiting" else now,
                    text(settlement.template_fault),
                    message,
                    text(settlement.told_in) or None,
                    settlement.delivery,
                ),
            )
            if settlement.opens:
                repeat_windows.begin(db, channel, settlement.opens, settlement.delivery, now)
            if settlement.folds:
                repeat_windows.fold(db, channel, settlement.folds)
        else:
            db.execute(
                "UPDATE deliveries SET attempts = ?, message = coalesce(?, message) WHERE id = ?",
                (attempts, message, settlement.delivery),
            )


def message_texts(settlements: Sequence[DeliveryResult]) -> list[str | None]:
    """The messages as JSON. Raises TypeError or ValueError for what is none: an error of the caller, not the store."""
    return [None if s.message is None else json_text(s.message) for s in settlements]
