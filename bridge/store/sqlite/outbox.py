"""Claim deliveries for the channel workers, and settle them by their results."""

import logging
import sqlite3
from collections.abc import Sequence

from bridge.core.states import DeliveryState
from bridge.events import Request
from bridge.store.models import Delivery, DeliveryResult
from bridge.store.sqlite import last_states, records, repeat_windows
from bridge.store.sqlite.records import EVENT, event_of, json_text, literals, text

COLUMNS = f"""
    d.id, d.channel, d.route, d.template, d.attempts, d.revived, d.replayed_at, d.group_state, d.render_fault,
    e.part, length(r.body), {EVENT}
"""
"""The columns that ``deliveries_of`` reads, where ``r`` is the requests."""

CLAIM = f"""
    SELECT {COLUMNS} FROM deliveries d INDEXED BY deliveries_state
    JOIN events e ON e.seq = d.event
    JOIN requests r ON r.id = e.request
    WHERE d.state = {literals(DeliveryState.WAITING)} AND d.channel = ? ORDER BY d.id LIMIT ?
"""  # noqa: S608 (made of our own constants)
log = logging.getLogger("bridge.store")


def claim(db: sqlite3.Connection, channel: str, n: int) -> list[Delivery]:
    """Return the oldest ``n`` waiting deliveries of a channel."""
    return deliveries_of(db.execute(CLAIM, (text(channel), max(0, n))))


def deliveries_of(found: sqlite3.Cursor) -> list[Delivery]:
    """Return deliveries from rows of ``COLUMNS``, with empty payloads."""
    return [
        Delivery(
            id=number,
            event=event_of(tuple(event), {}),
            channel=channel,
            route=route,
            template=template,
            attempts=attempts,
            part=part,
            size=size,
            revived=bool(revived),
            replayed_at=replayed_at,
            group_state=last_states.read(state),
            template_fault=fault,
        )
        for number, channel, route, template, attempts, revived, replayed_at, state, fault, part, size, *event in found
    ]


def request_of(db: sqlite3.Connection, delivery: int) -> Request | None:
    """Return the request that a delivery's event arrived in; None without one that can be read."""
    row = db.execute(
        "SELECT e.request FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.id = ?", (delivery,)
    ).fetchone()
    if row is None:
        return None
    try:
        return records.request_of(db, row[0])
    except sqlite3.OperationalError:  # the disk, for now: the body is still there
        raise
    except (sqlite3.DatabaseError, LookupError, ValueError) as error:
        # Damage. An exception here would block the channel for ever.
        log.error("delivery %d: its request is not readable (%s)", delivery, error)
        return None


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


def record_render_fault(db: sqlite3.Connection, delivery: int, fault: str) -> None:
    """Record that the rendering of a waiting delivery was ended by force."""
    db.execute(
        "UPDATE deliveries SET render_fault = ? WHERE id = ? AND state = ?",
        (text(fault), delivery, DeliveryState.WAITING),
    )


def message_texts(results: Sequence[DeliveryResult]) -> list[str | None]:
    """Return the messages as JSON. Raises TypeError or ValueError for a bad message, the caller's error."""
    return [None if s.message is None else json_text(s.message) for s in results]
