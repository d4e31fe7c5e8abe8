"""Turn a verified Stripe delivery into one event.

Sources: Stripe docs, "The Event object", https://docs.stripe.com/api/events/object, and "Handle thin events",
https://docs.stripe.com/webhooks?snapshot-or-thin=thin.
"""

import hashlib
from collections.abc import Mapping

from bridge.core.payload import at, clean, int_at, text_at
from bridge.core.times import written_time
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import json_body, key
from bridge.sources.stripe.dashboard_links import id_at, link_to, subject_of
from bridge.sources.stripe.parts import LAST_SECOND
from bridge.sources.stripe.people import person_of
from bridge.sources.stripe.titles import title_of


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the one event of a delivery. ``now`` is in Unix seconds.

    Raises Malformed if the body is not a JSON object.
    """
    payload = json_body(request)
    if not isinstance(payload, Mapping):
        raise Malformed("the body is not a JSON object")
    event_type = clean(text_at(payload, "type"), 200) or "unknown"
    subject = subject_of(event_type, payload)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="stripe",
            type=event_type,
            keys=(_key(request, payload),),
            payload=payload,
            subject=subject.text,
            title=title_of(event_type, payload),
            url=link_to(subject, payload),
            actor=person_of(payload),
            occurred_at=_occurred_at(payload),
            received_at=now,
            confidential=False,
            test=at(payload, "livemode") is False,
        )
    ]


def _key(request: Request, payload: Mapping[str, object]) -> str:
    """Return the event's id as key; it is stable over retries, manual resends and several endpoints.

    Stripe promises unique ids only within an account and a mode, so both are part of the key. A body without an id, or
    with one of zeros as in the Dashboard's test events, gets its digest as key.
    """
    object_id = id_at(payload, "id")
    if not object_id:
        return key("body", hashlib.sha256(request.body).hexdigest())
    mode = "test" if at(payload, "livemode") is False else "live"
    return key("event", mode, text_at(payload, "account") or text_at(payload, "context"), object_id)


def _occurred_at(payload: Mapping[str, object]) -> float | None:
    """Return `created` in Unix seconds: a number in snapshot events, ISO 8601 text in thin events."""
    seconds: float | None = int_at(payload, "created")
    if seconds is None:
        seconds = written_time(text_at(payload, "created"))
    return float(seconds) if seconds is not None and 0 <= seconds <= LAST_SECOND else None
