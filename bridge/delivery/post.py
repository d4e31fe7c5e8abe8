"""Build the body of one post: a single message in full form, or a batch of messages in compact form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import humanize

from bridge.messages import Block, Rendered
from bridge.messages.compact import CompactPost
from bridge.messages.layout import mrkdwn_text, section
from bridge.messages.mrkdwn import escaped
from bridge.routing.on_change import GroupState
from bridge.store import Delivery, DeliveryResult, GroupKey, RepeatWindow

LATE = 3600.0
"""Seconds after which a message has a note about its delay."""


@dataclass(frozen=True, slots=True)
class PostItem:
    """One delivery with its rendered message."""

    delivery: Delivery
    rendered: Rendered
    window: RepeatWindow | None = None
    """The repeat window that it opens once it is shown."""
    remembers: tuple[GroupKey, GroupState] | None = None
    """The last state of its group once it is shown."""

    def key(self) -> tuple[str, str, str] | None:
        """Return the key of its repeat window; None without one."""
        return (self.window.route, self.window.subject, self.window.fingerprint) if self.window else None


@dataclass(frozen=True, slots=True)
class Post:
    """One request to Slack. ``items`` are in order; ``body`` is its JSON; ``messages`` are stored, one for an item."""

    items: tuple[PostItem, ...]
    body: Mapping[str, object]
    messages: tuple[Mapping[str, object], ...]
    repeats: tuple[DeliveryResult, ...] = ()
    """Deliveries with the message of an item, or no news after its state. They are settled with the post."""

    @property
    def is_batch(self) -> bool:
        """Whether it carries several deliveries."""
        return len(self.items) > 1

    @property
    def reason(self) -> str:
        """The event log's note for deliveries of a batch; "" for a single one."""
        others = len(self.items) - 1
        return f"in one post with {others} other{'s' * (others > 1)}" if others else ""


def delivery_notes(delivery: Delivery, now: float) -> tuple[str, ...]:
    """Return the notes on a message's timing: it was replayed, or it is late."""
    late = now - delivery.event.received_at
    if delivery.replayed_at is not None:
        return (f"Sent again: this happened {humanize.naturaldelta(late)} ago",)
    return (f"Posted {humanize.naturaldelta(late)} late",) if late > LATE else ()


def single_post(item: PostItem, notes: Sequence[str], *, as_text: bool) -> Post:
    """Return a post of one message, rendered with its notes; only its text if Slack rejects the rest."""
    message = item.rendered.message
    assert message is not None  # skipped deliveries have no item
    body = {**message.text_only(), "text": "\n".join((message.text, *notes))} if as_text else message.body()
    return Post((item,), body, (body,))


def batch_post(items: Iterable[PostItem], now: float) -> Post:
    """Return a post of as many messages as fit, at least the first. The others are left out."""
    pack, taken, messages = CompactPost(), list[PostItem](), list[Mapping[str, object]]()
    for item in items:
        message, blocks = item.rendered.message, item.rendered.compact
        assert message is not None  # skipped deliveries have no item
        blocks = (*(blocks or (section(str(escaped(message.text))),)), *_replay_note(item.delivery, now))
        if not pack.add(message.text, blocks):
            break
        taken.append(item)
        messages.append({"text": message.text, "blocks": list(blocks)})
    late = (note for item in taken if item.delivery.replayed_at is None for note in delivery_notes(item.delivery, now))
    return Post(tuple(taken), pack.message(next(late, "")).body(), tuple(messages))


def _replay_note(delivery: Delivery, now: float) -> tuple[Block, ...]:
    """Return the note below a replayed message in a batch: it does not apply to the other messages."""
    if delivery.replayed_at is None:
        return ()
    return (
        {"type": "context", "elements": [mrkdwn_text(str(escaped(note))) for note in delivery_notes(delivery, now)]},
    )
