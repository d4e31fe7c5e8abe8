"""Recognise the kind of a Twilio callback by its fields, since no header names it, and its dedupe key.

Twilio docs: Twilio's request to your incoming message webhook URL,
https://www.twilio.com/docs/messaging/guides/webhook-request ; Track outbound message status,
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status ; TwiML voice, dial, conference and recording
pages, https://www.twilio.com/docs/voice/twiml ; Debugging event webhooks,
https://www.twilio.com/docs/usage/troubleshooting/debugging-event-webhooks ; Verify Push webhooks,
https://www.twilio.com/docs/verify/api/webhooks
"""

from dataclasses import dataclass

from bridge.core.payload import clean, text_at
from bridge.core.times import written_time
from bridge.sources.provider import key
from bridge.sources.twilio import families, titles
from bridge.sources.twilio.families import CALLBACKS
from bridge.sources.twilio.titles import Fields


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """Facts of one callback or stream event.

    ``key`` is None if no field identifies the event; ``occurred_at`` is in Unix seconds.
    """

    type: str
    key: str | None
    subject: str
    title: str
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None
    test: bool = False


def read(fields: Fields) -> EventFacts:
    """Read the fields of a form or query; any fields give facts."""
    if text_at(fields, "MessageStatus") or text_at(fields, "SmsStatus"):
        return _message(fields)
    if text_at(fields, "RecordingSid") and text_at(fields, "RecordingStatus"):
        return _recording(fields)
    if text_at(fields, "ConferenceSid") and text_at(fields, "StatusCallbackEvent"):
        return _conference(fields)
    if text_at(fields, "TranscriptionStatus") or text_at(fields, "TranscriptionEvent"):
        return _transcription(fields)  # it also holds the call's status
    call = text_at(fields, "CallSid") or text_at(fields, "CallGuid")
    if call and text_at(fields, "CallStatus"):
        return _call(fields, call)
    if call and text_at(fields, "AnsweredBy"):
        return _call_facts(fields, call, "call.amd", key("amd", call), titles.answered_by(fields))
    if text_at(fields, "Sid") and text_at(fields, "Level") and "Payload" in fields:
        return _alert(fields)
    if _message_sid(fields) and ("Body" in fields or "NumMedia" in fields) and "ConversationSid" not in fields:
        return _message(fields)
    return _other_callback(fields)


def _message_sid(fields: Fields) -> str:
    """Return the message's id. ``SmsSid`` is the name in the 2008 API, and still comes beside the new one."""
    return text_at(fields, "MessageSid") or text_at(fields, "SmsSid") or text_at(fields, "SmsMessageSid")


def _message(fields: Fields) -> EventFacts:
    sid = _message_sid(fields)
    status = type_word(text_at(fields, "MessageStatus") or text_at(fields, "SmsStatus") or "received")
    received = status in ("received", "receiving")
    # By the sid alone `delivered` would be a duplicate of `sent`.
    parts = [sid] if received else [sid, status, text_at(fields, "ErrorCode")]
    return EventFacts(
        type="message.received" if received else f"message.{status}",
        key=key("message" if received else "message-status", *parts) if sid else None,
        subject=clean(sid, 100),
        title=titles.message_received(fields) if received else titles.message_status(fields, status),
        url=console_url(sid),
        actor=_sender(fields, "ProfileName"),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _call(fields: Fields, sid: str) -> EventFacts:
    status, number = type_word(text_at(fields, "CallStatus")), text_at(fields, "SequenceNumber")
    step = _step_of_a_call(fields)
    if step:
        # The request that follows a verb of TwiML: its result is the event's. CallStatus is that of the whole call.
        return _call_facts(fields, sid, f"call.{step}", None, f"{titles.call_name(fields)}: {titles.readable(step)}")
    progress = text_at(fields, "CallbackSource") or number
    if status == "ringing" and text_at(fields, "Direction") == "inbound" and not progress:
        return _call_facts(fields, sid, "call.received", key("call", sid), titles.call_received(fields))
    # A TwiML request comes many times in one status of a call. Only a status callback has one of these fields.
    progress = progress or text_at(fields, "CallDuration")
    dedupe_key = key("call-status", sid, status, number) if progress else None
    return _call_facts(fields, sid, f"call.{status}", dedupe_key, titles.call_status(fields, status))


_STEPS = (
    ("DialCallStatus", "dial"),
    ("DialStatus", "dial"),
    ("QueueResult", "queue"),
    ("ReferCallStatus", "refer"),
    ("PaymentConfirmationCode", "pay"),
)
"""The fields in which a verb's ``action`` request reports how it ended: the forwarded call, the queue, the transfer.

Twilio docs, TwiML for Programmable Voice, https://www.twilio.com/docs/voice/twiml/dial (``DialStatus`` in the 2008
API), https://www.twilio.com/docs/voice/twiml/enqueue , https://www.twilio.com/docs/voice/twiml/refer
"""


def _step_of_a_call(fields: Fields) -> str:
    """Return what the request is about, if not the call itself: ``dial.no-answer``, ``record``, ``gather``; or ""."""
    if text_at(fields, "CallbackSource") or text_at(fields, "CallDuration"):
        return ""
    for name, verb in _STEPS:
        if result := text_at(fields, name):
            return verb if verb == "pay" else f"{verb}.{type_word(result)}"
    if text_at(fields, "RecordingUrl"):
        return "record"
    if "UnstableSpeechResult" in fields or "StableSpeechResult" in fields:
        return "gather.partial"
    if "Digits" in fields or "SpeechResult" in fields:
        return "gather"
    return "queue.waiting" if text_at(fields, "QueuePosition") else ""


def _call_facts(fields: Fields, sid: str, event_type: str, dedupe_key: str | None, title: str) -> EventFacts:
    return EventFacts(
        type=event_type,
        key=dedupe_key,
        subject=clean(sid, 100),
        title=title,
        url=console_url(sid),
        actor=_sender(fields, "CallerName"),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _recording(fields: Fields) -> EventFacts:
    sid, status = text_at(fields, "RecordingSid"), type_word(text_at(fields, "RecordingStatus"))
    subject_sid = text_at(fields, "CallSid") or text_at(fields, "ConferenceSid") or sid
    return EventFacts(
        type=f"recording.{status}",
        key=key("recording", sid, status),
        subject=clean(subject_sid, 100),
        title=titles.recording(fields, status),
        url=console_url(sid),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _conference(fields: Fields) -> EventFacts:
    sid, happened = text_at(fields, "ConferenceSid"), type_word(text_at(fields, "StatusCallbackEvent"))
    number, call = text_at(fields, "SequenceNumber"), text_at(fields, "CallSid")
    return EventFacts(
        type=f"conference.{happened}",
        # Without the number, a second mute would be a duplicate of the first.
        key=key("conference", sid, happened, number, call) if number else None,
        subject=clean(sid, 100),
        title=titles.conference(fields, happened),
        url=console_url(sid),
        actor=clean(text_at(fields, "ParticipantLabel"), 100),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _alert(fields: Fields) -> EventFacts:
    sid, level = text_at(fields, "Sid"), type_word(text_at(fields, "Level"))
    code, message, subject_sid = alert_details(fields.get("Payload"))
    return EventFacts(
        type=f"debugger.{level}",
        key=key("alert", sid),
        subject=clean(subject_sid or sid, 100),
        title=titles.alert(level, code, message),
        url=console_url(sid),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def alert_details(payload: object) -> tuple[str, str, str]:
    """Return (error code, message, sid of the subject) of an alert's payload."""
    message = text_at(payload, "more_info", "msg") or text_at(payload, "more_info", "Msg") or text_at(payload)
    code = text_at(payload, "error_code") or text_at(payload, "more_info", "ErrorCode")
    return code, message, text_at(payload, "resource_sid")


def _transcription(fields: Fields) -> EventFacts:
    """Read a transcript: of a recording (it has one status after another), or of speech during a call, in parts."""
    sid = text_at(fields, "TranscriptionSid") or text_at(fields, "RecordingSid")
    happened = type_word(text_at(fields, "TranscriptionEvent") or text_at(fields, "TranscriptionStatus"))
    return EventFacts(
        type=f"transcription.{happened}",
        # Speech during a call comes in many parts, each with a number, a track and a time of its own.
        key=key("transcription", sid, happened) if sid and "TranscriptionEvent" not in fields else None,
        subject=clean(sid or text_at(fields, "CallSid"), 100) or f"transcription.{happened}",
        title=families.transcription(happened, fields) or titles.readable(f"transcription.{happened}"),
        url=console_url(sid) or nearest_console_url(fields),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _other_callback(fields: Fields) -> EventFacts:
    for name, family, field, sentence in CALLBACKS:
        sid, happened = text_at(fields, name), type_word(text_at(fields, field))
        if sid and text_at(fields, field):
            event_type = happened if happened.startswith(f"{family}.") else f"{family}.{happened}"
            subject, title = sid, sentence(happened, fields) or titles.readable(event_type)
            dedupe_key = _object_key(family, happened, fields)
            break
    else:
        event_type, subject, title = _kind_without_a_name(fields)
        dedupe_key = key("assignment", text_at(fields, "ReservationSid")) if event_type == "task.assignment" else None
    return EventFacts(
        type=event_type,
        key=dedupe_key,
        subject=clean(subject, 100) or event_type,
        title=title,
        url=console_url(subject) or nearest_console_url(fields),
        occurred_at=_timestamp(text_at(fields, "Timestamp")),
    )


def _kind_without_a_name(fields: Fields) -> tuple[str, str, str]:
    """Return (type, subject, title) of a callback that no field of its family names."""
    if text_at(fields, "ReservationSid") and text_at(fields, "TaskSid"):
        return "task.assignment", text_at(fields, "TaskSid"), titles.readable("task assignment")
    happened = clean(text_at(fields, "EventType") or text_at(fields, "StatusCallbackEvent"), 150)
    flow = next((sid for name in _FLOW_FIELDS if (sid := text_at(fields, name)).startswith(("FN", "FW"))), "")
    if flow:
        return f"studio.{type_word(happened)}" if happened else "studio", flow, "Request of a Studio flow"
    subject = next((sid for sid in map(_sid, fields.values()) if sid), "")
    if happened:
        return f"unknown.{type_word(happened)}", subject, f"Twilio callback: {titles.readable(happened)}"
    return "unknown", subject, "Twilio callback of a kind new to Bridge"


_FLOW_FIELDS = ("execution_sid", "ExecutionSid", "StudioExecutionSid", "flow_sid", "FlowSid", "StudioFlowSid")
"""Names of a Studio execution's and flow's id. A "Make HTTP Request" widget sends only what its author entered."""

_OBJECT_KEYS = {
    "onmessageadded": "MessageSid",
    "onmessageremoved": "MessageSid",
    "onparticipantadded": "ParticipantSid",
    "onparticipantremoved": "ParticipantSid",
    "onconversationadded": "ConversationSid",
    "onconversationremoved": "ConversationSid",
    "onuseradded": "UserSid",
    "task.created": "TaskSid",
    "task.canceled": "TaskSid",
    "task.completed": "TaskSid",
    "task.deleted": "TaskSid",
    "task.system-deleted": "TaskSid",
    "factor.created": "factor_sid",
    "factor.verified": "factor_sid",
    "factor.deleted": "factor_sid",
    "challenge.created": "challenge_sid",
    "challenge.approved": "challenge_sid",
    "challenge.denied": "challenge_sid",
    "challenge.expired": "challenge_sid",
}
"""Events that happen once to the object of that field, however often and with whatever figures Twilio sends them."""


def _object_key(family: str, happened: str, fields: Fields) -> str | None:
    """Return the key of an event that happens once to an object, or has an id or number of its own; else None.

    The others (``task.updated``, ``worker.activity.update``, …) are told apart by all of their fields.
    """
    if family == "task" and text_at(fields, "Sid").startswith("EV"):
        return key("event", text_at(fields, "Sid"))
    if happened.startswith("reservation."):
        name = "ReservationSid" if text_at(fields, "ReservationSid") else "ResourceSid"
    else:
        name = _OBJECT_KEYS.get(happened, "")
    sid = text_at(fields, name) if name else ""
    return key(family, happened, sid) if sid else None


def _timestamp(text: str) -> float | None:
    """Return the Unix seconds of a time in Twilio's or TaskRouter's format, or None."""
    return float(text) if len(text) == 10 and text.isascii() and text.isdigit() else written_time(text)


def _sid(value: object) -> str:
    """Return a Twilio id (two capitals, 32 hex digits) other than the account's, or ""."""
    if not isinstance(value, str) or len(value) != 34 or not value.isalnum() or not value[:2].isupper():
        return ""
    return "" if value.startswith("AC") else value


def type_word(text: str) -> str:
    """Return a status as part of a type: lower case and short, never empty."""
    return clean(text.lower(), 60) or "unknown"


def _sender(fields: Fields, name: str) -> str:
    number = text_at(fields, "From") or text_at(fields, "Caller")
    return clean(text_at(fields, name), 100) or (titles.party(number) if number else "")


_CONSOLE_PAGES = {
    "SM": "sms/logs",
    "MM": "sms/logs",
    "CA": "voice/calls/logs",
    "CF": "voice/conferences/logs",
    "RE": "voice/recordings/recording-logs",
    "NO": "debugger",
    "FW": "studio/flows",
    "VA": "verify/services",
    "WS": "taskrouter/workspaces",
}


def console_url(sid: str) -> str:
    """Return the Console page of a message, call, conference, recording, alert, flow or service, or ""."""
    page = _CONSOLE_PAGES.get(sid[:2])
    if page is None or not (sid.isascii() and sid.isalnum() and len(sid) <= 64):
        return ""
    return f"https://www.twilio.com/console/{page}/{sid}"


def nearest_console_url(fields: object) -> str:
    """Return the nearest Console page for an object without its own, from the other ids in the fields, or ""."""
    flow, execution = console_url(text_at(fields, "flow_sid")), text_at(fields, "execution_sid")
    if flow and execution.startswith("FN") and execution.isascii() and execution.isalnum():
        return f"{flow}/executions/{execution[:64]}"
    candidates = (text_at(fields, name) for name in ("CallSid", "service_sid", "workspace_sid", "WorkspaceSid"))
    return flow or next((page for page in map(console_url, candidates) if page), "")
