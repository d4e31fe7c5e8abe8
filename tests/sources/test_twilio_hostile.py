"""Tests of hostile and careless requests in Twilio's name."""

import json
from collections.abc import Sequence
from urllib.parse import urlencode

import pytest

from bridge.events import Event, Request
from bridge.sources import Unverified
from bridge.sources.twilio.provider import PROVIDER
from tests.sources.test_twilio_verify import FORM, URL, accepted, form, signature
from tests.work import calls_of, peak_of

NOW = 1_795_392_000.0


def read(pairs: Sequence[tuple[str, str]]) -> Event:
    [event] = PROVIDER.events(Request("POST", URL, {"Content-Type": FORM}, urlencode(pairs).encode()), "twilio", NOW)
    return event


def read_json(body: object, url: str = URL) -> list[Event]:
    request = Request("POST", url, {"Content-Type": "application/json"}, json.dumps(body).encode())
    return PROVIDER.events(request, "twilio", NOW)


@pytest.mark.parametrize("escape", [b"%", b"%%2", b"%41", b"%zz"])
def test_a_form_that_is_nothing_but_escapes_is_refused_before_the_work(escape: bytes) -> None:
    body = b"a=" + escape * (PROVIDER.max_body // len(escape))

    def verify() -> None:
        with pytest.raises(Unverified):
            PROVIDER.verify(Request("POST", URL, {"Content-Type": FORM, "X-Twilio-Signature": "x"}, body), ["a"], NOW)

    assert calls_of(verify) < 200
    assert peak_of(verify) < 100_000


def test_the_longest_text_that_a_message_can_hold_is_taken() -> None:
    assert accepted(form([("MessageSid", "SM1"), ("Body", "\N{PILE OF POO}" * 1600), ("AddOns", '{"é": "é"}' * 3000)]))


@pytest.mark.parametrize("signed", ["https://hooks.example.com:443/t", "https://hooks.example.com:80/t"])
def test_a_request_to_one_port_is_no_request_to_another(signed: str) -> None:
    url = "https://hooks.example.com:8443/t"
    assert not accepted(form(url=url, signed=signed))
    assert not accepted(Request("GET", url, {"X-Twilio-Signature": signature(signed)}, b""))


@pytest.mark.parametrize(
    "pairs",
    [
        [("ConferenceSid", "CF1\nFrom: x\x00" + "y" * 300), ("StatusCallbackEvent", "conference-end")],
        [("ConferenceSid", "CF1"), ("StatusCallbackEvent", "participant-join"), ("ParticipantLabel", "\u202e\n")],
        [("EventType", "\n")],
        [("StatusCallbackEvent", "  ")],
        [("MessageSid", "SM1"), ("MessageStatus", " \x00 ")],
        [("Sid", "NO1"), ("Level", "\n"), ("Payload", "\n")],
        [("Sid", "NO1"), ("Level", "ERROR"), ("Payload", "[" * 50_000)],
        [("", "")],
    ],
)
def test_a_line_is_one_line_with_any_fields(pairs: Sequence[tuple[str, str]]) -> None:
    event = read(pairs)
    for text in (event.type, event.subject, PROVIDER.line(event)):
        assert text
        assert text.isprintable()
        assert text == text.strip()
        assert len(text) <= 300
        assert not text.endswith(":")


def test_bodies_that_no_url_vouches_for_do_not_pass_for_one_another() -> None:
    [one], [other] = read_json({"EventType": "a", "n": 1}), read_json({"EventType": "a", "n": 2})
    assert not set(one.keys) & set(other.keys)
    [again] = read_json({"EventType": "a", "n": 1})
    assert set(one.keys) & set(again.keys)
