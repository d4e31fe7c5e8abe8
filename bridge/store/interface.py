"""The interface of all stores: dedupe, event log and outbox."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.core.states import WorkerState
from bridge.events import Request
from bridge.routing.on_change import LastState
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
    GroupKey,
    NewEvent,
    Query,
    RepeatWindow,
    ReplayResult,
    StoredDelivery,
)


class Store(Protocol):
    """The interface of all stores. Times are Unix seconds. Every call may raise StoreUnavailableError."""

    async def accept(self, request: Request, entries: Sequence[NewEvent], now: float) -> list[AcceptResult]:
        """Store events with their keys and deliveries in one transaction, on disk before this returns.

        ``request`` has only headers that may be stored. Results are in the order of the entries.

        - A known key of the same source, not expired, makes a duplicate. Its other keys are remembered for the first
          arrival. Dead deliveries of the first arrival wait again: revived.
        - Entries of one call with a common key count as arrivals one after the other.
        - When the store is full, everything is refused, duplicates too.
        """
        ...

    async def claim(self, channel: str, owner: str, n: int) -> list[Delivery]:
        """Return the oldest ``n`` waiting deliveries of a channel, in the order of acceptance.

        A claim changes nothing: until it is settled, a delivery is claimed again. ``owner`` names the claiming process,
        for a store shared by several; an SQLite file has one owner, and ignores it.
        """
        ...

    async def request_of(self, delivery: int) -> Request | None:
        """Return the request that a delivery's event arrived in; None for an unknown delivery.

        Read it when its message is rendered, and let it go: bodies may be large.
        """
        ...

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        """Record results of deliveries in one transaction, on disk before this returns.

        Unknown deliveries are ignored. A delivery that no longer waits (a person dropped it meanwhile) keeps its state,
        and the attempt is recorded. This works in a full store too.
        """
        ...

    async def waiting(self, channel: str, limit: int) -> int:
        """Count the waiting deliveries of a channel, up to ``limit``."""
        ...

    async def open_window(self, channel: str, window: RepeatWindow, now: float) -> int | None:
        """Return the delivery shown in the open window of equal messages; None without one."""
        ...

    async def ended_windows(self, channel: str, now: float) -> list[RepeatWindow]:
        """Return ended windows that are not closed yet, the oldest first."""
        ...

    async def next_window(self, channel: str) -> float | None:
        """Return the end of the next window, which may have passed; None without one."""
        ...

    async def close_window(self, channel: str, window: RepeatWindow) -> None:
        """Remove a window: its repeat notice was posted, or is not needed."""
        ...

    async def last_state(self, channel: str, key: GroupKey) -> LastState | None:
        """Return the last state of a group that was remembered by ``settle``; None without one."""
        ...

    async def backlog(self, channel: str, failures: Sequence[str]) -> Backlog:
        """Summarize the waiting deliveries of a channel. ``failures`` are parts of the types that count as failures."""
        ...

    async def record_digest(
        self, digest_id: str, channel: str, upto: int, message: Mapping[str, object], now: float
    ) -> None:
        """Record a posted digest of the deliveries up to a number, on disk before this returns."""
        ...

    async def unfinished_digests(self, channel: str) -> list[str]:
        """Return posted digests with deliveries still to settle."""
        ...

    async def settle_digest(self, digest_id: str, now: float) -> None:
        """Settle all deliveries of a digest, in small transactions that let others in between.

        The last states of their groups become uncertain ("") where one of them had another state.
        """
        ...

    async def check(self) -> None:
        """Write and commit something small. Raises StoreUnavailableError if nothing can be stored."""
        ...

    async def find(self, query: Query) -> list[DeliveryRow]:
        """Return rows of the event log."""
        ...

    async def changes_since(self, query: Query, cursor: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
        """Return the rows of a query, and a cursor.

        With a cursor, return only rows that are new or have changed since, without a limit.
        """
        ...

    async def events_named(self, name: str) -> list[str]:
        """Return the ids of the events with a name.

        The name is an id, else a delivery number (``123`` or ``#123``), else the start of an id: then the first few.
        """
        ...

    async def event_history(self, event_id: str) -> EventHistory | None:
        """Return the complete record of an event, None for an unknown one."""
        ...

    async def stored_deliveries(self, deliveries: Sequence[int]) -> list[StoredDelivery]:
        """Return deliveries as ``claim`` does, in any state, in the order of the numbers, without unknown ones."""
        ...

    async def replay(self, rows: Sequence[DeliveryRow], cursor: Cursor, now: float) -> list[ReplayResult]:
        """Queue deliveries again, in one transaction.

        ``cursor`` belongs to the ``changes_since`` that returned the rows. A dead delivery waits again itself. Any
        other gets a new one with the same event, channel, route and template. A row is skipped if it waits already, has
        changed since it was read, or has a newer delivery to the same channel than the cursor: two replays at once do
        not post twice.
        """
        ...

    async def served(self) -> bool:
        """Return whether a process owns the store, and so posts the waiting deliveries."""
        ...

    async def counts(self) -> Counts:
        """Count deliveries by state, and waiting ones by channel, also for channels that are gone."""
        ...

    async def record_destination(self, channel: str, state: WorkerState, detail: str, now: float) -> bool:
        """Record a blocked channel. Return whether an alert is still due.

        The same state again is the same incident: its beginning stays, and so does its alert.
        """
        ...

    async def destination_alerted(self, channel: str) -> None:
        """Record that the alert about a channel was posted."""
        ...

    async def held(self, channel: str) -> int:
        """Return the number of deliveries that a blocked channel held: they wait, or were posted since it works."""
        ...

    async def clear_destination(self, channel: str) -> None:
        """Remove a channel's state: it works again, or is gone."""
        ...

    async def destination_states(self) -> list[DestinationState]:
        """Return all blocked channels, by name."""
        ...

    async def prune(self, now: float, retention: float) -> int:
        """Delete expired keys and old events. Return the number of events.

        It works in small transactions that let others in between. An event is old ``retention`` seconds after its
        arrival and its last settled delivery. Waiting and dead deliveries keep theirs. Last states live much longer.
        """
        ...

    async def changed(self) -> bool:
        """Return whether another process wrote since the last call."""
        ...

    async def close(self) -> None:
        """Finish queued calls and close the store."""
        ...
