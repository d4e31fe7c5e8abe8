"""Titles: one plain sentence for each Twilio event. Arguments are a callback's fields as a mapping."""

import re
from collections.abc import Mapping

from bridge.core.payload import clean, int_at, text_at
from bridge.sources.twilio.errors import explained

Fields = Mapping[str, object]

_CHANNELS = {"whatsapp": "WhatsApp message", "messenger": "Messenger message", "rcs": "RCS message"}

_WITHHELD = {"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253", "anonymous", "restricted", "unknown"}
"""Twilio's numbers for a hidden caller: the letters of "anonymous" and the like, as digits on a keypad."""

_MESSAGE_VERBS = {
    "accepted": "was accepted",
    "scheduled": "is scheduled",
    "queued": "is queued",
    "sending": "is being sent",
    "sent": "was sent",
    "delivered": "was delivered",
    "undelivered": "was not delivered",
    "failed": "could not be sent",
    "read": "was read",
    "partially_delivered": "was delivered in part",
    "canceled": "was canceled",
}
_OPT_OUTS = {"STOP": "opted out of messages", "START": "opted back in to messages", "HELP": "asked for help"}
_CALL_VERBS = {
    "queued": "is queued",
    "initiated": "is being placed",
    "ringing": "is ringing",
    "in-progress": "was answered",
    "busy": "found the line busy",
    "no-answer": "was not answered",
    "canceled": "was canceled before it was answered",
}
_VERIFICATIONS = {
    "pending": "was started",
    "approved": "was approved",
    "canceled": "was canceled",
    "expired": "expired",
    "deleted": "was deleted",
    "max_attempts_reached": "failed after too many wrong codes",
    "max-attempts-reached": "failed after too many wrong codes",
}
_CALL_STATES = {
    "completed": "ended",
    "failed": "failed",
    "fail": "failed",
    "busy": "found the line busy",
    "noanswer": "was not answered",
    "no_answer": "was not answered",
    "canceled": "was canceled",
}
_MISSED = {"busy", "no-answer", "canceled"}
_SIP = {
    "403": "the carrier refused it",
    "404": "the number does not exist",
    "408": "the carrier did not answer in time",
    "410": "the number is no longer in use",
    "480": "the number is not reachable now",
    "484": "the number is incomplete",
    "486": "the line is busy",
    "500": "the carrier failed",
    "503": "the carrier is not available",
    "603": "it was declined",
}
_CONFERENCE = {
    "conference-start": "Conference {name} started",
    "conference-end": "Conference {name} ended",
    "participant-join": "{who} joined conference {name}",
    "participant-leave": "{who} left conference {name}",
    "participant-mute": "{who} was muted in conference {name}",
    "participant-unmute": "{who} was unmuted in conference {name}",
    "participant-hold": "{who} was put on hold in conference {name}",
    "participant-unhold": "{who} was taken off hold in conference {name}",
    "participant-modify": "{who}'s settings changed in conference {name}",
    "participant-speech-start": "{who} started to speak in conference {name}",
    "participant-speech-stop": "{who} stopped speaking in conference {name}",
    "announcement-end": "An announcement ended in conference {name}",
    "announcement-fail": "An announcement failed in conference {name}",
}
_QUERY = re.compile(r"(://[^\s?]{0,500})\?\S*")
_ACRONYMS = {
    "a2p": "A2P",
    "amd": "AMD",
    "api": "API",
    "iam": "IAM",
    "ip": "IP",
    "sdk": "SDK",
    "sms": "SMS",
    "twiml": "TwiML",
}
_LEFT = {
    "participant_hung_up": "hung up",
    "participant_updated_via_api": "taken out through the API",
    "conference_ended_via_api": "the conference was ended through the API",
    "moderator_ended_conference": "the conference was ended",
}


def party(address: str) -> str:
    """Return an address without its channel prefix, or words for a withheld number."""
    channel, colon, rest = address.partition(":")
    plain = clean(rest if colon and channel.isascii() and channel.isalpha() else address, 80)
    return "a withheld number" if plain.lower() in _WITHHELD else plain or "an unknown number"


def span(seconds: int) -> str:
    """Return a duration: ``42 s``, ``5 min 12 s``, ``1 h 3 min``."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def message_received(fields: Fields) -> str:
    """Return ``SMS from +12025550142: the first words``."""
    who = clean(text_at(fields, "ProfileName"), 80) or party(text_at(fields, "From"))
    opted = _OPT_OUTS.get(text_at(fields, "OptOutType").upper())
    if opted:
        return f"{who} {opted}"
    return f"{_kind(fields)} from {who}: {_content(fields)}"


def gist(text: str) -> str:
    """Return the first 80 characters of a text, in one line."""
    line = clean(text, 81).strip()
    return line if len(line) <= 80 else line[:79].rstrip() + "…"


def _content(fields: Fields) -> str:
    body = gist(text_at(fields, "Body") or text_at(fields, "ButtonText"))
    if body:
        return body
    media = int_at(fields, "NumMedia") or 0
    if media:
        return "1 file" if media == 1 else f"{media} files"
    return "a location" if text_at(fields, "Latitude") else "no text"


def message_status(fields: Fields, status: str) -> str:
    """Return ``SMS to +12025550142 was not delivered: the number is a landline … (30006)``."""
    verb = _MESSAGE_VERBS.get(status) or f"is {clean(status, 40)}"
    return with_reason(f"{_kind(fields)} to {party(text_at(fields, 'To'))} {verb}", _error(fields))


def _kind(fields: Fields) -> str:
    for name in ("From", "To"):
        kind = _CHANNELS.get(text_at(fields, name).partition(":")[0])
        if kind:
            return kind
    return "MMS" if text_at(fields, "MessageSid").startswith("MM") or int_at(fields, "NumMedia") else "SMS"


def call_received(fields: Fields) -> str:
    """Return ``Call from +12025550142``."""
    return f"Call from {_caller(fields)}"


def _caller(fields: Fields) -> str:
    name = clean(text_at(fields, "CallerName"), 80)
    who = party(text_at(fields, "From"))
    return f"{name} ({who})" if name else who


def call_name(fields: Fields) -> str:
    """Return ``Call from Ada Example (+12025550142)``, ``Call to +12025550142``."""
    if text_at(fields, "Direction").startswith("inbound"):
        return f"Call from {_caller(fields)}"
    callee = text_at(fields, "To")
    return f"Call to {party(callee)}" if callee else "A call"


def call_status(fields: Fields, status: str) -> str:
    """Return ``Missed call from …``, ``Call to … ended after 49 s``."""
    inbound = text_at(fields, "Direction").startswith("inbound")
    if inbound and status in _MISSED:
        return f"Missed call from {_caller(fields)}"
    call = call_name(fields)
    if status == "completed":
        seconds = int_at(fields, "CallDuration")
        return f"{call} ended" if seconds is None else f"{call} ended after {span(seconds)}"
    if status == "failed":
        sip = text_at(fields, "SipResponseCode")
        return with_reason(f"{call} failed", _error(fields) or _SIP.get(sip, ""))
    return f"{call} {_CALL_VERBS.get(status) or 'is ' + clean(status, 40)}"


def answered_by(fields: Fields) -> str:
    """Return ``A machine answered the call``, from the detection during the call."""
    who = text_at(fields, "AnsweredBy")
    if who == "unknown":
        return "Who answered the call could not be told"
    return f"{ {'human': 'A person', 'fax': 'A fax'}.get(who, 'A machine') } answered the call"


def verification_verb(happened: str) -> str:
    """Return the verb for a verification (``pending``) or its code (``undelivered``)."""
    return _VERIFICATIONS.get(happened) or _MESSAGE_VERBS.get(happened) or f"is {clean(happened.replace('_', ' '), 40)}"


def call_state(state: str) -> str:
    """Return the result of a call, from Voice Insights' state."""
    return _CALL_STATES.get(state) or f"is {clean(state.replace('_', ' '), 40) or 'over'}"


def recording(fields: Fields, status: str) -> str:
    """Return ``Recording of 42 s``."""
    what = "conference" if text_at(fields, "ConferenceSid") else "call"
    seconds = int_at(fields, "RecordingDuration")
    if status == "completed":
        return f"Recording of a {what}" if seconds is None else f"Recording of a {what}, {span(seconds)}"
    if status == "in-progress":
        return f"Recording of a {what} started"
    if status == "absent":
        return with_reason(f"Nothing was recorded of a {what}", _error(fields))
    if status == "failed":
        return with_reason(f"Recording of a {what} failed", _error(fields))
    return f"Recording of a {what}: {clean(status, 40)}"


def conference(fields: Fields, happened: str) -> str:
    """Return ``customer joined conference Standup``."""
    name = clean(text_at(fields, "FriendlyName"), 80) or text_at(fields, "ConferenceSid")[:80]
    who = clean(text_at(fields, "ParticipantLabel"), 80) or "A participant"
    sentence = _CONFERENCE.get(happened)
    if sentence is None:
        return clean(f"Conference {name}: {happened}", 200)
    if text_at(fields, "ReasonParticipantLeft") == "participant_add_failed":
        reason = text_at(fields, "ParticipantCallStatus").replace("-", " ")
        return with_reason(f"{who} could not be added to conference {name}", clean(reason, 40))
    left = text_at(fields, "ReasonParticipantLeft")
    reason = text_at(fields, "ReasonAnnouncementFailed") or (_LEFT.get(left) or left.replace("_", " "))
    return with_reason(sentence.format(name=name, who=who), clean(reason, 200))


def alert(level: str, code: str, said: str) -> str:
    """Return ``Twilio error: … (11200)``, for the Debugger's webhooks and for Event Streams' error log."""
    # Addresses of webhooks often hold tokens in their query.
    told = explained(code, _QUERY.sub(r"\1", said[:2000]))
    return f"Twilio {clean(level, 20).lower() or 'alert'}: {told or 'no reason given'}"


def readable(words: str) -> str:
    """Return a type as a phrase: ``taskrouter.task.created`` → ``Taskrouter task created``."""
    phrase = clean(words.translate(str.maketrans("._-/", "    ")), 150)
    phrase = " ".join(_ACRONYMS.get(word, word) for word in phrase.split())
    return phrase[:1].upper() + phrase[1:]


def _error(fields: Fields) -> str:
    return explained(text_at(fields, "ErrorCode"), text_at(fields, "ErrorMessage"))


def with_reason(sentence: str, reason: str) -> str:
    """Return ``sentence: reason``, or the sentence alone."""
    return f"{sentence}: {reason}" if reason else sentence
