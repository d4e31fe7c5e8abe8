"""Verify Twilio's signatures, by AuthToken or SharedKey.

Twilio docs, Webhooks security, https://www.twilio.com/docs/usage/webhooks/webhooks-security
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from bridge.config.diagnostics import Problem
from bridge.events import Request
from bridge.sources import signatures
from bridge.sources.errors import Unverified
from bridge.sources.twilio.signing_string import body_hashes, is_form, signing_strings

SIGNATURE_HEADER = "x-twilio-signature"
SETTINGS_HEADER = "x-twilio-webhooks-signature-settings"

ALGORITHMS = {b"HMAC_SHA1": "sha1", b"HMAC_SHA256": "sha256"}
"""The hashes that a SharedKey may sign with; the header may choose no other."""

MAX_PARAMETERS = 1000
MAX_ESCAPES = 100_000
"""Limits against slow parsing before the signature is checked. Twilio publishes none, and sends some tens of
parameters. A text has at most 1,600 characters (error 14103, https://www.twilio.com/docs/api/errors/14103): 6,400
``%XX`` if each is an emoji. The rest is for what add-ons put into the form.
"""


def verify(request: Request, secrets: Sequence[str], now: float) -> None:  # noqa: ARG001 - Twilio signs no time
    """Raise Unverified unless one of the secrets signed everything that is read of the request.

    A secret is an AuthToken, a SharedKey's secret, or ``KEYID:SECRET``. There is no replay window, since no time is
    signed: the event's dedupe keys recognise a repeated request.
    """
    presented = signatures.single_header(request, SIGNATURE_HEADER)
    keys, algorithm = _candidate_keys(request, signatures.encoded_secrets(secrets))
    if is_form(request):
        if request.body.count(b"&") > MAX_PARAMETERS or request.body.count(b"%") > MAX_ESCAPES:
            raise Unverified("the form has more parameters or escapes than Twilio sends")
    else:
        _check_body(request)
    expected = [
        base64.b64encode(hmac.digest(key, text, algorithm)) for text in signing_strings(request) for key in keys
    ]
    if not signatures.any_match(expected, [presented]):
        raise Unverified("the signature does not match (or BRIDGE_PUBLIC_URL is not the URL that Twilio calls)")


def check_secret(secret: str) -> Problem | None:
    """Return the problem with a secret, without showing it; None if it is usable."""
    secret = secret.strip()
    if not secret:
        return Problem("is empty", "use the account's primary Auth Token, or KEYID:SECRET of a SharedKey")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        return Problem("holds blanks or characters that no Twilio secret has", "copy it again")
    key_id, rest = split_secret(secret.encode())
    if b":" in secret.encode() and not (key_id and rest):
        return Problem("lacks half of KEYID:SECRET", "write the SharedKey's id, a colon and its secret")
    if _is_sid(secret, "AC"):
        return Problem("is an Account SID", "use the account's primary Auth Token, which is below it in the Console")
    if _is_sid(secret, "SK"):
        return Problem("is an API key's SID, and API keys sign no webhooks", "use the account's primary Auth Token")
    return None


def _is_sid(text: str, prefix: str) -> bool:
    return len(text) == 34 and text.startswith(prefix) and text.isalnum()


def split_secret(secret: bytes) -> tuple[bytes, bytes]:
    """Split a configured secret into (SharedKey id or b"", secret)."""
    key_id, colon, rest = secret.partition(b":")
    return (key_id.strip(), rest.strip()) if colon else (b"", secret)


def _candidate_keys(request: Request, secrets: Sequence[bytes]) -> tuple[list[bytes], str]:
    """Return the keys that may have signed this request, and the hash's name. Raises Unverified if there is none."""
    split = [(b":" in secret, *split_secret(secret)) for secret in secrets]
    if not request.header_values(SETTINGS_HEADER):
        keys = [key for has_id, _, key in split if not has_id]
        algorithm = b"HMAC_SHA1"
    else:
        wanted_id, algorithm = _parse_settings(signatures.single_header(request, SETTINGS_HEADER))
        # A key id from the request can only narrow the choice: it never selects a secret configured for another id.
        keys = [key for has_id, key_id, key in split if key and (not has_id or key_id == wanted_id)]
    if not keys:
        raise Unverified("no secret is configured for the signing key")
    return keys, ALGORITHMS[algorithm]


def _parse_settings(value: bytes) -> tuple[bytes, bytes]:
    """Return (key id, algorithm) of ``key=<id>,algorithm=<name>``. Raises Unverified if it is malformed."""
    settings: dict[bytes, bytes] = {}
    for part in value.split(b","):
        name, _, setting = part.partition(b"=")
        if name.strip() in settings:
            raise Unverified(f"{SETTINGS_HEADER} names a setting twice")
        settings[name.strip()] = setting.strip()
    key_id, algorithm = settings.get(b"key"), settings.get(b"algorithm")
    if not key_id or algorithm not in ALGORITHMS:
        raise Unverified(f"{SETTINGS_HEADER} names no key, or an algorithm that is not allowed")
    return key_id, algorithm


def _check_body(request: Request) -> None:
    """Check that the signed URL holds the hash of a body that is not a form; else the body is unsigned."""
    hashes = body_hashes(request)
    if request.method == "GET" and not hashes and not request.body:
        return
    if len(hashes) != 1:
        raise Unverified("the body is not signed: the URL does not hold one bodySHA256")
    if not signatures.any_match([hashlib.sha256(request.body).hexdigest().encode()], hashes):
        raise Unverified("the body does not match the signed bodySHA256")
