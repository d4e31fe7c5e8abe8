"""Tests of what Twilio's messages say of single callbacks and stream events: nothing that did not happen."""

import json
import re
from pathlib import Path

import pytest

from bridge.messages.mrkdwn import unescaped
from bridge.sources.twilio.provider import PROVIDER
from tests.messages.test_templates_twilio import TEMPLATES, events, message, written

ADA, OURS = "+12025550142", "+12025550123"
CASES = Path(__file__).parents[2].parent / "shared" / "cases"
CALL = {"CallSid": "CA1", "Direction": "inbound", "From": ADA, "To": OURS}
PLACED = {
    "CallSid": "CA1",
    "Direction": "outbound-api",
    "From": OURS,
    "To": ADA,
    "CallbackSource": "call-progress-events",
}
SENT = {"MessageSid": "SM1", "To": ADA, "From": OURS}


def said(body: object) -> str:
    """Return the first line of the one message of a body: its notification, without the sign."""
    [event] = events(body)
    return re.sub(r"^:[a-z_]+: ", "", unescaped(message(event).text))


def told(**fields: object) -> str:
    return said([[name, str(value)] for name, value in fields.items()])


def shown(**fields: object) -> str:
    """Return all texts of a callback's message."""
    [event] = events([[name, str(value)] for name, value in fields.items()])
    return written(message(event))


def streamed(event_type: str, **data: object) -> str:
    return said([{"specversion": "1.0", "type": f"com.twilio.{event_type}", "id": "EZ1", "data": data}])


@pytest.mark.skipif(not CASES.exists(), reason="the folder of shared cases is not beside this checkout")
def test_the_forwarded_call_of_the_shared_case_was_not_answered() -> None:
    body = json.loads((CASES / "twilio-dial-action-no-answer.json").read_text("utf-8"))["body"]
    assert said(body.encode()).endswith("was forwarded, and nobody answered")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"Body": "Why? "}, f"SMS from {ADA}: Why?"),
        ({"From": f"whatsapp:{ADA}", "ProfileName": "Ada", "Body": "Hello"}, "WhatsApp message from Ada: Hello"),
        ({"MessageSid": "MM1", "NumMedia": 2, "Body": ""}, f"MMS from {ADA}: 2 files"),
        ({"MessageSid": "MM1", "NumMedia": 1, "Body": ""}, f"MMS from {ADA}: 1 file"),
        ({"NumMedia": 0, "Body": ""}, f"SMS from {ADA}: no text"),
        ({"NumMedia": 0}, f"SMS from {ADA}"),
        ({"Body": "", "Latitude": "0", "Longitude": "0"}, f"SMS from {ADA}: a location"),
        ({"Body": "STOP", "OptOutType": "STOP"}, f"{ADA} opted out of messages"),
        ({"Body": "START", "OptOutType": "START"}, f"{ADA} opted back in to messages"),
        ({"Body": "0"}, f"SMS from {ADA}: 0"),
        ({"Body": "Hi", "From": "+266696687"}, "SMS from a withheld number: Hi"),
        ({"Body": "Hi", "From": ""}, "SMS from an unknown number: Hi"),
    ],
)
def test_a_received_message(fields: dict[str, object], sentence: str) -> None:
    assert told(**{"MessageSid": "SM1", "From": ADA, "To": OURS, **fields}) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"MessageStatus": "delivered"}, f"SMS to {ADA} was delivered"),
        ({"MessageStatus": "delivered", "To": f"whatsapp:{ADA}"}, f"WhatsApp message to {ADA} was delivered"),
        ({"MessageStatus": "delivered", "ErrorCode": "30003"}, f"SMS to {ADA} was delivered"),
        ({"MessageStatus": "read", "ErrorCode": "30003"}, f"SMS to {ADA} was read"),
        ({"MessageStatus": "sent", "ErrorCode": "0"}, f"SMS to {ADA} was sent"),
        ({"MessageStatus": "failed", "ErrorCode": "0"}, f"SMS to {ADA} could not be sent"),
        ({"MessageStatus": "failed", "ErrorCode": "39999"}, f"SMS to {ADA} could not be sent: error 39999"),
        (
            {"MessageStatus": "failed", "ErrorCode": "39999", "ErrorMessage": "Out of luck"},
            f"SMS to {ADA} could not be sent: Out of luck (39999)",
        ),
        (
            {"MessageStatus": "partially_delivered", "ErrorCode": "30003"},
            f"SMS to {ADA} was delivered in part: the phone is switched off or out of reach (30003)",
        ),
        ({"MessageStatus": "resting"}, f"SMS to {ADA} is resting"),
        ({"MessageStatus": "sent", "To": ""}, "SMS was sent"),
    ],
)
def test_a_sent_message(fields: dict[str, object], sentence: str) -> None:
    assert told(**{**SENT, **fields}) == sentence


def test_a_delivered_message_shows_no_failure_and_nothing_to_do() -> None:
    """Twilio sends the error of one failed segment beside `delivered`."""
    for status in ("delivered", "sent", "read"):
        text = shown(**SENT, MessageStatus=status, ErrorCode="30003")
        assert "switched off" not in text
        assert "→" not in text
        assert "30003" not in text
    streamed_text = json.dumps(streamed("messaging.message.delivered", messageSid="SM1", to=ADA, errorCode=30003))
    assert "switched off" not in streamed_text
    assert "switched off" in shown(**SENT, MessageStatus="undelivered", ErrorCode="30003")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"Direction": "inbound", "From": ADA, "CallStatus": "no-answer"}, f"Missed call from {ADA}"),
        ({"Direction": "inbound", "From": ADA, "CallStatus": "busy"}, f"Missed call from {ADA}"),
        ({"CallStatus": "no-answer"}, f"Call to {ADA} was not answered"),
        ({"CallStatus": "completed", "CallDuration": 192}, f"Call to {ADA} ended after 3 min 12 s"),
        ({"CallStatus": "completed", "CallDuration": 0}, f"Call to {ADA} ended after 0 s"),
        ({"CallStatus": "completed", "CallDuration": 3600}, f"Call to {ADA} ended after 1 h"),
        ({"CallStatus": "completed", "CallDuration": 3780}, f"Call to {ADA} ended after 1 h 3 min"),
        ({"CallStatus": "completed", "CallDuration": 60}, f"Call to {ADA} ended after 1 min"),
        ({"CallStatus": "completed", "CallDuration": "9" * 400}, f"Call to {ADA} ended"),
        ({"CallStatus": "completed"}, f"Call to {ADA} ended"),
        ({"CallStatus": "failed", "SipResponseCode": "404"}, f"Call to {ADA} failed: the number does not exist"),
        (
            {"CallStatus": "failed", "SipResponseCode": "487"},
            f"Call to {ADA} failed: it was ended before it was answered",
        ),
        ({"CallStatus": "failed", "SipResponseCode": "0"}, f"Call to {ADA} failed"),
        ({"CallStatus": "failed", "SipResponseCode": "418"}, f"Call to {ADA} failed"),
        ({"CallStatus": "completed", "To": "client:ada", "CallDuration": 5}, "Call to ada ended after 5 s"),
        ({"CallStatus": "in-progress"}, f"Call to {ADA} was answered"),
        ({"CallStatus": "in-progress", "CallbackSource": "", "SequenceNumber": 0}, f"Call to {ADA} was answered"),
        ({"CallStatus": "in-progress", "CallbackSource": ""}, f"Call to {ADA} is under way"),
        ({"CallStatus": "resting"}, f"Call to {ADA} is resting"),
        ({"CallStatus": "ringing", "To": ""}, "A call is ringing"),
    ],
)
def test_the_status_of_a_call(fields: dict[str, object], sentence: str) -> None:
    assert told(**{name: value for name, value in {**PLACED, **fields}.items() if value != ""}) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"DialCallStatus": "no-answer"}, "was forwarded, and nobody answered"),
        ({"DialCallStatus": "busy"}, "was forwarded, and the line was busy"),
        ({"DialCallStatus": "failed"}, "was forwarded, and did not get through"),
        (
            {"DialCallStatus": "failed", "DialSipResponseCode": "404"},
            "was forwarded, and did not get through: the number does not exist",
        ),
        ({"DialCallStatus": "canceled"}, "was forwarded, and ended before anybody answered"),
        ({"DialCallStatus": "completed", "DialCallDuration": 61}, "was forwarded and answered, for 1 min 1 s"),
        ({"DialCallStatus": "completed", "DialCallDuration": 0}, "was forwarded and answered, for 0 s"),
        ({"DialCallStatus": "completed", "DialBridged": "false"}, "was forwarded and picked up, but not put through"),
        ({"DialCallStatus": "completed", "DialBridged": "true"}, "was forwarded and answered"),
        ({"DialCallStatus": "answered"}, "was put into a conference"),
        ({"DialCallStatus": "resting"}, "was forwarded: resting"),
        ({"DialStatus": "no-answer"}, "was forwarded, and nobody answered"),
        ({"RecordingUrl": "https://example.com/RE1", "RecordingDuration": 42, "Digits": "#"}, "was recorded, 42 s"),
        ({"RecordingUrl": "https://example.com/RE1", "RecordingDuration": 0}, "was recorded, 0 s"),
        ({"RecordingUrl": "https://example.com/RE1"}, "was recorded"),
        ({"Digits": "731955"}, "got an answer to its prompt"),
        ({"Digits": "0"}, "got an answer to its prompt"),
        ({"Digits": ""}, "got no answer to its prompt"),
        ({"SpeechResult": "seven", "Confidence": "0.0"}, "got an answer to its prompt"),
        ({"UnstableSpeechResult": "sev", "SequenceNumber": 0}, "got part of an answer to its prompt"),
        ({"QueueResult": "hangup", "QueueTime": 61}, "was given up in its queue after 1 min 1 s"),
        ({"QueueResult": "bridged", "QueueTime": 0}, "left its queue after 0 s, and somebody took it"),
        ({"QueueResult": "queue-full"}, "could not enter its queue, which is full"),
        ({"QueueResult": "novel_end", "QueueTime": 5}, "left its queue after 5 s: novel end"),
        ({"QueuePosition": 1, "QueueTime": 0}, "waits in a queue, at place 1, for 0 s"),
        ({"ReferCallStatus": "completed"}, "was transferred"),
        ({"ReferCallStatus": "failed", "ReferSipResponseCode": "603"}, "could not be transferred: it was declined"),
        ({"ReferCallStatus": "pending"}, "was to be transferred: pending"),
    ],
)
@pytest.mark.parametrize("status", ["in-progress", "completed", "ringing"])
def test_the_result_of_a_step_and_never_the_status_of_its_call(
    fields: dict[str, object], sentence: str, status: str
) -> None:
    """Twilio docs, TwiML <Dial>, <Record>, <Enqueue>, <Refer>, https://www.twilio.com/docs/voice/twiml ."""
    assert told(**CALL, CallStatus=status, **fields) == f"Call from {ADA} {sentence}"


def test_a_step_shows_its_recording_and_its_leg_but_no_error_of_its_call() -> None:
    text = shown(
        **CALL, CallStatus="failed", ErrorCode="13224", DialCallStatus="completed", DialCallSid="CA2",
        RecordingUrl="https://example.com/RE1",
    )  # fmt: skip
    assert "Listen" in text
    assert "CA2|the forwarded call>" in text
    assert "13224" not in text
    assert '"danger"' not in text


@pytest.mark.parametrize(
    ("code", "words"),
    [("487", "it was ended before it was answered"), ("486", "the line is busy"), ("480", "not reachable")],
)
def test_a_sip_response_is_explained(code: str, words: str) -> None:
    for status in ("no-answer", "canceled", "busy"):
        text = shown(**PLACED, CallStatus=status, SipResponseCode=code)
        assert f"`{code}`, " in text
        assert words in text
    summary = {"call_state": "canceled", "properties": {"last_sip_response_num": int(code)}}
    [event] = events([{"type": "com.twilio.voice.insights.call-summary.complete", "id": "EZ1", "data": summary}])
    assert words in written(message(event))
    assert "SIP response" not in shown(**PLACED, CallStatus="completed", SipResponseCode="200")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"AnsweredBy": "human"}, "A person answered the call"),
        ({"AnsweredBy": "machine_end_beep"}, "A machine answered the call"),
        ({"AnsweredBy": "unknown"}, "Who answered the call could not be told"),
        ({"AnsweredBy": "fax"}, "A fax answered the call"),
        ({"AnsweredBy": "parrot"}, "The call was answered by parrot"),
    ],
)
def test_who_answered(fields: dict[str, object], sentence: str) -> None:
    assert told(CallSid="CA1", **fields) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"RecordingStatus": "completed", "CallSid": "CA1", "RecordingDuration": 42}, "Recording of a call, 42 s"),
        ({"RecordingStatus": "completed", "CallSid": "CA1", "RecordingDuration": 0}, "Recording of a call, 0 s"),
        ({"RecordingStatus": "completed", "ErrorCode": 31000}, "Recording of something"),
        ({"RecordingStatus": "in-progress", "ConferenceSid": "CF1"}, "Recording of a conference started"),
        ({"RecordingStatus": "failed", "CallSid": "CA1", "ErrorCode": 0}, "Recording of a call failed"),
        ({"RecordingStatus": "absent", "CallSid": "CA1"}, "Nothing was recorded of a call"),
    ],
)
def test_a_recording(fields: dict[str, object], sentence: str) -> None:
    assert told(RecordingSid="RE1", **fields) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"StatusCallbackEvent": "participant-join", "ParticipantLabel": "ada"}, "ada joined conference Desk"),
        ({"StatusCallbackEvent": "participant-mute"}, "A participant was muted in conference Desk"),
        ({"StatusCallbackEvent": "participant-wave"}, "Conference Desk: participant wave"),
        ({"StatusCallbackEvent": "conference-end", "FriendlyName": ""}, "A conference ended"),
        (
            {"StatusCallbackEvent": "participant-leave", "ReasonParticipantLeft": "participant_hung_up"},
            "A participant left conference Desk: hung up",
        ),
        (
            {
                "StatusCallbackEvent": "participant-leave",
                "ReasonParticipantLeft": "participant_add_failed",
                "ParticipantCallStatus": "no-answer",
            },
            "A participant could not be added to conference Desk: no answer",
        ),
        (
            {
                "StatusCallbackEvent": "conference-end",
                "ReasonConferenceEnded": "participant-with-end-conference-on-exit-left",
            },
            "Conference Desk ended: a participant left, which ends this conference",
        ),
    ],
)
def test_a_conference(fields: dict[str, object], sentence: str) -> None:
    assert told(**{"ConferenceSid": "CF1", "FriendlyName": "Desk", "CallSid": "CA1", **fields}) == sentence


def test_settings_that_are_not_sent_are_not_reported() -> None:
    changed = {"ConferenceSid": "CF1", "StatusCallbackEvent": "participant-modify"}
    assert "muted" not in shown(**changed)
    assert "not muted" in shown(**changed, Muted="false")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"EventType": "onMessageAdded", "Author": f"whatsapp:{ADA}", "Body": "Hi"},
            f"{ADA} wrote in a conversation: Hi",
        ),
        ({"EventType": "onMessageAdd", "Author": "ada", "Body": "Hi"}, "ada is about to write in a conversation: Hi"),
        ({"EventType": "onMessageUpdate"}, "Somebody is about to change a message in a conversation"),
        ({"EventType": "onMessageRemove"}, "A message is about to be deleted from a conversation"),
        ({"EventType": "onConversationAdd", "FriendlyName": "Order 7"}, "Conversation Order 7 is about to start"),
        ({"EventType": "onConversationStateUpdated", "StateTo": "closed"}, "A conversation is now closed"),
        ({"EventType": "onParticipantAdd", "Identity": "lin"}, "lin is about to join a conversation"),
        ({"EventType": "onParticipantRemoved", "Identity": "lin"}, "lin left a conversation"),
        ({"EventType": "onDeliveryUpdated", "Status": "read"}, "A message in a conversation was read"),
        (
            {"EventType": "onDeliveryUpdated", "Status": "failed", "ErrorCode": "30003"},
            "A message in a conversation could not be sent: the phone is switched off or out of reach (30003)",
        ),
        ({"EventType": "onKiteFlown"}, "A conversation: on kite flown"),
    ],
)
def test_a_conversation(fields: dict[str, object], sentence: str) -> None:
    """Twilio docs, Conversations webhooks, https://www.twilio.com/docs/conversations/conversations-webhooks ."""
    assert told(ConversationSid="CH1", **fields) == sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"EventType": "task.created", "TaskQueueName": "Billing"}, "A task for Billing was created"),
        ({"EventType": "reservation.accepted", "WorkerName": "Lin"}, "Lin took a task"),
        ({"EventType": "worker.activity.update", "WorkerName": "Lin"}, "Lin changed activity"),
        (
            {"EventType": "worker.activity.update", "WorkerName": "Lin", "WorkerActivityName": "Break"},
            "Lin switched to Break",
        ),
        ({"EventType": "task.canceled", "TaskCanceledReason": "sold out"}, "A task was canceled: sold out"),
        ({"EventType": "task-queue.created"}, "A task queue was created"),
        ({"EventType": "workspace.renamed"}, "A TaskRouter event: workspace renamed"),
        ({"EventType": "task.novel-thing"}, "A TaskRouter event: novel thing"),
        (
            {"ReservationSid": "WR1", "WorkerName": "Lin", "TaskQueueName": "Billing"},
            "A task for Billing is offered to Lin",
        ),
        ({"ReservationSid": "WR1"}, "A task is offered to somebody"),
    ],
)
def test_a_task(fields: dict[str, object], sentence: str) -> None:
    assert told(TaskSid="WT1", **fields) == sentence


def test_the_age_of_a_task_is_shown_even_if_it_is_zero() -> None:
    done = {"TaskSid": "WT1", "EventType": "task.completed"}
    assert "Took" not in shown(**done)
    assert "*Took*\n0 seconds" in shown(**done, TaskAge=0)
    switched = {"EventType": "worker.activity.update", "WorkerSid": "WK1", "WorkerPreviousActivityName": "Break"}
    assert "for 0 seconds" in shown(**switched, WorkerTimeInPreviousActivity=0)
    assert "seconds" not in shown(**switched)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"RoomSid": "RM1", "StatusCallbackEvent": "participant-connected", "ParticipantIdentity": "ada"},
            "ada joined a room",
        ),
        (
            {"RoomSid": "RM1", "RoomName": "Fit", "StatusCallbackEvent": "room-ended", "RoomDuration": 0},
            "Room Fit was closed after 0 s",
        ),
        (
            {"StreamSid": "MZ1", "StreamEvent": "stream-error", "StreamError": "refused"},
            "Media stream of a call failed: refused",
        ),
        (
            {"factor_sid": "YF1", "type": "challenge.expired", "entity_identity": "ada"},
            "ada did not answer a challenge in time",
        ),
        ({"factor_sid": "YF1", "type": "factor.verified", "factor_friendly_name": "Phone"}, "Phone was verified"),
        (
            {
                "TranscriptionSid": "TR1",
                "TranscriptionStatus": "completed",
                "TranscriptionText": "Call me",
                "From": ADA,
            },
            f"Transcript of a call from {ADA}: Call me",
        ),
        ({"flow_sid": "FW1", "From": ADA, "topic": "parcel"}, f"A Studio flow sent a request for {ADA}"),
        ({"FlowSid": "FW1", "EventType": "order_asked"}, "A Studio flow sent a request: order asked"),
        ({"EventType": "document_created"}, "A Twilio callback: document created"),
        ({"EventType": "onMessageSent", "ChannelSid": "CH1"}, "A Twilio callback: on message sent"),
        ({"event_type": "transcript_ready"}, "A Twilio callback: transcript ready"),
        (
            {"EventType": "onMessageSent", "ChannelSid": "CH1", "MessageSid": "IM1", "Body": "Hi"},
            "A Twilio callback: on message sent",
        ),
        ({"FaxSid": "FX1", "FaxStatus": "delivered", "NumPages": "0"}, "A Twilio callback: fax delivered"),
        ({"SiprecSid": "SR1", "SiprecEvent": "siprec-started"}, "A Twilio callback: siprec started"),
        ({"tenant": "7"}, "A Twilio callback of an unknown kind"),
    ],
)
def test_another_callback(fields: dict[str, object], sentence: str) -> None:
    assert told(**fields) == sentence


def test_a_request_of_a_flow_shows_what_its_author_entered() -> None:
    text = shown(flow_sid="FW1", execution_sid="FN1", order_number="0", answer="yes", Digits="731955")
    assert "*Order number*\n0" in text
    assert "*Answer*\nyes" in text
    assert "731955" not in text
    assert "FN1" in text


@pytest.mark.parametrize(
    ("event_type", "data", "sentence"),
    [
        (
            "studio.flow.execution.ended",
            {"contact_channel_address": ADA, "ended_reason": "HUNG_UP"},
            f"Studio flow ended for {ADA}: hung up",
        ),
        ("studio.flow.step.ended", {"name": "ask"}, "Studio flow left its step ask"),
        ("studio.flow.step.ended", {}, "Studio flow left a step"),
        (
            "conversations.participant.removed",
            {"MessagingBinding": {"Address": f"whatsapp:{ADA}"}},
            f"{ADA} left a conversation",
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
        ("messaging.compliance.toll-free-verification.novel-step", {}, "Toll-free verification: novel step"),
        ("messaging.compliance.kites.flown", {}, "Kites: flown"),
        ("messaging.message.sent", {"messageSid": "SM1", "messageStatus": "SENT", "to": ADA}, f"SMS to {ADA} was sent"),
        (
            "accountsecurity.verify.message.delivered",
            {"message_status": "DELIVERED", "to": ADA, "error_code": "30003"},
            f"Verification code to {ADA} was delivered",
        ),
        ("accountsecurity.verify.verification.pending", {}, "A verification was started"),
        (
            "voice.insights.conference-summary.complete",
            {"friendly_name": "Desk", "duration_seconds": 0},
            "Conference Desk ended after 0 s",
        ),
        ("voice.insights.conference-participant-summary.complete", {}, "A participant left a conference"),
        ("voice.insights.call-event.gateway", {"name": "ICE_LOST"}, "Call event: ice lost"),
        ("voice.insights.call-summary.partial", {"from": {}, "to": {"callee": ADA}}, f"Call to {ADA}"),
        (
            "voice.insights.call-summary.complete",
            {"call_state": "completed", "duration": 0, "from": {"caller": OURS}, "to": {"callee": ADA}},
            f"Call from {OURS} to {ADA} ended after 0 s",
        ),
        (
            "error-logs.error.logged",
            {"level": "INFO", "error_code": "81017", "payload": "{}"},
            "Twilio info: error 81017",
        ),
        ("error-logs.error.logged", {"level": "", "payload": "{}"}, "Twilio alert"),
        ("iam.ip.blocked", {}, "Requests from an IP address were blocked"),
        ("iam.sms.new-thing", {}, "A Twilio event: IAM SMS new thing"),
        ("kites.kite.flown", {}, "A Twilio event: kites kite flown"),
    ],
)
def test_a_streamed_event(event_type: str, data: dict[str, object], sentence: str) -> None:
    assert streamed(event_type, **data) == sentence


@pytest.mark.parametrize(
    ("event_type", "parameters", "sentence"),
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
        ("status-callback.call.answered", {"CallStatus": "in-progress"}, f"Call to {ADA} was answered"),
        ("status-callback.amd.detected", {"AnsweredBy": "fax"}, "A fax answered the call"),
        (
            "status-callback.gather.partial.captured",
            {"CallSid": ""},
            f"Call to {ADA} got part of an answer to its prompt",
        ),
        ("twiml.dial.finished", {"DialCallStatus": "busy"}, f"Call to {ADA} was forwarded, and the line was busy"),
        ("twiml.dial.finished", {}, f"Call to {ADA} was forwarded"),
        ("twiml.record.finished", {"RecordingDuration": "0"}, f"Call to {ADA} was recorded, 0 s"),
        ("twiml.enqueue.finished", {"QueueResult": "hangup"}, f"Call to {ADA} was given up in its queue"),
        ("api-request.call.created", {}, f"Call to {ADA} was started through the API"),
        ("api-request.conference.modified", {}, "A conference was changed through the API"),
    ],
)
def test_a_streamed_webhook_of_a_call_states_what_its_parameters_say(
    event_type: str, parameters: dict[str, str], sentence: str
) -> None:
    named = {"CallSid": "CA1", "Direction": "outbound-api", "From": OURS, "To": ADA, **parameters}
    assert streamed(f"voice.{event_type}", sid="CA1", request={"parameters": named}) == sentence


def test_words_of_a_streamed_transcript_and_files_of_a_conversation_are_shown_though_they_come_as_text() -> None:
    parameters = {"TranscriptionEvent": "transcription-content", "TranscriptionData": '{"transcript": "Two, please"}'}
    said = streamed("voice.status-callback.transcription.processed", request={"parameters": parameters})
    assert said == "Part of the transcript of a call: Two, please"
    files = json.dumps([{"Filename": "shelf.jpg", "ContentType": "image/jpeg", "Size": 0}])
    assert "shelf.jpg, image/jpeg, 0 Bytes" in shown(EventType="onMessageAdded", ConversationSid="CH1", Media=files)


def test_an_alert_names_its_error_in_words_or_as_twilio_does() -> None:
    alert = {"Sid": "NO1", "Level": "ERROR"}
    assert told(**alert, Payload=json.dumps({"error_code": "11205", "more_info": {"Msg": "refused"}})) == (
        "Twilio error: a webhook's server could not be reached (11205)"
    )
    assert told(**alert, Payload=json.dumps({"error_code": "99999", "more_info": {"Msg": "Odd"}})) == (
        "Twilio error: Odd (99999)"
    )
    assert told(**alert, Payload="plain words") == "Twilio error: plain words"
    assert told(**{**alert, "Level": "WARNING"}, Payload="{}") == "Twilio warning"


def test_every_advice_is_about_a_code_that_is_explained() -> None:
    words = TEMPLATES.words["twilio/words.toml"].packaged
    errors, advice = words["errors"], words["advice"]
    assert isinstance(errors, dict)
    assert isinstance(advice, dict)
    assert len(advice) > 70
    assert set(advice) <= set(errors)


def test_no_event_of_twilio_holds_a_sentence() -> None:
    [event] = events([["MessageSid", "SM1"], ["MessageStatus", "sent"], ["To", ADA]])
    assert PROVIDER.line(event) == f"Twilio message sent: {ADA}"


PAY = {"PaymentMethod": "credit-card", "PaymentCardNumber": "xxxxxxxxxxxx4242", "ExpirationDate": "1227"}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"Result": "success", "PaymentConfirmationCode": "ch_1"}, "took a payment"),
        (
            {"Result": "success", "PaymentConfirmationCode": "", "PaymentToken": "tok_secret"},
            "kept a way to pay, and nothing was charged",
        ),
        (
            {"Result": "payment-connector-error", "PaymentError": "Card declined", "PayErrorCode": "64004"},
            "took no payment: payment connector error: Card declined (64004)",
        ),
        ({"Result": "caller-hung-up"}, "took no payment: caller hung up"),
    ],
)
@pytest.mark.parametrize("status", ["in-progress", "completed"])
def test_a_payment_in_a_call_is_told_by_its_own_result(fields: dict[str, str], sentence: str, status: str) -> None:
    """Twilio docs, TwiML Voice: <Pay>, https://www.twilio.com/docs/voice/twiml/pay : a token is no charge."""
    assert told(**CALL, **PAY, **fields, CallStatus=status) == f"Call from {ADA} {sentence}"
    assert told(CallSid="CA1", Sid="PK1", **PAY, **fields) == f"A call {sentence}"


def test_what_a_caller_pays_with_is_never_shown() -> None:
    asked = {"CallSid": "CA1", "Sid": "PK1", "Capture": "security-code", "SecurityCode": "xxx", **PAY}
    for text in (shown(**asked), shown(**asked, Result="success", PaymentToken="tok_secret", ProfileId="7e6a")):
        assert not re.search("4242|1227|tok_secret|xxx", text)


def test_a_session_or_a_queue_has_its_own_result_too() -> None:
    """Twilio docs, TwiML Voice, https://www.twilio.com/docs/voice/twiml/connect and /docs/voice/twiml/queue ."""
    session = {**CALL, "CallStatus": "in-progress", "SessionId": "VX1", "SessionDuration": "25"}
    ended, lost = (told(**session, SessionStatus=status, ErrorCode="64101") for status in ("ended", "failed"))
    assert ended == f"Call from {ADA} ended its session with your application after 25 s"
    assert lost == f"Call from {ADA} lost its session with your application after 25 s: error 64101"
    queue = {**CALL, "CallStatus": "in-progress"}
    assert told(**queue, DequeueResult="bridged", DequeuedCallDuration="61") == (
        f"Call from {ADA} took a caller out of a queue, for 1 min 1 s"
    )
    assert told(**queue, DequeueResult="queue-empty") == f"Call from {ADA} found nobody in the queue"


@pytest.mark.parametrize("kind", ["amd.detected", "stream.updated"])
def test_a_stream_event_without_its_request_has_no_address_for_a_title(kind: str) -> None:
    assert "://" not in streamed(f"voice.status-callback.{kind}", call_sid="CA" + "3" * 32)


@pytest.mark.parametrize("odd", ["{x}.failed", "a[b|c].failed", "brand.{}", "x.{who} [of {y}]"])
def test_a_type_with_the_marks_of_a_phrase_is_text(odd: str) -> None:
    assert re.sub(r"\W+", " ", odd).split()[0] in streamed(f"messaging.compliance.{odd}").lower()


def test_the_name_of_a_conference_is_not_formatted() -> None:
    fields = {"ConferenceSid": "CF1", "StatusCallbackEvent": "conference-start", "FriendlyName": "*loud* room"}
    text = shown(**fields)
    assert "room" in text
    assert "*loud*" not in text
