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
from bridge.sources.shopify.admin_pages import Payload, link_to, shop_of
from bridge.sources.shopify.names import name_of
from bridge.sources.shopify.subjects import actor_of, created_or_deleted, occurred_at, subject_of

_PREFIXES = ("shopify-", "x-shopify-")
"""Next-Gen Events send the first, classic webhooks the second. Like Shopify's library, prefer the first."""

_HEADERS = tuple(
    (name, *(prefix + name for prefix in _PREFIXES))
    for name in (
        "topic",
        "shop-domain",
        "webhook-id",
        "event-id",
        "triggered-at",
        "name",
        "test",
        "action",
        "handle",
        "resource-id",
    )
)

KEPT_HEADERS = frozenset(header for _, *both in _HEADERS for header in both) | {
    "content-type",
    *(prefix + name for prefix in _PREFIXES for name in ("api-version", "sub-topic")),
}


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the one event of a delivery. ``now`` is in Unix seconds.

    Raises Malformed if the body is not a JSON object. A subscription with ``format: XML`` (a legacy choice) gives an
    event with the payload ``{"xml": text}``.
    """
    payload = _payload(request)
    headers = _headers(request)
    event_type = _type(headers, payload)
    subject = subject_of(event_type, payload, headers.get("resource-id", ""))
    name = name_of(event_type, payload)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="shopify",
            type=event_type,
            keys=_keys(headers, request.body, payload, event_type),
            payload=payload,
            subject=subject.text,
            name=name,
            url=link_to(subject.path, shop_of(headers.get("shop-domain", ""), payload)),
            actor=actor_of(event_type, payload),
            occurred_at=occurred_at(headers.get("triggered-at", ""), payload),
            received_at=now,
            confidential=False,
            test=_is_test(headers, payload),
        )
    ]


def _payload(request: Request) -> Payload:
    if "xml" in (request.header("content-type") or "")[:100].lower():
        return {"xml": request.body.decode("utf-8", "replace")}
    payload = json_body(request)
    if not isinstance(payload, Mapping):
        raise Malformed("the body is not a JSON object")
    return payload


def _headers(request: Request) -> Mapping[str, str]:
    """Return the headers of both families by their names without a prefix, each as one clean line."""
    found: dict[str, str] = {}
    for name, newer, classic in _HEADERS:
        if value := request.header(newer) or request.header(classic):
            found[name] = clean(value, 300)
    return found


def _type(headers: Mapping[str, str], payload: Payload) -> str:
    """Return the topic. Next-Gen Events repeat it in the signed body: then ``Topic/action`` of the body."""
    if "fields_changed" in payload:
        topic, action = text_at(payload, "topic"), text_at(payload, "action")
        if topic and action:
            return clean(f"{topic}/{action}", 100)
    topic, action = headers.get("topic", ""), headers.get("action", "")
    if topic and action and "/" not in topic:
        topic = f"{topic}/{action}"
    return clean(topic, 100) or "unknown"


def _keys(headers: Mapping[str, str], body: bytes, payload: Payload, event_type: str) -> tuple[str, ...]:
    """Return a digest of topic and body, for minutes, and the unsigned ids (a replay may bring new ones).

    A retry has the ids of the first try. A later body may be the same (a stock level that is back at 5, another hold).

    One action of the merchant can cause many events with one event id: of other topics, and of one topic for several
    things (two parcels of an order). So the id counts only together with the shop, the type, the subscription and
    the thing's own id; or the digest, if the same can happen to the thing again.
    """
    digest = hashlib.sha256(body).hexdigest()
    keys = []
    if webhook_id := headers.get("webhook-id"):
        keys.append(key("webhook", webhook_id))
    if event_id := headers.get("event-id"):
        subscription = headers.get("handle") or headers.get("name") or ""
        thing = created_or_deleted(event_type, payload) or digest
        keys.append(key("event", f"{headers.get('shop-domain', '')} {event_type} {event_id} {thing} {subscription}"))
    # Last: a dead event that is sent again is found by its ids, whatever else had the same body since.
    keys.append(key(CONTENT, f"{event_type} {digest}"))
    return tuple(keys)


def _is_test(headers: Mapping[str, str], payload: Payload) -> bool:
    if payload.get("test") is True or headers.get("test", "").lower() == "true":
        return True
    return "transactions" in payload and true_at(payload, "transactions", 0, "test")
