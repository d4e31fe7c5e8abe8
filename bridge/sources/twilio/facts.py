"""The facts of one callback or stream event, and how its words are read."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from bridge.core.payload import clean, text_at
from bridge.core.times import written_time

_WITHHELD = {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", "restricted", "unknown"}
"""Twilio's numbers for a hidden caller: the letters of "anonymous" and the like, as digits on a keypad."""


class EventFacts(NamedTuple):
    """Facts of one callback or stream event.

    ``key`` is None if no field identifies the event; ``occurred_at`` is in Unix seconds.
    """

    type: str
    key: str | None
    subject: str
    name: str = ""
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None
    test: bool = False


def text(fields: Mapping[str, object], name: str) -> str:
    """Return the text of a field, a number in decimal, or ""; as text_at does, without a path."""
    value = fields.get(name)
    return value if type(value) is str else "" if value is None else text_at(fields, name)


def type_word(status: str) -> str:
    """Return a status as part of a type: lower case and short, never empty."""
    return clean(status.lower(), 60) or "unknown"


def address(written: str) -> str:
    """Return a number, name or SIP address without the channel before it; "" for a withheld number."""
    channel, colon, rest = written.partition(":")
    plain = clean(rest if colon and channel.isascii() and channel.isalpha() else written, 80)
    return "" if plain.lower() in _WITHHELD else plain


_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}


def callback_time(written: str) -> float | None:
    """Return the Unix seconds of ``Mon, 23 Nov 2026 09:41:00 +0000``, as callbacks write it, or of any written time."""
    if len(written) == 31 and written.endswith(" +0000"):  # the standard library's parser takes as long as all the rest
        day, month, year, clock = written[5:7], written[8:11], written[12:16], written[17:25].split(":")
        try:
            hour, minute, second = map(int, clock)
            return datetime(int(year), _MONTHS[month], int(day), hour, minute, second, tzinfo=UTC).timestamp()
        except (KeyError, ValueError, OverflowError):
            pass
    return written_time(written) if written else None
