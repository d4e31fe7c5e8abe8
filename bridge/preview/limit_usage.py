"""Limit usage: the share of Slack's limits that a message uses."""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.core.payload import list_at, text_at
from bridge.messages import Message, limits
from bridge.messages.mrkdwn import utf16_length


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """Usage of one limit: its name, the largest use in the message, and Slack's maximum."""

    name: str
    used: int
    maximum: int


def limit_usage(message: Message) -> list[LimitUsage]:
    """Measure a message against every limit, the whole message first. Texts count in UTF-16 units, escaped."""
    blocks = [*message.blocks, *(block for part in message.attachments for block in list_at(part, "blocks"))]
    usages = [
        LimitUsage("bytes in all", limits.size(message), limits.MAX_BYTES),
        LimitUsage("blocks", len(blocks), limits.MAX_BLOCKS),
        LimitUsage("notification", utf16_length(message.text), limits.MAX_NOTIFICATION),
        LimitUsage("longest text", _longest(text_at(block, "text", "text") for block in blocks), limits.MAX_SECTION),
        LimitUsage(
            "fields in a section", max((len(list_at(b, "fields")) for b in blocks), default=0), limits.MAX_FIELDS
        ),
        LimitUsage("longest field", _longest(_texts(blocks, "section", "fields", "text")), limits.MAX_FIELD),
        LimitUsage("lines of context", _most(blocks, "context"), limits.MAX_ELEMENTS),
        LimitUsage("buttons", _most(blocks, "actions"), limits.MAX_BUTTONS),
        LimitUsage(
            "longest button", _longest(_texts(blocks, "actions", "elements", "text", "text")), limits.MAX_BUTTON_TEXT
        ),
    ]
    return [usage for usage in usages if usage.used]


def _texts(blocks: list[object], block_type: str, inner: str, *path: str) -> Iterator[str]:
    return (text_at(part, *path) for b in blocks if text_at(b, "type") == block_type for part in list_at(b, inner))


def _most(blocks: list[object], block_type: str) -> int:
    return max((len(list_at(block, "elements")) for block in blocks if text_at(block, "type") == block_type), default=0)


def _longest(texts: Iterator[str]) -> int:
    return max(map(utf16_length, texts), default=0)
