"""Helpers for the providers' signature schemes. All work on bytes, and any doubt is a refusal."""

import hmac
from collections.abc import Iterable, Sequence

from bridge.events import Request
from bridge.sources.errors import Unverified

REPLAY_WINDOW = 300.0
"""Greatest difference in seconds between a signed timestamp and our clock, either way."""


def live_secrets(secrets: Sequence[str]) -> list[str]:
    """Return the secrets, stripped; drop blank ones and values other than text.

    Raises Unverified if none is left: no secret never means no check.
    """
    if isinstance(secrets, str):  # a sequence of letters, each of which would be a secret
        secrets = (secrets,)
    kept = [stripped for secret in secrets if isinstance(secret, str) and (stripped := secret.strip())]
    if not kept:
        raise Unverified("no secret is configured")
    return kept


def encoded_secrets(secrets: Sequence[str]) -> list[bytes]:
    """Return the live secrets as UTF-8. Raises Unverified if there is none."""
    return [_to_bytes(secret) for secret in live_secrets(secrets)]


def single_header(request: Request, name: str) -> bytes:
    """Return the one value of a header, as received bytes. Raises Unverified if it is missing, empty or repeated."""
    values = request.header_values(name)
    if not values:
        raise Unverified(f"{name} is missing")
    if len(values) > 1:
        raise Unverified(f"{name} was sent twice")
    value = _to_bytes(values[0]).strip()
    if not value:
        raise Unverified(f"{name} is empty")
    return value


def _to_bytes(text: str) -> bytes:
    # HTTP servers and os.environ decode invalid UTF-8 as lone surrogates; other callers may pass any text.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def any_match(expected: Iterable[bytes], presented: Iterable[bytes]) -> bool:
    """Return whether any presented signature is one of the expected ones.

    Every pair is compared, each in constant time, so that the duration does not reveal the matching one.
    """
    presented = list(presented)
    found = False
    for right in expected:
        for candidate in presented:
            found |= hmac.compare_digest(right, candidate)
    return found


def check_window(timestamp: bytes, now: float) -> None:
    """Raise Unverified unless ``timestamp`` is ASCII digits, a second within REPLAY_WINDOW of ``now``, either way."""
    if not timestamp.isdigit() or len(timestamp) > 15:
        raise Unverified("the timestamp is not a number of seconds")
    if not abs(now - int(timestamp)) <= REPLAY_WINDOW:  # written so that a `now` of NaN lets nothing in
        raise Unverified(f"the timestamp is {now - int(timestamp):+.0f} s off our clock")
