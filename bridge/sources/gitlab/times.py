"""GitLab writes times in five ways; one reader for all of them."""

from datetime import UTC, datetime


def unix_time(text: str) -> float | None:
    """A time as GitLab writes it, in Unix seconds; None for anything that is not one.

    Seen: ``2013-12-03T17:15:43Z``, ``2016-08-12 15:23:28 UTC``, ``2021-04-28 21:50:00 +0200``,
    ``2026-08-02T10:41:35.000+00:00``, and in the documentation even ``2015-04-08T21: 00:25-07:00``. No zone means UTC.
    """
    if not 10 <= len(text) <= 40:
        return None
    clock = text[11:].replace(" ", "").removesuffix("UTC")
    try:
        moment = datetime.fromisoformat(f"{text[:10]}T{clock}" if clock else text[:10])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
