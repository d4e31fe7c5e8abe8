"""The interface that every store keeps: dedupe, event log and outbox."""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from bridge.events import Request
from bridge.store.models import (
    AcceptResult,
    Backlog,
    Counts,
    Cursor,
    Delivery,
    DeliveryResult,
    DeliveryRow,
    DestinationState,
    EventHistory,
    NewEvent,
    Query,
    RepeatWindow,
    ReplayResult,
    StoredDelivery,
)


class Store(Protocol):
    """The interface that every store keeps. Times are Unix seconds. Every call may raise StoreUnavailableError."""

    async def accept(self, request: Request, entries: Sequence[NewEvent], now: float) -> list[AcceptResult]:
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

    async def settle(self, settlements: Sequence[DeliveryResult], now: float) -> None:
        """Record what became of deliveries, all in one transaction, on disk before this returns.

        What is not known is passed over. A delivery that does not wait any more (a person dropped it meanwhile) keeps
        its state, and the attempt is recorded. Works at the limit of the size too.
        """
        ...

    async def waiting(self, channel: str, most: int) -> int:
        """How many deliveries wait for a channel; counting stops at ``most``."""
        ...

    async def open_window(self, channel: str, window: RepeatWindow, now: float) -> int | None:
        """The delivery that was shown in the window that is open now for messages such as this; None if none is."""
        ...

    async def ended_windows(self, channel: str, now: float) -> list[RepeatWindow]:
        """Windows that are over and not closed, the oldest first."""
        ...

    async def next_window(self, channel: str) -> float | None:
        """When the next window ends, or ended; None without one."""
        ...

    async def close_window(self, channel: str, window: RepeatWindow) -> None:
        """What was folded in a window is told, or need not be."""
        ...

    async def backlog(self, channel: str, failures: Sequence[str]) -> Backlog:
        """What waits for a channel, summed up. ``failures`` are parts of the types that count as failures."""
        ...

    async def keep_digest(
        self, digest_id: str, channel: str, upto: int, message: Mapping[str, object], now: float
    ) -> None:
        """Record a digest that was posted, on disk before this returns: what waits up to a delivery is told in it."""
        ...

    async def unfinished_digests(self, channel: str) -> list[str]:
        """Digests that were posted, and whose deliveries are not all settled yet."""
        ...

    async def tell_digest(self, digest_id: str, now: float) -> None:
        """Settle all that a digest tells of, in small bites that let others in between."""
        ...

    async def check(self) -> None:
        """Write and commit something small. Raises StoreUnavailableError while nothing new can be kept."""
        ...

    async def find(self, query: Query) -> list[DeliveryRow]:
        """Rows of the ledger."""
        ...

    async def changes_since(self, query: Query, mark: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
        """What a query finds, and how far that is; with a mark, only what is new or has changed since, however much."""
        ...

    async def events_named(self, name: str) -> list[str]:
        """The ids that a person may mean: the one that is called so, else that of the delivery with this number
        (``123`` or ``#123``), else the first few that begin so."""
        ...

    async def event_history(self, event_id: str) -> EventHistory | None:
        """All that is on record of an event, None if nothing is."""
        ...

    async def stored_deliveries(self, deliveries: Sequence[int]) -> list[StoredDelivery]:
        """Deliveries as ``claim`` would give them, whatever their state, in the order in which they are named.

        Fewer where the bodies behind them would take much memory, but the first that is there at least: the rest is
        asked for again.
        """
        ...

    async def replay(self, rows: Sequence[DeliveryRow], mark: Cursor, now: float) -> list[ReplayResult]:
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

    async def note_destination(self, channel: str, state: Literal["stopped", "away"], detail: str, now: float) -> bool:
        """Write down that a channel's lane does not run. Returns whether that is still to be told.

        The same state noted again is the same trouble: its beginning stays, and so does whether it was told.
        """
        ...

    async def destination_alerted(self, channel: str) -> None:
        """A lane's trouble was told."""
        ...

    async def clear_destination(self, channel: str) -> int:
        """A lane runs again, or is gone. Returns how many deliveries it had held: they wait, or have gone since."""
        ...

    async def destination_states(self) -> list[DestinationState]:
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
