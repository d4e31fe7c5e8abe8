"""Recognise the kind of a Twilio callback by its fields, since no header names it, and its dedupe key.

Twilio docs: Twilio's request to your incoming message webhook URL,
https://www.twilio.com/docs/messaging/guides/webhook-request ; Track outbound message status,
https://www.twilio.com/docs/messaging/guides/track-outbound-message-status ; TwiML voice, dial, conference and recording
pages, https://www.twilio.com/docs/voice/twiml ; Debugging event webhooks,
https://www.twilio.com/docs/usage/troubleshooting/debugging-event-webhooks
"""

from collections.abc import Mapping

from bridge.core.payload import clean, text_at
from bridge.sources.provider import key
from bridge.sources.twilio import product_callbacks
from bridge.sources.twilio.console_urls import console_url, nearest_console_url
from bridge.sources.twilio.facts import EventFacts, address, callback_time, text, type_word

Fields = Mapping[str, object]


def read(fields: Fields) -> EventFacts:
    """Read the fields of a form or query; any fields give facts."""
    if text(fields, "MessageStatus") or text(fields, "SmsStatus"):
        return _message(fields)
    if text(fields, "RecordingSid") and text(fields, "RecordingStatus"):
        return _recording(fields)
    if text(fields, "ConferenceSid") and text(fields, "StatusCallbackEvent"):
        return _conference(fields)
    if text(fields, "TranscriptionStatus") or text(fields, "TranscriptionEvent"):
        return _transcription(fields)  # it also holds the call's status
    call = text(fields, "CallSid") or text(fields, "CallGuid")
    if call and (text(fields, "CallStatus") or _step_of_a_call(fields)):
        return _call(fields, call)
    if call and text(fields, "AnsweredBy"):
        return _call_facts(fields, call, "call.amd", key("amd", call))
    if text(fields, "Sid") and text(fields, "Level") and "Payload" in fields:
        return _alert(fields)
    sid = _message_sid(fields)
    chat = "ConversationSid" in fields or sid.startswith("IM")
    if sid and ("Body" in fields or "NumMedia" in fields) and not chat:
        return _message(fields)
    return product_callbacks.read(fields)


def _message_sid(fields: Fields) -> str:
    """Return the message's id. ``SmsSid`` is the name in the 2008 API, and still comes beside the new one."""
    return text(fields, "MessageSid") or text(fields, "SmsSid") or text(fields, "SmsMessageSid")


def _message(fields: Fields) -> EventFacts:
    sid = _message_sid(fields)
    status = type_word(text(fields, "MessageStatus") or text(fields, "SmsStatus") or "received")
    received = status in ("received", "receiving")
    # By the sid alone `delivered` would be a duplicate of `sent`.
    parts = [sid] if received else [sid, status, text(fields, "ErrorCode")]
    sender = clean(text(fields, "ProfileName"), 100) or address(text(fields, "From"))
    return EventFacts(
        type="message.received" if received else f"message.{status}",
        key=key("message" if received else "message-status", *parts) if sid else None,
        subject=clean(sid, 100),
        name=sender if received else address(text(fields, "To")),
        url=console_url(sid),
        actor=sender,
        occurred_at=callback_time(text(fields, "Timestamp")),
    )


def _call(fields: Fields, sid: str) -> EventFacts:
    status, number = type_word(text(fields, "CallStatus")), text(fields, "SequenceNumber")
    step = _step_of_a_call(fields)
    if step:
        # The request that follows a verb of TwiML: its result is the event's. CallStatus is that of the whole call.
        return _call_facts(fields, sid, f"call.{step}", None)
    progress = text(fields, "CallbackSource") or number
    if status == "ringing" and text(fields, "Direction") == "inbound" and not progress:
        return _call_facts(fields, sid, "call.received", key("call", sid))
    # A TwiML request comes many times in one status of a call. Only a status callback has one of these fields.
    progress = progress or text(fields, "CallDuration")
    return _call_facts(fields, sid, f"call.{status}", key("call-status", sid, status, number) if progress else None)


_STEPS = (
    ("DialCallStatus", "dial"),
    ("DialStatus", "dial"),
    ("DequeueResult", "dequeue"),
    ("QueueResult", "queue"),
    ("ReferCallStatus", "refer"),
    ("SessionStatus", "session"),
)
"""The fields in which a verb's ``action`` request reports how it ended: the forwarded call, the queue, the transfer,
the session of <Connect><ConversationRelay>.

Twilio docs, TwiML for Programmable Voice, https://www.twilio.com/docs/voice/twiml/dial (``DialStatus`` in the 2008
API), https://www.twilio.com/docs/voice/twiml/enqueue , https://www.twilio.com/docs/voice/twiml/refer ,
https://www.twilio.com/docs/voice/twiml/connect/conversationrelay
"""
_PAYMENT = frozenset({"PaymentConfirmationCode", "PaymentToken", "PaymentError", "PaymentMethod"})
"""Fields beside the ``Result`` of <Pay>, https://www.twilio.com/docs/voice/twiml/pay , also of a failed payment."""


def _step_of_a_call(fields: Fields) -> str:
    """Return what the request is about, if not the call itself: ``dial.no-answer``, ``record``, ``gather``; or ""."""
    if "CallbackSource" in fields:
        return ""
    for name, verb in _STEPS:
        if result := text(fields, name):
            return f"{verb}.{type_word(result)}"
    if (result := text(fields, "Result")) and not _PAYMENT.isdisjoint(fields):
        return f"pay.{type_word(result)}"
    if "CallDuration" in fields:
        return ""
    if text(fields, "RecordingUrl"):
        return "record"
    if "UnstableSpeechResult" in fields or "StableSpeechResult" in fields:
        return "gather.partial"
    if "Digits" in fields or "SpeechResult" in fields:
        return "gather"
    return "queue.waiting" if text(fields, "QueuePosition") else ""


def _call_facts(fields: Fields, sid: str, event_type: str, dedupe_key: str | None) -> EventFacts:
    number = address(text(fields, "From") or text(fields, "Caller"))
    caller = clean(text(fields, "CallerName"), 100) or number
    inbound = text(fields, "Direction").startswith("inbound")
    return EventFacts(
        type=event_type,
        key=dedupe_key,
        subject=clean(sid, 100),
        name=caller if inbound else address(text(fields, "To") or text(fields, "Called")),
        url=console_url(sid),
        actor=caller,
        occurred_at=callback_time(text(fields, "Timestamp")),
    )


def _recording(fields: Fields) -> EventFacts:
    sid, status = text(fields, "RecordingSid"), type_word(text(fields, "RecordingStatus"))
    subject_sid = text(fields, "CallSid") or text(fields, "ConferenceSid") or sid
    return EventFacts(
        type=f"recording.{status}",
        key=key("recording", sid, status),
        subject=clean(subject_sid, 100),
        url=console_url(sid),
        occurred_at=callback_time(text(fields, "Timestamp")),
    )


def _conference(fields: Fields) -> EventFacts:
    sid, happened = text(fields, "ConferenceSid"), type_word(text(fields, "StatusCallbackEvent"))
    number, call = text(fields, "SequenceNumber"), text(fields, "CallSid")
    return EventFacts(
        type=f"conference.{happened}",
        # Without the number, a second mute would be a duplicate of the first.
        key=key("conference", sid, happened, number, call) if number else None,
        subject=clean(sid, 100),
        name=clean(text(fields, "FriendlyName"), 100),
        url=console_url(sid),
        actor=clean(text(fields, "ParticipantLabel"), 100),
        occurred_at=callback_time(text(fields, "Timestamp")),
    )


def _alert(fields: Fields) -> EventFacts:
    sid = text(fields, "Sid")
    return EventFacts(
        type=f"debugger.{type_word(text(fields, 'Level'))}",
        key=key("alert", sid),
        subject=clean(text_at(fields, "Payload", "resource_sid") or sid, 100),
        name=clean(text_at(fields, "Payload", "error_code"), 20),
        url=console_url(sid),
        occurred_at=callback_time(text(fields, "Timestamp")),
    )


def _transcription(fields: Fields) -> EventFacts:
    """Read a transcript: of a recording (it has one status after another), or of speech during a call, in parts."""
    sid = text(fields, "TranscriptionSid") or text(fields, "RecordingSid")
    happened = type_word(text(fields, "TranscriptionEvent") or text(fields, "TranscriptionStatus"))
    return EventFacts(
        type=f"transcription.{happened}",
        # Speech during a call comes in many parts, each with a number, a track and a time of its own.
        key=key("transcription", sid, happened) if sid and "TranscriptionEvent" not in fields else None,
        subject=clean(sid or text(fields, "CallSid"), 100),
        url=console_url(sid) or nearest_console_url(fields),
        occurred_at=callback_time(text(fields, "Timestamp")),
    )
