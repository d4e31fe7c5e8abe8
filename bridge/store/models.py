"""Data of the store's interface."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.core.states import DeliveryState, OutcomeKind, WorkerState
from bridge.events import Event, Request
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState


class StoreUnavailableError(Exception):
    """The store is unavailable (disk full, locked, over its limit, closed). Nothing of the call was stored."""


class StoreRefusedError(Exception):
    """The store cannot be opened, and a retry will not help. The text is one line with a hint."""


class HoldLostError(Exception):
    """Another owner holds the channel's queue by now. Nothing of the call was stored."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event of a request, to be stored. ``part`` is its position among the request's events."""

    event: Event
    part: int
    deliveries: tuple[Planned, ...]
    ttls: tuple[float, ...]
    """Seconds to remember each of the event's keys, in their order."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request, with only the headers that may be stored, and its events."""

    request: Request
    entries: tuple[NewEvent, ...]


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """Result for one event. A duplicate and a revived event have the first arrival's id."""

    status: Literal["accepted", "duplicate", "revived"]
    id: str
    channels: tuple[str, ...] = ()
    """Channels with a new waiting delivery. For a revived event, those of its first arrival, not of today's routes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A waiting delivery, with the columns of its event."""

    id: int
    event: Event
    """Its payload is empty: bridge.sources.stored_event makes it from the request."""
    channel: str
    route: str
    template: str | None
    attempts: int
    """Posts tried so far."""
    part: int
    """Its event's position among those of the request."""
    size: int
    """Bytes of the request's body."""
    revived: bool = False
    """True if it was dead before, and is sent again."""
    replayed_at: float | None = None
    """Time of its replay, None without one."""
    group_state: GroupState | None = None
    """The state to compare before it is shown; None: it is shown without."""
    template_fault: str = ""
    """The error of a rendering that was ended by force: post the fallback, and do not render again."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One post to Slack and its outcome."""

    at: float
    kind: OutcomeKind
    status: int | None
    """HTTP status, None without an answer."""
    answer: str
    """Slack's body or the error, cut to 200 characters; never a URL."""
    seconds: float


@dataclass(frozen=True, slots=True)
class RepeatWindow:
    """Period in which only the first of equal messages of one route and subject is posted."""

    route: str
    subject: str
    fingerprint: str
    """Equal for equal messages."""
    line: str
    """First line of the message that was shown, as mrkdwn."""
    seconds: float
    """Its length, from when that message was shown."""
    since: float = 0.0
    repeats: int = 0
    """Number of messages after the first."""


@dataclass(frozen=True, slots=True)
class GroupKey:
    """What a last state belongs to, within a channel."""

    route: str
    source: str
    group: str


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """Result of one delivery, to be recorded. ``state`` stays ``waiting`` for a retry."""

    delivery: int
    state: DeliveryState
    reason: str = ""
    attempt: Attempt | None = None
    message: Mapping[str, object] | None = field(default=None, repr=False)
    """The message as posted, if it was."""
    template_fault: str = ""
    """The template and line of an error, if the fallback was posted."""
    line: str = ""
    """First line of the message as plain text; "" if none was rendered, and an earlier one stays."""
    summarized_in: str = ""
    """The summary of a ``summarized`` delivery, e.g. ``repeat of #12``."""
    opens_window: RepeatWindow | None = None
    """The window that this delivery opens, once it is delivered."""
    repeat_window: RepeatWindow | None = None
    """The open window that counts this delivery."""
    remembers: tuple[GroupKey, GroupState] | None = None
    """The state to remember as the last one of its group."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Summary of a channel's waiting deliveries. Lists are cut; ``kinds`` and ``failures`` count everything."""

    number: int
    upto: int
    """The last delivery of the count; 0 for none."""
    first: float
    last: float
    """Times of the first and the last event."""
    kinds: int
    """Number of pairs of source and type."""
    types: tuple[tuple[str, str, int], ...]
    """Source, type and number, the most frequent first."""
    subjects: tuple[tuple[str, str, int], ...]
    """Line and URL of the latest event, and number, for subjects with several."""
    failures: int
    failed: tuple[tuple[str, str], ...]
    """Line and URL of the latest failures, in order."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Deliveries by state, and waiting ones by channel. ``size`` and ``limit`` are in bytes."""

    states: Mapping[str, int]
    waiting: Mapping[str, int]
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class DestinationState:
    """A blocked channel."""

    channel: str
    state: WorkerState
    """``stopped`` or ``unavailable``."""
    detail: str
    """Slack's error code, or the last error."""
    since: float
    alerted: bool
    """Whether the alert was posted."""
