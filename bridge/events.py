"""What arrived (Request) and what it meant (Event), as plain data without a framework."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived.

    ``url`` is the public URL exactly as the provider called (and may have signed) it, query in wire form.
    ``headers`` may be any mapping; names are looked up without regard to case, and a mapping that holds one
    name more than once (a multidict, or two spellings) keeps every value.
    ``body`` holds the raw bytes. The representation shows none of the three, since each may carry a secret.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    _by_name: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[str, list[str]] = {}
        for name, value in self.headers.items():
            by_name.setdefault(name.lower(), []).append(value)
        object.__setattr__(self, "_by_name", by_name)

    def header(self, name: str) -> str | None:
        """The first value of a header, or None. ``name`` is given in lower case."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value of a header in the order sent. ``name`` is given in lower case."""
        return tuple(self._by_name.get(name, ()))

    def __repr__(self) -> str:
        return f"Request({self.method}, {len(self._by_name)} headers, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One verified thing that happened.

    ``type`` is in the provider's own words. ``keys`` make two arrivals the same event: any one that was seen makes a
    duplicate (scoped by source). ``subject`` is what the event is about, stable over its life. ``title`` is one plain
    line, never empty; ``url`` an http(s) address or "". ``actor`` is a person's name or "". Times are Unix seconds;
    ``occurred_at`` is None where the provider does not say. ``confidential`` events go to private channels only.
    ``test`` marks sandbox, test-mode and test-button events. ``id`` sorts by time of arrival and is random beyond it.
    """

    id: str
    source: str
    provider: str
    type: str
    keys: tuple[str, ...]
    payload: Mapping[str, object] = field(repr=False)
    subject: str
    title: str
    url: str
    actor: str
    occurred_at: float | None
    received_at: float
    confidential: bool
    test: bool


# Not the system's source: one call of it costs as much as reading the event, for it gives the interpreter away to other
# threads. An id names an event and opens nothing. Seeded from the system once, for each process that is forked too.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_id(now: float) -> str:
    """A new event id: 12 hex digits of milliseconds, then 14 random ones, so that ids sort by time of arrival.

    ``now`` is in Unix seconds.
    """
    return f"{int(now * 1000):012x}{_random.getrandbits(56):014x}"
