"""Texts of digests and repeat notices."""

from collections.abc import Sequence

import humanize

from bridge.messages import Message
from bridge.messages.compact import CompactPost
from bridge.messages.layout import full_form
from bridge.messages.links import link
from bridge.messages.mrkdwn import cut, escaped, escaped_verbatim, markup, unformatted
from bridge.messages.normalize import normalize
from bridge.messages.template_blocks import TemplateBlocks
from bridge.messages.times import date
from bridge.store import Backlog, RepeatWindow

FAILED_TYPES = (
    *("fail", "error", "undelivered", "dispute", "rejected", "blocked", "busy", "no-answer", "uncollectible"),
    *("overdue", "action_required", "out_of_stock", "early_fraud", "deauthorized", "on_hold", "canceled", "cancelled"),
)
"""Parts of event types. A digest names these events as failures."""
_NAME = 150


def digest_message(backlog: Backlog, digest_id: str) -> Message:
    """Return the digest of a channel's backlog: counts by type, the period, and the failures."""
    kinds = [f"• {count:,} × {_code(source, event_type)}" for source, event_type, count in backlog.types]
    other_kinds = backlog.kinds - len(backlog.types)
    subjects = [f"• {count:,} × {_named(line, url)}" for line, url, count in backlog.subjects]
    failed = [f"• {_named(line, url)}" for line, url in backlog.failed]
    other_failures = backlog.failures - len(failed)
    body = [
        *kinds,
        *([f"… and {_plural(other_kinds, 'other kind')}"] if other_kinds > 0 else []),
        *(["", "*Most about*", *subjects] if subjects else []),
        *(["", f"*Failed: {backlog.failures:,}*", *failed] if failed else []),
        *([f"… and {other_failures:,} more"] if other_failures > 0 else []),
    ]
    title = f":card_index_dividers: *{backlog.number:,} messages* had piled up: this stands for all of them"
    blocks = TemplateBlocks(
        title=title,
        body="\n".join(body),
        color="warn" if failed else "muted",
        context=f"from {date(backlog.first)} to {date(backlog.last)}\nlist them: `bridge events --digest {digest_id}`",
    )
    return full_form(normalize(blocks, title))


def repeat_notice(window: RepeatWindow) -> Message:
    """Return the notice with the number of repeats in a window."""
    duration = humanize.naturaldelta(window.seconds)
    text = f":repeat: and *{window.repeats:,} more* like it within {duration}: {window.line}"
    return full_form(normalize(TemplateBlocks(title=text), text))


def repeat_notices(windows: Sequence[RepeatWindow]) -> tuple[Message, int]:
    """Return one post with a line for each window, and the number of windows in it: as many as fit."""
    pack = CompactPost()
    for window in windows:
        line = repeat_notice(window)
        if not pack.add(line.text, tuple(line.blocks)):
            break
    return (pack.message(), pack.messages) if pack.messages > 1 else (repeat_notice(windows[0]), 1)


def _named(line: str, url: str) -> str:
    name = cut(escaped(unformatted(line)), _NAME)
    return link(url, markup(name)) if url else name


def _code(source: str, event_type: str) -> str:
    return f"`{escaped_verbatim(f'{source} {event_type}'.replace('`', 'ˋ'))}`"


def _plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number > 1)}"
