"""Data that goes into a store and comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.events import Event, Request
from bridge.routing.decide import Planned, State


class StoreUnavailableError(Exception):
    """The store cannot keep anything now (disk full, locked, over its limit, closed). Nothing of the call was kept."""


class StoreRefusedError(Exception):
    """The store cannot be opened, and waiting will not help. The text is one line with the mend."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """One event of a request on its way into the ledger. ``part`` is its position among the request's events."""

    event: Event
    part: int
    deliveries: tuple[Planned, ...]
    ttl: float
    """Seconds for which the event's keys are remembered."""


@dataclass(frozen=True, slots=True)
class AcceptResult:
    """What became of one entry. A duplicate and a revived event carry the first arrival's id."""

    status: Literal["accepted", "duplicate", "revived"]
    id: str
    channels: tuple[str, ...] = ()
    """Where something waits because of this entry: of a revived event, the channels of then, not of today's routes."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery at work, with its event as it was when it arrived."""

    id: int
    event: Event
    channel: str
    route: str
    template: str | None
    attempts: int
    """Posts tried so far."""
    revived: bool = False
    """True if it was dead before, and is sent again."""
    replayed_at: float | None = None
    """When a person asked to have it sent again; None if nobody did."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One post to Slack and what came of it."""

    at: float
    kind: str
    """The outcome's kind, see bridge.delivery.slack."""
    status: int | None
    """HTTP status, None where no answer came."""
    answer: str
    """Slack's body, or what went wrong, cut to 200 characters; never a URL."""
    seconds: float


@dataclass(frozen=True, slots=True)
class RepeatWindow:
    """The time in which messages of one route and subject that read the same are folded into the first of them."""

    route: str
    subject: str
    print: str
    """What tells such a message from one that reads otherwise."""
    title: str
    """The first line of the message that was shown, as mrkdwn."""
    until: float
    since: float = 0.0
    more: int = 0
    """How many were folded."""


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """What is to be recorded of one delivery. ``state`` stays ``waiting`` where it will be tried again."""

    delivery: int
    state: State
    reason: str = ""
    attempt: Attempt | None = None
    message: Mapping[str, object] | None = field(default=None, repr=False)
    """The message as posted, if it was."""
    template_fault: str = ""
    """Which template failed at which line, where the fallback was posted."""
    told_in: str = ""
    """What tells of a delivery that is ``told``, such as ``repeat of #12``."""
    opens: RepeatWindow | None = None
    """The window that begins with this delivery, once it is delivered."""
    folds: RepeatWindow | None = None
    """The open window in which this delivery is told."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for a channel, summed up. Lists are cut; ``kinds`` and ``failures`` count all."""

    number: int
    upto: int
    """The last delivery that is counted."""
    first: float
    last: float
    """When the first and the last event came."""
    kinds: int
    """How many sources and types there are."""
    types: tuple[tuple[str, str, int], ...]
    """Source, type and number, the most frequent first."""
    subjects: tuple[tuple[str, str, int], ...]
    """Title and address of the latest event, and number, of subjects that have several."""
    failures: int
    failed: tuple[tuple[str, str], ...]
    """Title and address of the latest that failed, in order."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Deliveries by state, and by channel for those that wait. ``size`` and ``limit`` are in bytes."""

    states: Mapping[str, int]
    waiting: Mapping[str, int]
    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class DestinationState:
    """A lane that does not run."""

    channel: str
    state: Literal["stopped", "away"]
    detail: str
    """Slack's word, or what went wrong."""
    since: float
    told: bool
    """Whether the alerts channel knows of it."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One line of the ledger: a delivery with the columns of its event."""

    delivery: int
    event: str
    source: str
    type: str
    title: str
    channel: str
    route: str
    state: State
    reason: str
    attempts: int
    received_at: float
    settled_at: float | None
    template_fault: str
    template: str | None = None
    told_in: str | None = None
    """What told of it where it is ``told``: a digest's id, or ``repeat of`` and another delivery's number."""
    replayed_at: float | None = None
    """When a person asked to have it sent again."""
    subject: str = ""
    actor: str = ""
    confidential: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows to find; an empty field asks for nothing. Newest first."""

    state: State | None = None
    source: str | None = None
    channel: str | None = None
    event: str | None = None
    limit: int | None = 100
    """None for all of them."""
    route: str | None = None
    told_in: str | None = None
    id_prefix: str = ""
    """How the event's id begins."""
    types: tuple[str, ...] = ()
    """Patterns as routes have them, see bridge.routing.patterns."""
    since: float | None = None
    """The event arrived then or later."""
    until: float | None = None
    """The event arrived before."""
    holds: str = ""
    """Text within the title, the subject, the actor or the reason, whatever its case."""
    deliveries: tuple[int, ...] | None = None
    """No others than these."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the ledger was read, so that what is new or has changed since can be told."""

    last: int
    """The number of the newest delivery."""
    open: Mapping[int, tuple[str, int]] = field(repr=False)
    """State and attempts of every delivery that waits or is dead: of those that may still change."""


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery as it would be sent again, whatever its state, and what was posted of it if anything was."""

    delivery: Delivery
    message: Mapping[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What became of the wish to send one delivery again."""

    row: DeliveryRow
    delivery: int | None
    """The delivery that waits now: the same one where it was dead, else one of its own. None if it is passed over."""
    why: Literal["", "waiting", "changed", "gone"] = ""
    """Why it is passed over: it waits already, it was sent again or settled since it was read, it was pruned."""


@dataclass(frozen=True, slots=True)
class DedupeKey:
    """One of an event's keys, and until when it makes duplicates; None if it is forgotten."""

    key: str
    until: float | None


@dataclass(frozen=True, slots=True)
class Digest:
    """A message that tells of many deliveries."""

    id: str
    posted_at: float
    message: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryHistory:
    """All that is on record of one delivery."""

    row: DeliveryRow
    attempts: tuple[Attempt, ...]
    message: Mapping[str, object] | None = field(repr=False)
    """As posted."""
    digest: Digest | None = None
    """The message that tells of it, where it is told in a digest."""


@dataclass(frozen=True, slots=True)
class EventHistory:
    """All that is on record of one event."""

    event: Event
    """With its payload, read anew as by ``claim``."""
    request: Request
    """As it was kept."""
    part: int
    """Which of the request's events it is."""
    keys: tuple[DedupeKey, ...]
    deliveries: tuple[DeliveryHistory, ...]
