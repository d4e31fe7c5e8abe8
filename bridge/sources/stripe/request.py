"""Make the signed request that Stripe would send, for the demo, `bridge test` and tests."""

import json

from bridge.core.payload import true_at
from bridge.events import Request
from bridge.sources.provider import DEFAULT_URL
from bridge.sources.stripe.verify import signature_of


def request_for(
    event_type: str,  # noqa: ARG001 - the body says its own type
    body: object,
    secret: str,
    now: float,
    *,
    url: str = DEFAULT_URL + "stripe",
) -> Request:
    """Make a delivery as Stripe sends it: pretty-printed JSON, signed over those bytes at ``now`` (Unix seconds).

    In test mode a made-up `v0` signature is added, as Stripe does.
    """
    raw = body if isinstance(body, bytes) else json.dumps(body, indent=2, ensure_ascii=False).encode("utf-8", "replace")
    timestamp = str(int(now)).encode()
    v1 = signature_of(raw, secret.strip().encode("utf-8", "surrogateescape"), timestamp)
    signature = f"t={timestamp.decode()},v1={v1.decode()}"
    if not true_at(body, "livemode"):
        signature += f",v0={signature_of(raw, b'not a secret', timestamp).decode()}"
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        "Stripe-Signature": signature,
    }
    return Request("POST", url, headers, raw)
