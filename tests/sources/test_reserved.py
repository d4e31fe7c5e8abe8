"""The reserved source of alerts: read as any other, sent by nobody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import Request
from bridge.samples import SAMPLE_TIME, sample_event, samples
from bridge.sources import PROVIDERS, RESERVED, Malformed, Unverified, provider_of

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FACTS = st.dictionaries(st.sampled_from(["type", "channel", "to", "since", "event", "waiting"]), ANY_JSON)


def request(body: bytes) -> Request:
    return Request("POST", "bridge:alerts", {}, body)


def keys(**changed: object) -> tuple[str, ...]:
    facts = {"type": "channel.stopped", "channel": "deploys", "to": "ops", "since": 1.5, **changed}
    [event] = RESERVED.events(request(json.dumps(facts).encode()), "bridge", SAMPLE_TIME)
    return event.keys


def test_it_is_no_sender() -> None:
    assert RESERVED.name not in PROVIDERS
    assert provider_of("bridge") is RESERVED
    for secrets in ([], [""], ["any"]):
        with pytest.raises(Unverified):
            RESERVED.verify(request(b"{}"), secrets, SAMPLE_TIME)


def test_an_alert_is_about_its_channel() -> None:
    event = sample_event(samples()["bridge/delivery.dead"], "bridge", SAMPLE_TIME)
    assert (event.provider, event.type, event.subject, event.name) == ("bridge", "delivery.dead", "deploys", "deploys")
    assert event.url.endswith("/pipelines/4321")
    assert (event.confidential, event.test) == (False, False)


def test_an_incident_is_known_by_its_beginning_and_the_hourly_alerts_by_channel_alone() -> None:
    assert keys() == keys(waiting=7, answer="no_service")
    assert len({keys(), keys(since=2.5), keys(channel="x"), keys(to="x"), keys(type="channel.resumed")}) == 5
    assert keys(type="delivery.dead") == keys(type="delivery.dead", since=2.5, event={"id": "1"})
    assert keys(type="channel.rate_limited") == keys(type="channel.rate_limited", since=2.5)


@given(st.binary(max_size=60) | ANY_JSON.map(json.dumps).map(str.encode) | FACTS.map(json.dumps).map(str.encode))
def test_any_body_is_an_event_or_malformed(body: bytes) -> None:
    try:
        [event] = RESERVED.events(request(body), "bridge", SAMPLE_TIME)
    except Malformed:
        return
    assert event.subject
    assert event.type
    assert len(event.keys) == 1
    assert event.url == "" or event.url.startswith("http")
