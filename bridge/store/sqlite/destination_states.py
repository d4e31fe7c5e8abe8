"""Blocked channels: the reason, since when, and whether the alert was posted."""

import sqlite3

from bridge.core.states import SHOWN, DeliveryState, WorkerState
from bridge.store.models import DestinationState
from bridge.store.sqlite.records import literals, text


def record(db: sqlite3.Connection, channel: str, state: WorkerState, detail: str, now: float) -> bool:
    """Record a blocked channel. Return whether an alert is still due.

    The same state again, for example after a restart, is the same incident: its beginning and its alert stay.
    """
    name = text(channel)
    db.execute(
        "INSERT INTO destination_states (channel, state, detail, since) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (channel) DO UPDATE SET "
        "detail = excluded.detail, state = excluded.state, "
        "since = CASE state WHEN excluded.state THEN since ELSE excluded.since END, "
        "alerted = CASE state WHEN excluded.state THEN alerted ELSE 0 END",
        (name, state, text(detail), now),
    )
    return not db.execute("SELECT alerted FROM destination_states WHERE channel = ?", (name,)).fetchone()[0]


def mark_alerted(db: sqlite3.Connection, channel: str) -> None:
    """Record that the alert was posted."""
    db.execute("UPDATE destination_states SET alerted = 1 WHERE channel = ?", (text(channel),))


def held(db: sqlite3.Connection, channel: str) -> int:
    """Return the number of deliveries that a blocked channel held: those still waiting, or posted since."""
    number = db.execute(
        "SELECT count(*) FROM deliveries d JOIN destination_states s ON s.channel = d.channel "  # noqa: S608 (our own text)
        f"WHERE s.channel = ? AND (d.state = {literals(DeliveryState.WAITING)} "
        f"OR d.state IN ({literals(*SHOWN)}) AND d.settled_at >= s.since)",
        (text(channel),),
    ).fetchone()[0]
    return int(number)


def clear(db: sqlite3.Connection, channel: str) -> None:
    """Remove a channel's state."""
    db.execute("DELETE FROM destination_states WHERE channel = ?", (text(channel),))


def rows(db: sqlite3.Connection) -> list[DestinationState]:
    """Return all blocked channels, by name."""
    found = db.execute("SELECT channel, state, detail, since, alerted FROM destination_states ORDER BY channel")
    return [
        DestinationState(channel, WorkerState(state), detail, since, bool(alerted))
        for channel, state, detail, since, alerted in found
    ]
