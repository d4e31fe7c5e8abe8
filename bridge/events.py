"""The HTTP request that arrived (Request) and the thing that happened (Event), as plain data."""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request as it arrived.

    ``url`` is the public URL exactly as the provider called (and may have signed) it, with the query in wire form.
    ``headers`` may be any mapping; names are looked up without regard to case, and a name that occurs more than once
    (in a multidict, or in two spellings) keeps every value.
    ``body`` holds the raw bytes. The representation shows none of the three, since each may hold a secret.
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
        """Return the first value of a header, or None. ``name`` is in lower case."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def header_values(self, name: str) -> tuple[str, ...]:
        """Return every value of a header in the order sent. ``name`` is in lower case."""
        return tuple(self._by_name.get(name, ()))

    def __repr__(self) -> str:
        return f"Request({self.method}, {len(self._by_name)} headers, {len(self.body)} bytes)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One verified thing that happened.

    ``type`` is in the provider's own words. ``keys`` are the dedupe keys, scoped by source: an event with a key that
    was seen before is a duplicate. ``subject`` identifies the object of the event, stable over its life. ``name`` is
    what its owner calls the thing (a merge request's title, an order's number), short and plain, "" without one.
    ``url`` is an http(s) address or "", ``actor`` a person's name or "". Times are Unix seconds; ``occurred_at`` is
    None if the provider does not send it. ``confidential`` events go to private channels only. ``test`` marks sandbox,
    test-mode and test-button events. ``id`` sorts by time of arrival; the rest is random. No sentence is in here:
    templates own the words.
    """

    id: str
    source: str
    provider: str
    type: str
    keys: tuple[str, ...]
    payload: Mapping[str, object] = field(repr=False)
    subject: str
    name: str
    url: str
    actor: str
    occurred_at: float | None
    received_at: float
    confidential: bool
    test: bool


# Not the system's random source: a call costs as much as parsing the event, because it lets other threads run. An id
# is no secret. Seeded from the system once, and again in each forked process.
_random = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)


def new_id(now: float) -> str:
    """Return a new event id: 12 hex digits of milliseconds, then 14 random ones, so that ids sort by arrival.

    ``now`` is in Unix seconds.
    """
    return f"{int(now * 1000):012x}{_random.getrandbits(56):014x}"
