"""Tests of the events of verified requests."""

import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bridge.core.payload import at
from bridge.events import Event, Request
from bridge.sources import Malformed
from bridge.sources.twilio.provider import PROVIDER

TOKEN = "0123456789abcdef0123456789abcdef"
URL = "https://hooks.example.com/webhooks/twilio"
ADA, OURS = "+12025550142", "+12025550123"
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "twilio"


def events(body: object, url: str = URL) -> list[Event]:
    """Return the events of a request that verifies."""
    request = PROVIDER.request_for("", body, TOKEN, 0.0, url=url)
    PROVIDER.verify(request, [TOKEN], 0.0)
    return PROVIDER.events(request, "twilio", 1795392000.0)


def event(**fields: str) -> Event:
    [one] = events([[name, value] for name, value in fields.items()])
    return one


def same(one: Event, other: Event) -> bool:
    return bool(set(one.keys) & set(other.keys))


def message(status: str = "sent", **fields: str) -> Event:
    named = {"MessageSid": "SM1", "MessageStatus": status, "SmsStatus": status, "To": ADA, "From": OURS}
    return event(**{**named, **fields})


def call(status: str = "completed", **fields: str) -> Event:
    named = {"CallSid": "CA1", "CallStatus": status, "To": ADA, "From": OURS, "Direction": "outbound-api"}
    return event(**{**named, "CallbackSource": "call-progress-events", "SequenceNumber": "1", **fields})


def incoming(**fields: str) -> Event:
    named = {"MessageSid": "SM1", "SmsStatus": "received", "NumMedia": "0", "Body": "Hello", "From": ADA, "To": OURS}
    return event(**{**named, **fields})


def test_an_incoming_message_names_its_sender() -> None:
    found = incoming(Body="Why do you say that? ")
    assert (found.type, found.subject, found.actor, found.name) == ("message.received", "SM1", ADA, ADA)
    assert PROVIDER.line(found) == f"Twilio message received: {ADA}"
    assert found.url == "https://www.twilio.com/console/sms/logs/SM1"
    assert found.provider == "twilio"
    assert not found.confidential
    assert not found.test


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"From": "whatsapp:+12025550142", "ProfileName": "Ada"}, "Ada"),
        ({"From": "whatsapp:+12025550142"}, ADA),
        ({"From": "client:ada"}, "ada"),
        ({"From": "sip:ada@example.com"}, "ada@example.com"),
        ({"From": ""}, ""),
        ({"ProfileName": "a\nb\x00c"}, "a b c"),
    ],
)
def test_a_message_is_named_by_its_other_side(fields: dict[str, str], name: str) -> None:
    found = incoming(**fields)
    assert (found.type, found.name, found.actor) == ("message.received", name, name)
    assert message(To="rcs:acme_agent").name == "acme_agent"


def test_every_status_of_a_message_is_its_own_event() -> None:
    sent, delivered = message("sent"), message("delivered")
    assert sent.type == "message.sent"
    assert delivered.type == "message.delivered"
    assert not same(sent, delivered), "keyed by MessageSid alone, `delivered` would be lost"
    assert not same(message("failed", ErrorCode="30003"), message("failed", ErrorCode="30008"))
    assert not same(incoming(), message("sent"))
    assert same(delivered, message("delivered", NewField="x")), "Twilio adds fields without notice"


def test_a_whatsapp_status_with_a_body_is_no_incoming_message() -> None:
    found = message("undelivered", Body="Your order", NumMedia="0")
    assert found.type == "message.undelivered"


def test_an_old_style_status_without_message_status_still_counts() -> None:
    assert event(SmsSid="SM1", SmsStatus="sent", To=ADA).type == "message.sent"


def test_an_incoming_call_and_its_statuses_are_distinguished() -> None:
    ringing = {"CallSid": "CA1", "CallStatus": "ringing", "Direction": "inbound", "From": ADA, "To": OURS}
    received = event(**ringing, CallerName="LOVELACE ADA")
    assert received.type == "call.received"
    assert (received.name, received.actor) == ("LOVELACE ADA", "LOVELACE ADA")
    assert received.url == "https://www.twilio.com/console/voice/calls/logs/CA1"
    status = event(**ringing, CallbackSource="call-progress-events", SequenceNumber="1")
    assert status.type == "call.ringing"
    assert not same(received, status)


@pytest.mark.parametrize("number", ["+266696687", "+7378742833", "anonymous"])
def test_a_caller_who_hides_the_number_is_no_number(number: str) -> None:
    fields = {"CallSid": "CA1", "CallStatus": "ringing", "Direction": "inbound", "From": number}
    assert (event(**fields).name, event(**fields).actor) == ("", "")


def test_a_call_is_named_by_its_other_side() -> None:
    found = call("resting", To="client:ada")
    assert (found.type, found.name, found.actor) == ("call.resting", "ada", OURS)
    assert call("busy", Direction="inbound", From=ADA).name == ADA


def test_a_calls_callbacks_differ_by_status_and_number() -> None:
    assert not same(call("ringing"), call("in-progress"))
    assert not same(call(SequenceNumber="1"), call(SequenceNumber="2"))
    assert same(call(), call(Duration="1"))
    gather = {"CallSid": "CA1", "CallStatus": "in-progress", "Direction": "inbound"}
    assert not same(event(**gather, Digits="1"), event(**gather, Digits="2")), "two key presses of one call"


def test_a_recording_belongs_to_its_call() -> None:
    fields = {"RecordingSid": "RE1", "CallSid": "CA1", "RecordingDuration": "42", "ErrorCode": "0"}
    done = event(**fields, RecordingStatus="completed")
    assert (done.type, done.subject) == ("recording.completed", "CA1")
    failed = event(**{**fields, "ErrorCode": "31000"}, RecordingStatus="failed")
    assert not same(done, failed)
    of_conference = event(RecordingSid="RE1", RecordingStatus="in-progress", ConferenceSid="CF1")
    assert of_conference.subject == "CF1"


def test_a_conference_event_names_the_participant_and_the_action() -> None:
    fields = {"ConferenceSid": "CF1", "FriendlyName": "Standup", "ParticipantLabel": "ada", "CallSid": "CA1"}
    join = event(**fields, StatusCallbackEvent="participant-join", SequenceNumber="1")
    assert (join.type, join.subject, join.actor) == ("conference.participant-join", "CF1", "ada")
    assert join.name == "Standup"
    assert PROVIDER.line(join) == "Twilio conference participant join: Standup"
    mute = event(**fields, StatusCallbackEvent="participant-mute", SequenceNumber="3")
    again = event(**fields, StatusCallbackEvent="participant-mute", SequenceNumber="5")
    assert not same(mute, again)
    new = event(**fields, StatusCallbackEvent="participant-wave", SequenceNumber="6")
    assert new.type == "conference.participant-wave"


def debugger(payload: str, level: str = "ERROR") -> Event:
    return event(Sid="NO1", Level=level, Payload=payload, Timestamp="2026-11-23T00:00:54Z", AccountSid="AC1")


def test_the_debuggers_payload_is_read() -> None:
    found = debugger(json.dumps({"resource_sid": "CA1", "error_code": "11200", "more_info": {"msg": "404"}}))
    assert (found.type, found.subject) == ("debugger.error", "CA1")
    assert found.name == "11200"
    assert at(found.payload, "Payload", "more_info", "msg") == "404"
    assert found.occurred_at == 1795392054.0
    assert found.url == "https://www.twilio.com/console/debugger/NO1"
    unknown = debugger(json.dumps({"error_code": "99999", "more_info": {"Msg": "Odd"}}), "WARNING")
    assert unknown.type == "debugger.warning"


@pytest.mark.parametrize("payload", ["{broken", "[" * 10_000, "plain words", "null"])
def test_a_debugger_payload_that_is_no_json_object_stays_as_it_came(payload: str) -> None:
    found = debugger(payload)
    assert found.payload["Payload"] == payload
    assert (found.type, found.subject) == ("debugger.error", "NO1")


@pytest.mark.parametrize("body", [b"[", b"{", b"[1, 2]", b'{"a": 1' + b"}" * 3, b"[" * 100_000])
def test_a_body_that_holds_no_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        events(body)


def test_an_empty_batch_is_no_event_and_an_empty_form_is_malformed() -> None:
    assert events([]) == []
    with pytest.raises(Malformed):
        events(b"")


@pytest.mark.parametrize(
    ("fields", "event_type"),
    [
        ({"AccountSid": "AC1", "Digits": "1"}, "unknown"),
        ({"event_type": "voice_intelligence_transcript_available"}, "unknown.voice_intelligence_transcript_available"),
        ({"ConversationSid": "CH1", "EventType": "onMessageAdded"}, "conversation.onmessageadded"),
        ({"RoomSid": "RM1", "StatusCallbackEvent": "room-created"}, "room.room-created"),
        ({"uuid": "1", "type": "challenge.approved", "factor_sid": "YF1"}, "verify.challenge.approved"),
        ({"EventType": "document_created"}, "unknown.document_created"),
        ({"tenant": "7"}, "unknown"),
    ],
)
def test_an_unknown_kind_still_has_a_type_and_a_line(fields: dict[str, str], event_type: str) -> None:
    found = event(**fields)
    assert found.type == event_type
    assert PROVIDER.line(found).startswith("Twilio ")
    assert found.subject
    assert same(found, event(**fields))
    assert not same(found, event(**fields, more="1"))


def test_a_get_is_read_from_its_query() -> None:
    query = urlencode([("tenant", "7"), ("MessageSid", "SM1"), ("MessageStatus", "sent"), ("To", ADA), ("FromZip", "")])
    found = PROVIDER.events(Request("GET", f"{URL}?{query}#rc=3", {}, b"MessageSid=SM2"), "twilio", 1.0)
    assert found[0].type == "message.sent"
    assert found[0].payload == {
        "tenant": "7", "MessageSid": "SM1", "MessageStatus": "sent", "To": ADA, "FromZip": ""
    }  # fmt: skip
    assert same(found[0], message("sent"))


def test_a_repeated_name_keeps_each_value_once_in_an_order_that_no_sender_chooses() -> None:
    found = [events([["Digits", value] for value in values])[0] for values in (("2", "1", "2"), ("1", "2"))]
    assert found[0].payload == found[1].payload == {"Digits": ["1", "2"]}
    assert same(*found)


def test_one_captured_request_is_one_event_however_it_is_cut() -> None:
    """Nothing separates names from values in the text that Twilio signs, so the same signature fits other forms."""
    good = PROVIDER.request_for(
        "", [["Body", "x"], ["MessageSid", "SM1"], ["MessageStatus", "sent"]], TOKEN, 0.0, url=URL
    )
    [real] = PROVIDER.events(good, "twilio", 1.0)
    for body, url in (
        (b"Body=xMessageSidSM1&MessageStatus=sent", URL),
        (b"B=odyxMessageSidSM1MessageStatussent", URL),
        (b"atusse=nt", f"{URL}BodyxMessageSidSM1MessageSt"),
    ):
        replay = Request("POST", url, good.headers, body)
        PROVIDER.verify(replay, [TOKEN], 0.0)
        [dressed] = PROVIDER.events(replay, "twilio", 2.0)
        assert dressed.payload != real.payload
        assert same(real, dressed)


def test_the_idempotency_token_which_nothing_signs_decides_nothing() -> None:
    good = PROVIDER.request_for("", [["MessageSid", "SM1"], ["MessageStatus", "sent"]], TOKEN, 0.0, url=URL)
    keys = [
        PROVIDER.events(
            Request("POST", URL, {**good.headers, "I-Twilio-Idempotency-Token": token}, good.body), "t", 1.0
        )
        for token in ("one", "two")
    ]
    assert keys[0][0].keys == keys[1][0].keys


def test_text_that_is_not_utf_8_becomes_replacement_characters() -> None:
    [found] = events(b"MessageSid=SM1&SmsStatus=received&From=%2B12025550142&Body=a%FFb")
    assert found.payload["Body"] == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Mon, 23 Nov 2026 00:02:09 +0000", 1795392129.0),
        ("Mon, 23 Nov 2026 00:02:09 -0000", 1795392129.0),
        ("Mon, 99 Nov 2026 00:02:09 +0000", None),
        ("Mon, 23 Nov 99999 00:02:09 +9999", None),
        (",", None),
        ("0001-01-01T00:00:00+23:59", -62135683140.0),
        ("9" * 100, None),
        ("soon", None),
    ],
)
def test_times_are_read_or_left_out(text: str, seconds: float | None) -> None:
    assert call(Timestamp=text).occurred_at == seconds


@pytest.mark.skipif(not PAYLOADS.exists(), reason="the shared sample payloads are not beside this checkout")
def test_every_shared_payload_becomes_events_of_a_known_kind() -> None:
    paths = [path for path in PAYLOADS.glob("*.json") if path.stem not in ("index", "error_codes")]
    assert paths
    for path in paths:
        for found in events(json.loads(path.read_text("utf-8"))):
            assert not found.type.startswith("unknown"), path.name
            assert found.subject, path.name
            assert len(found.keys) == 2, path.name
            assert "None" not in PROVIDER.line(found), path.name
