"""The rate and the pauses of each webhook, by a salted digest of its URL: the URL is a secret, and never stored."""

import hmac
import secrets
import sqlite3

from bridge.core.clock import ROUNDING


def reserve(db: sqlite3.Connection, webhook: str, per_second: float, burst: int, now: float) -> float:
    """Count a post and return 0, or return the seconds to wait before it may be asked for again.

    The generic cell rate algorithm: ``next_post_at`` is the time of the next post at an even rate, and a post may be
    early by less than the burst.
    """
    digest = _own_digest(db, webhook)
    stored, paused_until = _row(db, digest, now)
    early = (burst - 1) / per_second
    # A reservation moves it by no more than this. Longer is a slower rate of before, or a clock that was set back.
    next_post_at = min(stored, now + burst / per_second)
    # No burst after a pause.
    next_post_at = max(next_post_at, paused_until + early)
    seconds = next_post_at - early - now
    if is_free := seconds <= ROUNDING:
        next_post_at = max(next_post_at, now) + 1 / per_second
    if is_free or next_post_at < stored:
        db.execute(
            "INSERT INTO webhooks (digest, next_post_at, paused_at, paused_until) VALUES (?, ?, 0, 0) "
            "ON CONFLICT (digest) DO UPDATE SET next_post_at = excluded.next_post_at",
            (digest, next_post_at),
        )
    return 0.0 if is_free else seconds


def pause(db: sqlite3.Connection, webhook: str, until: float, now: float) -> None:
    """Allow no post before ``until``. A longer pause stays."""
    digest = _own_digest(db, webhook)
    _, paused_until = _row(db, digest, now)
    db.execute(
        "INSERT INTO webhooks (digest, next_post_at, paused_at, paused_until) VALUES (?, 0, ?, ?) "
        "ON CONFLICT (digest) DO UPDATE SET paused_at = excluded.paused_at, paused_until = excluded.paused_until",
        (digest, now, max(until, paused_until)),
    )


def paused_until(db: sqlite3.Connection, webhook: str, now: float) -> float:
    """Return the end of a pause; 0 without one. Write nothing."""
    salt = _salt(db)
    _, until = (0.0, 0.0) if salt is None else _row(db, _digest(salt, webhook), now)
    return until if until > now else 0.0


def prune(db: sqlite3.Connection, before: float) -> None:
    """Forget webhooks that were not used for long."""
    db.execute("DELETE FROM webhooks WHERE next_post_at <= :before AND paused_until <= :before", {"before": before})


def _row(db: sqlite3.Connection, digest: bytes, now: float) -> tuple[float, float]:
    """Return ``next_post_at`` and ``paused_until``."""
    row = db.execute(
        "SELECT next_post_at, paused_at, paused_until FROM webhooks WHERE digest = ?", (digest,)
    ).fetchone()
    if row is None:
        return now, 0.0
    next_post_at, paused_at, until = row
    # A pause that has not begun yet: the clock was set back, and nobody can say how much of it is left.
    return next_post_at, until if paused_at <= now else 0.0


def _own_digest(db: sqlite3.Connection, webhook: str) -> bytes:
    """Return the digest of a URL. Make the store's salt at the first."""
    if (salt := _salt(db)) is None:
        salt = secrets.token_bytes(32)
        db.execute("INSERT INTO salts (name, salt) VALUES ('webhooks', ?)", (salt,))
    return _digest(salt, webhook)


def _salt(db: sqlite3.Connection) -> bytes | None:
    row: tuple[bytes] | None = db.execute("SELECT salt FROM salts WHERE name = 'webhooks'").fetchone()
    return row[0] if row else None


def _digest(salt: bytes, webhook: str) -> bytes:
    # Salted, so that digests of two stores say nothing about each other, and no table of digests fits.
    return hmac.digest(salt, webhook.encode("utf-8", "backslashreplace"), "sha256")
