"""Twilio: callbacks of messages, calls, recordings and conferences, the Debugger, and Event Streams."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import urlencode

from bridge.events import Request
from bridge.sources import DEFAULT_URL, Answer, Provider, sample_bytes
from bridge.sources.twilio.events import events
from bridge.sources.twilio.signed import BODY_HASH, FORM, signed_texts
from bridge.sources.twilio.verify import SETTINGS, SIGNATURE, split_secret, verify

DO_NOTHING = Answer("text/xml", b"<Response/>")


def answer(status: str, event_id: str | None) -> Answer:  # noqa: ARG001 - whatever became of it, Twilio wants TwiML
    """Empty TwiML, the one answer that is right everywhere: other text would be sent as the reply to an SMS.

    Twilio docs, TwiML for Programmable Messaging, https://www.twilio.com/docs/messaging/twiml
    """
    return DO_NOTHING


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


def request_for(
    type: str,  # noqa: ARG001 - Twilio's requests do not name their type
    body: object,
    secret: str,
    now: float,  # noqa: ARG001 - and sign no time
    *,
    url: str = f"{DEFAULT_URL}twilio",
) -> Request:
    """A signed POST: of a form if ``body`` is a list of pairs (or bytes that are no JSON), else of JSON."""
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
    text = signed_texts(Request("POST", url, headers, raw))[0]
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


PROVIDER = Provider(
    name="twilio",
    verify=verify,
    events=events,
    request_for=request_for,
    answer=answer,
    check_secret=check_secret,
    type_of_sample=str,
    methods=frozenset({"POST", "GET"}),
    max_body=1024 * 1024,
    dedupe_ttl=24 * 3600.0,
    signature_headers=frozenset({SIGNATURE, SETTINGS}),
    kept_headers=frozenset({"content-type"}),
    signs_url=True,
)
