"""The signature scheme of Standard Webhooks, which GitLab's signing token uses too.

Source: Standard Webhooks specification 1.0.0,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from bridge.events import Request
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, check_window, the_header

PREFIX = "whsec_"
HEADERS = ("webhook-signature", "webhook-id", "webhook-timestamp")
"""The three headers of the scheme, none of which may come twice."""

_SHORTEST, _LONGEST = 24, 64  # bytes of key that the specification allows


def decoded_key(secret: str) -> bytes | None:
    """The key that a secret stands for: what follows ``whsec_``, base64-decoded; None if it is not such a secret.

    The prefix and the padding may be missing, as in the specification's own libraries. 24 to 64 bytes.
    """
    encoded = secret.strip().removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if _SHORTEST <= len(key) <= _LONGEST else None


def sign(key: bytes, webhook_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """The value of ``webhook-signature``: ``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    digest = hmac.digest(key, b".".join((webhook_id, timestamp, body)), "sha256")
    return b"v1," + base64.b64encode(digest)


def verify(request: Request, keys: Sequence[bytes], now: float) -> None:
    """Raises Unverified unless one of ``keys`` (decoded) signed the request within five minutes of ``now``.

    Id and timestamp are signed as the text that came, never as a number written anew. Of the space-separated list only
    ``v1,`` entries count (``v1a`` is ed25519, which needs a public key); malformed entries are passed over.
    """
    if not keys:
        raise Unverified("no usable signing secret is configured")
    signatures = the_header(request, "webhook-signature")
    webhook_id, timestamp = the_header(request, "webhook-id"), the_header(request, "webhook-timestamp")
    check_window(timestamp, now)
    presented = [entry for entry in signatures.split() if entry.startswith(b"v1,")]
    expected = [sign(key, webhook_id, timestamp, request.body) for key in keys]
    if not any_match(expected, presented):
        raise Unverified("no v1 signature matches")
