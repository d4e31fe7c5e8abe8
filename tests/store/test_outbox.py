"""Tests of claiming and settling: in order, with the original event, and with every outcome recorded."""

from dataclasses import replace

import pytest

from bridge.core.states import DeliveryState
from bridge.sources import PROVIDERS, line_of
from bridge.store import DeliveryResult, Query, Store
from tests.store.samples import (
    NOW,
    POST,
    accept,
    claim,
    entry,
    event,
    held,
    payload_of,
    receive,
    request,
    settle,
    settle_all,
)


async def test_waiting_deliveries_come_in_the_order_of_acceptance(store: Store) -> None:
    # The clock was set back in between: the order is still that of acceptance.
    ids = [(await accept(store, now=now))[0].id for now in (NOW, NOW - 50, NOW + 1, NOW - 99)]
    assert [delivery.event.id for delivery in await claim(store, 10)] == ids
    assert [delivery.event.id for delivery in await claim(store, 2)] == ids[:2]


async def test_a_claim_gives_its_channels_waiting_deliveries_and_no_others(store: Store) -> None:
    await accept(store, entry(channels=("a", "b")), entry(channels=("b",)))
    await settle_all(store, "delivered", "a")
    assert await claim(store, 10, "a") == []
    assert {delivery.channel for delivery in await claim(store, 10, "b")} == {"b"}
    assert await claim(store, 0, "b") == []
    assert await claim(store, -1, "b") == []


async def test_a_claim_changes_nothing(store: Store) -> None:
    await accept(store)
    assert await claim(store, 10) == await claim(store, 10) != []


async def test_a_revived_delivery_takes_its_old_place(store: Store) -> None:
    first = event("k")
    await accept(store, entry(first))
    await settle_all(store, "dead")
    await accept(store)
    await accept(store, entry(event("k")))
    assert (await claim(store, 10))[0].event.id == first.id


async def test_the_payload_is_parsed_again_from_the_body(store: Store) -> None:
    arrived = request({"object_kind": "pipeline", "object_attributes": {"id": 10**30, "status": "failed"}})
    (read,) = PROVIDERS["gitlab"].events(arrived, "gitlab", NOW)
    await receive(store, arrived, [entry(read)], NOW)
    (delivery,) = await claim(store, 1)
    assert await payload_of(store, delivery) == read.payload


async def test_a_claim_holds_columns_and_the_request_is_read_by_delivery(store: Store) -> None:
    body = request({"padding": "x" * 3 * 2**20})
    await receive(store, body, [entry(one := event(), part=0), entry(part=2)], NOW)
    await receive(store, request(b"{}"), [entry()], NOW)
    claimed = await claim(store, 10)
    assert [(d.part, d.size, d.event.payload) for d in claimed] == [
        (0, len(body.body), {}),
        (2, len(body.body), {}),
        (0, 2, {}),
    ]
    assert claimed[0].event == replace(one, payload={})
    found = [await store.request_of(delivery.id) for delivery in claimed]
    assert [None if one is None else one.body for one in found] == [body.body, body.body, b"{}"]
    assert found[0] == body
    assert await store.request_of(99) is None


@pytest.mark.parametrize("state", sorted(set(DeliveryState) - {DeliveryState.WAITING}))
async def test_a_settled_delivery_is_not_claimed_again(store: Store, state: DeliveryState) -> None:
    await accept(store)
    (claimed,) = await claim(store, 1)
    await settle(store, [DeliveryResult(claimed.id, state, "why", POST, {"text": "hi"}, "x.j2:3")], NOW + 6)
    assert await claim(store, 1) == []
    (row,) = await store.find(Query())
    assert (row.state, row.reason, row.attempts, row.settled_at) == (state, "why", 1, NOW + 6)
    assert row.template_fault == "x.j2:3"


async def test_a_delivery_settled_as_waiting_is_claimed_again_and_counts_its_attempts(store: Store) -> None:
    await accept(store)
    for attempts in range(3):
        (claimed,) = await claim(store, 1)
        assert claimed.attempts == attempts
        await settle(store, [DeliveryResult(claimed.id, DeliveryState.WAITING, "busy", POST)], NOW)
    (row,) = await store.find(Query())
    assert (row.attempts, row.reason, row.settled_at) == (3, "busy", None)


async def test_settling_without_an_attempt_counts_none(store: Store) -> None:
    await accept(store)
    await settle_all(store, "skipped")
    assert (await store.find(Query()))[0].attempts == 0


async def test_a_message_that_is_no_json_is_its_callers_error(store: Store) -> None:
    await accept(store)
    (claimed,) = await claim(store, 1)
    with pytest.raises(TypeError):
        await settle(store, [DeliveryResult(claimed.id, DeliveryState.DELIVERED, message={"text": object()})], NOW)
    assert len(await claim(store, 1)) == 1


async def test_ids_of_deliveries_are_not_used_twice(store: Store) -> None:
    await accept(store, now=NOW)
    (first,) = await settle_all(store, "delivered")
    assert await store.prune(NOW + 10, 1) == 1
    await accept(store, now=NOW)
    assert (await claim(store, 1))[0].id > first


async def test_a_delivery_keeps_the_line_of_its_latest_rendering(store: Store) -> None:
    await accept(store, entry(one := event()))
    (claimed,) = await claim(store, 1)

    async def line_after(state: DeliveryState, line: str) -> str:
        await settle(store, [DeliveryResult(claimed.id, state, line=line)], NOW)
        return (await store.find(Query()))[0].line

    assert (await store.find(Query()))[0].line == line_of(one)
    assert await line_after(DeliveryState.WAITING, "Ärger \ud800") == "Ärger \\ud800"
    assert await line_after(DeliveryState.WAITING, "By another template") == "By another template"
    assert await line_after(DeliveryState.WAITING, "") == "By another template"
    assert await line_after(DeliveryState.DELIVERED, "As posted") == "As posted"
    assert (
        await line_after(DeliveryState.DELIVERED, "As posted after it was dropped") == "As posted after it was dropped"
    )


async def test_an_event_of_a_provider_that_is_gone_still_has_a_line(store: Store) -> None:
    await accept(store, entry(event(provider="carrier-pigeon")))
    assert [row.line for row in await store.find(Query(contains="pigeon"))] == [
        "carrier-pigeon pipeline.failed: Nightly"
    ]
    assert (await (await held(store)).count_backlog("d1", ["fail"], NOW)).failed == (
        ("carrier-pigeon pipeline.failed: Nightly", "https://gitlab.example.com/p/12"),
    )
