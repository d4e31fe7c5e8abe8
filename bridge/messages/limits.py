"""Slack's limits, and a message's violations of them.

Slack docs, Blocks, https://docs.slack.dev/reference/block-kit/blocks/, and Text object,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object/. The docs do not define a character: these
limits count UTF-16 units of the escaped text. The size limit of a whole message is unpublished (others saw refusals
from 13,200 on).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bridge.core.payload import at, list_at, map_at, text_at
from bridge.messages.links import MAX_URL
from bridge.messages.message import Message
from bridge.messages.mrkdwn import utf16_length

MAX_BYTES = 12_000
MAX_BLOCKS = 40
"""Over blocks and attachments together; Slack's limit is 50."""
MAX_NOTIFICATION = 3_000
MAX_SECTION = 3_000
SECTION = 2_900
"""Characters that we put into a section: a little below the limit, since Slack's unit is uncertain."""
MAX_FIELDS = 10
MAX_FIELD = 2_000
MAX_ELEMENTS = 10
MAX_BUTTONS = 25
MAX_BUTTON_TEXT = 75

_COLOR = re.compile(r"good|warning|danger|#[0-9a-fA-F]{6}")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>|]+\Z", re.IGNORECASE)
_TOKEN = re.compile(r"<([^<>\n]*)>")
_PROPER = re.compile(
    r"(?:(?:https?://|mailto:)[^\s<>|]+(?:\|[^|<>]+)?|@[UW][A-Z0-9]+|#C[A-Z0-9]+(?:\|[^|<>]*)?"
    r"|!(?:here|channel|everyone)(?:\|[^|<>]*)?|!subteam\^S[A-Z0-9]+(?:\|[^|<>]*)?"
    r"|!date\^-?\d+\^[^|<>^]+(?:\^[^|<>\s]+)?\|[^|<>]+)\Z",
    re.IGNORECASE,
)


def size(message: Message) -> int:
    """Return the bytes of the whole message as UTF-8 JSON."""
    return len(json.dumps(message.body(), ensure_ascii=False).encode("utf-8", "surrogatepass"))


class LimitViolation(NamedTuple):
    """A part of a message that Slack would refuse, shorten or misread."""

    place: str
    """``blocks[0].text``, ``text``, ``message``."""
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


def limit_violations(message: Message) -> list[LimitViolation]:
    """Return everything that Slack would refuse, shorten or misread; an empty list for a good message."""
    return list(_violations(message))


def _violations(message: Message) -> Iterator[LimitViolation]:
    if not message.text.strip():
        yield LimitViolation("text", "empty, nothing would be notified")
    yield from _mrkdwn("text", message.text, MAX_NOTIFICATION)
    if (body_size := size(message)) > MAX_BYTES:
        yield LimitViolation("message", f"{body_size} bytes, more than {MAX_BYTES}")
    total = len(message.blocks) + sum(len(list_at(a, "blocks")) for a in message.attachments)
    if total > MAX_BLOCKS:
        yield LimitViolation("message", f"{total} blocks, more than {MAX_BLOCKS}")
    if len(message.attachments) > 20:
        yield LimitViolation("message", f"{len(message.attachments)} attachments, more than 20")
    for number, block in enumerate(message.blocks):
        yield from _block(f"blocks[{number}]", block)
    for number, attachment in enumerate(message.attachments):
        yield from _attachment(f"attachments[{number}]", attachment)


def _attachment(place: str, attachment: Mapping[str, object]) -> Iterator[LimitViolation]:
    if extra := attachment.keys() - {"color", "fallback", "blocks"}:
        yield LimitViolation(place, f"{', '.join(sorted(extra))} beside blocks")
    if not _COLOR.fullmatch(text_at(attachment, "color") or "good"):
        yield LimitViolation(place, f"color {text_at(attachment, 'color')!r}")
    if not list_at(attachment, "blocks"):
        yield LimitViolation(place, "no blocks")
    for number, block in enumerate(list_at(attachment, "blocks")):
        yield from _block(f"{place}.blocks[{number}]", block)


def _block(place: str, block: object) -> Iterator[LimitViolation]:
    check = _BLOCKS.get(text_at(block, "type"))
    if check is None:
        yield LimitViolation(place, f"type {text_at(block, 'type')!r} is not known to work over a webhook")
    else:
        yield from check(place, block)


def _section(place: str, block: object) -> Iterator[LimitViolation]:
    fields = list_at(block, "fields")
    if at(block, "text") is None and not fields:
        yield LimitViolation(place, "neither text nor fields")
    if at(block, "text") is not None:
        yield from _text(f"{place}.text", at(block, "text"), MAX_SECTION)
    if len(fields) > MAX_FIELDS:
        yield LimitViolation(place, f"{len(fields)} fields, more than {MAX_FIELDS}")
    for number, field in enumerate(fields):
        yield from _text(f"{place}.fields[{number}]", field, MAX_FIELD)


def _context(place: str, block: object) -> Iterator[LimitViolation]:
    elements = list_at(block, "elements")
    if not 1 <= len(elements) <= MAX_ELEMENTS:
        yield LimitViolation(place, f"{len(elements)} elements, not 1 to {MAX_ELEMENTS}")
    for number, element in enumerate(elements):
        yield from _text(f"{place}.elements[{number}]", element, MAX_SECTION)


def _actions(place: str, block: object) -> Iterator[LimitViolation]:
    elements = list_at(block, "elements")
    if not 1 <= len(elements) <= MAX_BUTTONS:
        yield LimitViolation(place, f"{len(elements)} buttons, not 1 to {MAX_BUTTONS}")
    for number, button in enumerate(elements):
        here = f"{place}.elements[{number}]"
        yield from _text(f"{here}.text", at(button, "text"), MAX_BUTTON_TEXT, "plain_text")
        url = text_at(button, "url")
        if not _ADDRESS.match(url) or utf16_length(url) > MAX_URL:
            yield LimitViolation(f"{here}.url", f"no address of 1 to {MAX_URL} characters")
        if at(button, "style") not in (None, "primary", "danger"):
            yield LimitViolation(f"{here}.style", f"{at(button, 'style')!r}")


_BLOCKS: Mapping[str, Callable[[str, object], Iterator[LimitViolation]]] = {
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": lambda _place, _block: iter(()),
}


def _text(place: str, data: object, limit: int, kind: str = "mrkdwn") -> Iterator[LimitViolation]:
    text = text_at(data, "text")
    if text_at(data, "type") != kind:
        yield LimitViolation(place, f"type {text_at(data, 'type')!r}, not {kind}")
    if not text.strip():
        yield LimitViolation(place, "empty")
    if kind == "mrkdwn":
        if at(data, "verbatim") is not True:
            yield LimitViolation(place, "not verbatim, so that Slack would look for names in it")
        yield from _mrkdwn(place, text, limit)
        return
    if extra := map_at(data).keys() - {"type", "text", "emoji"}:
        yield LimitViolation(place, f"{', '.join(sorted(extra))} in plain_text")
    yield from _length(place, text, limit)


def _length(place: str, text: str, limit: int) -> Iterator[LimitViolation]:
    if utf16_length(text) > limit:
        yield LimitViolation(place, f"{utf16_length(text)} characters, more than {limit}")
    if _CONTROL.search(text):
        yield LimitViolation(place, "a control character")


def _mrkdwn(place: str, text: str, limit: int) -> Iterator[LimitViolation]:
    yield from _length(place, text, limit)
    for token in _TOKEN.finditer(text):
        if not _PROPER.match(token[1]):
            yield LimitViolation(place, f"<{token[1][:60]}> is nothing that Slack knows")
