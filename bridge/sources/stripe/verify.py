"""Whether Stripe sent it.

Source: Stripe docs, "Resolve webhook signature verification errors" and "Verify webhook signatures manually",
https://docs.stripe.com/webhooks#verify-manually.
"""

import hmac
from collections.abc import Sequence

from bridge.events import Request
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, check_window, live, the_header

SIGNATURE_HEADER = "stripe-signature"

_NO_SIGNING_SECRETS = {
    ("sk_", "rk_", "pk_"): "this is an API key; webhooks are signed with the endpoint's signing secret (whsec_…), "
    "which the Dashboard shows under Developers > Webhooks",
    ("we_", "ed_"): "this is the endpoint's id; take its signing secret (whsec_…), which the Dashboard shows beside it",
    ("http:", "https:"): "this is an address; take the endpoint's signing secret (whsec_…) from the Dashboard",
}


def verify(request: Request, secrets: Sequence[str], now: float) -> None:
    """Raises Unverified unless a live secret signed the request within five minutes of ``now`` (Unix seconds).

    `Stripe-Signature` is `t=<seconds>,v1=<hex>[,v1=<hex>…]`, one `v1` for each live secret while one is being rolled.
    Only `v1` counts: test mode sends a made-up `v0` along, and whatever else turns up would be a downgrade. Stripe's
    libraries look at the past side of the window only; a time in the future is no better, so both sides are held.
    """
    secret_bytes = live(secrets)
    timestamp, signatures = _parsed(the_header(request, SIGNATURE_HEADER))
    check_window(timestamp, now)
    if not signatures:
        raise Unverified("no v1 signature in stripe-signature")
    expected = [signature_of(request.body, secret, timestamp) for secret in secret_bytes]
    if not any_match(expected, signatures):
        raise Unverified("no v1 signature matches")


def _parsed(header: bytes) -> tuple[bytes, list[bytes]]:
    """The timestamp as it was written, and every `v1` signature."""
    items = [item.strip().partition(b"=") for item in header.split(b",")]
    timestamps = [value for name, _, value in items if name == b"t"]
    if len(timestamps) != 1:
        raise Unverified(f"stripe-signature has {len(timestamps)} timestamps, and must have one")
    return timestamps[0], [value for name, _, value in items if name == b"v1"]


def signature_of(body: bytes, secret: bytes, timestamp: bytes) -> bytes:
    """A `v1` signature: lower-case hex of HMAC-SHA256 over `timestamp.body`.

    The key is the secret as written, `whsec_` and all: unlike in Standard Webhooks it is not base64.
    """
    return hmac.digest(secret, timestamp + b"." + body, "sha256").hex().encode()


def check_secret(secret: str) -> str | None:
    """What is clearly wrong with a signing secret, in one line that does not show it; else None."""
    secret = secret.strip()
    if not secret:
        return "is empty; take the endpoint's signing secret (whsec_…) from the Dashboard under Developers > Webhooks"
    for prefixes, fault in _NO_SIGNING_SECRETS.items():
        if secret.startswith(prefixes):
            return fault
    if any(c.isspace() for c in secret):
        return "holds a blank or a line break; a signing secret has none (several secrets are written as a JSON list)"
    return None
