"""Tests of other events than messages, calls, conferences and errors: their sentences and how they differ."""

import pytest

from bridge.events import Event
from bridge.sources.twilio.families import STREAMS
from tests.sources.test_twilio_events import ADA, OURS, event, events, same
from tests.walks import for_each


def streamed(event_type: str, **data: object) -> Event:
    [found] = events([{"specversion": "1.0", "type": f"com.twilio.{event_type}", "id": "EZ1", "data": data}])
    return found


def test_a_message_in_a_conversation_is_no_sms() -> None:
    found = event(
        EventType="onMessageAdded", ConversationSid="CH1", MessageSid="IM1", Body="Hi", Author=f"whatsapp:{ADA}"
    )
    assert (found.type, found.subject) == ("conversation.onmessageadded", "CH1")
    assert found.title == f"{ADA} wrote in a conversation: Hi"


def test_a_transcript_is_not_the_end_of_its_call() -> None:
    found = event(
        CallSid="CA1", CallStatus="completed", TranscriptionSid="TR1", TranscriptionStatus="completed",
        TranscriptionText="Call me back", From=ADA,
    )  # fmt: skip
    assert (found.type, found.title) == ("transcription.completed", f"Transcript of a call from {ADA}: Call me back")
    assert found.url == "https://www.twilio.com/console/voice/calls/logs/CA1"


@pytest.mark.parametrize(
    ("who", "title"),
    [
        ("human", "A person answered the call"),
        ("machine_start", "A machine answered the call"),
        ("unknown", "Who answered the call could not be told"),
    ],
)
def test_the_answering_party_arrives_in_a_separate_callback(who: str, title: str) -> None:
    found = event(CallSid="CA1", AnsweredBy=who, MachineDetectionDuration="4210")
    assert (found.type, found.title, found.subject) == ("call.amd", title, "CA1")
    assert found.keys[0] == "amd:CA1"


@pytest.mark.parametrize(
    ("fields", "event_type", "title"),
    [
        (
            {"EventType": "task.created", "TaskSid": "WT1", "TaskQueueName": "Billing"},
            "task.created",
            "A task for Billing was created",
        ),
        (
            {"EventType": "reservation.accepted", "TaskSid": "WT1", "WorkerName": "Lin"},
            "task.reservation.accepted",
            "Lin took a task",
        ),
        (
            {
                "EventType": "worker.activity.update",
                "WorkerSid": "WK1",
                "WorkerName": "Lin",
                "WorkerActivityName": "Break",
            },
            "task.worker.activity.update",
            "Lin switched to Break",
        ),
        ({"EventType": "task.novel-thing", "TaskSid": "WT1"}, "task.novel-thing", "Task novel thing"),
        (
            {
                "StatusCallbackEvent": "participant-connected",
                "RoomSid": "RM1",
                "RoomName": "Fitting",
                "ParticipantIdentity": "ada",
            },
            "room.participant-connected",
            "ada joined room Fitting",
        ),
        (
            {"StreamEvent": "stream-error", "StreamSid": "MZ1", "StreamError": "no handshake"},
            "stream.stream-error",
            "Media stream of a call failed: no handshake",
        ),
        (
            {"type": "challenge.expired", "factor_sid": "YF1", "entity_identity": "ada"},
            "verify.challenge.expired",
            "ada did not answer a challenge in time",
        ),
        (
            {"type": "factor.verified", "factor_sid": "YF1", "factor_friendly_name": "Phone"},
            "verify.factor.verified",
            "Phone of Somebody was verified",
        ),
    ],
)
def test_a_callback_is_a_sentence(fields: dict[str, str], event_type: str, title: str) -> None:
    found = event(**fields)
    assert (found.type, found.title) == (event_type, title)


@pytest.mark.parametrize(
    ("event_type", "data", "title"),
    [
        (
            "studio.flow.execution.ended",
            {"contact_channel_address": ADA, "ended_reason": "HUNG_UP"},
            f"Studio flow ended for {ADA}: hung up",
        ),
        ("studio.flow.step.ended", {"name": "ask"}, "Studio flow left its step ask"),
        (
            "conversations.participant.removed",
            {"MessagingBinding": {"Address": f"whatsapp:{ADA}"}},
            f"{ADA} left a conversation",
        ),
        (
            "conversations.conversation-state.updated",
            {"FriendlyName": "Order 7", "StateTo": "closed"},
            "Conversation Order 7 is now closed",
        ),
        (
            "messaging.compliance.brand-registration.brand-failure",
            {"errorcode": 99999},
            "A2P brand could not be registered: error 99999",
        ),
        (
            "messaging.compliance.brand-registration.brand-vetted-verified",
            {"errorcode": 99999},
            "A2P brand passed its vetting",
        ),
        (
            "messaging.compliance.number-registration.failed",
            {"phonenumber": OURS, "failurereason": "taken"},
            f"A2P registration of {OURS} failed: taken",
        ),
        ("messaging.compliance.a2p-resource-cleanup-started", {}, "A2P brands and campaigns are being cleaned up"),
        ("messaging.compliance.toll-free-verification.failure", {}, "Toll-free verification failed"),
        ("messaging.compliance.toll-free-verification.novel", {}, "Messaging compliance toll free verification novel"),
        (
            "voice.insights.conference-summary.complete",
            {"friendly_name": "Desk", "duration_seconds": 61},
            "Conference Desk ended after 1 min 1 s",
        ),
        ("voice.insights.call-event.gateway", {"name": "ICE_LOST"}, "Call event: ice lost"),
        ("iam.ip.blocked", {}, "Requests from an IP address were blocked"),
        ("iam.sms.new-thing", {}, "IAM SMS new thing"),
    ],
)
def test_a_streamed_event_is_a_sentence(event_type: str, data: dict[str, object], title: str) -> None:
    assert streamed(event_type, **data).title == title


@pytest.mark.parametrize(
    ("event_type", "parameters", "title"),
    [
        (
            "status-callback.call.completed",
            {"CallStatus": "completed", "CallDuration": "61"},
            f"Call to {ADA} ended after 1 min 1 s",
        ),
        (
            "webhook.status-callback.call.ringing",
            {"CallStatus": "ringing", "SequenceNumber": "1"},
            f"Call to {ADA} is ringing",
        ),
        ("status-callback.amd.detected", {"AnsweredBy": "fax"}, "A fax answered the call"),
        (
            "status-callback.gather.partial.captured",
            {"CallSid": ""},
            f"Call to {ADA} got part of an answer to its prompt",
        ),
        ("twiml.dial.finished", {"DialCallStatus": "busy"}, f"Call to {ADA} has done dialling: the line was busy"),
        ("api-request.call.created", {}, f"Call to {ADA} was started through the API"),
        ("api-request.conference.modified", {}, "A conference was changed through the API"),
    ],
)
def test_a_streamed_webhook_of_a_call_states_what_its_parameters_say(
    event_type: str, parameters: dict[str, str], title: str
) -> None:
    found = streamed(
        f"voice.{event_type}",
        sid="CA1",
        request={"parameters": {"CallSid": "CA1", "From": OURS, "To": ADA, **parameters}},
    )
    assert found.type == f"com.twilio.voice.{event_type}"
    assert (found.title, found.url) == (title, "https://www.twilio.com/console/voice/calls/logs/CA1")


def test_a_task_is_the_subject_of_all_its_events_and_its_workspace_the_nearest_page() -> None:
    envelope = {"sid": "EV1", "payload": {"task_sid": "WT1", "workspace_sid": "WS1", "worker_name": "Lin"}}
    found = streamed("taskrouter.reservation.accepted", **envelope)
    assert (found.title, found.subject) == ("Lin took a task", "WT1")
    assert found.url == "https://www.twilio.com/console/taskrouter/workspaces/WS1"


def test_a_run_of_a_flow_is_linked() -> None:
    page = "https://www.twilio.com/console/studio/flows/FW1"
    ids = {"flow_sid": "FW1", "execution_sid": "FN1"}
    assert streamed("studio.flow.execution.started", **ids).url == f"{page}/executions/FN1"
    assert streamed("studio.flow.execution.started", **{**ids, "execution_sid": "FN/../x"}).url == page


@for_each([start for start, _ in STREAMS])
@pytest.mark.parametrize("rest", ["", "task.created", "message.added", "flow.step.ended", "conference-summary.partial"])
@pytest.mark.parametrize(
    "data", [None, [], "x", {"payload": 7}, {"MessagingBinding": []}, {"payload": {"worker_name": {}}}]
)
def test_odd_data_still_has_a_title(start: str, rest: str, data: object) -> None:
    [found] = events([{"type": start + rest, "id": "EZ1", "data": data}])
    assert found.title
    assert "None" not in found.title


def test_two_actions_on_a_task_are_two_events() -> None:
    one, two = (event(EventType="task.updated", TaskSid="WT1", TaskPriority=str(n)) for n in (1, 2))
    assert not same(one, two)
