"""Recognise callbacks of Conversations, TaskRouter, Studio, Video, media streams and Verify Push, and unknown ones.

Twilio docs: Conversations webhooks, https://www.twilio.com/docs/conversations/conversations-webhooks ; TaskRouter
events, https://www.twilio.com/docs/taskrouter/api/event/reference ; Video status callbacks,
https://www.twilio.com/docs/video/api/status-callbacks ; Verify Push webhooks,
https://www.twilio.com/docs/verify/api/webhooks
"""

from collections.abc import Mapping

from bridge.core.payload import clean
from bridge.sources.provider import key
from bridge.sources.twilio.console_urls import console_url, nearest_console_url
from bridge.sources.twilio.facts import EventFacts, callback_time, text, type_word

Fields = Mapping[str, object]

_FAMILIES = (
    # (the sid that tells it, the family, the field that says what happened, the fields that may hold a name)
    ("ConversationSid", "conversation", "EventType", ("FriendlyName", "UniqueName")),
    ("UserSid", "conversation", "EventType", ("FriendlyName", "Identity")),
    ("TaskSid", "task", "EventType", ("TaskQueueName", "WorkerName")),
    ("WorkerSid", "task", "EventType", ("WorkerName",)),
    ("WorkspaceSid", "task", "EventType", ("TaskQueueName", "WorkflowName")),
    ("RoomSid", "room", "StatusCallbackEvent", ("RoomName",)),
    ("StreamSid", "stream", "StreamEvent", ("StreamName",)),
    ("factor_sid", "verify", "type", ("entity_identity", "factor_friendly_name")),
)


def read(fields: Fields) -> EventFacts:
    """Read the fields of a callback of any product."""
    for name, family, field, names in _FAMILIES:
        if (sid := text(fields, name)) and (said := text(fields, field)):
            happened = type_word(said)
            event_type = happened if happened.startswith(f"{family}.") else f"{family}.{happened}"
            return _facts(fields, event_type, sid, _object_key(family, happened, fields), names)
    reservation, task = text(fields, "ReservationSid"), text(fields, "TaskSid")
    if reservation and task:
        return _facts(fields, "task.assignment", task, key("assignment", reservation), ("TaskQueueName", "WorkerName"))
    happened = clean(next((said for name in _EVENT_FIELDS if (said := text(fields, name))), ""), 150)
    for name in _FLOW_FIELDS:
        if (sid := text(fields, name)).startswith(("FN", "FW")):
            event_type = f"studio.{type_word(happened)}" if happened else "studio"
            return _facts(fields, event_type, sid, None, ("flow_name", "FlowName"))
    if not happened and (found := _named_by_its_fields(fields)):
        return _facts(fields, *found, None, ())
    subject = next((sid for sid in map(_sid, fields.values()) if sid), "")
    return _facts(fields, f"unknown.{type_word(happened)}" if happened else "unknown", subject, None, ())


def _named_by_its_fields(fields: Fields) -> tuple[str, str] | None:
    """Return (type, subject) by Twilio's habit of naming fields: ``FaxSid`` and ``FaxStatus``, ``SiprecEvent``."""
    for name in fields:
        thing = name.removesuffix("Status") if name.endswith("Status") else name.removesuffix("Event")
        sid, said = text(fields, f"{thing}Sid"), text(fields, name)
        if thing and thing != name and sid and said:
            return f"{type_word(thing)}.{type_word(said)}", sid
    return None


def _facts(fields: Fields, event_type: str, subject: str, dedupe_key: str | None, names: tuple[str, ...]) -> EventFacts:
    return EventFacts(
        type=event_type,
        key=dedupe_key,
        subject=clean(subject, 100),
        name=next((name for name in (clean(text(fields, one), 100) for one in names) if name), ""),
        url=console_url(subject) or nearest_console_url(fields),
        occurred_at=_timestamp(text(fields, "Timestamp")),
    )


_EVENT_FIELDS = ("EventType", "event_type", "StatusCallbackEvent")
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
    """Return the key of an event that happens once to an object, or has an id of its own; else None.

    The others (``task.updated``, ``worker.activity.update``, …) are told apart by all of their fields.
    """
    if family == "task" and text(fields, "Sid").startswith("EV"):
        return key("event", text(fields, "Sid"))
    if happened.startswith("reservation."):
        name = "ReservationSid" if text(fields, "ReservationSid") else "ResourceSid"
    else:
        name = _OBJECT_KEYS.get(happened, "")
    sid = text(fields, name) if name else ""
    return key(family, happened, sid) if sid else None


def _timestamp(written: str) -> float | None:
    """Return the Unix seconds of a time in Twilio's or TaskRouter's format, or None."""
    if len(written) == 10 and written.isascii() and written.isdigit():
        return float(written)
    return callback_time(written)


def _sid(value: object) -> str:
    """Return a Twilio id (two capitals, 32 hex digits) other than the account's, or ""."""
    if not isinstance(value, str) or len(value) != 34 or not value.isalnum() or not value[:2].isupper():
        return ""
    return "" if value.startswith("AC") else value
