"""Event Streams: batches of CloudEvents.

Twilio docs, Event Streams, https://www.twilio.com/docs/events/event-delivery and
https://www.twilio.com/docs/events/event-types
"""

from collections.abc import Mapping

from bridge.core.payload import InvalidJsonError, at, clean, map_at, parse_json, text_at
from bridge.core.times import written_time
from bridge.sources.provider import key
from bridge.sources.twilio.console_urls import console_url, nearest_console_url
from bridge.sources.twilio.facts import EventFacts, address, text

TEST_EVENT = "com.twilio.eventstreams.test-event"
"""The type of the Console's and the API's "send a test event"."""

_SID_FIELDS = (
    "messageSid",
    "message_sid",
    "call_sid",
    "callSid",
    "verification_sid",
    "conference_sid",
    "correlation_sid",
    "ConversationSid",
    "execution_sid",
    "tollfreeverificationsid",
    "phonenumbersid",
    "campaignsid",
    "brandsid",
    "task_sid",
    "worker_sid",
    "sid",
)


def elements(body: object) -> list[tuple[int, dict[str, object]]]:
    """Return the objects of a batch with their positions, or the one object if batching is off.

    Elements that are not objects are skipped, so that they do not cost their neighbours.
    """
    batch = body if isinstance(body, list) else [body]
    return [(position, element) for position, element in enumerate(batch) if isinstance(element, dict)]


def decode_nested_json(element: dict[str, object]) -> dict[str, object]:
    """Return the element with its JSON texts parsed: ``data``, an error log's ``payload``, words of a transcript."""
    data = parse_json_text(element.get("data"))
    if isinstance(data, dict) and isinstance(data.get("payload"), str):
        data = {**data, "payload": parse_json_text(data["payload"])}
    if isinstance(said := at(data, "request", "parameters", "TranscriptionData"), str):
        request = map_at(data, "request")
        parameters = {**map_at(request, "parameters"), "TranscriptionData": parse_json_text(said)}
        data = {**map_at(data), "request": {**request, "parameters": parameters}}
    return element if data is element.get("data") else {**element, "data": data}


def parse_json_text(value: object) -> object:
    """Parse a string that holds a JSON object or list; return any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(value.encode("utf-8", "replace"))
        except InvalidJsonError:
            return value
    return value


def read(element: Mapping[str, object]) -> EventFacts:
    """Read one CloudEvent after decode_nested_json."""
    event_type, data = clean(text(element, "type"), 200) or "unknown", _object(element.get("data"))
    object_id = text(element, "id")
    # TaskRouter wraps a task in an envelope with a new sid each time.
    inner = _object(data.get("payload")) if event_type.startswith("com.twilio.taskrouter.") else data
    subject_sid = ""
    for name in _SID_FIELDS:
        if name in inner and (subject_sid := text(inner, name)):
            break
    inbound = event_type.startswith("com.twilio.messaging.inbound")
    test = event_type == TEST_EVENT
    return EventFacts(
        type=event_type,
        # A test event's id is the account's sid, at every press of the button.
        key=key("event", object_id, *([text(data, "test_id")] if test else [])) if object_id else None,
        subject=clean(subject_sid or text(element, "source"), 200),
        name=_name(inner, inbound),
        url=console_url(text(data, "sid")) or console_url(subject_sid) or nearest_console_url(inner),
        actor=address(text(data, "from")) if inbound else "",
        occurred_at=written_time(text(element, "time")),
        test=test,
    )


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


_NAME_FIELDS = ("friendly_name", "FriendlyName", "task_queue_name", "worker_name", "flow_name", "error_code")
"""Fields that may hold what its owner calls the thing: a conference, a queue, a flow; or the code of an error."""


def _name(data: Mapping[str, object], inbound: bool) -> str:
    """Return the name of the thing, or the number at the other side of a message, call or verification; or ""."""
    for field in _NAME_FIELDS:
        if data.get(field) and (name := clean(text(data, field), 100)):
            return name
    parameters = _object(_object(data.get("request")).get("parameters"))
    if parameters:
        return address(text(parameters, "From" if text(parameters, "Direction").startswith("inbound") else "To"))
    return address(text(data, "from") if inbound else text(data, "to") or text_at(data, "to", "callee"))
