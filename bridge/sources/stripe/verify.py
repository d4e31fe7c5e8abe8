"""Verify Stripe's signature.

Source: Stripe docs, "Resolve webhook signature verification errors" and "Verify webhook signatures manually",
https://docs.stripe.com/webhooks#verify-manually.
"""

import hmac
from collections.abc import Sequence

from bridge.config.diagnostics import Problem
from bridge.events import Request
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, check_window, encoded_secrets, single_header

SIGNATURE_HEADER = "stripe-signature"

_OTHER_SECRETS = {
    ("sk_", "rk_", "pk_"): "is an API key, which signs no webhooks",
    ("we_", "ed_"): "is the endpoint's id",
    ("http:", "https:"): "is a URL",
}
_HINT = "copy the endpoint's signing secret (whsec_…) from the Dashboard, under Developers > Webhooks"


def verify(request: Request, secrets: Sequence[str], now: float) -> None:
    """Raise Unverified unless a live secret signed the request within five minutes of ``now`` (Unix seconds).

    `Stripe-Signature` is `t=<seconds>,v1=<hex>[,v1=<hex>…]`, with one `v1` for each live secret during a rotation. Only
    `v1` counts: test mode adds a made-up `v0`, and accepting any other scheme would be a downgrade. Stripe's libraries
    check only the past side of the window; a future time is no better, so both sides are checked.
    """
    secret_bytes = encoded_secrets(secrets)
    timestamp, signatures = _parse_header(single_header(request, SIGNATURE_HEADER))
    check_window(timestamp, now)
    if not signatures:
        raise Unverified("no v1 signature in stripe-signature")
    expected = [signature_of(request.body, secret, timestamp) for secret in secret_bytes]
    if not any_match(expected, signatures):
        raise Unverified("no v1 signature matches")


def _parse_header(header: bytes) -> tuple[bytes, list[bytes]]:
    """Return the timestamp as received, and every `v1` signature. Raises Unverified unless there is one timestamp."""
    items = [item.strip().partition(b"=") for item in header.split(b",")]
    timestamps = [value for name, _, value in items if name == b"t"]
    if len(timestamps) != 1:
        raise Unverified(f"stripe-signature has {len(timestamps)} timestamps, and must have one")
    return timestamps[0], [value for name, _, value in items if name == b"v1"]


def signed_time(request: Request) -> str:
    """Return the time of a verified signature as received; "" without one. Each try of Stripe's has its own."""
    items = (item.strip().partition("=") for item in (request.header(SIGNATURE_HEADER) or "").split(","))
    return next((value for name, _, value in items if name == "t"), "")


def signature_of(body: bytes, secret: bytes, timestamp: bytes) -> bytes:
    """Return a `v1` signature: lower-case hex of HMAC-SHA256 over `timestamp.body`.

    The key is the secret as written, including `whsec_`: unlike in Standard Webhooks it is not base64.
    """
    return hmac.digest(secret, timestamp + b"." + body, "sha256").hex().encode()


def check_secret(secret: str) -> Problem | None:
    """Return the clear problem with a signing secret, without showing it; else None."""
    secret = secret.strip()
    if not secret:
        return Problem("is empty", _HINT)
    for prefixes, message in _OTHER_SECRETS.items():
        if secret.startswith(prefixes):
            return Problem(message, _HINT)
    if any(c.isspace() for c in secret):
        return Problem("holds a blank or a line break", "remove it; write several secrets as a JSON list")
    return None
