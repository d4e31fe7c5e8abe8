"""Tests of other events than messages, calls, conferences and errors: their types, names and pages."""

import pytest

from bridge.events import Event
from bridge.sources.twilio.provider import PROVIDER
from tests.sources.test_twilio_events import ADA, OURS, event, events, same


def streamed(event_type: str, **data: object) -> Event:
    [found] = events([{"specversion": "1.0", "type": f"com.twilio.{event_type}", "id": "EZ1", "data": data}])
    return found


def test_a_message_in_a_conversation_is_no_sms() -> None:
    found = event(EventType="onMessageAdded", ConversationSid="CH1", MessageSid="IM1", Body="Hi", Author="ada")
    assert (found.type, found.subject) == ("conversation.onmessageadded", "CH1")


def test_a_transcript_is_not_the_end_of_its_call() -> None:
    found = event(
        CallSid="CA1", CallStatus="completed", TranscriptionSid="TR1", TranscriptionStatus="completed", From=ADA
    )
    assert found.type == "transcription.completed"
    assert found.url == "https://www.twilio.com/console/voice/calls/logs/CA1"


def test_the_answering_party_arrives_in_a_separate_callback() -> None:
    found = event(CallSid="CA1", AnsweredBy="machine_start", MachineDetectionDuration="4210")
    assert (found.type, found.subject) == ("call.amd", "CA1")
    assert found.keys[0] == "amd:CA1"


@pytest.mark.parametrize(
    ("fields", "event_type", "name"),
    [
        ({"EventType": "task.created", "TaskSid": "WT1", "TaskQueueName": "Billing"}, "task.created", "Billing"),
        (
            {"EventType": "reservation.accepted", "TaskSid": "WT1", "WorkerName": "Lin"},
            "task.reservation.accepted",
            "Lin",
        ),
        (
            {"EventType": "worker.activity.update", "WorkerSid": "WK1", "WorkerName": "Lin"},
            "task.worker.activity.update",
            "Lin",
        ),
        ({"EventType": "task.novel-thing", "TaskSid": "WT1"}, "task.novel-thing", ""),
        (
            {"EventType": "onConversationAdded", "ConversationSid": "CH1", "FriendlyName": "Order 7"},
            "conversation.onconversationadded",
            "Order 7",
        ),
        (
            {"StatusCallbackEvent": "participant-connected", "RoomSid": "RM1", "RoomName": "Fitting"},
            "room.participant-connected",
            "Fitting",
        ),
        (
            {"StreamEvent": "stream-error", "StreamSid": "MZ1", "StreamName": "captions"},
            "stream.stream-error",
            "captions",
        ),
        (
            {"type": "challenge.expired", "factor_sid": "YF1", "entity_identity": "ada"},
            "verify.challenge.expired",
            "ada",
        ),
        (
            {"type": "factor.verified", "factor_sid": "YF1", "factor_friendly_name": "Phone"},
            "verify.factor.verified",
            "Phone",
        ),
        ({"flow_sid": "FW1", "flow_name": "Opening hours"}, "studio", "Opening hours"),
    ],
)
def test_a_callback_has_a_type_and_its_owners_name(fields: dict[str, str], event_type: str, name: str) -> None:
    found = event(**fields)
    assert (found.type, found.name) == (event_type, name)


@pytest.mark.parametrize(
    ("event_type", "data", "name"),
    [
        ("conversations.conversation.updated", {"FriendlyName": "Order 7"}, "Order 7"),
        ("voice.insights.conference-summary.complete", {"friendly_name": "Desk"}, "Desk"),
        ("taskrouter.task.created", {"payload": {"task_queue_name": "Billing"}}, "Billing"),
        ("messaging.message.sent", {"to": f"whatsapp:{ADA}", "from": OURS}, ADA),
        ("messaging.inbound-message.received", {"to": OURS, "from": ADA}, ADA),
        ("voice.insights.call-summary.complete", {"to": {"callee": ADA}}, ADA),
        ("error-logs.error.logged", {"error_code": 11200}, "11200"),
        ("iam.sms.new-thing", {}, ""),
    ],
)
def test_a_streamed_event_has_its_owners_name(event_type: str, data: dict[str, object], name: str) -> None:
    assert streamed(event_type, **data).name == name


@pytest.mark.parametrize(
    ("direction", "name"), [("inbound", OURS), ("outbound-api", ADA), ("outbound-dial", ADA), ("", ADA)]
)
def test_a_streamed_webhook_of_a_call_is_named_by_its_other_side(direction: str, name: str) -> None:
    parameters = {"CallSid": "CA1", "From": OURS, "To": ADA, "Direction": direction}
    found = streamed("voice.status-callback.call.ringing", sid="CA1", request={"parameters": parameters})
    assert found.type == "com.twilio.voice.status-callback.call.ringing"
    assert (found.name, found.url) == (name, "https://www.twilio.com/console/voice/calls/logs/CA1")


def test_a_task_is_the_subject_of_all_its_events_and_its_workspace_the_nearest_page() -> None:
    envelope = {"sid": "EV1", "payload": {"task_sid": "WT1", "workspace_sid": "WS1", "worker_name": "Lin"}}
    found = streamed("taskrouter.reservation.accepted", **envelope)
    assert (found.name, found.subject) == ("Lin", "WT1")
    assert found.url == "https://www.twilio.com/console/taskrouter/workspaces/WS1"


def test_a_run_of_a_flow_is_linked() -> None:
    page = "https://www.twilio.com/console/studio/flows/FW1"
    ids = {"flow_sid": "FW1", "execution_sid": "FN1"}
    assert streamed("studio.flow.execution.started", **ids).url == f"{page}/executions/FN1"
    assert streamed("studio.flow.execution.started", **{**ids, "execution_sid": "FN/../x"}).url == page
    assert event(FlowSid="FW1", ExecutionSid="FN1").url == f"{page}/executions/FN1"


@pytest.mark.parametrize("family", ["taskrouter", "conversations", "studio", "voice", "messaging", "kites"])
@pytest.mark.parametrize(
    "data", [None, [], "x", {"payload": 7}, {"request": {"parameters": []}}, {"payload": {"worker_name": {}}}]
)
def test_odd_data_still_has_a_line(family: str, data: object) -> None:
    [found] = events([{"type": f"com.twilio.{family}.thing.done", "id": "EZ1", "data": data}])
    assert PROVIDER.line(found) == f"Twilio {family} thing done"


def test_two_actions_on_a_task_are_two_events() -> None:
    one, two = (event(EventType="task.updated", TaskSid="WT1", TaskPriority=str(n)) for n in (1, 2))
    assert not same(one, two)
