"""Slack's limits, and a message's violations of them.

Slack docs, Blocks, https://docs.slack.dev/reference/block-kit/blocks/, and Text object,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object/. The docs do not define a character: these
limits count UTF-16 units of the escaped text. The size limit of a whole message is unpublished (others saw refusals
from 13,200 on).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping

from bridge.core.payload import at, list_at, map_at, text_at
from bridge.messages.links import MAX_URL
from bridge.messages.message import Message
from bridge.messages.mrkdwn import units

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


def problems(message: Message) -> list[str]:
    """Return everything that Slack would refuse, shorten or misread, one line each; [] for a valid message."""
    return list(_problems(message))


def _problems(message: Message) -> Iterator[str]:
    if not message.text.strip():
        yield "text: empty, nothing would be notified"
    yield from _mrkdwn("text", message.text, MAX_NOTIFICATION)
    if (body_size := size(message)) > MAX_BYTES:
        yield f"message: {body_size} bytes, more than {MAX_BYTES}"
    total = len(message.blocks) + sum(len(list_at(a, "blocks")) for a in message.attachments)
    if total > MAX_BLOCKS:
        yield f"message: {total} blocks, more than {MAX_BLOCKS}"
    if len(message.attachments) > 20:
        yield f"message: {len(message.attachments)} attachments, more than 20"
    for number, block in enumerate(message.blocks):
        yield from _block(f"blocks[{number}]", block)
    for number, attachment in enumerate(message.attachments):
        yield from _attachment(f"attachments[{number}]", attachment)


def _attachment(place: str, attachment: Mapping[str, object]) -> Iterator[str]:
    if extra := attachment.keys() - {"color", "fallback", "blocks"}:
        yield f"{place}: {', '.join(sorted(extra))} beside blocks"
    if not _COLOR.fullmatch(text_at(attachment, "color") or "good"):
        yield f"{place}: color {text_at(attachment, 'color')!r}"
    if not list_at(attachment, "blocks"):
        yield f"{place}: no blocks"
    for number, block in enumerate(list_at(attachment, "blocks")):
        yield from _block(f"{place}.blocks[{number}]", block)


def _block(place: str, block: object) -> Iterator[str]:
    check = _BLOCKS.get(text_at(block, "type"))
    if check is None:
        yield f"{place}: type {text_at(block, 'type')!r} is not known to work over a webhook"
    else:
        yield from check(place, block)


def _section(place: str, block: object) -> Iterator[str]:
    fields = list_at(block, "fields")
    if at(block, "text") is None and not fields:
        yield f"{place}: neither text nor fields"
    if at(block, "text") is not None:
        yield from _text(f"{place}.text", at(block, "text"), MAX_SECTION)
    if len(fields) > MAX_FIELDS:
        yield f"{place}: {len(fields)} fields, more than {MAX_FIELDS}"
    for number, field in enumerate(fields):
        yield from _text(f"{place}.fields[{number}]", field, MAX_FIELD)


def _context(place: str, block: object) -> Iterator[str]:
    elements = list_at(block, "elements")
    if not 1 <= len(elements) <= MAX_ELEMENTS:
        yield f"{place}: {len(elements)} elements, not 1 to {MAX_ELEMENTS}"
    for number, element in enumerate(elements):
        yield from _text(f"{place}.elements[{number}]", element, MAX_SECTION)


def _actions(place: str, block: object) -> Iterator[str]:
    elements = list_at(block, "elements")
    if not 1 <= len(elements) <= MAX_BUTTONS:
        yield f"{place}: {len(elements)} buttons, not 1 to {MAX_BUTTONS}"
    for number, button in enumerate(elements):
        here = f"{place}.elements[{number}]"
        yield from _text(f"{here}.text", at(button, "text"), MAX_BUTTON_TEXT, "plain_text")
        url = text_at(button, "url")
        if not _ADDRESS.match(url) or units(url) > MAX_URL:
            yield f"{here}.url: no address of 1 to {MAX_URL} characters"
        if at(button, "style") not in (None, "primary", "danger"):
            yield f"{here}.style: {at(button, 'style')!r}"


_BLOCKS: Mapping[str, Callable[[str, object], Iterator[str]]] = {
    "section": _section,
    "context": _context,
    "actions": _actions,
    "divider": lambda _place, _block: iter(()),
}


def _text(place: str, data: object, limit: int, kind: str = "mrkdwn") -> Iterator[str]:
    text = text_at(data, "text")
    if text_at(data, "type") != kind:
        yield f"{place}: type {text_at(data, 'type')!r}, not {kind}"
    if not text.strip():
        yield f"{place}: empty"
    if kind == "mrkdwn":
        if at(data, "verbatim") is not True:
            yield f"{place}: not verbatim, so that Slack would look for names in it"
        yield from _mrkdwn(place, text, limit)
        return
    if extra := map_at(data).keys() - {"type", "text", "emoji"}:
        yield f"{place}: {', '.join(sorted(extra))} in plain_text"
    yield from _length(place, text, limit)


def _length(place: str, text: str, limit: int) -> Iterator[str]:
    if units(text) > limit:
        yield f"{place}: {units(text)} characters, more than {limit}"
    if _CONTROL.search(text):
        yield f"{place}: a control character"


def _mrkdwn(place: str, text: str, limit: int) -> Iterator[str]:
    yield from _length(place, text, limit)
    for token in _TOKEN.finditer(text):
        if not _PROPER.match(token[1]):
            yield f"{place}: <{token[1][:60]}> is nothing that Slack knows"
