"""Refusals of Slack's incoming webhooks for messages that break its rules, as far as they are known.

Slack docs, Sending messages using incoming webhooks,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/, and Blocks,
https://docs.slack.dev/reference/block-kit/blocks/. The pages leave some details open (statuses, the size of a whole
message); these follow reports of other users, and where reports differ, the stricter one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bridge.core.payload import at, list_at, text_at

MAX_BLOCKS = 50
MAX_ATTACHMENTS = 100
MAX_BYTES = 13_200
"""Limit for blocks and attachments together, as UTF-8 JSON: unpublished, the smallest size that others saw refused."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The status and the body of Slack's refusal."""

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
"""Seen for `markdown` blocks; other Slack methods accept them."""


def refusal(body: object) -> Refusal | None:
    """Return Slack's refusal of a message (parsed JSON), or None if Slack would show it."""
    if not isinstance(body, Mapping) or not isinstance(body.get("text", ""), str):
        return INVALID_PAYLOAD
    blocks, attachments = body.get("blocks"), body.get("attachments")
    if blocks is not None and not isinstance(blocks, list):
        return INVALID_BLOCKS_FORMAT
    if attachments is not None and not isinstance(attachments, list):
        return INVALID_ATTACHMENTS
    if not text_at(body, "text").strip() and not blocks and not attachments:
        return NO_TEXT
    all_blocks = [*list_at(body, "blocks"), *(b for a in list_at(body, "attachments") for b in list_at(a, "blocks"))]
    if any(text_at(block, "type") == "markdown" for block in all_blocks):
        return UNSUPPORTED_BLOCK
    if not _valid_blocks(list_at(body, "blocks")):
        return INVALID_BLOCKS
    if refused := _attachments_refusal(list_at(body, "attachments")):
        return refused
    if blocks or attachments:
        size = len(json.dumps([blocks, attachments], ensure_ascii=False).encode("utf-8", "replace"))
        if size > MAX_BYTES:
            return TOO_LONG
    return None


def _attachments_refusal(attachments: Sequence[object]) -> Refusal | None:
    if len(attachments) > MAX_ATTACHMENTS:
        return TOO_MANY_ATTACHMENTS
    for attachment in attachments:
        if not _valid_attachment(attachment):
            return INVALID_ATTACHMENTS
        if not any(at(attachment, key) for key in ("blocks", "text", "fallback", "title", "fields", "image_url")):
            return NOTHING_TO_SHOW
    return None


def _utf16_units(text: str) -> int:
    """Count UTF-16 units: Slack does not define a character, and this is the strictest count reported."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _valid_text(data: object, limit: int, *types: str) -> bool:
    kind, text = text_at(data, "type"), at(data, "text")
    if kind not in types or not isinstance(text, str) or not 1 <= _utf16_units(text) <= limit:
        return False
    return at(data, "verbatim" if kind == "plain_text" else "emoji") is None


def _valid_optional(data: object, key: str, limit: int) -> bool:
    value = at(data, key)
    return value is None or (isinstance(value, str) and 1 <= _utf16_units(value) <= limit)


def _valid_url(value: object, schemes: str = "https?|mailto") -> bool:
    return isinstance(value, str) and len(value) <= 3000 and re.match(rf"(?:{schemes}):[^\s<>|]+\Z", value) is not None


def _valid_button(data: object) -> bool:
    return (
        text_at(data, "type") == "button"
        and _valid_text(at(data, "text"), 75, "plain_text")
        and (at(data, "url") is None or _valid_url(at(data, "url")))
        and _valid_optional(data, "value", 2000)
        and _valid_optional(data, "action_id", 255)
        and at(data, "style") in (None, "primary", "danger")
    )


def _valid_image(data: object) -> bool:
    alt = at(data, "alt_text")
    return (
        _valid_url(at(data, "image_url"), "https?")
        and isinstance(alt, str)
        and _utf16_units(alt) <= 2000
        and (at(data, "title") is None or _valid_text(at(data, "title"), 2000, "plain_text"))
    )


def _valid_section(block: object) -> bool:
    text, fields, accessory = at(block, "text"), at(block, "fields"), at(block, "accessory")
    if text is None and not fields:
        return False
    return (
        (text is None or _valid_text(text, 3000, "mrkdwn", "plain_text"))
        and (fields is None or isinstance(fields, list))
        and len(list_at(block, "fields")) <= 10
        and all(_valid_text(field, 2000, "mrkdwn", "plain_text") for field in list_at(block, "fields"))
        and (
            accessory is None
            or _valid_button(accessory)
            or (text_at(accessory, "type") == "image" and _valid_image(accessory))
        )
    )


def _valid_context(block: object) -> bool:
    elements = list_at(block, "elements")
    return 1 <= len(elements) <= 10 and all(
        _valid_image(element)
        if text_at(element, "type") == "image"
        else _valid_text(element, 3000, "mrkdwn", "plain_text")
        for element in elements
    )


def _valid_actions(block: object) -> bool:
    elements = list_at(block, "elements")
    return 1 <= len(elements) <= 25 and all(map(_valid_button, elements))


_BLOCK_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "section": _valid_section,
    "context": _valid_context,
    "actions": _valid_actions,
    "image": _valid_image,
    "header": lambda block: _valid_text(at(block, "text"), 150, "plain_text"),
    "divider": lambda _: True,
    "rich_text": lambda block: bool(list_at(block, "elements")),
}
"""The block types known to work with an incoming webhook."""


def _valid_block(block: object) -> bool:
    is_valid = _BLOCK_CHECKS.get(text_at(block, "type"))
    return is_valid is not None and is_valid(block)


def _valid_blocks(blocks: object) -> bool:
    items = list_at(blocks)
    ids = [text_at(block, "block_id") for block in items if at(block, "block_id") is not None]
    return (
        len(items) <= MAX_BLOCKS
        and len(set(ids)) == len(ids)
        and all(1 <= len(action_id) <= 255 for action_id in ids)
        and all(_valid_block(block) for block in items)
    )


def _valid_attachment(attachment: object) -> bool:
    if not isinstance(attachment, Mapping):
        return False
    color, blocks = attachment.get("color"), attachment.get("blocks")
    if color is not None and (
        not isinstance(color, str) or not re.fullmatch("good|warning|danger|#[0-9a-fA-F]{6}", color)
    ):
        return False
    if blocks is None:
        return True
    # Slack refuses footers and times beside blocks: https://github.com/slackapi/node-slack-sdk/issues/1112
    return isinstance(blocks, list) and not {"footer", "ts"} & attachment.keys() and _valid_blocks(blocks)
