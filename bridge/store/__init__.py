"""Dedupe, ledger and outbox behind one interface."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bridge.decide import Planned, State
from bridge.events import Event, Request


class StoreUnavailable(Exception):
    """The store cannot keep anything now (disk full, locked, over its limit, closed). Nothing of the call was kept."""


class StoreRefused(Exception):
    """The store cannot be opened, and waiting will not help. The text is one line with the mend."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of a request on its way into the ledger. ``part`` is its position among the request's events."""

    event: Event
    part: int
    deliveries: tuple[Planned, ...]
    ttl: float
    """Seconds for which the event's keys are remembered."""


@dataclass(frozen=True, slots=True)
class Kept:
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
class Window:
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
class Settlement:
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
    opens: Window | None = None
    """The window that begins with this delivery, once it is delivered."""
    folds: Window | None = None
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
class LaneRow:
    """A lane that does not run."""

    channel: str
    state: Literal["stopped", "away"]
    detail: str
    """Slack's word, or what went wrong."""
    since: float
    told: bool
    """Whether the alerts channel knows of it."""


@dataclass(frozen=True, slots=True)
class Row:
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
    """Patterns as routes have them, see bridge.patterns."""
    since: float | None = None
    """The event arrived then or later."""
    until: float | None = None
    """The event arrived before."""
    holds: str = ""
    """Text within the title, the subject, the actor or the reason, whatever its case."""
    deliveries: tuple[int, ...] | None = None
    """No others than these."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the ledger was read, so that what is new or has changed since can be told."""

    last: int
    """The number of the newest delivery."""
    open: Mapping[int, tuple[str, int]] = field(repr=False)
    """State and attempts of every delivery that waits or is dead: of those that may still change."""


@dataclass(frozen=True, slots=True)
class Reread:
    """A delivery as it would be sent again, whatever its state, and what was posted of it if anything was."""

    delivery: Delivery
    message: Mapping[str, object] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the wish to send one delivery again."""

    row: Row
    delivery: int | None
    """The delivery that waits now: the same one where it was dead, else one of its own. None if it is passed over."""
    why: Literal["", "waiting", "changed", "gone"] = ""
    """Why it is passed over: it waits already, it was sent again or settled since it was read, it was pruned."""


@dataclass(frozen=True, slots=True)
class Memory:
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
class Told:
    """All that is on record of one delivery."""

    row: Row
    attempts: tuple[Attempt, ...]
    message: Mapping[str, object] | None = field(repr=False)
    """As posted."""
    digest: Digest | None = None
    """The message that tells of it, where it is told in a digest."""


@dataclass(frozen=True, slots=True)
class Story:
    """All that is on record of one event."""

    event: Event
    """With its payload, read anew as by ``claim``."""
    request: Request
    """As it was kept."""
    part: int
    """Which of the request's events it is."""
    keys: tuple[Memory, ...]
    deliveries: tuple[Told, ...]


class Store(Protocol):
    """The interface that every store keeps. Times are Unix seconds. Every call may raise StoreUnavailable."""

    async def accept(self, request: Request, entries: Sequence[Entry], now: float) -> list[Kept]:
        """Keep events with their keys and deliveries in one transaction, on disk before this returns.

        ``request`` has its headers cut down to those that may be kept. One outcome per entry, in their order.

        - A key of the same source that was seen and has not expired: a duplicate. Its other keys are remembered for the
          first arrival. If that has deliveries that are dead, they wait again: revived.
        - Entries of one call that share a key count as arrivals one after the other.
        - At the limit of the store's size everything is refused, duplicates too.
        """
        ...

    async def claim(self, channel: str, owner: str, n: int) -> list[Delivery]:
        """The oldest ``n`` waiting deliveries of a channel, in the order in which their events were accepted.

        Fewer where the bodies behind them would take much memory, but one at least. A claim changes nothing: claimed
        again before it is settled, a delivery comes again. ``owner`` names who claims, for a store that several
        processes share; one process owns an SQLite file, and there it says nothing.

        The payload is read anew from the body as received. Where the provider cannot read it any more (it is gone, or
        reads otherwise than before), the payload is empty, and the event's columns are what they were.
        """
        ...

    async def settle(self, settlements: Sequence[Settlement], now: float) -> None:
        """Record what became of deliveries, all in one transaction, on disk before this returns.

        What is not known is passed over. A delivery that does not wait any more (a person dropped it meanwhile) keeps
        its state, and the attempt is recorded. Works at the limit of the size too.
        """
        ...

    async def waiting(self, channel: str, most: int) -> int:
        """How many deliveries wait for a channel; counting stops at ``most``."""
        ...

    async def open_window(self, channel: str, window: Window, now: float) -> int | None:
        """The delivery that was shown in the window that is open now for messages such as this; None if none is."""
        ...

    async def ended_windows(self, channel: str, now: float) -> list[Window]:
        """Windows that are over and not closed, the oldest first."""
        ...

    async def next_window(self, channel: str) -> float | None:
        """When the next window ends, or ended; None without one."""
        ...

    async def close_window(self, channel: str, window: Window) -> None:
        """What was folded in a window is told, or need not be."""
        ...

    async def backlog(self, channel: str, failures: Sequence[str]) -> Backlog:
        """What waits for a channel, summed up. ``failures`` are parts of the types that count as failures."""
        ...

    async def keep_digest(self, id: str, channel: str, upto: int, message: Mapping[str, object], now: float) -> None:
        """Record a digest that was posted, on disk before this returns: what waits up to a delivery is told in it."""
        ...

    async def unfinished_digests(self, channel: str) -> list[str]:
        """Digests that were posted, and whose deliveries are not all settled yet."""
        ...

    async def tell_digest(self, id: str, now: float) -> None:
        """Settle all that a digest tells of, in small bites that let others in between."""
        ...

    async def check(self) -> None:
        """Write and commit something small. Raises StoreUnavailable while nothing new can be kept."""
        ...

    async def find(self, query: Query) -> list[Row]:
        """Rows of the ledger."""
        ...

    async def news(self, query: Query, mark: Mark | None) -> tuple[list[Row], Mark]:
        """What a query finds, and how far that is; with a mark, only what is new or has changed since, however much."""
        ...

    async def events_named(self, name: str) -> list[str]:
        """The ids that a person may mean: the one that is called so, else that of the delivery with this number
        (``123`` or ``#123``), else the first few that begin so."""
        ...

    async def story(self, event_id: str) -> Story | None:
        """All that is on record of an event, None if nothing is."""
        ...

    async def reread(self, deliveries: Sequence[int]) -> list[Reread]:
        """Deliveries as ``claim`` would give them, whatever their state, in the order in which they are named.

        Fewer where the bodies behind them would take much memory, but the first that is there at least: the rest is
        asked for again.
        """
        ...

    async def replay(self, rows: Sequence[Row], mark: Mark, now: float) -> list[Replayed]:
        """Let deliveries wait once more, all in one transaction; ``mark`` is that of the ``news`` that gave the rows.

        A dead one waits again itself; for any other a new one is made, of the same event, channel, route and template.
        Passed over is what waits already, what is not any more as it was read, and what has a delivery to the same
        channel that is newer than the mark: so two who ask at once do not have it sent twice.
        """
        ...

    async def served(self) -> bool:
        """Whether a process has the store that posts what waits."""
        ...

    async def counts(self) -> Counts:
        """How much is in which state, and which channels have something waiting, those that are gone included."""
        ...

    async def note_lane(self, channel: str, state: Literal["stopped", "away"], detail: str, now: float) -> bool:
        """Write down that a channel's lane does not run. Returns whether that is still to be told.

        The same state noted again is the same trouble: its beginning stays, and so does whether it was told.
        """
        ...

    async def lane_told(self, channel: str) -> None:
        """A lane's trouble was told."""
        ...

    async def clear_lane(self, channel: str) -> int:
        """A lane runs again, or is gone. Returns how many deliveries it had held: they wait, or have gone since."""
        ...

    async def lanes(self) -> list[LaneRow]:
        """Every lane that does not run, by its channel."""
        ...

    async def prune(self, now: float, retention: float) -> int:
        """Drop expired keys and old events, in small bites that let others in between. Returns events dropped.

        An event is old ``retention`` seconds after it came and the last of its deliveries was settled. Waiting and dead
        deliveries keep theirs.
        """
        ...

    async def changed(self) -> bool:
        """Whether another process wrote since the last call."""
        ...

    async def close(self) -> None:
        """Finish what is queued and let go of the store."""
        ...


def store_url_fault(url: str) -> str | None:
    """What is wrong with ``BRIDGE_STORE`` as written, with the mend; None if a store may be there. Opens nothing.

    The URL may hold a password: it is not repeated.
    """
    scheme, separator, place = url.partition("://")
    if scheme.lower() != "sqlite" or not separator:
        return "names no store that is known here: write sqlite:////folder/bridge.db"
    if len(place) < 2 or not place.startswith("/"):
        return (
            "needs three slashes before a relative file and four before an absolute one: "
            "sqlite:///bridge.db, sqlite:////data/bridge.db"
        )
    return None


def open_store(url: str, *, limit: int, owner: bool) -> Store:
    """Open the store that ``BRIDGE_STORE`` names: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``sqlite:///:memory:``.

    ``limit`` is in bytes. The ``owner`` (serve) makes the file if it is not there, and is alone; others need the file
    and work beside the owner. Raises StoreRefused.
    """
    if fault := store_url_fault(url):
        raise StoreRefused(f"BRIDGE_STORE {fault}")
    # A store's module is loaded only when it is asked for (it needs this one, and perhaps a client library).
    from bridge.store.sqlite import open_sqlite

    return open_sqlite(url.partition(":///")[2], limit=limit, owner=owner)
