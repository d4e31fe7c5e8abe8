"""Parse mrkdwn into lines of spans, as Slack shows it, for drawings outside of Slack.

Slack docs, Formatting message text, https://docs.slack.dev/messaging/formatting-message-text/.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Literal

from bridge.messages.emoji import with_emoji
from bridge.messages.mrkdwn import unescaped
from bridge.messages.slack_dates import shown_date

_PIECE = r"<[^<>\n]+>|<(?![^<>\n]+>)|[^<\n{}]"  # markers within a link's address do not count
_TOKEN = re.compile(
    r"`(?P<code>[^`\n]+)`|<(?P<control>[^<>\n]+)>"
    rf"|(?<!\w)\*(?P<bold>(?! )(?:{_PIECE.format('*')})++(?<! ))\*(?!\w)"
    rf"|(?<!\w)_(?P<italic>(?! )(?:{_PIECE.format('_')})++(?<! ))_(?!\w)"
    rf"|(?<!\w)~(?P<strike>(?! )(?:{_PIECE.format('~')})++(?<! ))~(?!\w)"
)
_FENCE = re.compile(r"\n?```(.+?)```\n?", re.DOTALL)
_QUOTE = re.compile(r"(?:&gt;|>) ?")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_LINKED = ("http://", "https://", "mailto:")


@dataclass(frozen=True, slots=True)
class Span:
    """Text in one style: without markup, with its emoji replaced."""

    text: str
    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False
    mention: bool = False
    url: str = ""
    """The link's target: http, https or mailto, or "" for none."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line as Slack shows it. ``code`` lines belong to a code block and have one plain span."""

    kind: Literal["text", "quote", "code"]
    spans: tuple[Span, ...]


def parse(text: str, zone: tzinfo | None = None) -> Iterator[Line]:
    """Yield the lines of a mrkdwn text, without control characters. Dates use ``zone``, by default this machine's."""
    text, end = _CONTROL.sub("", text), 0
    for block in _FENCE.finditer(text):
        yield from _lines(text[end : block.start()], zone)
        yield from (Line("code", (Span(unescaped(line)),)) for line in block[1].strip("\n").split("\n"))
        end = block.end()
    yield from _lines(text[end:], zone)


def to_plain_text(text: str, zone: tzinfo | None = None) -> str:
    """Return a mrkdwn text without formatting, as in a notification: its words and emoji."""
    return "\n".join("".join(span.text for span in line.spans) for line in parse(text, zone))


def _lines(text: str, zone: tzinfo | None) -> Iterator[Line]:
    for line in text.split("\n") if text else ():
        quoted = _QUOTE.match(line)
        spans = _spans(line[quoted.end() :] if quoted else line, Span(""), zone)
        yield Line("quote" if quoted else "text", tuple(spans))


def _spans(text: str, look: Span, zone: tzinfo | None) -> Iterator[Span]:
    end = 0
    for match in _TOKEN.finditer(text):
        yield from _words(text[end : match.start()], look)
        end = match.end()
        inner = match.group(match.lastgroup or 0)
        match match.lastgroup:
            case "control":
                yield from _control_span(inner, look, zone)
            case "code":
                yield replace(look, text=unescaped(inner), code=True)
            case "bold":
                yield from _spans(inner, replace(look, bold=True), zone)
            case "italic":
                yield from _spans(inner, replace(look, italic=True), zone)
            case _:
                yield from _spans(inner, replace(look, strike=True), zone)
    yield from _words(text[end:], look)


def _words(text: str, look: Span) -> Iterator[Span]:
    if text:
        yield replace(look, text=with_emoji(unescaped(text)))


def _control_span(inner: str, look: Span, zone: tzinfo | None) -> Iterator[Span]:
    """Yield the span of a ``<…>``: a link, a date in the reader's zone, or a mention."""
    target, _, label = inner.partition("|")
    if target.startswith("!date^"):
        yield replace(look, text=_date(target, zone) or unescaped(label))
    elif target.startswith("!"):
        yield replace(look, text=unescaped(label) or f"@{target[1:].partition('^')[0]}", mention=True)
    elif target.startswith(("@", "#")):
        name = unescaped(label)
        yield replace(look, text=target if not name else target[0] + name.removeprefix(target[0]), mention=True)
    else:
        url = unescaped(target)
        linked = replace(look, url=url if url.lower().startswith(_LINKED) else "")
        yield from _spans(label or target, linked, zone)


def _date(target: str, zone: tzinfo | None) -> str:
    seconds, _, tokens = target.removeprefix("!date^").partition("^")
    try:
        moment = datetime.fromtimestamp(int(seconds), zone).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return ""
    return shown_date(moment, unescaped(tokens.partition("^")[0]))
