"""Event Streams: batches of CloudEvents.

Twilio docs, Event Streams, https://www.twilio.com/docs/events/event-delivery and
https://www.twilio.com/docs/events/event-types
"""

from bridge.core.payload import InvalidJsonError, at, clean, int_at, map_at, parse_json, text_at
from bridge.core.times import written_time
from bridge.sources.provider import key
from bridge.sources.twilio import callback_types, families, titles
from bridge.sources.twilio.callback_types import EventFacts, type_word
from bridge.sources.twilio.errors import explained
from bridge.sources.twilio.titles import Fields

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
    """Return the element with its JSON texts parsed (``data``, and an error log's ``payload``)."""
    data = parse_json_text(element.get("data"))
    if isinstance(data, dict) and isinstance(data.get("payload"), str):
        data = {**data, "payload": parse_json_text(data["payload"])}
    return {**element, "data": data} if "data" in element else element


def parse_json_text(value: object) -> object:
    """Parse a string that holds a JSON object or list; return any other value unchanged."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(value.encode("utf-8", "replace"))
        except InvalidJsonError:
            return value
    return value


def read(element: Fields) -> EventFacts:
    """Read one CloudEvent after decode_nested_json."""
    event_type, data = clean(text_at(element, "type"), 200) or "unknown", at(element, "data")
    object_id = text_at(element, "id")
    # TaskRouter wraps a task in an envelope with a new sid each time.
    inner = at(data, "payload") if event_type.startswith("com.twilio.taskrouter.") else data
    subject_sid = next((sid for sid in (text_at(inner, name) for name in _SID_FIELDS) if sid), "")
    return EventFacts(
        type=event_type,
        # A test event's id is the account's sid, at every press of the button.
        key=(key("event", object_id, text_at(data, "test_id")) if event_type == TEST_EVENT else key("event", object_id))
        if object_id
        else None,
        subject=clean(subject_sid or text_at(element, "source"), 200) or event_type,
        title=_title(event_type, data if isinstance(data, dict) else {}),
        url=callback_types.console_url(text_at(data, "sid"))
        or callback_types.console_url(subject_sid)
        or callback_types.nearest_console_url(inner),
        actor=_sender(event_type, data),
        occurred_at=written_time(text_at(element, "time")),
        test=event_type == TEST_EVENT,
    )


def _sender(event_type: str, data: object) -> str:
    number = text_at(data, "from")
    return titles.party(number) if number and event_type.startswith("com.twilio.messaging.inbound") else ""


def _title(event_type: str, data: dict[str, object]) -> str:
    if event_type.startswith("com.twilio.messaging.") and text_at(data, "messageSid"):
        # The same facts as in a callback, in camelCase and with the status in capitals.
        fields = {name[:1].upper() + name[1:]: value for name, value in data.items()}
        if event_type.startswith("com.twilio.messaging.inbound"):
            return titles.message_received(fields)
        return titles.message_status(fields, type_word(text_at(data, "messageStatus") or event_type.rpartition(".")[2]))
    if event_type == "com.twilio.error-logs.error.logged":
        code, message, _ = callback_types.alert_details(data.get("payload"))
        return titles.alert(text_at(data, "level"), text_at(data, "error_code") or code, message)
    if event_type.startswith("com.twilio.accountsecurity.verify."):
        return _verification(event_type, data)
    if event_type.startswith("com.twilio.voice.insights.call-summary."):
        return _call_summary(data)
    if event_type == TEST_EVENT:
        return "Test event from Twilio Event Streams"
    if event_type.startswith("com.twilio.voice.") and (title := _of_a_call(event_type, data)):
        return title
    for start, sentence in families.STREAMS:
        if event_type.startswith(start):
            inner = data.get("payload") if sentence is families.task else data
            title = sentence(event_type.removeprefix(start), inner if isinstance(inner, dict) else {})
            if title:
                return title
    return titles.readable(event_type.removeprefix("com.twilio.")) or "Twilio event without a type"


_CALL_EVENTS = {
    "api-request.call.created": "was started through the API",
    "api-request.call.modified": "was changed through the API",
    "media.fetched": "got a file to play",
    "status-callback.gather.partial.captured": "got part of an answer to its prompt",
    "twiml.call.redirected": "got other instructions",
    "twiml.call.transferred": "was transferred",
    "twiml.dial.finished": "has done dialling",
    "twiml.enqueue.finished": "left its queue",
    "twiml.gather.finished": "got an answer to its prompt",
    "twiml.record.finished": "was recorded",
    "twiml.request.failed": "got no instructions",
}


_DIAL_RESULTS = {
    "no-answer": "nobody answered",
    "busy": "the line was busy",
    "failed": "it did not get through",
    "canceled": "the caller hung up first",
    "completed": "somebody answered",
    "answered": "somebody answered",
}


def _of_a_call(event_type: str, data: Fields) -> str:
    """Return the sentence of a Voice Insights event about a call: its parameters are those of a callback."""
    fields = map_at(data, "request", "parameters")
    if not fields:
        return ""
    happened = event_type.removeprefix("com.twilio.voice.").removeprefix("webhook.")
    verb = _CALL_EVENTS.get(happened)
    if not verb and happened.startswith("status-callback."):
        facts = callback_types.read(fields)
        return "" if facts.type.startswith("unknown") else facts.title
    dialled = _DIAL_RESULTS.get(text_at(fields, "DialCallStatus"), "")
    return titles.with_reason(f"{titles.call_name(fields)} {verb}", dialled) if verb else ""


def _verification(event_type: str, data: dict[str, object]) -> str:
    happened = type_word(
        text_at(data, "verification_status") or text_at(data, "message_status") or event_type.rpartition(".")[2]
    )
    reason = explained(text_at(data, "error_code"))
    code = text_at(data, "message_status") or ".message." in event_type or ".attempt-dlr." in event_type
    label = "Verification code to" if code else "Verification of"
    sentence = f"{label} {titles.party(text_at(data, 'to'))} {titles.verification_verb(happened)}"
    return f"{sentence}: {reason}" if reason else sentence


def _call_summary(data: dict[str, object]) -> str:
    caller, callee = text_at(data, "from", "caller"), text_at(data, "to", "callee")
    seconds = int_at(data, "duration")
    length = f" after {titles.span(seconds)}" if seconds else ""
    call = f"Call from {titles.party(caller)} to {titles.party(callee)}"
    return f"{call} {titles.call_state(type_word(text_at(data, 'call_state')))}{length}"
