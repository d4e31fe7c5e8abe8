"""Verify Shopify's signature.

Source: Shopify docs, "Verify webhook deliveries", https://shopify.dev/docs/apps/build/webhooks/verify-deliveries.
"""

import base64
import hmac
from collections.abc import Sequence

from bridge.config.diagnostics import Problem
from bridge.events import Request
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, encoded_secrets, single_header

HMAC_HEADERS = ("x-shopify-hmac-sha256", "shopify-hmac-sha256")
"""Classic webhooks send the first, Next-Gen Events the second; during the change-over a delivery may carry both."""

_ACCESS_TOKENS = ("shpat_", "shpca_", "shppa_", "shpua_")


def verify(request: Request, secrets: Sequence[str], now: float) -> None:  # noqa: ARG001 - Shopify signs no time
    """Raise Unverified unless every HMAC header is the body's base64 HMAC-SHA256 under a live secret.

    If both headers are present, both must match: a valid one never covers for a bad one. An empty body is refused, as
    in Shopify's own library (``missing_body`` in shopify-app-js, ``lib/webhooks/validate.ts``).
    """
    secret_bytes = encoded_secrets(secrets)
    presented = [single_header(request, name) for name in HMAC_HEADERS if request.header_values(name)]
    if not presented:
        raise Unverified("x-shopify-hmac-sha256 is missing")
    if not request.body:
        raise Unverified("the body is empty")
    expected = [signature_of(request.body, secret) for secret in secret_bytes]
    if not all(any_match(expected, [candidate]) for candidate in presented):
        raise Unverified("the HMAC does not match")


def signature_of(body: bytes, secret: bytes) -> bytes:
    """Return the value of an HMAC header: the base64 text of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.digest(secret, body, "sha256"))


def check_secret(secret: str) -> Problem | None:
    """Return the problem with a client secret or admin signing key, without showing it; None if it is usable."""
    if secret.strip().startswith(_ACCESS_TOKENS):
        return Problem(
            "is an access token of the Admin API, which signs no webhooks",
            "use the app's client secret; webhooks of the admin have a key under Settings > Notifications > Webhooks",
        )
    if secret.strip().startswith("whsec_"):
        return Problem("starts with whsec_, so it is another provider's", "use the app's client secret")
    return None
