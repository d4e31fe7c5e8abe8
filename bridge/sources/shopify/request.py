"""Make the signed request that Shopify would send, for the demo, `bridge test` and tests."""

import hashlib
import json
import uuid
from datetime import UTC, datetime

from bridge.core.payload import text_at
from bridge.events import Request
from bridge.sources.provider import DEFAULT_URL
from bridge.sources.shopify.verify import signature_of

_API_VERSION = "2026-07"
_SAMPLE_SHOP = "example.myshopify.com"


def request_for(
    event_type: str, body: object, secret: str, now: float, *, url: str = DEFAULT_URL + "shopify"
) -> Request:
    """Make a delivery as Shopify sends it: compact JSON with escaped slashes, signed over those bytes.

    A type with a capital (`Product/create`) has the headers of Next-Gen Events. The same arguments make the same
    request, ids included. ``now`` is in Unix seconds.
    """
    raw = body if isinstance(body, bytes) else _json(body)
    signature = signature_of(raw, secret.strip().encode("utf-8", "surrogateescape")).decode()
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="microseconds").replace("+00:00", "000Z")
    seed = hashlib.sha256(f"{event_type}\n{now}\n".encode() + raw).hexdigest()
    header_values = {
        "topic": event_type,
        "shop-domain": text_at(body, "myshopify_domain") or _SAMPLE_SHOP,
        "api-version": _API_VERSION,
        "webhook-id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"webhook:{seed}")),
        "event-id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"event:{seed}")),
        "triggered-at": time,
        "hmac-sha256": signature,
    }
    prefix = "X-Shopify-"
    if event_type[:1].isupper() and "/" in event_type:
        prefix = "shopify-"
        header_values["topic"], header_values["action"] = event_type.split("/", 1)
        header_values["handle"] = text_at(body, "handle") or "bridge"
    headers = {"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook"}
    headers |= {prefix + name: value for name, value in header_values.items()}
    return Request("POST", url, headers, raw)


def _json(body: object) -> bytes:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return text.replace("/", "\\/").encode("utf-8", "replace")


def type_of_sample(name: str) -> str:
    """Return ``orders.create`` as ``orders/create``; the topics of ``customer.`` have a real dot and keep it."""
    return name if name.startswith("customer.") else name.replace(".", "/", 1)
