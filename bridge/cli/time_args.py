"""Times as arguments and in the output of commands."""

from datetime import UTC, datetime, time, timedelta, tzinfo

from bridge.config.units import duration

HINT = 'write an age such as "2h" or "7d", or a date or time such as "2026-11-25" or "2026-11-25T09:41"'


def parse_time(text: str, now: float, *, end: bool = False, zone: tzinfo | None = None) -> float:
    """Parse ``2h`` (ago), ``2026-11-25``, ``2026-11-25 09:41`` or any ISO 8601 time into Unix seconds.

    A time without a zone is in ``zone``, by default this machine's. A date alone means the start of the day, with
    ``end`` its end. Raises ValueError with the hint.
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
        raise ValueError(f"is not a time: {HINT}") from None


def local_time(seconds: float, zone: tzinfo | None = None) -> str:
    """Format Unix seconds for people, in ``zone`` or this machine's zone."""
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(zone):%Y-%m-%d %H:%M:%S}"


def iso_time(seconds: float | None) -> str | None:
    """Format Unix seconds for scripts: ISO 8601 in UTC, with milliseconds."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
