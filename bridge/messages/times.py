"""Times and durations in a message: Slack shows a date in each reader's own zone and language."""

import math
import re
from datetime import UTC, datetime, timedelta

import humanize
from markupsafe import Markup

from bridge.core.payload import clean
from bridge.core.times import written_time
from bridge.messages.mrkdwn import escaped, markup, plain_text

DATE_FORMAT = "{date_short_pretty} at {time}"
_MILLISECONDS = 100_000_000_000
"""Larger numbers are milliseconds; as seconds it is the year 5138."""
_FORMAT_RULE = re.compile(r"[^<>|^\n]{1,100}\Z")
_LONGEST = 100 * 366 * 86_400


def date(value: object, format: str = DATE_FORMAT) -> Markup:  # noqa: A002 - templates may name the argument
    """Return a time as a Slack date, shown in each reader's zone; a value that is not a time stays text.

    ``format`` holds Slack's tokens (``{date_num} {date} {date_short} {date_long}`` and their ``_pretty`` forms,
    ``{time} {time_secs} {ago}``). Slack docs, Formatting message text,
    https://docs.slack.dev/messaging/formatting-message-text/#date-formatting. The fallback text is in UTC.
    """
    seconds = unix_time(value)
    if seconds is None:
        return escaped(value)
    tokens = format if _FORMAT_RULE.match(format) else DATE_FORMAT
    clock = " %H:%M UTC" if "{time" in tokens or "{ago" in tokens else ""  # a format of the day alone has no time
    shown = datetime.fromtimestamp(seconds, UTC).strftime(f"%Y-%m-%d{clock}")
    return markup(f"<!date^{int(seconds)}^{escaped(tokens)}|{shown}>")


def unix_time(value: object) -> float | None:
    """Return a time in Unix seconds, from seconds, milliseconds or a text of `written_time`; else None."""
    seconds = _number(value)
    if seconds is None:
        return written_time(plain_text(value).strip()) if isinstance(value, str) else None
    if abs(seconds) > _MILLISECONDS:
        seconds /= 1000
    return seconds if -62_135_596_800 <= seconds < 253_402_300_800 else None


def _number(value: object) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\d{9,13}(?:\.\d{1,9})?", value, re.ASCII):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None


def duration(value: object) -> Markup:
    """Return seconds in words, in the two largest units: ``2 minutes and 5 seconds``. Other values stay unchanged."""
    seconds = _seconds(value)
    if seconds is None:
        return escaped(clean(plain_text(value), 100))
    if seconds < 1:
        return escaped("less than a second" if seconds else "0 seconds")
    smallest, step = ("seconds", 1) if seconds < 3600 else ("minutes", 60) if seconds < 86_400 else ("hours", 3600)
    whole = timedelta(seconds=round(seconds / step) * step)  # otherwise humanize writes "1 hour and 60 minutes"
    return escaped(humanize.precisedelta(whole, smallest, format="%0.0f"))


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(plain_text(value).strip()) if len(value) <= 30 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LONGEST and math.isfinite(value) else None
