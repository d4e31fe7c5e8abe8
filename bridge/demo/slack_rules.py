"""What Slack says to a message that breaks its rules: the refusals of incoming webhooks, as far as they are known.

Slack docs, Sending messages using incoming webhooks,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/, and Blocks,
https://docs.slack.dev/reference/block-kit/blocks/. What the pages leave open (statuses, the size of a whole message) is
as others saw it; where reports differ, the stricter one holds here.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge.core.payload import at, list_at, text_at

MAX_BLOCKS = 50
MAX_ATTACHMENTS = 100
MAX_BYTES = 13_200
"""Blocks and attachments together, as UTF-8 JSON: unpublished, the lowest size at which others were refused."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status and the body with which Slack turns a message down."""

    status: int
    token: str


INVALID_PAYLOAD = Refusal(400, "invalid_payload")
NO_TEXT = Refusal(400, "no_text")
INVALID_BLOCKS = Refusal(400, "invalid_blocks")
INVALID_BLOCKS_FORMAT = Refusal(400, "invalid_blocks_format")
INVALID_ATTACHMENTS = Refusal(400, "invalid_attachments")
TOO_MANY_ATTACHMENTS = Refusal(400, "too_many_attachments")
NOTHING_TO_SHOW = Refusal(400, "missing_text_or_fallback_or_attachments")
TOO_LONG = Refusal(400, "msg_blocks_too_long")
UNSUPPORTED_BLOCK = Refusal(500, "")
"""Seen for `markdown` blocks, which other ways of posting take."""


def refusal(body: object) -> Refusal | None:
    """What Slack says against a message, given as parsed JSON; None if it would show it."""
    if not isinstance(body, Mapping) or not isinstance(body.get("text", ""), str):
        return INVALID_PAYLOAD
    blocks, attachments = body.get("blocks"), body.get("attachments")
    if blocks is not None and not isinstance(blocks, list):
        return INVALID_BLOCKS_FORMAT
    if attachments is not None and not isinstance(attachments, list):
        return INVALID_ATTACHMENTS
    if not text_at(body, "text").strip() and not blocks and not attachments:
        return NO_TEXT
    everything = [*list_at(body, "blocks"), *(b for a in list_at(body, "attachments") for b in list_at(a, "blocks"))]
    if any(text_at(block, "type") == "markdown" for block in everything):
        return UNSUPPORTED_BLOCK
    if not _good_blocks(list_at(body, "blocks")):
        return INVALID_BLOCKS
    if refused := _refused_attachments(list_at(body, "attachments")):
        return refused
    if blocks or attachments:
        size = len(json.dumps([blocks, attachments], ensure_ascii=False).encode("utf-8", "replace"))
        if size > MAX_BYTES:
            return TOO_LONG
    return None


def _refused_attachments(attachments: Sequence[object]) -> Refusal | None:
    if len(attachments) > MAX_ATTACHMENTS:
        return TOO_MANY_ATTACHMENTS
    for attachment in attachments:
        if not _good_attachment(attachment):
            return INVALID_ATTACHMENTS
        if not any(at(attachment, key) for key in ("blocks", "text", "fallback", "title", "fields", "image_url")):
            return NOTHING_TO_SHOW
    return None


def _units(text: str) -> int:
    """Slack never says what a character is: UTF-16 units, the strictest reading that was seen."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _text(data: object, limit: int, *types: str) -> bool:
    kind, text = text_at(data, "type"), at(data, "text")
    if kind not in types or not isinstance(text, str) or not 1 <= _units(text) <= limit:
        return False
    return at(data, "verbatim" if kind == "plain_text" else "emoji") is None


def _optional(data: object, key: str, limit: int) -> bool:
    value = at(data, key)
    return value is None or (isinstance(value, str) and 1 <= _units(value) <= limit)


def _address(value: object, schemes: str = "https?|mailto") -> bool:
    return isinstance(value, str) and len(value) <= 3000 and re.match(rf"(?:{schemes}):[^\s<>|]+\Z", value) is not None


def _button(data: object) -> bool:
    return (
        text_at(data, "type") == "button"
        and _text(at(data, "text"), 75, "plain_text")
        and (at(data, "url") is None or _address(at(data, "url")))
        and _optional(data, "value", 2000)
        and _optional(data, "action_id", 255)
        and at(data, "style") in (None, "primary", "danger")
    )


def _image(data: object) -> bool:
    alt = at(data, "alt_text")
    return (
        _address(at(data, "image_url"), "https?")
        and isinstance(alt, str)
        and _units(alt) <= 2000
        and (at(data, "title") is None or _text(at(data, "title"), 2000, "plain_text"))
    )


def _section(block: object) -> bool:
    text, fields, accessory = at(block, "text"), at(block, "fields"), at(block, "accessory")
    if text is None and not fields:
        return False
    return (
        (text is None or _text(text, 3000, "mrkdwn", "plain_text"))
        and (fields is None or isinstance(fields, list))
        and len(list_at(block, "fields")) <= 10
        and all(_text(field, 2000, "mrkdwn", "plain_text") for field in list_at(block, "fields"))
        and (accessory is None or _button(accessory) or (text_at(accessory, "type") == "image" and _image(accessory)))
    )


def _context(block: object) -> bool:
    elements = list_at(block, "elements")
    return 1 <= len(elements) <= 10 and all(
        _image(element) if text_at(element, "type") == "image" else _text(element, 3000, "mrkdwn", "plain_text")
        for element in elements
    )


def _actions(block: object) -> bool:
    elements = list_at(block, "elements")
    return 1 <= len(elements) <= 25 and all(map(_button, elements))


_BLOCKS: Mapping[str, Callable[[object], bool]] = {
    "section": _section,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "header": lambda block: _text(at(block, "text"), 150, "plain_text"),
    "divider": lambda _: True,
    "rich_text": lambda block: bool(list_at(block, "elements")),
}
"""The types that are known to work over an incoming webhook."""


def _good_block(block: object) -> bool:
    follows_rules = _BLOCKS.get(text_at(block, "type"))
    return follows_rules is not None and follows_rules(block)


def _good_blocks(blocks: object) -> bool:
    found = list_at(blocks)
    ids = [text_at(block, "block_id") for block in found if at(block, "block_id") is not None]
    return (
        len(found) <= MAX_BLOCKS
        and len(set(ids)) == len(ids)
        and all(1 <= len(action_id) <= 255 for action_id in ids)
        and all(_good_block(block) for block in found)
    )


def _good_attachment(attachment: object) -> bool:
    if not isinstance(attachment, Mapping):
        return False
    color, blocks = attachment.get("color"), attachment.get("blocks")
    if color is not None and (
        not isinstance(color, str) or not re.fullmatch("good|warning|danger|#[0-9a-fA-F]{6}", color)
    ):
        return False
    if blocks is None:
        return True
    # Footers and times beside blocks are refused: https://github.com/slackapi/node-slack-sdk/issues/1112
    return isinstance(blocks, list) and not {"footer", "ts"} & attachment.keys() and _good_blocks(blocks)
