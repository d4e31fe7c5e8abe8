"""The alerts about channels: what a channel worker reports, as plain facts."""

from dataclasses import dataclass
from enum import StrEnum

from bridge.store import Delivery


class AlertType(StrEnum):
    """Type of an alert, which is the type of its event."""

    STOPPED = "channel.stopped"
    """The destination is gone: the worker holds everything."""
    RESUMED = "channel.resumed"
    """A stopped channel works again."""
    RATE_LIMITED = "channel.rate_limited"
    """Slack has answered 429 for so long that somebody should know."""
    DEAD = "delivery.dead"
    """A delivery was given up."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Channel workers make those about pauses and dead deliveries.

    ``channel.stopped`` and ``channel.resumed`` follow from the statuses that workers report with ``record_status``: an
    incident outlives the process, and its beginning is in the store. The same alert may be made as often as the worker
    likes: it is shown once an incident, or once an hour.
    """

    type: AlertType
    channel: str
    """The channel that it is about, also the subject of its event."""
    detail: str = ""
    """Slack's error code or last answer; for ``delivery.dead`` the reason, as the event log has it."""
    since: float | None = None
    """Unix seconds of the incident's beginning; None if it begins now."""
    delivery: Delivery | None = None
    """For ``delivery.dead``: the delivery. An alert that dies itself is only logged."""
