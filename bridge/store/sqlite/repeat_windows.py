"""The windows in which messages that read the same are folded into the first of them."""

import sqlite3

from bridge.store.models import RepeatWindow
from bridge.store.sqlite.records import text


def first_of(db: sqlite3.Connection, channel: str, window: RepeatWindow, now: float) -> int | None:
    """The delivery that was shown in the window that is open for such a message; None if none is."""
    row: tuple[int] | None = db.execute(
        "SELECT first FROM repeats WHERE channel = ? AND route = ? AND subject = ? AND print = ? AND until > ?",
        (*_key(channel, window), now),
    ).fetchone()
    return row[0] if row else None


def begin(db: sqlite3.Connection, channel: str, window: RepeatWindow, first: int, now: float) -> None:
    """Open a window. What one before it has folded and not told yet is told with this one."""
    db.execute(
        "INSERT INTO repeats (channel, route, subject, print, first, title, since, until) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, route, subject, print) DO UPDATE SET "
        "first = excluded.first, title = excluded.title, until = excluded.until, "
        "since = CASE WHEN more THEN since ELSE excluded.since END",
        (*_key(channel, window), first, text(window.title), now, window.until),
    )


def fold(db: sqlite3.Connection, channel: str, window: RepeatWindow) -> None:
    """Count one more message in an open window."""
    db.execute(
        "UPDATE repeats SET more = more + 1 WHERE channel = ? AND route = ? AND subject = ? AND print = ?",
        _key(channel, window),
    )


def ended(db: sqlite3.Connection, channel: str, now: float) -> list[RepeatWindow]:
    """Windows of a channel that are over and not closed yet, the oldest first."""
    rows = db.execute(
        "SELECT route, subject, print, title, until, since, more FROM repeats "
        "WHERE channel = ? AND until <= ? ORDER BY until LIMIT 100",
        (text(channel), now),
    )
    return [RepeatWindow(*row) for row in rows]


def next_end(db: sqlite3.Connection, channel: str) -> float | None:
    """When the next of a channel's windows ends."""
    until: float | None = db.execute("SELECT min(until) FROM repeats WHERE channel = ?", (text(channel),)).fetchone()[0]
    return until


def close(db: sqlite3.Connection, channel: str, window: RepeatWindow) -> None:
    """What was folded in a window is told."""
    db.execute(
        "DELETE FROM repeats WHERE channel = ? AND route = ? AND subject = ? AND print = ?", _key(channel, window)
    )


def _key(channel: str, window: RepeatWindow) -> tuple[str, str, str, str]:
    return text(channel), text(window.route), text(window.subject), window.print
