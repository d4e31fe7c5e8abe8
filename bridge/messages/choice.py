"""Choose the most specific template for an event by its type."""

from collections.abc import Iterator
from typing import Protocol

from bridge.messages.templates import Templates

DEFAULT = "default.j2"
"""The template for events without a more specific one, and without a payload."""
_LONGEST_TYPE = 200


class Typed(Protocol):
    """An event, or a sample of one."""

    @property
    def provider(self) -> str:
        """The provider's name."""

    @property
    def type(self) -> str:
        """The type, in the provider's own words."""


def choose(event: Typed, templates: Templates) -> str:
    """Return the most specific template for an event's type.

    That is the first of ``gitlab/merge_request.open.j2``, ``gitlab/merge_request.j2``, ``gitlab/default.j2``,
    ``default.j2`` that exists.
    """
    return next(name for name in candidates(event) if name in templates.sources or name in templates.errors)


def candidates(event: Typed) -> Iterator[str]:
    """Return the names to look for, the most specific first, whether they exist or not."""
    # The type is text from outside: it only ever picks among names that exist, and no partial.
    event_type = event.type.replace("/", ".")
    while event_type and len(event_type) <= _LONGEST_TYPE and not event_type.startswith("_"):
        yield f"{event.provider}/{event_type}.j2"
        event_type = event_type.rpartition(".")[0]
    yield f"{event.provider}/default.j2"
    yield DEFAULT
