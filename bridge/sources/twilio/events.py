"""Turn a verified Twilio request into events."""

import hashlib

from bridge.core.payload import text_at
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import CONTENT, json_body
from bridge.sources.twilio import callback_types, streams
from bridge.sources.twilio.facts import EventFacts
from bridge.sources.twilio.signing_string import Params, params_of, signed_digest


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the request's events: one for a form or a query, one for each element of an Event Streams batch.

    Raises Malformed. ``now`` is in Unix seconds. Every event also has a key over the signed text: fields name an
    object, but an attacker could cut a captured request into other fields without breaking its signature. This key is
    also the defence against replay, since Twilio signs no time, so it lives as long as any. The
    I-Twilio-Idempotency-Token is no key. Nothing signs it: a replay under a fresh token would pass, and a guessed token
    would swallow another event.
    """
    params = params_of(request)
    elements = _elements(request, params)
    signed = signed_digest(request, params)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="twilio",
            type=facts.type,
            keys=(dedupe_key, f"signed:{signed}.{position}") if dedupe_key else (f"signed:{signed}.{position}",),
            payload=payload,
            subject=facts.subject or facts.type,
            name=facts.name,
            url=facts.url,
            actor=facts.actor,
            occurred_at=facts.occurred_at,
            received_at=now,
            confidential=False,
            test=facts.test,
        )
        for position, payload, facts, dedupe_key in elements
    ]


_Element = tuple[int, dict[str, object], EventFacts, str | None]
"""(position, payload, facts, dedupe key) of one event of a request."""


def _elements(request: Request, params: Params | None) -> list[_Element]:
    if params is not None:
        if not params:
            raise Malformed("the request has no parameters")
        fields = fields_of(params)
        facts = callback_types.read(fields)
        return [(0, fields, facts, facts.key or content_key(params))]
    body = json_body(request)
    objects = streams.elements(body)
    if not objects and body != []:
        raise Malformed("the body holds no JSON object")
    return [(position, *_payload_and_facts(element)) for position, element in objects]


_ATTEMPT = {b"RetryCount", b"TaskAge"}
"""Fields of the attempt to send an event, not of the event: they differ between an event and its retry.

Twilio docs, Error 50065, https://www.twilio.com/docs/api/errors/50065 : Conversations counts retries in ``RetryCount``.
"""
_FALLBACK = {b"ErrorCode", b"ErrorUrl"}
"""Fields that Twilio adds when it sends a request to the fallback URL, after the first URL failed."""


def content_key(params: Params) -> str:
    """Return the key of an event without an id of its own: all of its fields but those of the attempt.

    ``Timestamp``, ``SequenceNumber`` and the like stay: they are the event's, and tell two equal events apart. It lives
    for minutes, in which a retry comes; the key over the signed text lives on.
    """
    left_out = _ATTEMPT | _FALLBACK if b"ErrorUrl" in params else _ATTEMPT
    fields = repr([item for item in params.items() if item[0] not in left_out])  # of bytes: no two lists share it
    return f"{CONTENT}:{hashlib.sha256(fields.encode()).hexdigest()}"


def _payload_and_facts(element: dict[str, object]) -> tuple[dict[str, object], EventFacts, str | None]:
    if text_at(element, "type") and ("data" in element or "specversion" in element):
        payload = streams.decode_nested_json(element)
        facts = streams.read(payload)
        return payload, facts, facts.key
    facts = callback_types.read(element)
    return element, facts, facts.key


_JSON_FIELDS = (("Payload", "Level"), ("TranscriptionData", "TranscriptionEvent"), ("Media", "ConversationSid"))


def fields_of(params: Params) -> dict[str, object]:
    """Return the parameters as a payload: text, or a list for a repeated name.

    Such a list is sorted and holds each value once, since the signature covers no more than that. JSON in a string (the
    Debugger's ``Payload`` and the like) is parsed.
    """
    fields: dict[str, object] = {
        name.decode("utf-8", "replace"): values[0].decode("utf-8", "replace")
        if len(values) == 1
        else [value.decode("utf-8", "replace") for value in values]
        for name, values in params.items()
    }
    for written, beside in _JSON_FIELDS:
        if written in fields and beside in fields:
            fields[written] = streams.parse_json_text(fields[written])
    return fields
