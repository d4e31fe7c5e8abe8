"""Slots to a message: blocks within Slack's limits, however much the template wrote.

The title stands alone at the top, the rest behind a bar in the message's colour: then Slack shows ``text`` in
notifications only. What is too long loses its body first, then its fields, then the rest.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.messages import Block, Message
from bridge.messages.limits import (
    MAX_BUTTON_TEXT,
    MAX_BUTTONS,
    MAX_BYTES,
    MAX_ELEMENTS,
    MAX_FIELD,
    MAX_FIELDS,
    MAX_NOTIFICATION,
    SECTION,
    size,
)
from bridge.messages.mrkdwn import cut, escaped, json_bytes, pieces, says, seen
from bridge.messages.slots import Button, Slots

COLORS = {
    "good": "good",
    "warn": "warning",
    "bad": "danger",
    "info": "#1264a3",
    "muted": "#868686",
}
"""Our names for Slack's colours."""
_HEX = re.compile(r"#[0-9a-f]{6}\Z")
_TITLE = 900
_LINE = 600
_MAX_LINES = 2 * MAX_ELEMENTS
_MAX_SHOWN_FIELDS = 4 * MAX_FIELDS
_SHORT = 300
_LABEL = 100
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_EMPTY_BULLET = re.compile(r"^[ \t]*•[ \t]*$\n?", re.MULTILINE)
_EMPTY_DOTS = re.compile(r"(?:[ \t]*·[ \t]*){2,}")
_FORMAT = re.compile(r"(?<![^\W_])([*_~`])(?=\S)([^\n]*?\S)\1(?![^\W_])")
_TOKEN = re.compile(r"<([^<>|\n]*)(?:\|([^<>\n]*))?>")
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class _Parts:
    """The slots, tidied: no control characters, no blank edges, every text within its own limit."""

    text: str
    color: str
    title: str
    body: str
    fields: tuple[str, ...]
    context: tuple[str, ...]
    buttons: tuple[Button, ...]


def lay_out(slots: Slots, fallback: str, notes: Sequence[str] = ()) -> Message:
    """The message in its full form: the title's block, and one attachment for the rest.

    ``fallback`` (plain text, not empty) is said where the template left nothing to say. ``notes`` are plain lines that
    stand first in the context.
    """
    parts = _tidy(_clipped(slots), fallback, notes)
    message = _full(parts)
    over = size(message) - MAX_BYTES
    for shrink in _SHRINKING:
        while over > 0 and (smaller := shrink(parts, over)) != parts:
            parts = smaller
            message = _full(parts)
            over = size(message) - MAX_BYTES
    return message


def _clipped(slots: Slots) -> Slots:
    """No more of each text than could be used, so that what follows takes no longer than that."""
    return replace(
        slots,
        title=cut(slots.title, 2 * MAX_NOTIFICATION),
        body=cut(slots.body, MAX_BYTES),
        context=cut(slots.context, MAX_BYTES),
        text=cut(slots.text, 2 * MAX_NOTIFICATION),
        color=slots.color[:_LABEL],
        fields=[(cut(label, 2 * _LABEL), cut(value, MAX_FIELD)) for label, value in slots.fields[:_MAX_SHOWN_FIELDS]],
    )


def is_color(text: str) -> bool:
    """Whether a text is a colour's name or ``#rrggbb``."""
    return text.lower() in COLORS or _HEX.match(text.lower()) is not None


def notification(title: str) -> str:
    """A title without markup, in one line. Mentions stay, since Slack shows them by name."""
    text = _TOKEN.sub(lambda token: token[0] if _mentions(token[1]) else token[2] or token[1], title)
    return _line(_FORMAT.sub(r"\2", _FORMAT.sub(r"\2", text)))


def _mentions(inner: str) -> bool:
    return inner.startswith(("@", "#", "!")) and not inner.startswith("!date")


def _tidy(slots: Slots, fallback: str, notes: Sequence[str]) -> _Parts:
    title, body = cut(_line(slots.title), _TITLE), _prose(slots.body)
    fields = tuple(_field(label, value) for label, value in slots.fields if says(_prose(value)))
    if not (says(title) or says(body) or fields):
        title = cut(_line(escaped(fallback)), _TITLE)
    spoken = (
        _line(slots.text),
        notification(title),
        notification(cut(body.partition("\n")[0], _TITLE)),
        _line(escaped(fallback)),
    )
    lines = [line for line in map(_line, [*map(escaped, notes), *slots.context.splitlines()]) if says(line)]
    color = slots.color.strip().lower()
    return _Parts(
        text=cut(next(filter(says, spoken), "New message"), MAX_NOTIFICATION),
        color=color if _HEX.match(color) else COLORS.get(color, COLORS["muted"]),
        title=title if says(title) else "",
        body=body if says(body) else "",
        fields=fields,
        context=tuple(cut(line, _LINE) for line in lines[:_MAX_LINES]),
        buttons=tuple(slots.buttons[:MAX_BUTTONS]),
    )


def _line(text: str) -> str:
    """Text in one line, without dots that stand between nothing."""
    return _EMPTY_DOTS.sub(" · ", " ".join(seen(text).split())).strip("· ")


def _prose(text: str) -> str:
    """Text in lines, without empty bullets and with one empty line at most."""
    lines = "\n".join(line.rstrip() for line in seen(text).split("\n"))
    return _BLANK_LINES.sub("\n\n", _EMPTY_BULLET.sub("", lines)).strip("\n").rstrip()


def _field(label: str, value: str) -> str:
    name = cut(_line(label), _LABEL)
    return cut(f"*{name}*\n{_prose(value)}" if name else _prose(value), MAX_FIELD - 2 * _LABEL)


def _full(parts: _Parts) -> Message:
    rest = [
        *(_section(piece) for piece in pieces(parts.body, SECTION)),
        *({"type": "section", "fields": [_mrkdwn(f) for f in some]} for some in _by(MAX_FIELDS, parts.fields)),
        *({"type": "context", "elements": [_mrkdwn(c) for c in some]} for some in _by(MAX_ELEMENTS, parts.context)),
        *([{"type": "actions", "elements": [_button(b) for b in parts.buttons]}] if parts.buttons else []),
    ]
    if not parts.title:  # without blocks at the top, Slack would show the notification's text there
        return Message(parts.text, rest)
    if not rest:
        return Message(parts.text, [_section(parts.title)])
    attachment = {"color": parts.color, "fallback": cut(parts.text, _SHORT), "blocks": rest}
    return Message(parts.text, [_section(parts.title)], [attachment])


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    """``verbatim``: else Slack looks for addresses, channels and people in the text by itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(button: Button) -> Block:
    # Whether plain_text is unescaped is not documented: without the characters it does not matter.
    label = " ".join(seen(button.text.replace("<", "‹").replace(">", "›")).split()) or "Open"
    block: dict[str, object] = {
        "type": "button",
        "text": {"type": "plain_text", "text": cut(label, MAX_BUTTON_TEXT), "emoji": True},
        "url": button.url,
    }
    return block | {"style": button.style} if button.style in ("primary", "danger") else block


def _by(number: int, parts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (parts[at : at + number] for at in range(0, len(parts), number))


def _less_body(parts: _Parts, over: int) -> _Parts:
    target = json_bytes(parts.body) - over - len(_FENCE) - 20
    body = cut(parts.body, target, json_bytes) if target > _SHORT else ""
    return replace(parts, body=f"{body}\n{_FENCE}" if body.count(_FENCE) % 2 else body)


def _short_texts(parts: _Parts, _: int) -> _Parts:
    return replace(parts, title=cut(parts.title, _SHORT), text=cut(parts.text, _SHORT))


_SHRINKING: Sequence[Callable[[_Parts, int], _Parts]] = (
    _less_body,
    lambda parts, _: replace(parts, fields=tuple(cut(field, _SHORT) for field in parts.fields)),
    lambda parts, _: replace(parts, fields=parts.fields[:-1]),
    _short_texts,
    lambda parts, _: replace(parts, context=parts.context[:-1]),
    lambda parts, _: replace(parts, buttons=parts.buttons[:-1]),
)
"""What a message that is too long loses, in this order, each until it fits or there is no more."""
