"""What a template fills while it renders: the parts of a message before they are laid out."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

NAMES = ("skip", "color", "title", "body", "fields", "context", "actions", "text")
"""The blocks of message.j2."""


class SkippedError(Exception):
    """A template filled its ``skip`` block. The text is the reason."""


STYLES = ("primary", "danger")
"""What a button may look like besides plain. https://docs.slack.dev/reference/block-kit/block-elements/button-element/"""


@dataclass(frozen=True, slots=True)
class Button:
    """A link as a button. The text is plain; the address may be linked; ``style`` is "", "primary" or "danger"."""

    text: str
    url: str
    style: str = ""


@dataclass(slots=True)
class TemplateBlocks:
    """Parts of a message. Texts are escaped mrkdwn, except a button's."""

    title: str = ""
    body: str = ""
    color: str = ""
    context: str = ""
    """A line is an element."""
    text: str = ""
    """The notification's text; "" for the title without markup."""
    fields: list[tuple[str, str]] = field(default_factory=list)
    """Labels and values."""
    buttons: list[Button] = field(default_factory=list)

    def fill(self, name: str, text: str) -> None:
        """Put what a block rendered in its place. Raises SkippedError for a ``skip`` block that is not blank."""
        if name == "skip":
            if reason := " ".join(text.split()):
                raise SkippedError(reason)
        elif name in ("fields", "actions"):
            # These blocks hold helpers, which leave no text; what else was written there is not lost.
            self.body = f"{self.body}\n{text}" if text.strip() else self.body
        else:
            setattr(self, name, text)


_current: ContextVar[TemplateBlocks | None] = ContextVar("slots", default=None)


@contextmanager
def collecting(slots: TemplateBlocks) -> Iterator[None]:
    """Let templates that render inside fill these slots. Each thread has its own."""
    token = _current.set(slots)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> TemplateBlocks:
    """The slots that are being filled; where none are, ones that nobody reads."""
    return _current.get() or TemplateBlocks()
