"""Turn a verified Twilio request into events."""

from bridge.core.payload import clean, text_at
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import json_body, key
from bridge.sources.twilio import callback_types, streams
from bridge.sources.twilio.callback_types import EventFacts
from bridge.sources.twilio.signing_string import Params, params_of, signed_digest


def events(request: Request, source: str, now: float) -> list[Event]:
    """Return the request's events: one for a form or a query, one for each element of an Event Streams batch.

    Raises Malformed. ``now`` is in Unix seconds. Every event also has a key over the signed text: fields name an
    object, but an attacker could cut a captured request into other fields without breaking its signature. The
    I-Twilio-Idempotency-Token is no key. Nothing signs it: a replay under a fresh token would pass, and a guessed token
    would swallow another event. The fields and the signed text already identify a retry.
    """
    elements = _positions_with_facts(request)
    signed = signed_digest(request)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="twilio",
            type=facts.type,
            keys=tuple(k for k in (facts.key, key("signed", f"{signed}.{position}")) if k),
            payload=payload,
            subject=facts.subject or facts.type,
            title=clean(facts.title, 300),
            url=facts.url,
            actor=facts.actor,
            occurred_at=facts.occurred_at,
            received_at=now,
            confidential=False,
            test=facts.test,
        )
        for position, payload, facts in elements
    ]


def _positions_with_facts(request: Request) -> list[tuple[int, dict[str, object], EventFacts]]:
    params = params_of(request)
    if params is not None:
        if not params:
            raise Malformed("the request has no parameters")
        fields = fields_of(params)
        return [(0, fields, callback_types.read(fields))]
    body = json_body(request)
    objects = streams.elements(body)
    if not objects and body != []:
        raise Malformed("the body holds no JSON object")
    return [(position, *_payload_and_facts(element)) for position, element in objects]


def _payload_and_facts(element: dict[str, object]) -> tuple[dict[str, object], EventFacts]:
    if text_at(element, "type") and ("data" in element or "specversion" in element):
        payload = streams.decode_nested_json(element)
        return payload, streams.read(payload)
    return element, callback_types.read(element)


_JSON_FIELDS = (("Payload", "Level"), ("TranscriptionData", "TranscriptionEvent"))


def fields_of(params: Params) -> dict[str, object]:
    """Return the parameters as a payload: text, or a list for a repeated name.

    Such a list is sorted and holds each value once, since the signature covers no more than that. JSON in a string (the
    Debugger's ``Payload`` and the like) is parsed.
    """
    fields: dict[str, object] = {}
    for name, values in params.items():
        texts = [value.decode("utf-8", "replace") for value in values]
        fields[name.decode("utf-8", "replace")] = texts[0] if len(texts) == 1 else texts
    for written, beside in _JSON_FIELDS:
        if written in fields and beside in fields:
            fields[written] = streams.parse_json_text(fields[written])
    return fields
