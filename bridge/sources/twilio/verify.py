"""Whether Twilio sent a request: AuthToken signatures and the SharedKey ones.

Twilio docs, Webhooks security, https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from bridge.events import Request
from bridge.sources import signatures
from bridge.sources.errors import Unverified
from bridge.sources.twilio.signing_string import body_hashes, is_form, signed_texts

SIGNATURE = "x-twilio-signature"
SETTINGS = "x-twilio-webhooks-signature-settings"

ALGORITHMS = {b"HMAC_SHA1": "sha1", b"HMAC_SHA256": "sha256"}
"""What a SharedKey may sign with. The header chooses from these and from nothing else."""

MOST_PARAMETERS = 1000
MOST_ESCAPES = 100_000
"""Twilio sends some tens of parameters and a few thousand ``%XX``; what goes past these is refused unread, or one body
would hold up everybody before its signature is known."""


def verify(request: Request, secrets: Sequence[str], now: float) -> None:  # noqa: ARG001 - Twilio signs no time
    """Raises Unverified unless one of the secrets made the request's signature over all that is read of it.

    A secret is an AuthToken, a SharedKey's secret, or ``KEYID:SECRET``. There is no replay window, since no time is
    signed: a repeated request is told by the keys of its event.
    """
    presented = signatures.the_header(request, SIGNATURE)
    keys, algorithm = _signers(request, signatures.live(secrets))
    if is_form(request):
        if request.body.count(b"&") > MOST_PARAMETERS or request.body.count(b"%") > MOST_ESCAPES:
            raise Unverified("the form has more parameters or escapes than Twilio sends")
    else:
        _check_body(request)
    expected = [base64.b64encode(hmac.digest(key, text, algorithm)) for text in signed_texts(request) for key in keys]
    if not signatures.any_match(expected, [presented]):
        raise Unverified("the signature does not match (or BRIDGE_PUBLIC_URL is not the URL that Twilio calls)")


def check_secret(secret: str) -> str | None:
    """What is wrong with a secret, in one line that does not show it."""
    secret = secret.strip()
    if not secret:
        return "the secret is empty: give the account's primary Auth Token, or KEYID:SECRET of a SharedKey"
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return "the secret holds blanks or characters that no Twilio secret has: copy it again"
    key_id, rest = split_secret(secret.encode())
    if b":" in secret.encode() and not (key_id and rest):
        return "half of KEYID:SECRET is missing: give the SharedKey's id, a colon and its secret"
    if _is_sid(secret, "AC"):
        return "this is an Account SID: give the account's primary Auth Token, which stands below it in the Console"
    if _is_sid(secret, "SK"):
        return "this is an API key's SID: API keys sign no webhooks, give the account's primary Auth Token"
    return None


def _is_sid(text: str, prefix: str) -> bool:
    return len(text) == 34 and text.startswith(prefix) and text.isalnum()


def split_secret(secret: bytes) -> tuple[bytes, bytes]:
    """A configured secret as (SharedKey id or b"", secret)."""
    key_id, colon, rest = secret.partition(b":")
    return (key_id.strip(), rest.strip()) if colon else (b"", secret)


def _signers(request: Request, secrets: Sequence[bytes]) -> tuple[list[bytes], str]:
    """The keys that may have signed this request, and with which hash."""
    split = [(b":" in secret, *split_secret(secret)) for secret in secrets]
    if not request.header_values(SETTINGS):
        keys = [key for named, _, key in split if not named]
        algorithm = b"HMAC_SHA1"
    else:
        wanted, algorithm = _settings(signatures.the_header(request, SETTINGS))
        # A key id from the request may only narrow the choice down: it never opens a secret that names another one.
        keys = [key for named, key_id, key in split if key and (not named or key_id == wanted)]
    if not keys:
        raise Unverified("no secret is configured for the key that signed this")
    return keys, ALGORITHMS[algorithm]


def _settings(value: bytes) -> tuple[bytes, bytes]:
    """(key id, algorithm) of ``key=<id>,algorithm=<name>``."""
    found: dict[bytes, bytes] = {}
    for part in value.split(b","):
        name, _, setting = part.partition(b"=")
        if name.strip() in found:
            raise Unverified(f"{SETTINGS} says something twice")
        found[name.strip()] = setting.strip()
    key_id, algorithm = found.get(b"key"), found.get(b"algorithm")
    if not key_id or algorithm not in ALGORITHMS:
        raise Unverified(f"{SETTINGS} names no key, or an algorithm that is not allowed")
    return key_id, algorithm


def _check_body(request: Request) -> None:
    """A body that is no form is signed through its hash in the URL; without that, anybody could have put it there."""
    hashes = body_hashes(request)
    if request.method == "GET" and not hashes and not request.body:
        return
    if len(hashes) != 1:
        raise Unverified("the body is not signed: the URL does not hold one bodySHA256")
    if not signatures.any_match([hashlib.sha256(request.body).hexdigest().encode()], hashes):
        raise Unverified("the body is not the one whose bodySHA256 was signed")
