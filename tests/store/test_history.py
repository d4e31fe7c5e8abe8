"""Tests of the history of one event, and of the names that identify an event."""

import json
from dataclasses import replace

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.events import new_id
from bridge.routing.decide import Planned
from bridge.sources import PROVIDERS
from bridge.store import Attempt, DeliveryResult, Store
from tests.store.samples import DAY, NOW, accept, entry, event, receive, request, settle

LIMITED = Attempt(NOW + 1, OutcomeKind.RATE_LIMITED, 429, "ratelimited", 0.1)
POSTED = Attempt(NOW + 9, OutcomeKind.OK, 200, "ok", 0.25)


async def test_it_holds_arrival_keys_deliveries_attempts_and_the_message(store: Store) -> None:
    arrived = request({"object_kind": "pipeline", "object_attributes": {"id": 10**30, "status": "failed"}})
    (read,) = PROVIDERS["gitlab"].events(arrived, "gitlab", NOW)
    planned = (
        Planned("ops", "pipelines", "x.j2"),
        Planned("general", "all", None, DeliveryState.SKIPPED, "it is confidential"),
    )
    await receive(store, arrived, [entry(read, deliveries=planned)], NOW)
    await settle(store, [DeliveryResult(1, DeliveryState.WAITING, "ratelimited", LIMITED)], NOW + 1)
    await settle(
        store, [DeliveryResult(1, DeliveryState.DELIVERED, "", POSTED, {"text": "hi"}, "x.j2:3: oops")], NOW + 9
    )
    event_history = await store.event_history(read.id)
    assert event_history is not None
    assert (event_history.event, event_history.part, event_history.request.body) == (
        replace(read, payload={}),
        0,
        arrived.body,
    )
    assert [(memory.key, memory.until) for memory in event_history.keys] == [(key, NOW + DAY) for key in read.keys]
    first, second = event_history.deliveries
    assert first.attempts == (LIMITED, POSTED)
    assert (first.row.channel, first.row.template, first.row.template_fault) == ("ops", "x.j2", "x.j2:3: oops")
    assert (first.message, first.digest) == ({"text": "hi"}, None)
    assert (second.row.state, second.row.reason, second.attempts, second.message) == (
        "skipped",
        "it is confidential",
        (),
        None,
    )


async def test_a_key_that_expired_or_names_a_later_event_is_not_listed(store: Store) -> None:
    first = event("k", "l")
    await accept(store, entry(first, ttl=10))
    await accept(store, entry(event("k")), now=NOW + 20)
    event_history = await store.event_history(first.id)
    assert event_history is not None
    assert [(memory.key, memory.until) for memory in event_history.keys] == [("k", None), ("l", NOW + 10)]
    await store.prune(NOW + 60, DAY)
    event_history = await store.event_history(first.id)
    assert event_history is not None
    assert [memory.until for memory in event_history.keys] == [None, None]


async def test_an_unknown_event_has_no_history(store: Store) -> None:
    await accept(store)
    for event_id in ("", "event", "' OR 1=1 --", "\ud800", "x" * 10_000):
        assert await store.event_history(event_id) is None


async def test_an_event_is_named_by_its_id_its_beginning_or_a_deliverys_number(store: Store) -> None:
    first, second, third = new_id(NOW), new_id(NOW), new_id(NOW + 86_400 * 365)
    await accept(store, *(entry(event(event_id=event_id), channels=("a", "b")) for event_id in (first, second, third)))
    assert await store.events_named(first) == [first]
    assert await store.events_named(third[:8]) == [third]
    assert await store.events_named(first[:12]) == [first, second]
    assert await store.events_named("3") == await store.events_named("#4") == [second]
    assert await store.events_named("0") == [first, second, third]


async def test_a_name_that_looks_like_a_pattern_or_number_matches_nothing(store: Store) -> None:
    await accept(store, entry(event(event_id=new_id(NOW))), entry(event(event_id="a%_b")))
    for name in ("", "%", "_", "#", "#0", "##1", "99", "9" * 400, "٣", "-1", "1.0", "#1x", "\ud800", "' OR 1=1 --"):
        assert await store.events_named(name) == []
    assert await store.events_named("a%") == ["a%_b"]
    assert json.dumps(await store.events_named("1")) != "[]"
