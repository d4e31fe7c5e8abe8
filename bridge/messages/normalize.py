"""Normalize a template's blocks: no control characters, no blank edges, every text within its own limit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.messages.limits import MAX_BUTTONS, MAX_BYTES, MAX_ELEMENTS, MAX_FIELD, MAX_FIELDS, MAX_NOTIFICATION
from bridge.messages.mrkdwn import cut, escaped, has_visible_text, sanitize
from bridge.messages.template_blocks import Button, TemplateBlocks

COLORS = {
    "good": "good",
    "warn": "warning",
    "bad": "danger",
    "info": "#1264a3",
    "muted": "#868686",
}
"""Colour names of templates, and Slack's."""
_HEX = re.compile(r"#[0-9a-f]{6}\Z")
_TITLE = 900
_LINE = 600
_MAX_LINES = 2 * MAX_ELEMENTS
_MAX_SHOWN_FIELDS = 4 * MAX_FIELDS
_LABEL = 100
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_EMPTY_BULLET = re.compile(r"^[ \t]*•[ \t]*$\n?", re.MULTILINE)
_EMPTY_DOTS = re.compile(r"(?:[ \t]*·[ \t]*){2,}")
_FORMAT = re.compile(r"(?<![^\W_])([*_~`])(?=\S)([^\n]*?\S)\1(?![^\W_])")
_TOKEN = re.compile(r"<([^<>|\n]*)(?:\|([^<>\n]*))?>")


@dataclass(frozen=True, slots=True)
class MessageParts:
    """The normalized blocks. Texts are escaped mrkdwn."""

    text: str
    color: str
    title: str
    body: str
    fields: tuple[str, ...]
    context: tuple[str, ...]
    buttons: tuple[Button, ...]


def normalize(blocks: TemplateBlocks, fallback: str, notes: Sequence[str] = ()) -> MessageParts:
    """Return the normalized parts of a message.

    ``fallback`` (plain text, not empty) is the title if the blocks hold no text; ``notes`` are plain lines at the start
    of the context.
    """
    return _normalized(_clip(blocks), fallback, notes)


def _clip(blocks: TemplateBlocks) -> TemplateBlocks:
    """Cut each text to the length that can be used, to bound the time of the next steps."""
    return replace(
        blocks,
        title=cut(blocks.title, 2 * MAX_NOTIFICATION),
        body=cut(blocks.body, MAX_BYTES),
        context=cut(blocks.context, MAX_BYTES),
        text=cut(blocks.text, 2 * MAX_NOTIFICATION),
        color=blocks.color[:_LABEL],
        fields=[(cut(label, 2 * _LABEL), cut(value, MAX_FIELD)) for label, value in blocks.fields[:_MAX_SHOWN_FIELDS]],
    )


def is_color(text: str) -> bool:
    """Return whether a text is a colour's name or ``#rrggbb``."""
    return text.lower() in COLORS or _HEX.match(text.lower()) is not None


def notification(title: str) -> str:
    """Return a title without markup, in one line. Mentions stay, since Slack shows them by name."""
    text = _TOKEN.sub(lambda token: token[0] if _mentions(token[1]) else token[2] or token[1], title)
    return _line(_FORMAT.sub(r"\2", _FORMAT.sub(r"\2", text)))


def _mentions(inner: str) -> bool:
    return inner.startswith(("@", "#", "!")) and not inner.startswith("!date")


def _normalized(blocks: TemplateBlocks, fallback: str, notes: Sequence[str]) -> MessageParts:
    title, body = cut(_line(blocks.title), _TITLE), _prose(blocks.body)
    fields = tuple(_field(label, value) for label, value in blocks.fields if has_visible_text(_prose(value)))
    if not (has_visible_text(title) or has_visible_text(body) or fields):
        title = cut(_line(escaped(fallback)), _TITLE)
    notifications = (
        _line(blocks.text),
        notification(title),
        notification(cut(body.partition("\n")[0], _TITLE)),
        _line(escaped(fallback)),
    )
    lines = [
        line for line in map(_line, [*map(escaped, notes), *blocks.context.splitlines()]) if has_visible_text(line)
    ]
    color = blocks.color.strip().lower()
    return MessageParts(
        text=cut(next(filter(has_visible_text, notifications), "New message"), MAX_NOTIFICATION),
        color=color if _HEX.match(color) else COLORS.get(color, COLORS["muted"]),
        title=title if has_visible_text(title) else "",
        body=body if has_visible_text(body) else "",
        fields=fields,
        context=tuple(cut(line, _LINE) for line in list(filter(has_visible_text, lines))[:_MAX_LINES]),
        buttons=tuple(blocks.buttons[:MAX_BUTTONS]),
    )


def _line(text: str) -> str:
    """Return text in one line, without dots between empty parts."""
    return _EMPTY_DOTS.sub(" · ", " ".join(sanitize(text).split())).strip("· ")


def _prose(text: str) -> str:
    """Return lines of text, without empty bullets and with at most one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in sanitize(text).split("\n"))
    return _BLANK_LINES.sub("\n\n", _EMPTY_BULLET.sub("", lines)).strip("\n").rstrip()


def _field(label: str, value: str) -> str:
    name = cut(_line(label), _LABEL)
    return cut(f"*{name}*\n{_prose(value)}" if name else _prose(value), MAX_FIELD - 2 * _LABEL)
