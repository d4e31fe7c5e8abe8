"""The states of deliveries and channel workers, and the outcomes of posts. The store builds its SQL from these too."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """State of one delivery."""

    WAITING = "waiting"
    """Queued: to be posted, or to be tried again."""
    DELIVERED = "delivered"
    """Posted to Slack by itself or in a batch."""
    SKIPPED = "skipped"
    """Not posted, because the template or a rule says so. The reason is kept."""
    SUMMARIZED = "summarized"
    """Not posted by itself: a digest or a repeat notice stands for it, and is named in the event log."""
    DEAD = "dead"
    """Dead letter: given up. It can be replayed, and a resend by the provider revives it."""
    DROPPED = "dropped"
    """Removed from the queue by a person."""


OPEN = frozenset({DeliveryState.WAITING, DeliveryState.DEAD})
"""May still be posted, so that its event is not pruned."""
SETTLED = frozenset(DeliveryState) - OPEN
"""Final. To post such a delivery again, a new one is made."""
SHOWN = frozenset({DeliveryState.DELIVERED, DeliveryState.SUMMARIZED})
"""Settled, and visible in Slack."""


class WorkerState(StrEnum):
    """State of one channel worker."""

    RUNNING = "running"
    """It posts all waiting deliveries."""
    PAUSED = "paused"
    """Slack asked for a pause (429)."""
    UNAVAILABLE = "unavailable"
    """Slack, or the network on the way to it, is down. The worker probes until it answers."""
    STOPPED = "stopped"
    """The destination is gone: Slack closed the webhook or its channel. The worker probes now and then."""


BLOCKED = frozenset({WorkerState.UNAVAILABLE, WorkerState.STOPPED})
"""Nothing can be posted: the worker holds its deliveries."""


class OutcomeKind(StrEnum):
    """Outcome of one post or probe."""

    OK = "ok"
    """Posted."""
    RATE_LIMITED = "rate_limited"
    """Too fast: try again later."""
    REJECTED = "rejected"
    """Slack does not accept this message."""
    DESTINATION_GONE = "destination_gone"
    """Nothing can be posted to this webhook."""
    UNAVAILABLE = "unavailable"
    """Slack, or the network on the way to it, is down. This says nothing about the message."""
