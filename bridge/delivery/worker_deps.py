"""Dependencies of channel workers, and their status."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bridge.core.clock import Clock
from bridge.core.counters import Counters
from bridge.core.states import WorkerState
from bridge.delivery.alert import Alert
from bridge.delivery.outcome import Outcome
from bridge.delivery.rate_limiter import RateLimiter
from bridge.messages import Rendered
from bridge.routing.schema import ChannelPolicy
from bridge.store import Delivery, Hold, Queues

HOLD_SECONDS = 120.0
"""Seconds for which a worker holds its queue: longer than a step takes, in a store shared by several processes."""

Render = Callable[[Delivery, Sequence[str]], Awaitable[Rendered]]
"""Renders a delivery's message, with notes to show."""


class Posting(Protocol):
    """The interface of ``bridge.delivery.slack.Poster``. It raises nothing."""

    async def post(self, url: str, body: Mapping[str, object], time_limit: float) -> Outcome: ...

    async def probe(self, url: str) -> Outcome: ...

    def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WorkerDeps:
    """Dependencies of all channel workers. Functions are called for each delivery, so that a reload takes effect."""

    store: Queues
    poster: Posting
    render: Render
    url_of: Callable[[str], str | None]
    """Returns a channel's webhook URL; None without one."""
    limiter_of: Callable[[str], RateLimiter]
    """Returns the rate limiter of a webhook URL."""
    clock: Clock
    random: Callable[[], float]
    """Jitter from 0 up to 1."""
    owner: str
    """Name of this process in claims."""
    counters: Counters = field(default_factory=Counters)
    policy_of: Callable[[str], ChannelPolicy] = lambda _: ChannelPolicy()
    """Returns a channel's policy, see routes.toml."""
    repeat_of: Callable[[str], float | None] = lambda _: None
    """Returns the seconds of a route's repeat windows; None without."""
    holds: dict[str, Hold] = field(default_factory=dict)
    """The hold of each channel's queue, renewed at each step of its worker."""
    record_status: Callable[[str, "WorkerStatus"], None] = lambda _channel, _status: None
    """Called when a worker stops, becomes unavailable or runs again."""
    alert: Callable[[Alert], None] = lambda _: None
    """Alerts somebody; returns at once."""

    async def renew_hold(self, channel: str) -> None:
        """Hold a channel's queue, or hold it for longer."""
        self.holds[channel] = await self.store.hold(channel, self.owner, HOLD_SECONDS)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """State of a channel worker, with the reason."""

    state: WorkerState
    detail: str = ""
    """``stopped``: Slack's error code. ``unavailable``: the last answer."""
    until: float | None = None
    """``paused``: the end of the pause, in Unix seconds."""


RUNNING = WorkerStatus(WorkerState.RUNNING)
