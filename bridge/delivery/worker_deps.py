"""What lanes work with, and how a lane is doing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.core.clock import Clock
from bridge.core.counters import Counters
from bridge.delivery.outcome import Outcome
from bridge.delivery.rate_limiter import RateLimiter
from bridge.messages import Rendered
from bridge.store import Delivery, Store

SLOWEST = 60.0
"""Seconds: the longest back-off."""

Render = Callable[[Delivery, Sequence[str]], Awaitable[Rendered]]
"""(delivery, notes to show with it) -> what its template made of it."""


class Posting(Protocol):
    """What posts: ``bridge.delivery.slack.Poster``. Raises nothing."""

    async def post(self, url: str, body: Mapping[str, object]) -> Outcome: ...

    async def probe(self, url: str) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """How a channel bears storms, see routes.toml."""

    pack: bool = True
    digest_after: int = 2_000
    """0 for never."""


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """What every lane works with. The functions are asked anew for each delivery, so that a reload takes effect."""

    store: Store
    poster: Posting
    render: Render
    url_of: Callable[[str], str | None]
    """A channel's webhook URL, None if it has none (any more)."""
    limiter_of: Callable[[str], RateLimiter]
    """The pacer of a webhook URL."""
    clock: Clock
    random: Callable[[], float]
    """From 0 up to 1: jitter."""
    owner: str
    """Who claims, as the store knows it."""
    counters: Counters = field(default_factory=Counters)
    policy_of: Callable[[str], ChannelPolicy] = lambda _: ChannelPolicy()
    """A channel's terms."""
    repeat_of: Callable[[str], float | None] = lambda _: None
    """Seconds within which a route's messages are folded where they read the same."""
    record_state: Callable[[str, "WorkerState"], None] = lambda _channel, _state: None
    """Told of each lane that stops, finds Slack away, or runs."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How a lane is doing. ``until`` is in Unix seconds, for ``paused``."""

    name: Literal["running", "paused", "away", "stopped"]
    detail: str = ""
    """``stopped``: the word with which Slack closed the destination. ``away``: the last answer."""
    until: float | None = None


RUNNING = WorkerState("running")


def back_off(random: Callable[[], float], failures: int) -> float:
    """Seconds before the next try after ``failures`` in a row: 1, 2, 4 … 60, half of it by chance, at least 1."""
    longest = min(SLOWEST, 2.0 ** min(failures - 1, 10))
    return max(1.0, longest * (0.5 + random() / 2))
