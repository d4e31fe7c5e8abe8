"""The interface of a channel's queue, held by one owner.

Times are Unix seconds. Every call may raise StoreUnavailableError: then nothing of it was stored.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bridge.routing.on_change import LastState
from bridge.store.models import Backlog, Delivery, DeliveryResult, GroupKey, RepeatWindow


class Hold(Protocol):
    """A channel's queue, held by one owner: only its holder claims and settles.

    Its calls that write raise HoldLostError once another owner has a newer hold of the channel.
    """

    @property
    def token(self) -> int:
        """A number that only grows: the newest hold of a channel has the greatest."""
        ...

    async def claim(self, n: int) -> list[Delivery]:
        """Return the oldest ``n`` waiting deliveries, in the order of acceptance.

        A claim changes nothing: until it is settled, a delivery is claimed again.
        """
        ...

    async def settle(self, results: Sequence[DeliveryResult], now: float) -> None:
        """Record results of deliveries in one transaction, on disk before this returns.

        Unknown deliveries are ignored. A delivery that no longer waits (a person dropped it meanwhile) keeps its state,
        and the attempt is recorded. This works in a full store too.
        """
        ...

    async def record_render_fault(self, delivery: int, fault: str) -> None:
        """Mark a waiting delivery whose rendering was ended by force, on disk before this returns.

        ``fault`` is its ``template_fault`` in each claim from then on, also after a restart. A delivery that waits
        again (a replay, a resend) has none: it is rendered with today's template.
        """
        ...

    async def waiting(self, limit: int) -> int:
        """Count the waiting deliveries, up to ``limit``."""
        ...

    async def open_window(self, window: RepeatWindow, now: float) -> int | None:
        """Return the delivery shown in the open window of equal messages; None without one."""
        ...

    async def ended_windows(self, now: float) -> list[RepeatWindow]:
        """Return ended windows that are not closed yet, the oldest first.

        A window also ends when the clock is set back before its beginning: none is longer than its length.
        """
        ...

    async def next_window(self) -> float | None:
        """Return the end of the next window, which may have passed; None without one."""
        ...

    async def close_window(self, window: RepeatWindow) -> None:
        """Remove a window: its repeat notice was posted, or is not needed."""
        ...

    async def last_state(self, key: GroupKey) -> LastState | None:
        """Return the last state of a group that was remembered by ``settle``; None without one."""
        ...

    async def count_backlog(self, digest_id: str, failures: Sequence[str], now: float) -> Backlog:
        """Summarize the waiting deliveries for a digest, and stamp exactly those that it counts.

        ``failures`` are parts of the types that count as failures. A stamp has no effect until the digest is recorded.
        """
        ...

    async def record_digest(self, digest_id: str, message: Mapping[str, object], now: float) -> None:
        """Record a posted digest of the deliveries that it counted, on disk before this returns."""
        ...

    async def unfinished_digests(self) -> list[str]:
        """Return posted digests with deliveries still to settle."""
        ...

    async def settle_digest(self, digest_id: str, now: float) -> None:
        """Settle the deliveries stamped by a digest that still wait, in small transactions that let others in between.

        A delivery that began to wait again since (a resend revived it) is not one of them. The last states of their
        groups become uncertain ("") where one of them had another state.
        """
        ...
