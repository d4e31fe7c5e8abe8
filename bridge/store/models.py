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


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One delivery in the event log, with the columns of its event."""

    delivery: int
    event: str
    source: str
    type: str
    line: str
    """First line of its message; the provider's generic line while there is none."""
    channel: str
    route: str
    state: DeliveryState
    reason: str
    attempts: int
    received_at: float
    settled_at: float | None
    template_fault: str
    template: str | None = None
    summarized_in: str | None = None
    """The summary of a ``summarized`` delivery: a digest's id, or ``repeat of`` another delivery's number."""
    replayed_at: float | None = None
    """Time of its replay."""
    name: str = ""
    subject: str = ""
    actor: str = ""
    confidential: bool = False
    accepted: int = 0
    """Its event's place in the order of acceptance. Times and ids do not tell it within one request."""


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions on rows; an empty field has none. The newest come first."""

    state: DeliveryState | None = None
    source: str | None = None
    channel: str | None = None
    event: str | None = None
    limit: int | None = 100
    """None for all rows."""
    route: str | None = None
    summarized_in: str | None = None
    id_prefix: str = ""
    """Start of the event's id."""
    types: tuple[str, ...] = ()
    """Patterns as in routes, see bridge.routing.patterns."""
    since: float | None = None
    """The event arrived then or later."""
    until: float | None = None
    """The event arrived before."""
    contains: str = ""
    """Text in the line, name, subject, actor or reason, case-insensitive."""
    deliveries: tuple[int, ...] | None = None
    """Only these."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Position of a reader of the event log, for ``changes_since``."""

    last: int
    """The number of the newest delivery."""
    open: Mapping[int, tuple[str, int]] = field(repr=False)
    """State and attempts of every open delivery (waiting or dead): only these can change."""


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery to send again, in any state, and the message that was posted, if any."""

    delivery: Delivery
    message: Mapping[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """Result of the replay of one delivery."""

    row: DeliveryRow
    delivery: int | None
    """The delivery that waits now: the same one if it was dead, else a new one. None if it was skipped."""
    why: Literal["", "waiting", "changed", "gone"] = ""
    """Reason to skip it: it waits already, it was replayed or settled since it was read, it was pruned."""


@dataclass(frozen=True, slots=True)
class DedupeKey:
    """One of an event's keys, and the time until it makes duplicates; None if it is forgotten."""

    key: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Digest:
    """One message for many deliveries."""

    id: str
    posted_at: float
    message: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryHistory:
    """Complete record of one delivery."""

    row: DeliveryRow
    attempts: tuple[Attempt, ...]
    message: Mapping[str, object] | None = field(repr=False)
    """As posted."""
    digest: Digest | None = None
    """The digest that summarizes it, if any."""


@dataclass(frozen=True, slots=True)
class EventHistory:
    """Complete record of one event."""

    event: Event
    """Its payload is empty, as in a ``Delivery``."""
    request: Request
    """As stored."""
    part: int
    """Its position among the request's events."""
    keys: tuple[DedupeKey, ...]
    deliveries: tuple[DeliveryHistory, ...]
