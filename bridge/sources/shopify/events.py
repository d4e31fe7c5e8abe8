"""Turn a verified Shopify delivery into one event.

Sources: Shopify docs, "Webhooks delivery structure", https://shopify.dev/docs/apps/build/webhooks/delivery-structure,
"Ignore duplicate webhooks", https://shopify.dev/docs/apps/build/webhooks/ignore-duplicates, "Events delivery
structure", https://shopify.dev/docs/apps/build/events/delivery-structure.
"""

import hashlib
from collections.abc import Mapping

from bridge.core.payload import clean, text_at, true_at
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import CONTENT, json_body, key
from bridge.sources.shopify.subjects import (
    actor_of,
    created_or_deleted,
    link_to,
    occurred_at,
    shop_of,
    subject_of,
)
from bridge.sources.shopify.titles import title_of

_HEADER_NAMES = (
    "topic",
    "shop-domain",
    "webhook-id",
    "event-id",
    "triggered-at",
    "api-version",
    "name",
    "sub-topic",
    "test",
    "action",
    "handle",
    "resource-id",
)

KEPT_HEADERS = frozenset(prefix + name for prefix in ("x-shopify-", "shopify-") for name in _HEADER_NAMES) | {
    "content-type"
}
"""Both header families: classic webhooks send `x-shopify-topic`, Next-Gen Events `shopify-topic`."""


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the one event of a delivery. ``now`` is in Unix seconds.

    Raises Malformed if the body is not a JSON object. A subscription with ``format: XML`` (a legacy choice) gives an
    event with the payload ``{"xml": text}``.
    """
    payload = _payload(request)
    event_type = _type(request, payload)
    shop = shop_of(_header(request, "shop-domain"), payload)
    subject = subject_of(event_type, payload, _header(request, "resource-id"))
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="shopify",
            type=event_type,
            keys=_keys(request, payload, event_type),
            payload=payload,
            subject=subject.text,
            title=title_of(event_type, payload),
            url=link_to(subject, shop),
            actor=actor_of(event_type, payload),
            occurred_at=occurred_at(_header(request, "triggered-at"), payload),
            received_at=now,
            confidential=False,
            test=_is_test(request, payload),
        )
    ]


def _payload(request: Request) -> Mapping[str, object]:
    if "xml" in (request.header("content-type") or "")[:100].lower():
        return {"xml": request.body.decode("utf-8", "replace")}
    payload = json_body(request)
    if not isinstance(payload, Mapping):
        raise Malformed("the body is not a JSON object")
    return payload


def _header(request: Request, name: str) -> str:
    """Return a header of either family; like Shopify's library, prefer the name without ``x-``."""
    value = request.header(f"shopify-{name}") or request.header(f"x-shopify-{name}") or ""
    return clean(value, 300).strip()


def _type(request: Request, payload: Mapping[str, object]) -> str:
    """Return the topic. Next-Gen Events repeat it in the signed body: then ``Topic/action`` of the body."""
    if "fields_changed" in payload:
        topic, action = text_at(payload, "topic"), text_at(payload, "action")
        if topic and action:
            return clean(f"{topic}/{action}", 100)
    topic, action = _header(request, "topic"), _header(request, "action")
    if topic and action and "/" not in topic:
        topic = f"{topic}/{action}"
    return clean(topic, 100) or "unknown"


def _keys(request: Request, payload: Mapping[str, object], event_type: str) -> tuple[str, ...]:
    """Return a digest of topic and body, for minutes, and the unsigned ids (a replay may bring new ones).

    A retry has the ids of the first try. A later body may be the same (a stock level that is back at 5, another hold).

    One action of the merchant can cause many events with one event id: of other topics, and of one topic for several
    things (two parcels of an order). So the id counts only together with the shop, the type, the subscription and
    the thing's own id; or the digest, if the same can happen to the thing again.
    """
    webhook_id, event_id = _header(request, "webhook-id"), _header(request, "event-id")
    digest = hashlib.sha256(request.body).hexdigest()
    keys = [key(CONTENT, event_type, digest)]
    if webhook_id:
        keys.append(key("webhook", webhook_id))
    if event_id:
        subscription = _header(request, "handle") or _header(request, "name")
        thing = created_or_deleted(event_type, payload) or digest
        keys.append(key("event", _header(request, "shop-domain"), event_type, event_id, subscription, thing))
    return tuple(keys)


def _is_test(request: Request, payload: Mapping[str, object]) -> bool:
    return (
        true_at(payload, "test")
        or true_at(payload, "transactions", 0, "test")
        or _header(request, "test").lower() == "true"
    )
