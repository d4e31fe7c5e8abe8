"""Who holds each channel's queue. Tokens only grow, also over restarts: the newest hold has the greatest."""

import sqlite3

from bridge.store.sqlite.records import text


def token_of(db: sqlite3.Connection, channel: str, owner: str) -> int | None:
    """Return the token of an owner's hold; None if another one holds the channel, or nobody."""
    row: tuple[int] | None = db.execute(
        "SELECT token FROM holds WHERE channel = ? AND owner = ?", (text(channel), text(owner))
    ).fetchone()
    return row[0] if row else None


def take(db: sqlite3.Connection, channel: str, owner: str) -> int:
    """Hold a channel. Return the token: the same one if the owner has it already."""
    token: int = db.execute(
        "INSERT INTO holds (channel, owner, token) VALUES (?, ?, 1) ON CONFLICT (channel) DO UPDATE SET "
        "token = CASE owner WHEN excluded.owner THEN token ELSE token + 1 END, owner = excluded.owner RETURNING token",
        (text(channel), text(owner)),
    ).fetchone()[0]
    return token


def is_newest(db: sqlite3.Connection, channel: str, token: int) -> bool:
    """Return whether there is no newer hold of a channel."""
    newest: tuple[int] | None = db.execute("SELECT token FROM holds WHERE channel = ?", (text(channel),)).fetchone()
    return newest == (token,)
