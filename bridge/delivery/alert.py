"""The alerts about channels: facts from a channel worker, as an event of the reserved source."""

import json
from dataclasses import dataclass
from enum import StrEnum

from bridge.config.names import channel_variable
from bridge.events import Event, Request
from bridge.routing.decide import alert_to
from bridge.sources import RESERVED, line_of
from bridge.store import Delivery, NewEvent

_DAY = 86_400.0


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


TTL = {
    AlertType.STOPPED: 30 * _DAY,
    AlertType.RESUMED: 30 * _DAY,
    AlertType.RATE_LIMITED: _DAY,
    AlertType.DEAD: 3600.0,
}
"""Seconds for which an alert is not repeated: about an incident whose beginning is known, else about a channel."""
_DETAIL = 400


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


def request_for(alert: Alert, to: str, messages: int, now: float) -> Request:
    """Return the request to store for an alert in the channel ``to``. ``messages`` wait, or waited.

    Its body holds facts for the template. A confidential event is named by its id alone: the alerts channel may not be
    private.
    """
    facts: dict[str, object] = {
        "type": alert.type,
        "channel": alert.channel,
        "to": to,
        "variable": channel_variable(alert.channel),
        "since": now if alert.since is None else alert.since,
    }
    match alert.type:
        case AlertType.DEAD:
            facts["reason"] = alert.detail[:_DETAIL]
            if alert.delivery is not None:
                facts |= {"delivery": alert.delivery.id, "event": _named(alert.delivery.event)}
        case AlertType.RESUMED:
            facts |= {"answer": alert.detail[:_DETAIL], "held": messages}
        case _:
            facts |= {"answer": alert.detail[:_DETAIL], "waiting": messages}
    return RESERVED.request_for(alert.type, json.dumps(facts).encode(), "", now)


def _named(event: Event) -> dict[str, object]:
    named: dict[str, object] = {"id": event.id, "source": event.source, "type": event.type}
    return named if event.confidential else {**named, "line": line_of(event), "url": event.url}


def entry_of(alert: Alert, request: Request, to: str, now: float) -> NewEvent:
    """Return the event of an alert, with its one delivery."""
    [event] = RESERVED.events(request, RESERVED.name, now)
    return NewEvent(event, 0, (alert_to(to),), (TTL[alert.type],) * len(event.keys))
