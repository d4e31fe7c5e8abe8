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
from bridge.sources.twilio import titles
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
    if text_at(fields, "TranscriptionSid") and text_at(fields, "TranscriptionStatus"):
        return _other_callback(fields)  # it also holds the call's status
    if text_at(fields, "CallSid") and text_at(fields, "CallStatus"):
        return _call(fields)
    if text_at(fields, "CallSid") and text_at(fields, "AnsweredBy"):
        return _call_facts(fields, "call.amd", key("amd", text_at(fields, "CallSid")), titles.answered_by(fields))
    if text_at(fields, "Sid") and text_at(fields, "Level") and "Payload" in fields:
        return _alert(fields)
    if text_at(fields, "MessageSid") and ("Body" in fields or "NumMedia" in fields) and "ConversationSid" not in fields:
        return _message(fields)
    return _other_callback(fields)


def _message(fields: Fields) -> EventFacts:
    sid = text_at(fields, "MessageSid") or text_at(fields, "SmsSid")
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


def _call(fields: Fields) -> EventFacts:
    sid, status = text_at(fields, "CallSid"), type_word(text_at(fields, "CallStatus"))
    number = text_at(fields, "SequenceNumber")
    progress = text_at(fields, "CallbackSource") or number
    if status == "ringing" and text_at(fields, "Direction") == "inbound" and not progress:
        return _call_facts(fields, "call.received", key("call", sid), titles.call_received(fields))
    # A TwiML request comes many times in one status of a call, and only the pressed digits differ.
    dedupe_key = key("call-status", sid, status, number) if progress else None
    return _call_facts(fields, f"call.{status}", dedupe_key, titles.call_status(fields, status))


def _call_facts(fields: Fields, event_type: str, dedupe_key: str | None, title: str) -> EventFacts:
    sid = text_at(fields, "CallSid")
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


def _other_callback(fields: Fields) -> EventFacts:
    for name, family, field, sentence in CALLBACKS:
        sid, happened = text_at(fields, name), type_word(text_at(fields, field))
        if sid and text_at(fields, field):
            event_type = happened if happened.startswith(f"{family}.") else f"{family}.{happened}"
            subject, title = sid, sentence(happened, fields) or titles.readable(event_type)
            break
    else:
        happened = clean(text_at(fields, "EventType") or text_at(fields, "StatusCallbackEvent"), 150)
        event_type = f"unknown.{type_word(happened)}" if happened else "unknown"
        subject = next((sid for sid in map(_sid, fields.values()) if sid), "")
        title = (
            f"Twilio callback: {titles.readable(happened)}" if happened else "Twilio callback of a kind new to Bridge"
        )
    return EventFacts(
        type=event_type,
        key=None,
        subject=clean(subject, 100) or event_type,
        title=title,
        url=console_url(subject) or nearest_console_url(fields),
        occurred_at=_timestamp(text_at(fields, "Timestamp")),
    )


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
    number = text_at(fields, "From")
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
