"""Make the signed request that Twilio would send, for the demo, `bridge test` and tests."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

from bridge.events import Request
from bridge.sources.provider import DEFAULT_URL, sample_bytes
from bridge.sources.twilio.signing_string import BODY_HASH, FORM, signing_strings
from bridge.sources.twilio.verify import split_secret


def request_for(
    event_type: str,  # noqa: ARG001 - Twilio's requests do not name their type
    body: object,
    secret: str,
    now: float,  # noqa: ARG001 - and sign no time
    *,
    url: str = f"{DEFAULT_URL}twilio",
) -> Request:
    """Make a signed POST: a form if ``body`` is a list of pairs (or bytes that are not JSON), else JSON."""
    headers = {"User-Agent": "TwilioProxy/1.1"}
    if _is_form(body):
        raw = body if isinstance(body, bytes) else urlencode(_pairs(body), errors="replace").encode()
        headers["Content-Type"] = f"{FORM}; charset=UTF-8"
    else:
        raw = sample_bytes(body)
        headers["Content-Type"] = "application/json"
        url += f"{'&' if '?' in url else '?'}{BODY_HASH.decode()}={hashlib.sha256(raw).hexdigest()}"
    key_id, key = split_secret(secret.strip().encode("utf-8", "surrogateescape"))
    if key_id:
        headers["X-Twilio-Webhooks-Signature-Settings"] = (
            f"key={key_id.decode('utf-8', 'surrogateescape')},algorithm=HMAC_SHA256"
        )
    text = signing_strings(Request("POST", url, headers, raw))[0]
    signature = hmac.digest(key, text, "sha256" if key_id else "sha1")
    headers["X-Twilio-Signature"] = base64.b64encode(signature).decode()
    return Request("POST", url, headers, raw)


def _is_form(body: object) -> bool:
    if isinstance(body, bytes):
        return body.lstrip()[:1] not in (b"{", b"[")
    return isinstance(body, list) and bool(body) and all(isinstance(pair, list | tuple) for pair in body)


def _pairs(body: object) -> Sequence[tuple[str, str]]:
    assert isinstance(body, list)
    return [(str(name), str(value)) for name, value in body]
