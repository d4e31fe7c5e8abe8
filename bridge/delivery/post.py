"""What one post carries: a message alone in its full form, or several that wait in their packed form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import humanize

from bridge.messages import Block, Rendered
from bridge.messages.compact import Pack
from bridge.messages.layout import mrkdwn_text, section
from bridge.messages.mrkdwn import escaped
from bridge.store import Delivery, DeliveryResult, RepeatWindow

LATE = 3600.0
"""Seconds after which a message says that it is late."""


@dataclass(frozen=True, slots=True)
class PostItem:
    """One delivery with its message, on its way."""

    delivery: Delivery
    rendered: Rendered
    window: RepeatWindow | None = None
    """The window that it opens once it is shown."""

    def key(self) -> tuple[str, str, str] | None:
        """What it would be folded by; None if it is not."""
        return (self.window.route, self.window.subject, self.window.print) if self.window else None


@dataclass(frozen=True, slots=True)
class Post:
    """What one post carries, in order. ``body`` is its JSON; ``shown`` is what is kept of it for each delivery."""

    carried: tuple[PostItem, ...]
    body: Mapping[str, object]
    shown: tuple[Mapping[str, object], ...]
    folded: tuple[DeliveryResult, ...] = ()
    """What is told with these messages, once they are shown."""

    @property
    def packed(self) -> bool:
        """Whether several share it."""
        return len(self.carried) > 1

    @property
    def told(self) -> str:
        """What the ledger says of the deliveries that share it; "" of one alone."""
        others = len(self.carried) - 1
        return f"in one post with {others} other{'s' * (others > 1)}" if others else ""


def notes(delivery: Delivery, now: float) -> tuple[str, ...]:
    """What a message says of when it comes: that somebody asked for it again, or that it is late."""
    late = now - delivery.event.received_at
    if delivery.replayed_at is not None:
        return (f"Sent again: this happened {humanize.naturaldelta(late)} ago",)
    return (f"Posted {humanize.naturaldelta(late)} late",) if late > LATE else ()


def single_post(carried: PostItem, said: Sequence[str], *, as_text: bool) -> Post:
    """A message by itself, rendered with its notes; nothing but its text where Slack refuses the rest."""
    message = carried.rendered.message
    assert message is not None  # what is skipped is not carried
    body = {**message.text_only(), "text": "\n".join((message.text, *said))} if as_text else message.body()
    return Post((carried,), body, (body,))


def batch_post(carried: Iterable[PostItem], now: float) -> Post:
    """Messages that share a post, as many as fit: the first at least. Those that do not fit are left out."""
    pack, taken, shown = Pack(), list[PostItem](), list[Mapping[str, object]]()
    for one in carried:
        message, blocks = one.rendered.message, one.rendered.packed
        assert message is not None  # what is skipped is not carried
        blocks = (*(blocks or (section(str(escaped(message.text))),)), *_sent_again(one.delivery, now))
        if not pack.add(message.text, blocks):
            break
        taken.append(one)
        shown.append({"text": message.text, "blocks": list(blocks)})
    late = (note for one in taken if one.delivery.replayed_at is None for note in notes(one.delivery, now))
    said = next(late, "")
    return Post(tuple(taken), pack.message(said).body(), tuple(shown))


def _sent_again(delivery: Delivery, now: float) -> tuple[Block, ...]:
    """What a message that was asked for again says of that below itself: it is not true of the others in its post."""
    if delivery.replayed_at is None:
        return ()
    return ({"type": "context", "elements": [mrkdwn_text(str(escaped(note))) for note in notes(delivery, now)]},)
