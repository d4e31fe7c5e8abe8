"""Parse times as providers write them, for sources and messages."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def written_time(text: str) -> float | None:
    """Parse ISO 8601 or RFC 2822 into Unix seconds; None for anything else. No zone means UTC.

    GitLab alone writes ``2013-12-03T17:15:43Z``, ``2016-08-12 15:23:28 UTC``, ``2021-04-28 21:50:00 +0200``,
    ``2026-08-02T10:41:35.000+00:00``, and in its documentation even ``2015-04-08T21: 00:25-07:00``; Twilio's callbacks
    write ``Mon, 23 Nov 2026 09:41:00 +0000``.
    """
    if not 10 <= len(text) <= 64:
        return None
    if text[4] == "-":  # fast path
        try:
            moment = datetime.fromisoformat(f"{text[:-4]}+00:00" if text.endswith(" UTC") else text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            pass
    clock = text[11:].replace(" ", "").removesuffix("UTC")
    try:
        if "," in text:
            moment = parsedate_to_datetime(text)
        else:
            moment = datetime.fromisoformat(f"{text[:10]}T{clock}" if clock else text[:10])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
