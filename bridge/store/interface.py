"""The interface of all stores: four protocols. ``Store`` is all of them; a caller depends on the one that it needs.

Times are Unix seconds. Every call may raise StoreUnavailableError: then nothing of it was stored.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.core.states import WorkerState
from bridge.events import Request
from bridge.routing.on_change import LastState
from bridge.store.hold import Hold
from bridge.store.log_models import Cursor, DeliveryRow, EventHistory, Query, ReplayResult, StoredDelivery
from bridge.store.models import (
    AcceptResult,
    Arrival,
    Counts,
    DestinationState,
    GroupKey,
)


class Inbox(Protocol):
    """Where events arrive."""

    async def accept(self, arrivals: Sequence[Arrival], now: float) -> list[list[AcceptResult]]:
        """Store a batch of requests with their events, keys and deliveries, on disk before this returns.

        One transaction for all: if it fails, none of them has arrived. Results are in the order of the arrivals and
        their entries. A request that cannot be stored costs none of its neighbours: its list is empty, and nothing of
        it was stored. If it is alone, StoreUnavailableError is raised.

        - A known key of the same source, not expired, makes a duplicate. Its other keys are remembered for the first
          arrival. Dead deliveries of the first arrival wait again: revived.
        - Entries with a common key count as arrivals one after the other.
        - When the store is full, everything is refused, duplicates too.
        """
        ...

    async def check(self) -> None:
        """Write and commit something small. Raises StoreUnavailableError if nothing can be stored."""
        ...


class Queues(Protocol):
    """The waiting deliveries, by channel."""

    async def hold(self, channel: str, owner: str, seconds: float) -> Hold:
        """Hold a channel's queue for some seconds, or longer by holding it again, which keeps the token.

        ``owner`` names the process. Another owner's hold must end first, in a store shared by several; the one owner of
        an SQLite file always gets it, and it does not end.
        """
        ...

    async def request_of(self, delivery: int) -> Request | None:
        """Return the request that a delivery's event arrived in; None for an unknown delivery.

        Read it when its message is rendered, and let it go: bodies may be large.
        """
        ...

    async def reserve(self, webhook: str, per_second: float, burst: int, now: float) -> float:
        """Count a post to a webhook, and return 0; or return the seconds after which to ask again, and count nothing.

        ``per_second`` on average, ``burst`` at once after a rest, none during a pause and no burst after it. Whoever
        shares a webhook shares its rate. ``webhook`` is a URL; only a salted digest of it is stored.
        """
        ...

    async def pause(self, webhook: str, until: float, now: float) -> None:
        """Allow no post to a webhook before ``until``. A longer pause stays."""
        ...

    async def paused_until(self, webhook: str, now: float) -> float:
        """Return the end of a webhook's pause; 0 without one. Pauses survive a restart.

        A clock that was set back before the beginning of a pause ends it.
        """
        ...

    async def changes(self) -> frozenset[str]:
        """Return the channels in which another process may have written since the last call."""
        ...


class EventLog(Protocol):
    """The record of events, deliveries and attempts."""

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
        not post twice. Whatever the order of the rows, deliveries are queued in the order in which their events were
        accepted.
        """
        ...

    async def last_states(self, keys: Mapping[str, GroupKey]) -> dict[str, LastState | None]:
        """Return the last state of one group for each channel; None without one."""
        ...


class Upkeep(Protocol):
    """Counts, blocked channels, and what keeps the store in order."""

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

    async def served(self) -> bool:
        """Return whether a process owns the store, and so posts the waiting deliveries."""
        ...

    async def close(self) -> None:
        """Finish queued calls and close the store."""
        ...


class Store(Inbox, Queues, EventLog, Upkeep, Protocol):
    """A whole store."""
