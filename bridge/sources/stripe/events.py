"""Turn a verified Stripe delivery into one event.

Sources: Stripe docs, "The Event object", https://docs.stripe.com/api/events/object, and "Handle thin events",
https://docs.stripe.com/webhooks?snapshot-or-thin=thin.
"""

import hashlib
from collections.abc import Mapping

from bridge.core.payload import at, clean, int_at, map_at, text_at
from bridge.core.times import written_time
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import CONTENT, json_body, key
from bridge.sources.stripe.dashboard_links import account_of, id_at, link_to, subject_of
from bridge.sources.stripe.names import name_of
from bridge.sources.stripe.people import person_of
from bridge.sources.stripe.verify import signed_time

_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, Python's last date."""


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the one event of a delivery. ``now`` is in Unix seconds.

    Raises Malformed if the body is not a JSON object.
    """
    payload = json_body(request)
    if not isinstance(payload, Mapping):
        raise Malformed("the body is not a JSON object")
    event_type = clean(text_at(payload, "type"), 200) or "unknown"
    resource = map_at(payload, "data", "object")
    kind = text_at(resource, "object")
    subject, name = subject_of(event_type, kind, resource, payload), name_of(kind, resource)
    event_id, account, test = id_at(payload, "id"), account_of(payload), at(payload, "livemode") is False
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="stripe",
            type=event_type,
            keys=(_key(request, payload, event_id, test=test),),
            payload=payload,
            subject=subject.text,
            name=name,
            url=link_to(subject, account, event_id, test=test),
            actor=person_of(kind, resource),
            occurred_at=_occurred_at(payload),
            received_at=now,
            confidential=False,
            test=test,
        )
    ]


def _key(request: Request, payload: Mapping[str, object], event_id: str, *, test: bool) -> str:
    """Return the event's id as key; it is stable over retries, manual resends and several endpoints.

    Stripe promises unique ids only within an account and a mode, so both are part of the key. A body without an id, or
    with one of zeros as in the Dashboard's test events, gets its digest and the time of its signature, for minutes: a
    test may be repeated, with the same body, and a replay has the same time.
    """
    if not event_id:
        return key(CONTENT, signed_time(request), hashlib.sha256(request.body).hexdigest())
    account = text_at(payload, "account") or text_at(payload, "context")
    return key("event", "test" if test else "live", account, event_id)


def _occurred_at(payload: Mapping[str, object]) -> float | None:
    """Return `created` in Unix seconds: a number in snapshot events, ISO 8601 text in thin events."""
    created = at(payload, "created")
    seconds: float | None = created if type(created) is int else int_at(created)
    if seconds is None:
        seconds = written_time(text_at(created))
    return float(seconds) if seconds is not None and 0 <= seconds <= _LAST_SECOND else None
