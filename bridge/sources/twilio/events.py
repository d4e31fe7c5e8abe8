"""What a verified request tells, as events."""

from bridge.core.payload import clean, text_at
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed
from bridge.sources.provider import json_body, key
from bridge.sources.twilio import callback_types, streams
from bridge.sources.twilio.callback_types import Reading
from bridge.sources.twilio.signing_string import Params, digest_of_signed, params_of


def events(request: Request, source: str, now: float) -> list[Event]:
    """The events in a request: one for a form or a query, one for each element of an Event Streams batch.

    Raises Malformed. Every event also has a key over what was signed: fields name a thing, but a captured request could
    be cut into other fields without breaking its signature. The I-Twilio-Idempotency-Token makes no key. Nothing signs
    it, so a replay under a fresh one would get past it, and a guessed one would swallow another event; the fields and
    what was signed tell a retry already.
    """
    readings = _readings(request)
    signed = digest_of_signed(request)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="twilio",
            type=reading.type,
            keys=tuple(k for k in (reading.key, key("signed", f"{signed}.{position}")) if k),
            payload=payload,
            subject=reading.subject or reading.type,
            title=clean(reading.title, 300),
            url=reading.url,
            actor=reading.actor,
            occurred_at=reading.occurred_at,
            received_at=now,
            confidential=False,
            test=reading.test,
        )
        for position, payload, reading in readings
    ]


def _readings(request: Request) -> list[tuple[int, dict[str, object], Reading]]:
    params = params_of(request)
    if params is not None:
        if not params:
            raise Malformed("no parameters came")
        fields = fields_of(params)
        return [(0, fields, callback_types.read(fields))]
    body = json_body(request)
    found = streams.elements(body)
    if not found and body != []:
        raise Malformed("the body holds no JSON object")
    return [(position, *_element(element)) for position, element in found]


def _element(element: dict[str, object]) -> tuple[dict[str, object], Reading]:
    if text_at(element, "type") and ("data" in element or "specversion" in element):
        payload = streams.opened(element)
        return payload, streams.read(payload)
    return element, callback_types.read(element)


_JSON = (("Payload", "Level"), ("TranscriptionData", "TranscriptionEvent"))


def fields_of(params: Params) -> dict[str, object]:
    """Parameters as a payload: text, and a list where a name came with several values.

    Such a list is sorted, and holds each value once, since that is all that the signature says about it. The Debugger's
    ``Payload`` and the like are JSON in a string, and become what they hold.
    """
    fields: dict[str, object] = {}
    for name, values in params.items():
        texts = [value.decode("utf-8", "replace") for value in values]
        fields[name.decode("utf-8", "replace")] = texts[0] if len(texts) == 1 else texts
    for written, beside in _JSON:
        if written in fields and beside in fields:
            fields[written] = streams.from_text(fields[written])
    return fields
