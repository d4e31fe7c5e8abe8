"""Tests of what makes two callbacks one event: never the attempt, never the parent's id alone."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bridge.events import Event, Request
from bridge.sources.provider import key_ttls
from bridge.sources.twilio.provider import PROVIDER
from tests.sources.test_twilio_events import ADA, OURS, TOKEN, URL, event, events, same
from tests.sources.test_twilio_verify import accepted, signature

CASES = Path(__file__).parents[2].parent / "shared" / "cases"


def conversation(happened: str, **fields: str) -> Event:
    return event(EventType=happened, ConversationSid="CH1", **fields)


def during_a_call(**fields: str) -> Event:
    """Return the request that follows a verb of TwiML, in a call that goes on."""
    named = {"CallSid": "CA1", "CallStatus": "in-progress", "Direction": "inbound", "From": ADA, "To": OURS}
    return event(**{**named, **fields})


@pytest.mark.skipif(not CASES.exists(), reason="the folder of shared cases is not beside this checkout")
def test_the_retry_of_the_shared_case_is_one_event() -> None:
    body = json.loads((CASES / "twilio-conversation-retry.json").read_text("utf-8"))["body"]
    first, retry = events(body.encode()), events(body.replace("RetryCount=0", "RetryCount=1").encode())
    assert same(first[0], retry[0])


@pytest.mark.parametrize(
    "fields",
    [
        {"EventType": "onMessageAdded", "MessageSid": "IM7", "Body": "Two, please", "Index": "35"},
        {"EventType": "onMessageUpdated", "MessageSid": "IM7", "Body": "Three", "DateUpdated": "2026-11-23T09:43:02Z"},
        {"EventType": "onMessageAdd", "Body": "Two, please", "Author": "ada"},
        {"EventType": "onParticipantAdded", "ParticipantSid": "MB1"},
        {"EventType": "onConversationStateUpdated", "StateTo": "closed"},
        {"EventType": "onDeliveryUpdated", "MessageSid": "IM7", "Status": "delivered"},
    ],
)
def test_a_retry_of_conversations_is_the_same_event(fields: dict[str, str]) -> None:
    """Twilio docs, Error 50065 (a webhook is retried, RetryCount), https://www.twilio.com/docs/api/errors/50065 ."""
    first, second, third = (event(ConversationSid="CH1", **fields, RetryCount=str(n)) for n in range(3))
    assert same(first, second)
    assert same(second, third)
    assert not same(first, event(ConversationSid="CH2", **{**fields, "MessageSid": "IM8", "ParticipantSid": "MB2"}))


def test_two_events_in_one_conversation_stay_two() -> None:
    assert not same(conversation("onMessageAdded", MessageSid="IM1"), conversation("onMessageAdded", MessageSid="IM2"))
    assert not same(
        conversation("onMessageAdded", MessageSid="IM1"), conversation("onMessageRemoved", MessageSid="IM1")
    )
    one, two = (conversation("onMessageAdd", Body="yes", Index=index) for index in ("3", "4"))
    assert not same(one, two), "a message without an id is told by its place"
    one, two = (
        conversation("onMessageUpdated", MessageSid="IM1", Body="yes", DateUpdated=f"2026-11-23T09:4{n}:00Z")
        for n in range(2)
    )
    assert not same(one, two), "changed twice"
    assert not same(*(conversation("onParticipantAdded", ParticipantSid=sid) for sid in ("MB1", "MB2")))


def task(happened: str, **fields: str) -> Event:
    return event(EventType=happened, **{"TaskSid": "WT1", "TaskAge": "0", **fields})


@pytest.mark.parametrize(
    ("happened", "fields"),
    [
        ("task.created", {}),
        ("task.updated", {"TaskPriority": "5"}),
        ("task-queue.entered", {"TaskQueueSid": "WQ1"}),
        ("reservation.accepted", {"ReservationSid": "WR1"}),
        ("reservation.timeout", {"ResourceType": "reservation", "ResourceSid": "WR1"}),
    ],
)
def test_the_age_of_a_task_is_not_its_event(happened: str, fields: dict[str, str]) -> None:
    assert same(task(happened, **fields), task(happened, **fields, TaskAge="9"))


def test_two_events_of_one_task_stay_two() -> None:
    assert not same(task("task.created"), task("task.canceled"))
    for happened in ("task.updated", "task-queue.entered", "worker.activity.update"):
        assert not same(task(happened, Timestamp="1795426916"), task(happened, Timestamp="1795426986")), happened
        one, two = (task(happened, Timestamp="1795426916", Sid=sid) for sid in ("EV1", "EV2"))
        assert not same(one, two), happened
    assert not same(*(task("reservation.created", ReservationSid=sid) for sid in ("WR1", "WR2")))
    sent_again = task("task.updated", Sid="EV1", Timestamp="1795426990")
    assert same(task("task.updated", Sid="EV1", Timestamp="1795426916"), sent_again), "the event's own id decides"


def test_an_assignment_is_told_by_its_reservation() -> None:
    """Twilio, https://www.twilio.com/docs/taskrouter/handle-assignment-callbacks ."""
    asked = {"TaskSid": "WT1", "WorkerSid": "WK1", "WorkerAttributes": "{}", "TaskAttributes": '{"topic": "parcel"}'}
    first = event(**asked, ReservationSid="WR1", TaskAge="0", Timestamp="1795426916")
    assert (first.type, first.subject) == ("task.assignment", "WT1")
    assert same(first, event(**asked, ReservationSid="WR1", TaskAge="11", Timestamp="1795426927"))
    assert not same(first, event(**asked, ReservationSid="WR2", TaskAge="0", Timestamp="1795426916"))


def test_a_request_to_the_fallback_url_is_the_same_event() -> None:
    first = {"CallSid": "CA1", "CallStatus": "in-progress", "Direction": "inbound", "Digits": "2"}
    assert same(event(**first), event(**first, ErrorCode="11200", ErrorUrl="https://example.com/voice"))
    assert not same(
        event(**first), event(**{**first, "Digits": "3"}, ErrorCode="11200", ErrorUrl="https://example.com")
    )


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        ({"DialCallStatus": "no-answer", "DialCallSid": "CA2"}, "call.dial.no-answer"),
        ({"DialCallStatus": "completed", "DialCallDuration": "0", "RecordingUrl": "https://x"}, "call.dial.completed"),
        ({"DialStatus": "busy"}, "call.dial.busy"),
        ({"RecordingUrl": "https://example.com/RE1", "RecordingDuration": "7", "Digits": "hangup"}, "call.record"),
        ({"Digits": "2", "msg": "Gather End"}, "call.gather"),
        ({"SpeechResult": "two", "Confidence": "0.9"}, "call.gather"),
        ({"UnstableSpeechResult": "tw", "Stability": "0.1", "SequenceNumber": "0"}, "call.gather.partial"),
        ({"QueueResult": "hangup", "QueueSid": "QU1", "QueueTime": "61"}, "call.queue.hangup"),
        ({"QueuePosition": "1", "QueueSid": "QU1", "QueueTime": "0"}, "call.queue.waiting"),
        ({"ReferCallStatus": "completed", "ReferSipResponseCode": "202"}, "call.refer.completed"),
        ({"Result": "success", "PaymentConfirmationCode": "ch_1"}, "call.pay.success"),
        ({"Result": "success", "PaymentToken": "tok_1", "PaymentConfirmationCode": ""}, "call.pay.success"),
        ({"Result": "payment-connector-error", "PaymentError": "No"}, "call.pay.payment-connector-error"),
        ({"Result": "caller-hung-up", "PaymentMethod": "credit-card"}, "call.pay.caller-hung-up"),
        ({"DequeueResult": "bridged", "DequeuedCallSid": "CA2"}, "call.dequeue.bridged"),
        ({"SessionId": "VX1", "SessionStatus": "failed", "SessionDuration": "3"}, "call.session.failed"),
    ],
)
@pytest.mark.parametrize("status", ["ringing", "in-progress", "completed"])
def test_the_result_of_a_step_is_no_status_of_its_call(fields: dict[str, str], event_type: str, status: str) -> None:
    found = during_a_call(**fields, CallStatus=status)
    assert (found.type, found.subject) == (event_type, "CA1")
    of_the_call = during_a_call(CallStatus=status, CallbackSource="call-progress-events", SequenceNumber="1")
    assert of_the_call.type == f"call.{status}"
    assert not same(found, of_the_call)


def test_a_step_is_known_without_the_status_of_its_call_and_beside_its_length() -> None:
    assert event(CallSid="CA1", DialCallStatus="busy").type == "call.dial.busy"
    assert event(CallSid="CA1", Digits="1").type == "call.gather"
    assert during_a_call(DialCallStatus="busy", CallDuration="9").type == "call.dial.busy"


def test_every_leg_and_every_press_of_a_key_in_one_call_is_its_own_event() -> None:
    legs = [during_a_call(DialCallStatus="busy", DialCallSid=sid) for sid in ("CA2", "CA3")]
    presses = [during_a_call(Digits=digit) for digit in "12"]
    parts = [during_a_call(UnstableSpeechResult="a", SequenceNumber=number) for number in "01"]
    recordings = [during_a_call(RecordingUrl=f"https://example.com/RE{n}", RecordingDuration="7") for n in range(2)]
    for one, two in (legs, presses, parts, recordings):
        assert not same(one, two)


def test_the_end_of_a_call_with_a_recording_stays_the_end_of_the_call() -> None:
    ended = {"CallSid": "CA1", "CallStatus": "completed", "Direction": "inbound", "CallDuration": "0"}
    found = event(**ended, RecordingUrl="https://example.com/RE1", RecordingDuration="0")
    assert found.type == "call.completed"
    assert same(found, event(**ended, CallerName="Ada"))


def test_two_parts_of_a_transcript_are_two_events_and_two_states_of_one_too() -> None:
    part = {"TranscriptionSid": "GT1", "CallSid": "CA1", "TranscriptionEvent": "transcription-content"}
    said = {"TranscriptionData": '{"transcript": "Yes."}'}
    assert not same(event(**part, **said, SequenceId="2"), event(**part, **said, SequenceId="3"))
    tracks = [event(**part, **said, SequenceId="2", Track=track) for track in ("inbound_track", "outbound_track")]
    assert not same(*tracks)
    state = {"TranscriptionSid": "TR1", "CallSid": "CA1", "CallStatus": "completed"}
    assert not same(event(**state, TranscriptionStatus="failed"), event(**state, TranscriptionStatus="completed"))
    one, two = (event(TranscriptionStatus="completed", RecordingSid=sid, CallSid="CA1") for sid in ("RE1", "RE2"))
    assert one.type == "transcription.completed"
    assert not same(one, two)


def test_two_people_in_one_conference_or_room_are_two_events() -> None:
    joins = [
        event(ConferenceSid="CF1", StatusCallbackEvent="participant-join", CallSid=sid, SequenceNumber="2")
        for sid in ("CA1", "CA2")
    ]
    assert not same(*joins)
    without_a_number = [
        event(ConferenceSid="CF1", StatusCallbackEvent="participant-mute", CallSid="CA1", Timestamp=at)
        for at in ("Mon, 23 Nov 2026 00:02:09 +0000", "Mon, 23 Nov 2026 00:02:41 +0000")
    ]
    assert not same(*without_a_number)
    tracks = [
        event(RoomSid="RM1", StatusCallbackEvent="track-added", TrackSid=sid, SequenceNumber="4")
        for sid in ("MT1", "MT2")
    ]
    assert not same(*tracks)


def test_two_answers_of_one_phone_are_two_events() -> None:
    answers = [event(type="challenge.denied", factor_sid="YF1", challenge_sid=sid) for sid in ("YC1", "YC2")]
    assert not same(*answers)
    sent_twice = [event(type="challenge.denied", factor_sid="YF1", challenge_sid="YC1", uuid=one) for one in "ab"]
    assert same(*sent_twice)


def test_the_id_of_a_streamed_event_decides_in_whatever_batch_it_comes() -> None:
    def streamed(object_id: str, **more: object) -> dict[str, object]:
        return {"specversion": "1.0", "type": "com.twilio.voice.media.fetched", "id": object_id, "data": {}, **more}

    first = events([streamed("EZ1"), streamed("EZ2")])
    assert not same(*first)
    [again] = events([streamed("EZ2", time="2026-11-23T00:00:00Z")])
    assert same(first[1], again)
    assert not same(first[0], again)


def test_a_captured_request_is_a_duplicate_however_often_it_is_sent() -> None:
    for fields in ({"CallSid": "CA1", "Digits": "1"}, {"EventType": "onMessageAdd", "ConversationSid": "CH1"}):
        assert set(event(**fields).keys) == set(event(**fields).keys)


def test_the_key_over_all_fields_lives_for_minutes_and_the_one_against_replay_for_a_day() -> None:
    keys = conversation("onMessageUpdated", MessageSid="IM1", Body="Three").keys
    assert key_ttls(PROVIDER, keys, PROVIDER.dedupe_ttl) == (300.0, 86400.0)


@pytest.mark.parametrize("called", ["a=o'neil%27s", "a=o'neil's", "a=o%27neil%27s"])
@pytest.mark.parametrize("signed", ["a=o'neil's", "a=o%27neil%27s"])
def test_an_apostrophe_may_be_signed_in_either_way(called: str, signed: str) -> None:
    """Twilio/twilio-node#1183 and #1059: signed as `'`, and called as `%27`, or the other way round."""
    url, query = f"{URL}?CallSid=CA1&CallStatus=ringing&", f"{URL}?CallSid=CA1&CallStatus=ringing&{signed}"
    request = Request("GET", url + called, {"X-Twilio-Signature": signature(query)}, b"")
    assert accepted(request)
    form = {
        "X-Twilio-Signature": signature(query, [("Digits", "1")]),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert accepted(Request("POST", url + called, form, b"Digits=1"))
    assert not accepted(Request("GET", url + called + "&b=1", request.headers, b""))


def test_the_other_way_of_an_apostrophe_is_no_new_event() -> None:
    fields = [("Body", "it%27s"), ("Note", "it's")]
    for query in ("x=it's", "x=it%27s"):
        good = PROVIDER.request_for("", fields, TOKEN, 0.0, url=f"{URL}?{query}")
        [real] = PROVIDER.events(good, "twilio", 1.0)
        for other in ("x=it's", "x=it%27s"):
            replay = Request("POST", f"{URL}?{other}", good.headers, urlencode(fields).encode())
            PROVIDER.verify(replay, [TOKEN], 0.0)
            assert same(real, PROVIDER.events(replay, "twilio", 2.0)[0])
            # Nothing separates URL and parameters in the signed text, so a part of them can move into the URL.
            moved = Request("POST", f"{URL}?{other}Bodyit%27s", good.headers, b"Note=it%27s")
            assert accepted(moved) or other != query
            assert same(real, PROVIDER.events(moved, "twilio", 2.0)[0])
    assert not accepted(Request("GET", f"{URL}?x=it%2527s", {"X-Twilio-Signature": signature(f"{URL}?x=it's")}, b""))


@pytest.mark.parametrize("sid", ["MessageSid", "SmsSid", "SmsMessageSid"])
def test_a_message_is_known_by_the_names_of_the_older_api_too(sid: str) -> None:
    found = event(**{sid: "SM1"}, From=ADA, To=OURS, Body="Hello")
    assert (found.type, found.subject) == ("message.received", "SM1")
    assert same(found, event(MessageSid="SM1", SmsStatus="received", Body="Hello"))


def test_a_call_of_the_2008_api_is_a_call() -> None:
    found = event(CallGuid="CA1", CallStatus="ringing", Direction="inbound", Caller=ADA, Called=OURS, AccountGuid="AC1")
    assert (found.type, found.subject, found.actor) == ("call.received", "CA1", ADA)


@pytest.mark.parametrize(
    ("fields", "event_type", "subject"),
    [
        ({"flow_sid": "FW1", "execution_sid": "FN1", "answer": "yes"}, "studio", "FN1"),
        ({"FlowSid": "FW1", "EventType": "order_asked"}, "studio.order_asked", "FW1"),
        ({"FaxSid": "FX1", "FaxStatus": "Delivered", "NumPages": "0"}, "fax.delivered", "FX1"),
        ({"EventType": "onMessageSent", "MessageSid": "IM1", "Body": "Hi"}, "unknown.onmessagesent", ""),
        ({"EventType": "onUserUpdated", "UserSid": "US1", "Identity": "ada"}, "conversation.onuserupdated", "US1"),
    ],
)
def test_more_kinds_are_known(fields: dict[str, str], event_type: str, subject: str) -> None:
    found = event(**fields)
    assert (found.type, found.subject) == (event_type, subject or event_type)
