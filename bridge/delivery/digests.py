"""What a channel is told in place of thousands of messages, and of those that were folded."""

from collections.abc import Sequence

import humanize

from bridge.core.payload import text_at
from bridge.messages import Message
from bridge.messages.compact import Pack
from bridge.messages.layout import lay_out
from bridge.messages.links import link
from bridge.messages.mrkdwn import cut, escaped, markup, neutral
from bridge.messages.normalize import normalize
from bridge.messages.template_blocks import TemplateBlocks
from bridge.messages.times import date
from bridge.store import Backlog, RepeatWindow

FAILED_TYPES = (
    *("fail", "error", "undelivered", "dispute", "rejected", "blocked", "busy", "no-answer", "uncollectible"),
    *("overdue", "action_required", "out_of_stock", "early_fraud", "deauthorized", "on_hold", "canceled", "cancelled"),
)
"""Parts of the types that a digest names as failures."""
_NAME = 150


def digest(backlog: Backlog, digest_id: str) -> Message:
    """The digest of what waits for a channel: how much of what, from when to when, and what failed."""
    kinds = [f"• {count:,} × {_code(source, event_type)}" for source, event_type, count in backlog.types]
    rest = backlog.kinds - len(backlog.types)
    subjects = [f"• {count:,} × {_named(title, url)}" for title, url, count in backlog.subjects]
    failed = [f"• {_named(title, url)}" for title, url in backlog.failed]
    more = backlog.failures - len(failed)
    body = [
        *kinds,
        *([f"… and {_count(rest, 'other kind')}"] if rest > 0 else []),
        *(["", "*Most about*", *subjects] if subjects else []),
        *(["", f"*Failed: {backlog.failures:,}*", *failed] if failed else []),
        *([f"… and {more:,} more"] if more > 0 else []),
    ]
    title = f":card_index_dividers: *{backlog.number:,} messages* had piled up: this stands for all of them"
    slots = TemplateBlocks(
        title=title,
        body="\n".join(body),
        color="warn" if failed else "muted",
        context=f"from {date(backlog.first)} to {date(backlog.last)}\nlist them: `bridge events --digest {digest_id}`",
    )
    return lay_out(normalize(slots, title))


def and_more(window: RepeatWindow) -> Message:
    """The line that tells how many messages were folded into one that was shown."""
    while_ = humanize.naturaldelta(window.until - window.since)
    said = f":repeat: and *{window.more:,} more* like it within {while_}: {window.title}"
    return lay_out(normalize(TemplateBlocks(title=said), said))


def and_many_more(windows: Sequence[RepeatWindow]) -> tuple[Message, int]:
    """The same of several windows in one post, a line each; and of how many of them there was room for."""
    pack = Pack()
    for window in windows:
        line = and_more(window)
        if not pack.add(line.text, tuple(line.blocks)):
            break
    return (pack.message(), pack.messages) if pack.messages > 1 else (and_more(windows[0]), 1)


def first_line(blocks: Sequence[object], text: str) -> str:
    """What a folded message is called: the first line of its packed form, which keeps its link."""
    shown = text_at(blocks, 0, "text", "text") or str(escaped(text))
    return cut(shown.partition("\n")[0], 2 * _NAME)


def _named(title: str, url: str) -> str:
    name = cut(escaped(neutral(title)), _NAME)
    return link(url, markup(name)) if url else name


def _code(source: str, event_type: str) -> str:
    return f"`{escaped(f'{source} {event_type}'.replace('`', 'ˋ'))}`"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number > 1)}"
