"""The first line of a message: what the event log, digests and repeat notices show of it."""

from collections.abc import Iterator
from datetime import UTC

from bridge.core.payload import clean
from bridge.messages.links import link
from bridge.messages.mrkdwn import cut, formatted, has_visible_text, utf16_length
from bridge.messages.mrkdwn_parser import to_plain_text
from bridge.messages.normalize import MessageParts

MAX_LINE = 300
"""Longest plain line in characters."""
_LONGEST = 1_000
"""Longest mrkdwn line in UTF-16 units: a title has at most 900."""
_LINK = 2_000
"""Longest linked address in UTF-16 units, so that other text fits into a block too."""


def first_line(parts: MessageParts) -> str:
    """Return a message's first line as mrkdwn: the title, else the first line of the body or the notification text."""
    return cut(parts.title or next(body_lines(parts), "") or parts.text, _LONGEST)


def linked_line(parts: MessageParts, url: str, limit: int) -> str:
    """Return a message's first line as mrkdwn, cut to ``limit`` units.

    If it has no link, ``url`` is linked, or where it is "", the first button's address.
    """
    line = cut(first_line(parts), limit)
    url = url or next((button.url for button in parts.buttons), "")
    if "<http" not in line and url and utf16_length(opening := link(url, "open")) <= _LINK:
        return f"{line} · {opening}"
    return line


def plain_line(line: str) -> str:
    """Return a mrkdwn line as plain text: links as their labels, emoji as characters, times in UTC, no formatting."""
    shown = formatted(to_plain_text(line, UTC))
    words = clean(shown, 2 * _LONGEST)
    return words if len(words) <= MAX_LINE else f"{words[: MAX_LINE - 1].rstrip()}…"


def body_lines(parts: MessageParts) -> Iterator[str]:
    """Yield the body's lines with visible text, without the fences of code blocks."""
    return (line for line in parts.body.split("\n") if has_visible_text(line) and not line.startswith("```"))
