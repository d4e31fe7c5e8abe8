"""The lanes that do not run, with what is wrong, since when, and whether that was told."""

import sqlite3

from bridge.store.models import DestinationState
from bridge.store.sqlite.records import text


def note(db: sqlite3.Connection, channel: str, state: str, detail: str, now: float) -> bool:
    """Write down that a lane does not run. Returns whether this trouble is still to be told.

    The same state again, after a restart say, is the same trouble: it began when it began, and is not told twice.
    """
    name = text(channel)
    db.execute(
        "INSERT INTO lanes (channel, state, detail, since) VALUES (?, ?, ?, ?) ON CONFLICT (channel) DO UPDATE SET "
        "detail = excluded.detail, state = excluded.state, "
        "since = CASE state WHEN excluded.state THEN since ELSE excluded.since END, "
        "told = CASE state WHEN excluded.state THEN told ELSE 0 END",
        (name, state, text(detail), now),
    )
    return not db.execute("SELECT told FROM lanes WHERE channel = ?", (name,)).fetchone()[0]


def told(db: sqlite3.Connection, channel: str) -> None:
    """A lane's trouble was told."""
    db.execute("UPDATE lanes SET told = 1 WHERE channel = ?", (text(channel),))


def clear(db: sqlite3.Connection, channel: str) -> int:
    """A lane runs again, or is gone. Returns how many deliveries it had held: those that wait, and those gone since."""
    name = text(channel)
    held = db.execute(
        "SELECT count(*) FROM deliveries d JOIN lanes l ON l.channel = d.channel WHERE l.channel = ? "
        "AND (d.state = 'waiting' OR d.state IN ('delivered', 'told') AND d.settled_at >= l.since)",
        (name,),
    ).fetchone()[0]
    db.execute("DELETE FROM lanes WHERE channel = ?", (name,))
    return int(held)


def rows(db: sqlite3.Connection) -> list[DestinationState]:
    """Every lane that does not run, by its channel."""
    found = db.execute("SELECT channel, state, detail, since, told FROM lanes ORDER BY channel")
    return [
        DestinationState(channel, state, detail, since, bool(told)) for channel, state, detail, since, told in found
    ]
