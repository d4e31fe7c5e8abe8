"""Data of the event log: queries, rows and complete records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.core.states import DeliveryState
from bridge.events import Event, Request
from bridge.store.models import Attempt, Delivery


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
