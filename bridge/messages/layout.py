"""Build a message's full form from its normalized parts, within Slack's limits.

The title is alone at the top, the rest behind a bar in the message's colour: then Slack shows ``text`` only in
notifications. A message that is too long loses its body first, then its fields, then the rest.

What templates call buttons is a last line of links. Slack sends an interaction for every button, one with a ``url``
too, and shows a warning sign beside it unless an interactivity URL answers; an incoming webhook alone has none
(https://github.com/slackapi/node-slack-sdk/issues/869, https://github.com/slackapi/slack-github-action/issues/513).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from bridge.messages.limits import MAX_BUTTON_TEXT, MAX_BYTES, MAX_ELEMENTS, MAX_FIELDS, SECTION, size
from bridge.messages.links import link
from bridge.messages.message import Block, Message
from bridge.messages.mrkdwn import (
    cut,
    escaped_verbatim,
    json_bytes,
    markup,
    sanitize,
    split_text,
    unformatted,
    utf16_length,
)
from bridge.messages.normalize import MessageParts
from bridge.messages.template_blocks import STYLES, Button

_SHORT = 300
_FENCE = "```"
_DOT = " · "


def full_form(parts: MessageParts, *, link_buttons: bool = False) -> Message:
    """Return the message's full form: the title's block, and one attachment for the rest.

    With ``link_buttons`` its links are real buttons.
    """
    message = _full(parts, link_buttons)
    over = size(message) - MAX_BYTES
    for shrink in _SHRINKING:
        while over > 0 and (smaller := shrink(parts, over)) != parts:
            parts = smaller
            message = _full(parts, link_buttons)
            over = size(message) - MAX_BYTES
    return message


def _full(parts: MessageParts, link_buttons: bool) -> Message:
    rest = [
        *(section(piece) for piece in split_text(parts.body, SECTION)),
        *({"type": "section", "fields": [mrkdwn_text(f) for f in some]} for some in _by(MAX_FIELDS, parts.fields)),
        *({"type": "context", "elements": [mrkdwn_text(c) for c in some]} for some in _by(MAX_ELEMENTS, parts.context)),
        *(_actions(parts.buttons) if link_buttons else map(section, _links(parts.buttons))),
    ]
    if not parts.title:  # without blocks at the top, Slack would show the notification's text there
        return Message(parts.text, rest)
    if not rest:
        return Message(parts.text, [section(parts.title)])
    attachment = {"color": parts.color, "fallback": cut(parts.text, _SHORT), "blocks": rest}
    return Message(parts.text, [section(parts.title)], [attachment])


def section(text: str) -> Block:
    """Return a block of text."""
    return {"type": "section", "text": mrkdwn_text(text)}


def mrkdwn_text(text: str) -> Block:
    """Return a mrkdwn object; ``verbatim`` stops Slack from linking addresses, channels and people itself."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _links(buttons: Sequence[Button]) -> Iterator[str]:
    """Yield lines of links, one unless they are longer than a section. A link that fits into none is left out."""
    line = ""
    for button in buttons:
        label = " ".join(sanitize(button.text).split()) or "Open"
        shown = link(button.url, markup(cut(escaped_verbatim(unformatted(label)), MAX_BUTTON_TEXT)))
        if utf16_length(longer := f"{line}{_DOT}{shown}" if line else shown) <= SECTION:
            line = longer
        elif utf16_length(shown) <= SECTION:
            yield line
            line = shown
    if line:
        yield line


def _actions(buttons: Sequence[Button]) -> Iterator[Block]:
    if buttons:
        yield {"type": "actions", "elements": [_button(button) for button in buttons]}


def _button(button: Button) -> Block:
    # Slack does not document whether plain_text is unescaped: without these characters it does not matter.
    label = " ".join(sanitize(button.text.replace("<", "‹").replace(">", "›")).split()) or "Open"
    block: dict[str, object] = {
        "type": "button",
        "text": {"type": "plain_text", "text": cut(label, MAX_BUTTON_TEXT), "emoji": True},
        "url": button.url,
    }
    return block | {"style": button.style} if button.style in STYLES else block


def _by(number: int, parts: Sequence[str]) -> Iterator[Sequence[str]]:
    return (parts[at : at + number] for at in range(0, len(parts), number))


def _less_body(parts: MessageParts, over: int) -> MessageParts:
    target = json_bytes(parts.body) - over - len(_FENCE) - 20
    body = cut(parts.body, target, json_bytes) if target > _SHORT else ""
    return replace(parts, body=f"{body}\n{_FENCE}" if body.count(_FENCE) % 2 else body)


def _short_texts(parts: MessageParts, _: int) -> MessageParts:
    return replace(parts, title=cut(parts.title, _SHORT), text=cut(parts.text, _SHORT))


_SHRINKING: Sequence[Callable[[MessageParts, int], MessageParts]] = (
    _less_body,
    lambda parts, _: replace(parts, fields=tuple(cut(field, _SHORT) for field in parts.fields)),
    lambda parts, _: replace(parts, fields=parts.fields[:-1]),
    _short_texts,
    lambda parts, _: replace(parts, context=parts.context[:-1]),
    lambda parts, _: replace(parts, buttons=parts.buttons[:-1]),
)
"""Steps to shorten a message, in this order, each repeated until the message fits or nothing is left to remove."""
