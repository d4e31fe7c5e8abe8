"""Repeat windows: within one, repeats of a message are counted and not posted.

A window that was opened in the future has ended: the clock was set back, and nobody can say how much of it is left.
"""

import sqlite3

from bridge.store.models import RepeatWindow
from bridge.store.sqlite.records import text


def first_of(db: sqlite3.Connection, channel: str, window: RepeatWindow, now: float) -> int | None:
    """Return the delivery shown in the open window of equal messages; None without one."""
    row: tuple[int] | None = db.execute(
        "SELECT first FROM repeat_windows WHERE "
        "channel = ? AND route = ? AND subject = ? AND fingerprint = ? AND opened_at <= ? AND until > ?",
        (*_key(channel, window), now, now),
    ).fetchone()
    return row[0] if row else None


def begin(db: sqlite3.Connection, channel: str, window: RepeatWindow, first: int, now: float) -> None:
    """Open a window. Repeats of an earlier one without a notice yet are added to it."""
    db.execute(
        "INSERT INTO repeat_windows (channel, route, subject, fingerprint, first, line, since, opened_at, until) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (channel, route, subject, fingerprint) DO UPDATE SET "
        "first = excluded.first, line = excluded.line, opened_at = excluded.opened_at, until = excluded.until, "
        "since = CASE WHEN repeats THEN since ELSE excluded.since END",
        (*_key(channel, window), first, text(window.line), now, now, now + window.seconds),
    )


def count_repeat(db: sqlite3.Connection, channel: str, window: RepeatWindow) -> None:
    """Count one more message in an open window."""
    db.execute(
        "UPDATE repeat_windows SET repeats = repeats + 1 "
        "WHERE channel = ? AND route = ? AND subject = ? AND fingerprint = ?",
        _key(channel, window),
    )


def ended(db: sqlite3.Connection, channel: str, now: float) -> list[RepeatWindow]:
    """Return a channel's ended windows that are not closed yet, the oldest first."""
    rows = db.execute(
        "SELECT route, subject, fingerprint, line, until - since, since, repeats FROM repeat_windows "
        "WHERE channel = :channel AND (until <= :now OR opened_at > :now) ORDER BY until LIMIT 100",
        {"channel": text(channel), "now": now},
    )
    return [RepeatWindow(*row) for row in rows]


def next_end(db: sqlite3.Connection, channel: str) -> float | None:
    """Return the end of a channel's next window."""
    until: float | None = db.execute(
        "SELECT min(until) FROM repeat_windows WHERE channel = ?", (text(channel),)
    ).fetchone()[0]
    return until


def close(db: sqlite3.Connection, channel: str, window: RepeatWindow) -> None:
    """Remove a window."""
    db.execute(
        "DELETE FROM repeat_windows WHERE channel = ? AND route = ? AND subject = ? AND fingerprint = ?",
        _key(channel, window),
    )


def _key(channel: str, window: RepeatWindow) -> tuple[str, str, str, str]:
    return text(channel), text(window.route), text(window.subject), window.fingerprint
