"""The blocks that a template fills while it renders: a message's parts before layout."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

NAMES = ("skip", "color", "title", "body", "fields", "context", "actions", "text")
"""The blocks of message.j2."""


class SkippedError(Exception):
    """A template filled its ``skip`` block. The text is the reason."""


STYLES = ("primary", "danger")
"""Button styles besides plain. https://docs.slack.dev/reference/block-kit/block-elements/button-element/"""


@dataclass(frozen=True, slots=True)
class Button:
    """A link or button. The address is valid; ``style`` is "", "primary" or "danger"."""

    text: str
    """Plain; emoji of the payload are broken."""
    url: str
    style: str = ""


@dataclass(slots=True)
class TemplateBlocks:
    """Parts of a message. Texts are escaped mrkdwn, except a button's."""

    title: str = ""
    body: str = ""
    color: str = ""
    context: str = ""
    """One element per line."""
    text: str = ""
    """The notification text; "" for the title without markup."""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Labels and values."""
    buttons: list[Button] = field(default_factory=list)

    def fill(self, name: str, text: str) -> None:
        """Store the output of a block. Raises SkippedError for a ``skip`` block that is not blank."""
        if name == "skip":
            if reason := " ".join(text.split()):
                raise SkippedError(reason)
        elif name in ("fields", "actions"):
            # These blocks hold helpers, which print nothing; other text in them goes to the body.
            self.body = f"{self.body}\n{text}" if text.strip() else self.body
        else:
            setattr(self, name, text)


_current: ContextVar[TemplateBlocks | None] = ContextVar("template_blocks", default=None)


@contextmanager
def collecting(blocks: TemplateBlocks) -> Iterator[None]:
    """Collect the blocks of templates rendered inside the ``with`` block. Each thread has its own."""
    token = _current.set(blocks)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> TemplateBlocks:
    """Return the blocks being filled; outside of ``collecting``, new ones that are discarded."""
    return _current.get() or TemplateBlocks()
