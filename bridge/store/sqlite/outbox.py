"""Claim deliveries for the channel workers, and settle them by their results."""

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bridge.core import large_bodies
from bridge.core.states import DeliveryState
from bridge.events import Event
from bridge.sources import PROVIDERS, Malformed
from bridge.store.models import Delivery, DeliveryResult
from bridge.store.sqlite import last_states, repeat_windows
from bridge.store.sqlite.records import EVENT, event_of, json_text, literals, request_of, text

CLAIM_BYTES = 2 * 2**20
"""Bytes of bodies behind one claim: as Python data they take several times as much."""

COLUMNS = f"""
    d.id, d.channel, d.route, d.template, d.attempts, d.revived, d.replayed_at, d.group_state,
    e.request, e.part, length(r.body), {EVENT}
"""
"""The columns that ``deliveries_of`` reads."""

CLAIM = f"""
    SELECT {COLUMNS} FROM deliveries d INDEXED BY deliveries_state
    JOIN events e ON e.seq = d.event
    JOIN requests r ON r.id = e.request
    WHERE d.state = {literals(DeliveryState.WAITING)} AND d.channel = ? ORDER BY d.id LIMIT ?
"""  # noqa: S608 (made of our own constants)

log = logging.getLogger("bridge.store")


def claim(db: sqlite3.Connection, channel: str, n: int) -> list[Delivery]:
    """Return the oldest ``n`` waiting deliveries of a channel; fewer if their bodies are large, but at least one."""
    return deliveries_of(db, db.execute(CLAIM, (text(channel), max(0, n))))


def deliveries_of(db: sqlite3.Connection, found: sqlite3.Cursor) -> list[Delivery]:
    """Return deliveries with payloads from rows of ``COLUMNS``; fewer if bodies are large, but at least one."""
    deliveries: list[Delivery] = []
    parsed: dict[int, Sequence[Event]] = {}
    size = 0
    for row in found:
        number, channel, route, template, attempts, revived, replayed_at, state, request, part, length, *columns = row
        event = event_of(tuple(columns), {})
        if request not in parsed:
            size += length
            if deliveries and size > CLAIM_BYTES:
                break
            parsed[request] = _reread(event, db, request, length)
        event = replace(event, payload=_payload(parsed[request], part, event.id))
        group_state = last_states.read(state)
        deliveries.append(
            Delivery(number, event, channel, route, template, attempts, bool(revived), replayed_at, group_state)
        )
    return deliveries


def with_payload(db: sqlite3.Connection, event: Event, request: int, part: int, length: int) -> Event:
    """Return an event with its payload. ``length`` is the body's, in bytes."""
    return replace(event, payload=_payload(_reread(event, db, request, length), part, event.id))


def _reread(event: Event, db: sqlite3.Connection, request: int, length: int) -> Sequence[Event]:
    """Parse the request's events again; none if that is impossible. ``length`` is the body's, in bytes."""
    with large_bodies.one_at_a_time(length):
        events = _parse(event, db, request)
        if length < large_bodies.LARGE:
            return events
        # A message shows a few lines, and may wait for long: a part of a large payload is enough.
        return [replace(event, payload=large_bodies.cut_down(event.payload)) for event in events]


def _parse(event: Event, db: sqlite3.Connection, request: int) -> Sequence[Event]:
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
        # A provider's code changed, or the body is damaged. An exception here would block the channel for ever.
        log.exception("event %s: stored body not readable", event.id)
        return ()


def _payload(events: Sequence[Event], part: int, event_id: str) -> Mapping[str, object]:
    if part < len(events):
        return events[part].payload
    log.error("event %s: payload missing, posted without it", event_id)
    return {}


def settle(
    db: sqlite3.Connection, results: Sequence[DeliveryResult], messages: Sequence[str | None], now: float
) -> None:
    """Record results, within the caller's transaction. ``messages`` are the posted messages as JSON, one for each."""
    for result, message in zip(results, messages, strict=True):
        row: tuple[str, int, str] | None = db.execute(
            "SELECT state, attempts, channel FROM deliveries WHERE id = ?", (result.delivery,)
        ).fetchone()
        if row is None:
            continue
        state, attempts, channel = row
        line = text(result.line) or None
        if (attempt := result.attempt) is not None:
            attempts += 1
            db.execute(
                "INSERT INTO attempts (delivery, number, at, kind, status, answer, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    result.delivery,
                    attempts,
                    attempt.at,
                    attempt.kind,
                    attempt.status,
                    text(attempt.answer),
                    attempt.seconds,
                ),
            )
        if state == DeliveryState.WAITING:
            db.execute(
                "UPDATE deliveries SET state = ?, reason = ?, attempts = ?, settled_at = ?, template_fault = ?, "
                "line = coalesce(?, line), message = coalesce(?, message), summarized_in = ? WHERE id = ?",
                (
                    result.state,
                    text(result.reason),
                    attempts,
                    None if result.state == DeliveryState.WAITING else now,
                    text(result.template_fault),
                    line,
                    message,
                    text(result.summarized_in) or None,
                    result.delivery,
                ),
            )
            if result.opens_window:
                repeat_windows.begin(db, channel, result.opens_window, result.delivery, now)
            if result.repeat_window:
                repeat_windows.count_repeat(db, channel, result.repeat_window)
            if result.remembers:
                last_states.remember(db, channel, *result.remembers, now)
        else:
            db.execute(
                "UPDATE deliveries SET attempts = ?, line = coalesce(?, line), message = coalesce(?, message) "
                "WHERE id = ?",
                (attempts, line, message, result.delivery),
            )


def message_texts(results: Sequence[DeliveryResult]) -> list[str | None]:
    """Return the messages as JSON. Raises TypeError or ValueError for a bad message, the caller's error."""
    return [None if s.message is None else json_text(s.message) for s in results]
