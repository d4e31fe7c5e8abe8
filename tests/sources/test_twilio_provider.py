"""Tests of Twilio's answers, secrets and sample requests, and of events from any bytes."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events import Request
from bridge.sources import Malformed, Unverified
from bridge.sources.twilio.provider import PROVIDER
from tests.sources.test_twilio_events import TOKEN, URL
from tests.sources.test_twilio_streams import element


def test_every_answer_is_empty_twiml() -> None:
    for status in ("accepted", "duplicate", "ignored"):
        answer = PROVIDER.answer(status, "id")
        assert (answer.content_type, answer.body) == ("text/xml", b"<Response/>")


@pytest.mark.parametrize(
    "secret", ["", "  ", "K1:", ":secret", ":", "AC" + "0a" * 16, "SK" + "0a" * 16, "two words", "schlüssel"]
)
def test_a_secret_that_cannot_work_is_reported_without_showing_it(secret: str) -> None:
    hint = PROVIDER.check_secret(secret)
    assert hint
    assert "\n" not in str(hint)
    assert len(secret) < 5 or secret not in str(hint)


@pytest.mark.parametrize("secret", [TOKEN, "webhooks_sharedkey_01k7x:sharedkey-secret", "12345"])
def test_a_secret_that_can_work_passes(secret: str) -> None:
    assert PROVIDER.check_secret(secret) is None


def test_a_request_can_be_made_for_any_kind_of_secret() -> None:
    for body in ([["MessageSid", "SM1"], ["Body", "é & ="]], [element()], element(), b"a=b", b'{"a": 1}'):
        for secret in (TOKEN, "K1:shared-secret"):
            request = PROVIDER.request_for("", body, secret, 0.0, url=f"{URL}?tenant=7")
            PROVIDER.verify(request, ["other", secret], 0.0)
            with pytest.raises(Unverified):
                PROVIDER.verify(request, ["other"], 0.0)


_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
_names = st.sampled_from(
    ["MessageSid", "MessageStatus", "SmsStatus", "CallSid", "CallStatus", "Direction", "CallDuration", "RecordingSid",
     "RecordingStatus", "Sid", "Level", "Payload", "ConferenceSid", "StatusCallbackEvent", "ErrorCode", "From", "To",
     "Body", "NumMedia", "Timestamp", "type", "id", "data", "specversion"]
)  # fmt: skip
_data_names = st.sampled_from(
    ["messageSid", "messageStatus", "from", "to", "body", "sid", "level", "payload", "error_code", "duration"]
)
_types = st.sampled_from(["message.sent", "inbound-message.received"]).map(
    lambda what: f"com.twilio.messaging.{what}"
) | st.sampled_from(
    [
        "com.twilio.error-logs.error.logged",
        "com.twilio.accountsecurity.verify.verification.approved",
        "com.twilio.voice.insights.call-summary.complete",
        "com.twilio.eventstreams.test-event",
        "",
    ]
)


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=100),
        st.dictionaries(_names, st.text(max_size=20)).map(lambda d: urlencode(d, errors="replace").encode()),
        st.dictionaries(_names, _values).map(lambda d: json.dumps(d).encode()),
        st.builds(
            lambda kind, data: json.dumps([element(type=kind, data=data)]).encode(),
            _types,
            st.dictionaries(_data_names, _values) | _values,
        ),
    ),
    st.sampled_from(["POST", "GET"]),
    st.sampled_from(["application/x-www-form-urlencoded", "application/json", "", "\udcff"]),
    st.sampled_from(["", "?", "?a=b&MessageSid=%FF&MessageStatus=\udcff", "?MessageStatus=\ud800", "#?a=b"]),
)
def test_any_request_gives_complete_events_or_malformed(
    body: bytes, method: str, content_type: str, query: str
) -> None:
    try:
        found = PROVIDER.events(Request(method, URL + query, {"Content-Type": content_type}, body), "twilio", 1.0)
    except Malformed:
        return
    for one in found:
        assert one.type
        assert PROVIDER.line(one)
        assert one.subject
        assert one.keys
        json.dumps([one.type, one.name, one.subject, one.keys, one.actor, one.url], ensure_ascii=False).encode()
