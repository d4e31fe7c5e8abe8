"""Make an event's payload again from its stored request."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from bridge.core import large_bodies
from bridge.events import Event, Request
from bridge.sources import registry
from bridge.sources.errors import Malformed

log = logging.getLogger("bridge.sources")


def with_payload(event: Event, request: Request | None, part: int) -> Event:
    """Return a stored event with its payload. ``part`` is its position among the request's events. Raise nothing.

    If the provider cannot parse the body any more (it is gone, its code has changed, the request was pruned), the
    payload is empty, and the event's columns are unchanged.
    """
    with large_bodies.one_at_a_time(0 if request is None else len(request.body)):
        return replace(event, payload={} if request is None else _payload(event, request, part))


def _payload(event: Event, request: Request, part: int) -> Mapping[str, object]:
    # The registry imports each module of this folder, and is not complete before.
    provider = registry.provider_of(event.provider)
    if provider is None:
        log.error("event %s: provider %s is gone, payload empty", event.id, event.provider)
        return {}
    try:
        payload = provider.events(request, event.source, event.received_at)[part].payload
    except (Malformed, IndexError):
        log.error("event %s: its stored body does not hold it any more, payload empty", event.id)
        return {}
    except Exception:
        # A provider's code changed, or the body is damaged. An exception here would block the channel for ever.
        log.exception("event %s: stored body not readable, payload empty", event.id)
        return {}
    # A message shows a few lines, and may wait for long: a part of a large payload is enough.
    return large_bodies.cut_down(payload) if len(request.body) >= large_bodies.LARGE else payload
