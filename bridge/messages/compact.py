"""The compact form of messages: many in one post, each with its title, link and most important detail."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from bridge.messages.first_line import body_lines, linked_line
from bridge.messages.layout import section
from bridge.messages.limits import MAX_BLOCKS, MAX_BYTES
from bridge.messages.message import Block, Message
from bridge.messages.mrkdwn import cut, escaped, has_visible_text
from bridge.messages.normalize import MessageParts

_TITLE = 400
_DETAIL = 200
_NOTIFICATION = 300
_FRAME = 1_600
"""Bytes reserved for the notification text, the note and the JSON around the blocks."""
_DATE = re.compile(r"<!date\^[^<>]*>")


def compact_blocks(parts: MessageParts, url: str) -> tuple[Block, ...]:
    """Return a message's compact form: one block, its title linked to ``url``, without the line of links."""
    title = linked_line(parts, url, _TITLE)
    detail = next((detail for detail in _details(parts) if detail != parts.title), "")
    return (section(f"{title}\n{cut(detail, _DETAIL)}" if has_visible_text(detail) else title),)


def _details(parts: MessageParts) -> Iterator[str]:
    """Yield the fields, then the lines of the body."""
    for detail in parts.fields:
        label, line_end, value = detail.partition("\n")
        yield f"{label.strip('*')}: {value.partition(chr(10))[0]}" if line_end else detail
    yield from islice(body_lines(parts), 0 if parts.title else 1, None)


def fingerprint(parts: MessageParts) -> str:
    """Return a digest of the message's text; its times do not count."""
    texts = [parts.text, parts.title, parts.body, *parts.fields, *parts.context]
    return hashlib.sha256(_DATE.sub("", json.dumps(texts)).encode()).hexdigest()[:32]


@dataclass(slots=True)
class CompactPost:
    """Messages that share one post, in order, until it is full: 40 blocks, 12,000 bytes."""

    first: str = ""
    """The notification text of the first message."""
    blocks: list[Block] = field(default_factory=list)
    messages: int = 0
    _bytes: int = _FRAME

    def add(self, text: str, blocks: tuple[Block, ...]) -> bool:
        """Add a message and return True, or return False if it does not fit. ``text`` is its notification text."""
        size = sum(len(json.dumps(block, ensure_ascii=False).encode("utf-8", "surrogatepass")) + 2 for block in blocks)
        if self.messages and (len(self.blocks) + len(blocks) >= MAX_BLOCKS or self._bytes + size > MAX_BYTES):
            return False
        self.first = self.first or text
        self.blocks += blocks
        self.messages += 1
        self._bytes += size
        return True

    def message(self, note: str = "") -> Message:
        """Return the post. ``note`` is plain text at the top, such as "Posted 2 hours late"."""
        more = f" … and {self.messages - 1} more" if self.messages > 1 else ""
        above = [{"type": "context", "elements": [section(str(escaped(note)))["text"]]}] if note else []
        return Message(cut(self.first, _NOTIFICATION) + more, [*above, *self.blocks])
