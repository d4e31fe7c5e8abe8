"""Sentences for TaskRouter, Conversations, Studio, Video, Verify Push, transcriptions, media streams and compliance.

Callbacks spell names in CamelCase (``TaskQueueName``), Event Streams in snake_case or in one (``failurereason``).

Twilio docs, Event types, https://www.twilio.com/docs/events/event-types ; TaskRouter events,
https://www.twilio.com/docs/taskrouter/api/event/reference ; Conversations webhooks,
https://www.twilio.com/docs/conversations/conversations-webhooks ; Video status callbacks,
https://www.twilio.com/docs/video/api/status-callbacks
"""

from collections.abc import Callable
from types import MappingProxyType

from bridge.core.payload import clean, int_at, text_at
from bridge.sources.twilio.errors import explained
from bridge.sources.twilio.titles import Fields, gist, party, span, with_reason

Sentence = Callable[[str, Fields], str]
"""(event, the fields) -> a sentence, or "" for an unknown event."""


def said(fields: object, *names: str, limit: int = 80) -> str:
    """Return the first field with a value, in any spelling: ``worker_name``, ``WorkerName``."""
    for name in names:
        for spelt in (name, "".join(part.capitalize() for part in name.split("_")), name.replace("_", "")):
            if found := clean(text_at(fields, spelt), limit):
                return found
    return ""


def in_words(code: str) -> str:
    """Return ``FLOW_END`` as ``flow end``."""
    return clean(code.lower().replace("_", " ").replace("-", " "), 100)


_TASKS = MappingProxyType(
    {
        "task.created": "A task {queue}was created",
        "task.updated": "A task {queue}was changed",
        "task.canceled": "A task {queue}was canceled",
        "task.completed": "A task {queue}was completed",
        "task.deleted": "A task {queue}was deleted",
        "task.system-deleted": "A task {queue}was deleted by Twilio",
        "task.wrapup": "A task {queue}is being wrapped up",
        "task.transfer-initiated": "A task {queue}is being handed over",
        "task.transfer-completed": "A task {queue}was handed over",
        "task.transfer-failed": "A task {queue}could not be handed over",
        "task.transfer-attempt-failed": "A task {queue}could not be handed over yet",
        "task.transfer-canceled": "A task {queue}was not handed over after all",
        "task-queue.entered": "A task {queue}waits for somebody",
        "task-queue.moved": "A task {queue}was moved there",
        "task-queue.timeout": "Nobody took a task {queue}in time",
        "task-queue.created": "Task queue {name} was created",
        "task-queue.deleted": "Task queue {name} was deleted",
        "task-queue.expression-updated": "Task queue {name} takes other workers now",
        "workflow.entered": "A task entered {workflow}",
        "workflow.target-matched": "A task found its queue in {workflow}",
        "workflow.skipped": "A task skipped a step of {workflow}",
        "workflow.timeout": "Nobody took a task of {workflow} in time",
        "workflow.rejected": "A task was refused by {workflow}",
        "reservation.created": "{who} was offered a task {queue}",
        "reservation.accepted": "{who} took a task {queue}",
        "reservation.rejected": "{who} turned down a task {queue}",
        "reservation.timeout": "{who} did not answer a task {queue}in time",
        "reservation.canceled": "A task {queue}is no longer offered to {who}",
        "reservation.rescinded": "A task {queue}offered to {who} went to somebody else",
        "reservation.completed": "{who} finished a task {queue}",
        "reservation.failed": "A task {queue}could not be given to {who}",
        "reservation.wrapup": "{who} wraps up a task {queue}",
        "worker.activity.update": "{who} switched to {activity}",
        "worker.created": "{who} was added as a worker",
        "worker.deleted": "{who} was removed as a worker",
        "worker.attributes.update": "{who} has new attributes",
        "worker.capacity.update": "{who} can take another number of tasks at once",
        "worker.channel.availability.update": "{who} changed channels",
    }
)


def task(happened: str, fields: Fields) -> str:
    """Return ``Ada Example took a task for Billing``: in TaskRouter a worker takes a task."""
    queue = said(fields, "task_queue_name")
    workflow = said(fields, "workflow_name")
    sentence = _TASKS.get(happened, "").format(
        queue=f"for {queue} " if queue else "",
        name=queue or "without a name",
        who=said(fields, "worker_name") or "Somebody",
        workflow=f"workflow {workflow}" if workflow else "a workflow",
        activity=said(fields, "worker_activity_name") or "something else",
    )
    reason = said(fields, "task_canceled_reason", "task_completed_reason", "reservation_reason", limit=200)
    return with_reason(sentence.strip(), reason) if sentence else ""


_CONVERSATION_EVENTS = {
    f"on{thing}{done}": f"{thing}.{done}"
    for thing in ("message", "participant", "conversation", "user")
    for done in ("added", "updated", "removed")
} | {"onconversationstateupdated": "conversation-state.updated"}


def conversation(happened: str, fields: Fields) -> str:  # noqa: C901 - its sentences move into templates
    """Return ``Ada Example wrote in a conversation: the first words``."""
    name = said(fields, "friendly_name", "unique_name")
    where = f"conversation {party(name)}" if name else "a conversation"
    start = where[:1].upper() + where[1:]
    author = said(fields, "author")
    binding = fields.get("MessagingBinding")
    member = said(binding, "name") or said(fields, "identity") or said(binding, "address")
    member = member or said(fields, "MessagingBinding.Address")
    who, whom = party(author) if author else "Somebody", party(member) if member else "Somebody"
    match _CONVERSATION_EVENTS.get(happened, happened):
        case "message.added":
            return with_reason(f"{who} wrote in {where}", gist(said(fields, "message_body", "body", limit=81)))
        case "message.updated":
            return f"{who} changed a message in {where}"
        case "message.removed":
            return f"A message was deleted from {where}"
        case "participant.added":
            return f"{whom} joined {where}"
        case "participant.removed":
            return f"{whom} left {where}"
        case "participant.updated":
            return f"{whom} has other settings in {where}"
        case "conversation.updated":
            return f"{start} was changed"
        case "user.added":
            return f"{whom} was added to Conversations"
        case "user.updated":
            return f"{whom} was changed in Conversations"
        case "conversation.added":
            return f"{start} was started"
        case "conversation.removed":
            return f"{start} was deleted"
        case "conversation-state.updated":
            state = said(fields, "state_to", "state")
            return f"{start} is now {in_words(state)}" if state else f"{start} has a new state"
    return ""


def studio(happened: str, fields: Fields) -> str:
    """Return ``Studio flow ended for +12025550142``."""
    contact = said(fields, "contact_channel_address")
    whom = f" for {party(contact)}" if contact else ""
    match happened:
        case "flow.execution.started":
            return f"Studio flow started{whom}"
        case "flow.execution.ended":
            why = in_words(said(fields, "ended_reason"))
            return with_reason(f"Studio flow ended{whom}", "" if why == "flow end" else why)
        case "flow.step.ended":
            return f"Studio flow{whom} left its step {said(fields, 'name') or 'without a name'}"
    return ""


_COMPLIANCE_VERBS = {
    "approved": "was approved",
    "registered": "was registered",
    "verified": "was verified",
    "vetted-verified": "passed its vetting",
    "unverified": "could not be verified",
    "brand-failure": "could not be registered",
    "campaign-failure": "could not be registered",
    "failure": "failed",
    "failed": "failed",
    "rejected": "was rejected",
    "secondary-vetting-failure": "failed its second vetting",
    "submitted": "was submitted",
    "requested": "was submitted",
    "pending": "is under way",
    "pending-review": "waits for its review",
    "edit": "was changed",
    "expired": "expired",
    "deleted": "was deleted",
    "successful": "succeeded",
    "sharing-created": "was shared",
    "sharing-deleted": "is no longer shared",
    "invalid-contact-email": "has a contact address that does not work",
    "email-2fa-sent": "waits to be confirmed: the mail was sent",
    "email-2fa-opened": "waits to be confirmed: the mail was opened",
    "email-2fa-clicked": "waits to be confirmed: the link in the mail was opened",
    "email-2fa-completed": "was confirmed by mail",
    "email-2fa-timeout": "was not confirmed by mail in time",
    "suspended-delete-submitted": "was suspended, and its deletion submitted",
}
_REFUSALS = {
    "email-2fa-timeout",
    "invalid-contact-email",
    "failure",
    "failed",
    "rejected",
    "unverified",
    "secondary-vetting-failure",
    "expired",
}


def compliance(happened: str, fields: Fields) -> str:
    """Return ``Toll-free verification was rejected: …``: the carriers' checks of a sender."""
    thing, _, result = happened.partition(".")
    if not result:
        return {
            "a2p-resource-cleanup-started": "A2P brands and campaigns are being cleaned up",
            "a2p-resource-cleanup-finished": "A2P brands and campaigns were cleaned up",
        }.get(thing, "")
    number = said(fields, "phone_number")
    what = {
        "toll-free-verification": f"Toll-free verification of {number}" if number else "Toll-free verification",
        "brand-registration": "A2P brand",
        "campaign-registration": "A2P campaign",
        "number-registration": f"A2P registration of {number or 'a number'}",
        "number-deregistration": f"A2P deregistration of {number or 'a number'}",
    }.get(thing)
    outcome = result.replace("brand-", "").replace("campaign-", "").removeprefix("request-")
    verb = _COMPLIANCE_VERBS.get(result) or _COMPLIANCE_VERBS.get(outcome)
    if what is None or verb is None:
        return ""
    if outcome not in _REFUSALS:  # an error code may come with success too, and means nothing there
        return f"{what} {verb}"
    reason = said(fields, "failure_reason", "rejection_reason", "brand_failure_reason", limit=200)
    return with_reason(f"{what} {verb}", explained(said(fields, "error_code"), reason))


def link_shortening(happened: str, fields: Fields) -> str:
    """Return ``A link in a message to +12025550142 was opened``."""
    to = party(said(fields, "to"))
    match happened:
        case "link-clicked":
            return f"A link in a message to {to} was opened"
        case "link-shortened":
            return f"A link in a message to {to} was shortened"
    return ""


_MORE = MappingProxyType(
    {
        "engagement-intelligence.transcript.finished": "The transcript of a conversation is ready",
        "engagement-intelligence.transcript.operators.results-available": "A transcript of a conversation was analysed",
        "iam.ip.blocked": "Requests from an IP address were blocked",
        "iam.ip.blocked.dryrun": "Requests from an IP address would have been blocked",
        "lookup.bulk.job-status-changed": "A bulk lookup went on",
        "notify.notification.delivered": "A push notification was delivered",
        "video.insights.log-analyzer.participant-summary": "What a participant logged in a video room was analysed",
        "video.insights.log-analyzer.room-summary": "What was logged in a video room was analysed",
        "video.insights.participant-summary.complete": "A participant left a video room",
        "video.insights.room-summary.complete": "A video room was closed",
        "video.insights.track-summary.complete": "A track in a video room ended",
        "voice.api-request.conference.modified": "A conference was changed through the API",
        "voice.api-request.conference-participant.created": "Somebody was called into a conference through the API",
        "voice.api-request.conference-participant.deleted": "Somebody was taken out of a conference through the API",
        "voice.api-request.conference-participant.modified": "A conference's participant was changed through the API",
        "voice.insights.call-metrics.gateway": "The quality of a call was measured",
        "voice.insights.call-metrics.sdk": "The quality of a call was measured",
    }
)


def more(happened: str, fields: Fields) -> str:
    """Return the other sentences, and Voice Insights' single events of a call (``Call event: ringing``)."""
    if happened.startswith("voice.insights.call-event."):
        return with_reason("Call event", in_words(said(fields, "name")))
    return _MORE.get(happened, "")


def conference_summary(happened: str, fields: Fields) -> str:
    """Return ``Conference Support desk ended after 12 min 3 s``: Voice Insights, after a conference."""
    kind, _, stage = happened.rpartition(".")
    name = said(fields, "friendly_name")
    what = f"Conference {name}" if name else "A conference"
    seconds = int_at(fields, "duration_seconds")
    after = f" after {span(seconds)}" if seconds else ""
    if kind == "conference-summary":
        return f"{what} started" if stage == "partial" else f"{what} ended{after}"
    if kind in ("conference-participant-summary", "participant-summary"):
        label, number = said(fields, "label"), said(fields, "from")
        return f"{label or (party(number) if number else 'A participant')} left a conference{after}"
    return ""


def room(happened: str, fields: Fields) -> str:
    """Return ``ada joined room Stand-up``: Video."""
    name = said(fields, "room_name") or "without a name"
    who = said(fields, "participant_identity") or "Somebody"
    lasted = int_at(fields, "RoomDuration" if happened == "room-ended" else "ParticipantDuration")
    after = f" after {span(lasted)}" if lasted else ""
    track = {"audio": "sound", "video": "video", "data": "data"}.get(said(fields, "track_kind"), "a track")
    return {
        "room-created": f"Room {name} was opened",
        "room-ended": f"Room {name} was closed{after}",
        "participant-connected": f"{who} joined room {name}",
        "participant-disconnected": f"{who} left room {name}{after}",
        "track-added": f"{who} started to send {track} in room {name}",
        "track-enabled": f"{who} switched {track} on in room {name}",
        "track-disabled": f"{who} switched {track} off in room {name}",
        "track-removed": f"{who} stopped sending {track} in room {name}",
        "recording-started": f"Recording in room {name} started",
        "recording-completed": f"Recording in room {name} is complete",
        "recording-failed": f"Recording in room {name} failed",
    }.get(happened, "")


def stream(happened: str, fields: Fields) -> str:
    """Return ``Media stream of a call failed: …``."""
    match happened:
        case "stream-started":
            return "Media stream of a call started"
        case "stream-stopped":
            return "Media stream of a call stopped"
        case "stream-error":
            return with_reason("Media stream of a call failed", said(fields, "stream_error", limit=200))
    return ""


def transcription(happened: str, fields: Fields) -> str:
    """Return ``Transcript of a call from +12025550142: the first words``."""
    caller = said(fields, "from")
    what = f"a call from {party(caller)}" if caller else "a call"
    reason = said(fields, "transcription_error", limit=200)
    match happened:
        case "completed":
            return with_reason(f"Transcript of {what}", gist(said(fields, "transcription_text", limit=81)))
        case "transcription-started":
            return f"Transcription of {what} started"
        case "transcription-content":
            return f"Part of the transcript of {what}"
        case "transcription-stopped":
            return f"Transcription of {what} ended"
        case "failed" | "transcription-error":
            return with_reason(f"Transcription of {what} failed", reason)
    return ""


def verify_push(happened: str, fields: Fields) -> str:
    """Return ``ada-lovelace denied “Log in to Example”``: Verify Push sends challenges to a phone."""
    who = said(fields, "entity_identity") or "Somebody"
    asked = said(fields, "challenge_details")
    challenge = f"“{asked}”" if asked else "a challenge"
    factor = said(fields, "factor_friendly_name") or said(fields, "factor_type") or "a factor"
    return {
        "challenge.approved": f"{who} approved {challenge}",
        "challenge.denied": f"{who} denied {challenge}",
        "challenge.expired": f"{who} did not answer {challenge} in time",
        "challenge.created": f"{who} was asked {challenge}",
        "factor.created": f"{who} added {factor}, not verified yet",
        "factor.verified": f"{factor} of {who} was verified",
        "factor.deleted": f"{factor} of {who} was removed",
    }.get(happened, "")


STREAMS: tuple[tuple[str, Sentence], ...] = (
    ("com.twilio.taskrouter.", task),
    ("com.twilio.conversations.", conversation),
    ("com.twilio.studio.", studio),
    ("com.twilio.messaging.compliance.", compliance),
    ("com.twilio.voice.insights.", conference_summary),
    ("com.twilio.daptbt.link-shortening.", link_shortening),
    ("com.twilio.", more),
)
"""Prefixes of Event Streams types, each with the function that makes the sentence."""

CALLBACKS: tuple[tuple[str, str, str, Sentence], ...] = (
    # (the sid that tells it, the family, the field that says what happened, its sentence)
    ("ConversationSid", "conversation", "EventType", conversation),
    ("UserSid", "conversation", "EventType", conversation),
    ("TaskSid", "task", "EventType", task),
    ("WorkerSid", "task", "EventType", task),
    ("WorkspaceSid", "task", "EventType", task),
    ("RoomSid", "room", "StatusCallbackEvent", room),
    ("StreamSid", "stream", "StreamEvent", stream),
    ("factor_sid", "verify", "type", verify_push),
)
