"""Which kind of callback a set of fields is, since no header says so, and what identifies it.

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
class Reading:
    """What a callback says, as far as the event's columns go. ``key`` is None where no field identifies it."""

    type: str
    key: str | None
    subject: str
    title: str
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None
    test: bool = False


def read(fields: Fields) -> Reading:
    """The reading of a form's (or a query's) fields; of any fields at all."""
    if text_at(fields, "MessageStatus") or text_at(fields, "SmsStatus"):
        return _message(fields)
    if text_at(fields, "RecordingSid") and text_at(fields, "RecordingStatus"):
        return _recording(fields)
    if text_at(fields, "ConferenceSid") and text_at(fields, "StatusCallbackEvent"):
        return _conference(fields)
    if text_at(fields, "TranscriptionSid") and text_at(fields, "TranscriptionStatus"):
        return _other(fields)  # which says how the call went besides
    if text_at(fields, "CallSid") and text_at(fields, "CallStatus"):
        return _call(fields)
    if text_at(fields, "CallSid") and text_at(fields, "AnsweredBy"):
        return _reading_of_call(fields, "call.amd", key("amd", text_at(fields, "CallSid")), titles.answered_by(fields))
    if text_at(fields, "Sid") and text_at(fields, "Level") and "Payload" in fields:
        return _alert(fields)
    if text_at(fields, "MessageSid") and ("Body" in fields or "NumMedia" in fields) and "ConversationSid" not in fields:
        return _message(fields)
    return _other(fields)


def _message(fields: Fields) -> Reading:
    sid = text_at(fields, "MessageSid") or text_at(fields, "SmsSid")
    status = word(text_at(fields, "MessageStatus") or text_at(fields, "SmsStatus") or "received")
    received = status in ("received", "receiving")
    # By the sid alone `delivered` would look like a repetition of `sent`.
    parts = [sid] if received else [sid, status, text_at(fields, "ErrorCode")]
    return Reading(
        type="message.received" if received else f"message.{status}",
        key=key("message" if received else "message-status", *parts) if sid else None,
        subject=clean(sid, 100),
        title=titles.message_received(fields) if received else titles.message_status(fields, status),
        url=console(sid),
        actor=_sender(fields, "ProfileName"),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _call(fields: Fields) -> Reading:
    sid, status = text_at(fields, "CallSid"), word(text_at(fields, "CallStatus"))
    number = text_at(fields, "SequenceNumber")
    progress = text_at(fields, "CallbackSource") or number
    if status == "ringing" and text_at(fields, "Direction") == "inbound" and not progress:
        return _reading_of_call(fields, "call.received", key("call", sid), titles.call_received(fields))
    # A request for TwiML comes many times in one status of a call, told apart by nothing but what the caller pressed.
    unique = key("call-status", sid, status, number) if progress else None
    return _reading_of_call(fields, f"call.{status}", unique, titles.call_status(fields, status))


def _reading_of_call(fields: Fields, event_type: str, unique: str | None, title: str) -> Reading:
    sid = text_at(fields, "CallSid")
    return Reading(
        type=event_type,
        key=unique,
        subject=clean(sid, 100),
        title=title,
        url=console(sid),
        actor=_sender(fields, "CallerName"),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _recording(fields: Fields) -> Reading:
    sid, status = text_at(fields, "RecordingSid"), word(text_at(fields, "RecordingStatus"))
    about = text_at(fields, "CallSid") or text_at(fields, "ConferenceSid") or sid
    return Reading(
        type=f"recording.{status}",
        key=key("recording", sid, status),
        subject=clean(about, 100),
        title=titles.recording(fields, status),
        url=console(sid),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _conference(fields: Fields) -> Reading:
    sid, happened = text_at(fields, "ConferenceSid"), word(text_at(fields, "StatusCallbackEvent"))
    number, call = text_at(fields, "SequenceNumber"), text_at(fields, "CallSid")
    return Reading(
        type=f"conference.{happened}",
        # Without the number, muting a second time would look like a repetition of the first.
        key=key("conference", sid, happened, number, call) if number else None,
        subject=clean(sid, 100),
        title=titles.conference(fields, happened),
        url=console(sid),
        actor=clean(text_at(fields, "ParticipantLabel"), 100),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def _alert(fields: Fields) -> Reading:
    sid, level = text_at(fields, "Sid"), word(text_at(fields, "Level"))
    code, said, about = alert_details(fields.get("Payload"))
    return Reading(
        type=f"debugger.{level}",
        key=key("alert", sid),
        subject=clean(about or sid, 100),
        title=titles.alert(level, code, said),
        url=console(sid),
        occurred_at=written_time(text_at(fields, "Timestamp")),
    )


def alert_details(payload: object) -> tuple[str, str, str]:
    """(error code, what is said, sid of what it is about) of an alert's payload."""
    said = text_at(payload, "more_info", "msg") or text_at(payload, "more_info", "Msg") or text_at(payload)
    code = text_at(payload, "error_code") or text_at(payload, "more_info", "ErrorCode")
    return code, said, text_at(payload, "resource_sid")


def _other(fields: Fields) -> Reading:
    for name, family, what, sentence in CALLBACKS:
        sid, happened = text_at(fields, name), word(text_at(fields, what))
        if sid and text_at(fields, what):
            event_type = happened if happened.startswith(f"{family}.") else f"{family}.{happened}"
            subject, title = sid, sentence(happened, fields) or titles.readable(event_type)
            break
    else:
        happened = clean(text_at(fields, "EventType") or text_at(fields, "StatusCallbackEvent"), 150)
        event_type = f"unknown.{word(happened)}" if happened else "unknown"
        subject = next((sid for sid in map(_sid, fields.values()) if sid), "")
        title = (
            f"Twilio callback: {titles.readable(happened)}" if happened else "Twilio callback of a kind new to Bridge"
        )
    return Reading(
        type=event_type,
        key=None,
        subject=clean(subject, 100) or event_type,
        title=title,
        url=console(subject) or console_of(fields),
        occurred_at=_moment(text_at(fields, "Timestamp")),
    )


def _moment(text: str) -> float | None:
    """A time as Twilio writes it, or as TaskRouter does: in Unix seconds."""
    return float(text) if len(text) == 10 and text.isascii() and text.isdigit() else written_time(text)


def _sid(value: object) -> str:
    """A Twilio id (two capitals, 32 hex digits) that is not merely the account's, or ""."""
    if not isinstance(value, str) or len(value) != 34 or not value.isalnum() or not value[:2].isupper():
        return ""
    return "" if value.startswith("AC") else value


def word(text: str) -> str:
    """A status as part of a type: lower case and short, never empty."""
    return clean(text.lower(), 60) or "unknown"


def _sender(fields: Fields, name: str) -> str:
    number = text_at(fields, "From")
    return clean(text_at(fields, name), 100) or (titles.party(number) if number else "")


_CONSOLE = {
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


def console(sid: str) -> str:
    """The page of a message, call, conference, recording, alert, flow or service in Twilio's Console, or ""."""
    place = _CONSOLE.get(sid[:2])
    if place is None or not (sid.isascii() and sid.isalnum() and len(sid) <= 64):
        return ""
    return f"https://www.twilio.com/console/{place}/{sid}"


def console_of(fields: object) -> str:
    """The page nearest to a thing that has none of its own, by the other ids that came with it, or ""."""
    flow, execution = console(text_at(fields, "flow_sid")), text_at(fields, "execution_sid")
    if flow and execution.startswith("FN") and execution.isascii() and execution.isalnum():
        return f"{flow}/executions/{execution[:64]}"
    near = (text_at(fields, name) for name in ("CallSid", "service_sid", "workspace_sid", "WorkspaceSid"))
    return flow or next((page for page in map(console, near) if page), "")
