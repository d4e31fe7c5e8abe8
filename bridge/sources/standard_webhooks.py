"""The signature scheme of Standard Webhooks, used by GitLab's signing token.

Source: Standard Webhooks specification 1.0.0,
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Sequence

from bridge.events import Request
from bridge.sources.errors import Unverified
from bridge.sources.signatures import any_match, check_window, single_header

PREFIX = "whsec_"
HEADERS = ("webhook-signature", "webhook-id", "webhook-timestamp")
"""The three headers of the scheme; none may be repeated."""

_MIN_KEY_BYTES, _MAX_KEY_BYTES = 24, 64  # allowed by the specification


def decode_key(secret: str) -> bytes | None:
    """Decode the base64 key after ``whsec_``; return None if the secret is not a signing secret.

    The prefix and the padding may be missing, as in the specification's own libraries. The key has 24 to 64 bytes.
    """
    encoded = secret.strip().removeprefix(PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if _MIN_KEY_BYTES <= len(key) <= _MAX_KEY_BYTES else None


def sign(key: bytes, webhook_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Return the value of ``webhook-signature``: ``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``."""
    digest = hmac.digest(key, b".".join((webhook_id, timestamp, body)), "sha256")
    return b"v1," + base64.b64encode(digest)


def verify(request: Request, keys: Sequence[bytes], now: float) -> None:
    """Raise Unverified unless one of ``keys`` (decoded) signed the request within five minutes of ``now``.

    Id and timestamp are signed as received text, never as a reformatted number. Of the space-separated list only
    ``v1,`` entries count (``v1a`` is ed25519 and needs a public key); malformed entries are skipped.
    """
    if not keys:
        raise Unverified("no usable signing secret is configured")
    signatures = single_header(request, "webhook-signature")
    webhook_id, timestamp = single_header(request, "webhook-id"), single_header(request, "webhook-timestamp")
    check_window(timestamp, now)
    presented = [entry for entry in signatures.split() if entry.startswith(b"v1,")]
    expected = [sign(key, webhook_id, timestamp, request.body) for key in keys]
    if not any_match(expected, presented):
        raise Unverified("no v1 signature matches")
