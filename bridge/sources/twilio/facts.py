"""The facts of one callback or stream event, and how its words are read."""

from dataclasses import dataclass

from bridge.core.payload import clean

_WITHHELD = {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", "restricted", "unknown"}
"""Twilio's numbers for a hidden caller: the letters of "anonymous" and the like, as digits on a keypad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
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


def type_word(text: str) -> str:
    """Return a status as part of a type: lower case and short, never empty."""
    return clean(text.lower(), 60) or "unknown"


def address(text: str) -> str:
    """Return a number, name or SIP address without the channel before it; "" for a withheld number."""
    channel, colon, rest = text.partition(":")
    plain = clean(rest if colon and channel.isascii() and channel.isalpha() else text, 80)
    return "" if plain.lower() in _WITHHELD else plain
