"""What the providers' signature schemes have in common. Everything is bytes, and everything fails closed."""

import hmac
from collections.abc import Iterable, Sequence

from bridge.events import Request
from bridge.sources.errors import Unverified

WINDOW = 300.0
"""Seconds by which a signed timestamp may differ from our clock, either way."""


def live_texts(secrets: Sequence[str]) -> list[str]:
    """The secrets without blanks around them. Blank ones, and what is no text, are none.

    Raises Unverified if none is left: no secret never means no check.
    """
    if isinstance(secrets, str):  # a sequence of letters, each of which would be a secret
        secrets = (secrets,)
    kept = [stripped for secret in secrets if isinstance(secret, str) and (stripped := secret.strip())]
    if not kept:
        raise Unverified("no secret is configured")
    return kept


def live(secrets: Sequence[str]) -> list[bytes]:
    """The same as UTF-8. Raises Unverified."""
    return [_bytes(secret) for secret in live_texts(secrets)]


def the_header(request: Request, name: str) -> bytes:
    """The one value of a header, as the bytes that came. Raises Unverified if it is missing, empty or sent twice."""
    values = request.header_values(name)
    if not values:
        raise Unverified(f"{name} is missing")
    if len(values) > 1:
        raise Unverified(f"{name} was sent twice")
    value = _bytes(values[0]).strip()
    if not value:
        raise Unverified(f"{name} is empty")
    return value


def _bytes(text: str) -> bytes:
    # HTTP servers and os.environ decode what is not UTF-8 as lone surrogates; other callers may hand over anything.
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def any_match(expected: Iterable[bytes], presented: Iterable[bytes]) -> bool:
    """Whether any presented signature is one of the expected ones.

    Each pair is compared in constant time, and all pairs are, so that the time taken does not tell which one matched.
    """
    presented = list(presented)
    found = False
    for right in expected:
        for given in presented:
            found |= hmac.compare_digest(right, given)
    return found


def check_window(timestamp: bytes, now: float) -> None:
    """Raises Unverified unless ``timestamp`` is ASCII digits naming a second within WINDOW of ``now``, either way."""
    if not timestamp.isdigit() or len(timestamp) > 15:
        raise Unverified("the timestamp is not a number of seconds")
    if not abs(now - int(timestamp)) <= WINDOW:  # so that a `now` which is no number lets nothing in
        raise Unverified(f"the timestamp is {now - int(timestamp):+.0f} s off our clock")
