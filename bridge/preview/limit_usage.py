"""Limit usage: the share of Slack's limits that a message uses."""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.core.payload import list_at, text_at
from bridge.messages import Message, limits
from bridge.messages.mrkdwn import units


@dataclass(frozen=True, slots=True)
class Measure:
    """Usage of one limit: its name, the largest use in the message, and Slack's maximum."""

    what: str
    used: int
    of: int


def measures(message: Message) -> list[Measure]:
    """Measure a message against every limit, the whole message first. Texts count in UTF-16 units, escaped."""
    blocks = [*message.blocks, *(block for part in message.attachments for block in list_at(part, "blocks"))]
    counted = [
        Measure("bytes in all", limits.size(message), limits.MAX_BYTES),
        Measure("blocks", len(blocks), limits.MAX_BLOCKS),
        Measure("notification", units(message.text), limits.MAX_NOTIFICATION),
        Measure("longest text", _longest(text_at(block, "text", "text") for block in blocks), limits.MAX_SECTION),
        Measure("fields in a section", max((len(list_at(b, "fields")) for b in blocks), default=0), limits.MAX_FIELDS),
        Measure("longest field", _longest(_texts(blocks, "section", "fields", "text")), limits.MAX_FIELD),
        Measure("lines of context", _most(blocks, "context"), limits.MAX_ELEMENTS),
        Measure("buttons", _most(blocks, "actions"), limits.MAX_BUTTONS),
        Measure(
            "longest button", _longest(_texts(blocks, "actions", "elements", "text", "text")), limits.MAX_BUTTON_TEXT
        ),
    ]
    return [measure for measure in counted if measure.used]


def _texts(blocks: list[object], block_type: str, inner: str, *path: str) -> Iterator[str]:
    return (text_at(part, *path) for b in blocks if text_at(b, "type") == block_type for part in list_at(b, inner))


def _most(blocks: list[object], block_type: str) -> int:
    return max((len(list_at(block, "elements")) for block in blocks if text_at(block, "type") == block_type), default=0)


def _longest(texts: Iterator[str]) -> int:
    return max(map(units, texts), default=0)
