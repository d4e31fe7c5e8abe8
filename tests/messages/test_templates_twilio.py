"""Tests of Twilio's messages, for every sample and for hostile data."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bridge.samples
from bridge.events import Event
from bridge.messages import Message
from bridge.messages.limits import limit_violations
from bridge.messages.templates import read_templates
from bridge.sources import Malformed
from bridge.sources.twilio.provider import PROVIDER
from tests.messages.rendering import render
from tests.walks import for_each

TEMPLATES = read_templates(None, {})
FOLDER = Path(bridge.samples.__file__).parent / "twilio"
SAMPLES = sorted(FOLDER.glob("*.json"))
SHARED = Path(__file__).parents[2].parent / "shared" / "payloads" / "twilio"
PAYLOADS = [path for path in sorted(SHARED.glob("*.json")) if path.stem not in ("index", "error_codes")]
HOSTILE = "<!channel> <@U1> *b* _i_ `c` <https://evil.example|ok> @here & > ~s~\x00\n> q"


def events(body: object) -> list[Event]:
    return PROVIDER.events(PROVIDER.request_for("", body, "token", 0.0), "twilio", 1795392000.0)


def message(event: Event) -> Message:
    """Return the message of an event. It must render without an error and keep within Slack's limits."""
    rendered = render(event, TEMPLATES)
    assert not rendered.error
    assert rendered.template.startswith("twilio/")
    assert rendered.message is not None
    assert not list(limit_violations(rendered.message))
    return rendered.message


def written(message: Message) -> str:
    """Return all texts of a message as one."""
    return json.dumps(message.body(), ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')


def sample(event_type: str, **changed: object) -> str:
    """Return the text of a sample's message, with some of the sample's fields changed."""
    body = json.loads((FOLDER / f"{event_type}.json").read_text("utf-8"))
    if isinstance(body[0], list):
        body = [pair for pair in body if pair[0] not in changed] + [[name, value] for name, value in changed.items()]
    else:
        body[0]["data"].update(changed)
    return written(message(events(body)[0]))


@pytest.mark.thorough
@for_each([*SAMPLES, *PAYLOADS], name=lambda path: path.stem)
def test_every_body_makes_a_message_without_holes(path: Path) -> None:
    for event in events(json.loads(path.read_text("utf-8"))):
        shown = written(message(event))
        assert "None" not in shown
        assert "Undefined" not in shown
        assert "•\n" not in shown
        assert "unknown number" not in message(event).text


@pytest.mark.parametrize(
    ("event_type", "phrases"),
    [
        (
            "message.received",
            ["MMS from +12025550142>", "> Hi, the parcel arrived", "> Can you send another one?", "|picture>",
             "to +12025550123", "number from Washington, DC, US"],
        ),
        ("message.undelivered", [":x: ", "was not delivered>", "The number is a landline", "(30006)", "errors/30006"]),
        ("message.failed", [":x: ", "not registered for A2P 10DLC", '"danger"']),
        ("message.delivered", ["SMS to +12025550142 was delivered>", '"good"', "from +12025550123"]),
        ("call.received", ["Call from LOVELACE ADA (+12025550142)>", "caller ID verified"]),
        ("call.no-answer", ["Missed call from LOVELACE ADA (+12025550142)>", '"warning"']),
        ("call.completed", ["ended after 3 min 12 s>", "a person", "Listen"]),
        ("call.failed", [":x: ", "the number does not exist", "`404`"]),
        ("recording.completed", ["Recording of a call, 3 min 7 s>", "Listen", "|the call>"]),
        ("recording.failed", [":x: ", "No reason was stated (31000)"]),
        ("conference.conference-end", ["Conference Support desk ended>: agent left, which ends this conference"]),
        ("conference.participant-leave", ["customer left conference Support desk>: hung up"]),
        (
            "debugger.error",
            [":x: ", "Twilio error>", "(11200)", "HTTP status code 404", "→ Look at", "HTTP 404"],
        ),
        ("debugger.warning", ["Twilio warning>", "Attribute 'voise' is not allowed"]),
        ("com.twilio.messaging.inbound-message.received", ["SMS from +12025550142>", "> Is the shop open on Sunday?"]),
        ("com.twilio.messaging.message.undelivered", ["The phone is switched off or out of reach (30003)"]),
        ("com.twilio.error-logs.error.logged", ["could not be reached (11205)", "connection refused"]),
        ("com.twilio.accountsecurity.verify.verification.approved", ["was approved", "Example log-in"]),
        ("com.twilio.voice.insights.call-summary.complete", ["ended after 3 min 12 s", "3 minutes and 7 seconds"]),
        ("verify.challenge.approved", ["ada-lovelace approved “Log in to Example”", "on Ada's phone"]),
        ("com.twilio.accountsecurity.verify.message.undelivered", [":x: ", "→ Try again later.", "errors/30003"]),
        ("com.twilio.voice.status-callback.call.completed", ["Call to +12025550142 ended after 3 min 12 s>", "good"]),
        ("com.twilio.voice.status-callback.recording.processed", ["Recording of a call, 3 min 7 s>", "Listen"]),
        ("com.twilio.voice.twiml.dial.finished", ["Call from +12025550142 was forwarded, and nobody answered>"]),
        ("com.twilio.voice.insights.conference-summary.complete", ["ended after 11 min>", "4, at most 3 at once"]),
        ("com.twilio.voice.status-callback.conference.updated", ["Support desk ended>: the last participant left"]),
        ("com.twilio.voice.status-callback.transcription.processed", ["Transcript of a call", "> Hi, this"]),
        ("com.twilio.voice.insights.call-event.sdk", [":warning: ", "Call event: ice connectivity lost>", "the app"]),
        ("com.twilio.studio.flow.execution.ended", ["/executions/FN", "|Studio flow ended for +12025550142>"]),
        ("com.twilio.taskrouter.reservation.accepted", ["Lin Sample took a task for Billing>", "9 seconds"]),
        ("com.twilio.taskrouter.task-queue.timeout", [":warning: ", "Nobody took a task for Billing in time>"]),
        ("task.created", ["A task for Billing was created>", "workflow Incoming calls", "<!date^1795426916^"]),
        ("com.twilio.conversations.message.added", ["+12025550142 wrote in a conversation", "> Is the", "shelf.jpg"]),
        ("conversation.onmessageadded", ["lin.sample wrote in a conversation", "> Yes, since this morning."]),
        (
            "com.twilio.messaging.compliance.toll-free-verification.rejected",
            [":x: Toll-free verification was rejected", "opt-in form", "→ Mend it", "errors/30505"],
        ),
        ("verify.challenge.denied", [":x: ", "ada-lovelace denied", "somebody knows their password"]),
        ("room.participant-disconnected", ["ada left room Fitting 12 after 17 min 41 s"]),
        ("stream.stream-error", [":x: ", "Media stream of a call failed>: The server at"]),
        ("transcription.completed", ["Transcript of a call from +12025550142>", "> Hi, this is Ada", "Listen"]),
        ("transcription.transcription-content", ["> Good morning, you are through"]),
        ("call.amd", ["A machine answered the call>"]),
        ("com.twilio.daptbt.link-shortening.link-clicked", ["A link in a message to +12025550142 was opened>"]),
        ("com.twilio.eventstreams.test-event", ["Test event from Twilio Event Streams"]),
    ],
)  # fmt: skip
def test_a_message_states_what_matters(event_type: str, phrases: list[str]) -> None:
    shown = sample(event_type)
    for phrase in phrases:
        assert phrase in shown


def test_the_notification_of_a_message_states_its_text_and_that_of_a_failure_why() -> None:
    [received] = events(json.loads((FOLDER / "message.received.json").read_text("utf-8")))
    assert message(received).text.startswith("MMS from +12025550142: Hi, the parcel arrived")
    [lost] = events(json.loads((FOLDER / "message.undelivered.json").read_text("utf-8")))
    assert "landline" in message(lost).text


def test_a_whatsapp_sender_is_named_with_the_number() -> None:
    shown = sample("message.received", From="whatsapp:+12025550142", ProfileName="Ada", NumMedia="0")
    assert "WhatsApp message from Ada>" in shown
    assert "from +12025550142" in shown


def test_an_empty_message_states_it_and_a_location_is_a_link() -> None:
    assert "_no text_" in sample("message.received", Body="", NumMedia="0")
    there = sample("message.received", Body="", NumMedia="0", Latitude="37.789", Longitude="-122.394", Label="Office")
    assert "mlat=37.789&amp;mlon=-122.394|Office>" in there


def test_a_person_who_opts_out_is_distinguished() -> None:
    shown = sample("message.received", Body="STOP", NumMedia="0", OptOutType="STOP")
    assert "+12025550142 opted out of messages>" in shown
    assert "until they send START" in shown
    assert '"warning"' in shown


def test_zero_is_no_error() -> None:
    assert "About error" not in sample("recording.completed")
    assert "About error" not in sample("com.twilio.messaging.message.delivered", errorCode=0)


@pytest.mark.parametrize(
    ("code", "phrases"),
    [
        ("21610", ["The receiver has opted out of messages (21610)", "→ Do not write again"]),
        ("30036", ["It waited in the queue longer than its validity period (30036)", "→ Send more slowly"]),
        ("39999", ["Error 39999", "errors/39999"]),
    ],
)
def test_a_lost_message_states_what_to_do_next_where_there_is_something_to_do(code: str, phrases: list[str]) -> None:
    shown = sample("message.undelivered", ErrorCode=code)
    for phrase in phrases:
        assert phrase in shown
    assert ("→" in shown) == (len(phrases) > 1 and phrases[1].startswith("→"))


def test_the_channels_text_is_shown_for_a_code_without_a_known_text() -> None:
    known = sample("message.failed", ErrorCode="63016", ChannelStatusMessage="24 hours have passed")
    assert "only a template may be sent (63016)" in known
    assert "24 hours have passed" not in known
    assert "Odd weather" in sample("message.failed", ErrorCode="63999", ChannelStatusMessage="Odd weather")


def test_a_pressed_button_and_what_is_answered_are_attributed_to_whatsapp() -> None:
    shown = sample(
        "message.received",
        Body="",
        NumMedia="0",
        ProfileName="Ada",
        ButtonText="Yes, please",
        OriginalRepliedMessageSid="SM" + "1" * 32,
    )
    assert "> Yes, please" in shown
    assert "by a button" in shown
    assert "in reply to <https://www.twilio.com/console/sms/logs/SM111" in shown


@pytest.mark.parametrize(
    ("address", "name", "kind"),
    [
        ("rcs:acme_agent", "", "RCS message from acme_agent"),
        ("messenger:1234567", "Ada", "Messenger message from Ada"),
        ("+12025550142", "", "SMS from +12025550142"),
    ],
)
def test_each_channel_is_named(address: str, name: str, kind: str) -> None:
    shown = sample("message.received", From=address, ProfileName=name, MessageSid="SM1", NumMedia="0")
    assert f"{kind}>" in shown or f"{kind}\n" in shown


def test_digits_and_speech_of_callers_are_left_out_because_they_may_be_a_pin() -> None:
    assert "731955" not in sample("unknown", Digits="731955", SpeechResult="seven 731955")
    [event] = events(json.loads((FOLDER / "com.twilio.voice.twiml.gather.finished.json").read_text("utf-8")))
    assert "got an answer to its prompt" in written(message(event))
    assert "Pressed" not in written(message(event))


def test_a_number_that_is_taken_off_needs_no_fix() -> None:
    [kept, gone] = [
        sample(f"com.twilio.messaging.compliance.number-{which}.failed") for which in ("registration", "deregistration")
    ]
    assert "→ Mend it" in kept
    assert "→" not in gone


def test_a_participant_whose_settings_changed_shows_them() -> None:
    shown = sample("conference.participant-modify", Hold="true", EndConferenceOnExit="true")
    assert "not muted, on hold, ends the conference on leaving" in shown


def test_a_withheld_caller_is_no_number() -> None:
    shown = sample("call.received", From="+266696687", CallerName="", CallerCity="", CallerState="")
    assert "Call from a withheld number>" in shown
    assert "number from" not in shown


def test_the_query_of_a_failing_webhook_which_may_hold_a_token_is_left_out() -> None:
    details: dict[str, object] = {
        "error_code": "11205",
        "webhook": {"request": {"url": "https://example.com/voice?token=s3cret"}},
    }
    shown = sample("debugger.error", Payload=json.dumps(details))
    assert "`https://example.com/voice`" in shown
    assert "s3cret" not in shown
    url = "https://example.com/voice?token=s3cret"
    for code in ("11200", "99999"):
        details["more_info"] = {"msg": f"Got HTTP 500 from {url} twice"}
        shown = sample("debugger.error", Payload=json.dumps({**details, "error_code": code}))
        assert "Got HTTP 500 from https://example.com/voice twice" in shown
        assert "s3cret" not in shown


def test_an_unknown_kind_shows_its_fields() -> None:
    [event] = events([["EventType", "document_created"], ["Room_name", "Lobby"], ["AccountSid", "AC" + "0" * 32]])
    shown = written(message(event))
    assert "A Twilio callback: document created" in shown
    assert "*Room name*\nLobby" in shown
    assert "AC000" not in shown
    [of_a_family_to_come] = events(
        [{"type": "com.twilio.kites.kite.flown", "id": "EZ1", "data": {"priority": 5, "queue": "Billing"}}]
    )
    shown = written(message(of_a_family_to_come))
    assert "A Twilio event: kites kite flown" in shown
    assert "*Queue*\nBilling" in shown


def with_texts_replaced(body: object, text: str) -> object:
    """Return a body with every text replaced, except those that determine its type."""
    if isinstance(body, dict):
        return {
            name: value if name in ("type", "Level") else with_texts_replaced(value, text)
            for name, value in body.items()
        }
    if isinstance(body, list):
        return [with_texts_replaced(value, text) for value in body]
    return text if isinstance(body, str) else body


@pytest.mark.slow
@for_each(SAMPLES, name=lambda path: path.stem)
@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 200])
def test_hostile_text_mentions_no_one_and_links_nothing(path: Path, text: str) -> None:
    body = json.loads(path.read_text("utf-8"))
    kinds = {"EventType", "StreamEvent", "TranscriptionStatus", "TranscriptionEvent", "type", "AnsweredBy"}
    kinds |= {"MessageStatus", "CallStatus", "RecordingStatus", "StatusCallbackEvent", "Level", "CallbackSource"}
    if isinstance(body[0], list):
        body = [[name, value if name in kinds else text] for name, value in body]
    else:
        body = with_texts_replaced(body, text)
    for event in events(body):
        shown = written(message(event))
        assert "<!channel" not in shown
        assert "<@U1" not in shown
        assert "<https://evil" not in shown


_odd = st.recursive(
    st.sampled_from([None, True, 0, -1, 1e400, 10**400, "", "0", HOSTILE, "2026-11-23T00:00:00Z", "x" * 5000]),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=4,
)


@pytest.mark.thorough
@settings(max_examples=120, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_odd_values_in_any_place_still_render_a_message(path: Path, data: st.DataObject) -> None:
    body = json.loads(path.read_text("utf-8"))
    fields = dict(body) if isinstance(body[0], list) else body[0]["data"]
    names = sorted(fields)
    for name in data.draw(st.lists(st.sampled_from(names), max_size=6)):
        fields[name] = data.draw(_odd)
    if isinstance(body[0], dict):
        fields = body
    try:
        found = events(json.dumps(fields).encode())
    except Malformed:
        return
    for event in found:
        assert "<!channel" not in written(message(event))
