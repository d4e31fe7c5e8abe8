"""Moments as people write them on the command line, and as they read them there."""

from datetime import UTC, datetime, time, timedelta, tzinfo

from bridge.config.units import duration

HINT = 'write how long ago, such as "2h" or "7d", or a date or time such as "2026-11-25" or "2026-11-25T09:41"'


def moment(text: str, now: float, *, end: bool = False, zone: tzinfo | None = None) -> float:
    """``2h`` (ago), ``2026-11-25``, ``2026-11-25 09:41`` or any ISO 8601 time, in Unix seconds.

    Without a zone it is meant in ``zone``, which is this machine's unless it is given. A date alone is its beginning,
    or with ``end`` the end of that day. Raises ValueError with the mend.
    """
    written = text.strip()
    try:
        return now - duration(written)
    except ValueError:
        pass
    try:
        read = datetime.fromisoformat(written)
        if end and read.time() == time() and not any(c in written for c in "T :"):
            read += timedelta(days=1)
        aware = read if read.tzinfo else read.replace(tzinfo=zone) if zone else read.astimezone()
        return aware.timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"is no moment: {HINT}") from None


def shown(moment: float, zone: tzinfo | None = None) -> str:
    """A moment as people read it, in ``zone`` or in this machine's."""
    return f"{datetime.fromtimestamp(moment, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def iso(moment: float | None) -> str | None:
    """A moment for scripts: ISO 8601 in UTC, with milliseconds."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
