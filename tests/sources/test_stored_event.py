"""Tests of an event's payload, made again from the stored request."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import pytest

from bridge.core import large_bodies
from bridge.core.payload import list_at
from bridge.events import Event, Request
from bridge.samples import samples
from bridge.samples.sample import SAMPLE_SECRET, Sample
from bridge.sources import PROVIDERS, Provider, provider_of
from bridge.sources.stored_event import with_payload
from tests.walks import for_each

NOW = 1_800_000_000.0
URL = "https://bridge.example.com/webhooks/gitlab"
Events = Callable[[Request, str, float], list[Event]]


def request(body: bytes | object) -> Request:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", URL, {"x-gitlab-event": "Pipeline Hook"}, raw)


def event(provider: str = "gitlab") -> Event:
    body = {"object_kind": "pipeline", "object_attributes": {"id": 1, "status": "failed"}}
    [one] = PROVIDERS["gitlab"].events(request(body), "gitlab", NOW)
    return replace(one, provider=provider, payload={})


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[Events], None]:
    """Replace GitLab's provider by another reader."""

    def put(events: Events) -> None:
        gitlab = PROVIDERS["gitlab"]
        monkeypatch.setitem(cast("dict[str, Provider]", PROVIDERS), "gitlab", replace(gitlab, events=events))

    return put


@for_each(samples().values(), name=lambda sample: sample.name)
def test_every_samples_event_gets_its_payload_again(sample: Sample) -> None:
    provider = provider_of(sample.provider)
    assert provider is not None
    arrived = provider.request_for(sample.type, sample.body, SAMPLE_SECRET, NOW)
    kept = {name: value for name, value in arrived.headers.items() if name.lower() in provider.kept_headers}
    stored = replace(arrived, headers=kept)
    events = provider.events(arrived, "a-source", NOW)
    assert events
    for part, one in enumerate(events):
        assert with_payload(replace(one, payload={}), stored, part) == one


def test_each_part_gets_the_payload_of_its_element(reading: Callable[[Events], None]) -> None:
    one = event()

    def elements(arrived: Request, source: str, now: float) -> list[Event]:
        assert (source, now) == ("gitlab", NOW)
        return [replace(one, payload={"n": value}) for value in json.loads(arrived.body)]

    reading(elements)
    arrived = request(["zero", "one", "two"])
    assert [with_payload(one, arrived, part).payload for part in (2, 0)] == [{"n": "two"}, {"n": "zero"}]


@pytest.mark.parametrize(
    ("provider", "body"), [("unknown", b"{}"), ("gitlab", b"not json"), ("gitlab", b"[]")], ids=["gone", "bad", "odd"]
)
def test_an_event_that_cannot_be_read_any_more_keeps_its_columns(
    provider: str, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    one = event(provider)
    assert with_payload(one, request(body), 7) == one
    assert one.id in caplog.text


def test_a_request_that_is_gone_leaves_the_columns() -> None:
    one = event()
    assert with_payload(one, None, 0) == one


def test_a_provider_that_fails_over_a_body_raises_nothing(
    reading: Callable[[Events], None], caplog: pytest.LogCaptureFixture
) -> None:
    def failing(arrived: Request, source: str, now: float) -> list[Event]:
        raise ZeroDivisionError

    one = event()
    reading(failing)
    assert with_payload(one, request({}), 0) == one
    assert one.id in caplog.text


def test_a_large_payload_is_cut_to_what_a_message_can_show() -> None:
    body = {"object_kind": "push", "commits": list(range(300_000))}
    small = with_payload(event(), request(body | {"commits": list(range(2_000))}), 0)
    large = with_payload(event(), request(body), 0)
    assert len(list_at(small.payload, "commits")) == 2_000
    assert len(list_at(large.payload, "commits")) == large_bodies.MOST_ENTRIES
