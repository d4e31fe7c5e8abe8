"""Tests of replay: revived deliveries, new ones, and skipped ones."""

import asyncio
from dataclasses import replace

import pytest

from bridge.core.states import SETTLED, DeliveryState
from bridge.routing.decide import Planned
from bridge.sources import PROVIDERS
from bridge.store import DeliveryResult, Query, Store
from tests.store.conftest import opened
from tests.store.samples import (
    DAY,
    NOW,
    accept,
    claim,
    entry,
    event,
    receive,
    replay_all,
    request,
    settle,
    settle_all,
)

LATER = NOW + 3600


async def test_a_dead_delivery_waits_again_itself_and_in_its_old_place(store: Store) -> None:
    await accept(store)
    (dead,) = await settle_all(store, "dead")
    await accept(store)
    (replayed,) = await replay_all(store, Query(state=DeliveryState.DEAD))
    assert (replayed.delivery, replayed.why) == (dead, "")
    first, second = await claim(store, 10)
    assert (first.id, first.revived, first.replayed_at) == (dead, True, LATER)
    assert (second.revived, second.replayed_at) == (False, None)
    assert (await store.find(Query(deliveries=(dead,))))[0].settled_at is None


@pytest.mark.parametrize("state", sorted(SETTLED))
async def test_any_other_is_created_again_beside_the_first(store: Store, state: str) -> None:
    one = event()
    await accept(store, entry(one, deliveries=(Planned("ops", "pipelines", "x.j2"), Planned("b", "pipelines", None))))
    await settle_all(store, state, "ops")
    (replayed,) = await replay_all(store, Query(channel="ops"))
    (delivery,) = await claim(store, 10, "ops")
    assert delivery.id == replayed.delivery != replayed.row.delivery
    assert (delivery.event.id, delivery.route, delivery.template) == (one.id, "pipelines", "x.j2")
    assert (delivery.attempts, delivery.revived, delivery.replayed_at) == (0, False, LATER)
    new, old = await store.find(Query(channel="ops"))
    assert (old.state, old.replayed_at, old.reason) == (state, None, "because")
    assert (new.state, new.replayed_at, new.settled_at, new.reason) == ("waiting", LATER, None, "")


async def test_a_waiting_delivery_is_skipped(store: Store) -> None:
    await accept(store, entry(channels=("a", "b")))
    await settle_all(store, "delivered", "a")
    replayed = await replay_all(store)
    assert [(r.row.channel, r.delivery, r.why) for r in replayed] == [
        ("b", None, "waiting"),
        ("a", 3, ""),
    ]
    assert [r.why for r in await replay_all(store, Query(channel="a"))] == ["waiting", "waiting"]
    assert (await store.counts()).waiting == {"a": 1, "b": 1}


async def test_two_concurrent_replays_send_once(url: str, lasting: Store) -> None:
    beside = opened(url, owner=False)
    await accept(lasting, entry(channels=("a", "b")))
    await settle_all(lasting, "delivered", "a")
    await settle_all(lasting, "dead", "b")
    here, here_mark = await lasting.changes_since(Query(), None)
    there, there_mark = await beside.changes_since(Query(), None)
    both = await asyncio.gather(lasting.replay(here, here_mark, LATER), beside.replay(there, there_mark, LATER - 60))
    assert sorted(one.why for replayed in both for one in replayed) == ["", "", "waiting", "waiting"]
    assert (await lasting.counts()).waiting == {"a": 1, "b": 1}
    await beside.close()


@pytest.mark.parametrize("now", [LATER, NOW - DAY])
@pytest.mark.parametrize("state", ["delivered", "dead"])
async def test_a_replay_based_on_an_old_read_is_late_even_after_the_first_is_settled(
    store: Store, state: str, now: float
) -> None:
    """Clocks of two processes may differ, or be set."""
    await accept(store)
    await settle_all(store, state)
    found, cursor = await store.changes_since(Query(), None)
    assert [one.why for one in await replay_all(store)] == [""]
    assert [one.why for one in await store.replay(found, cursor, now)] == ["waiting"]
    await settle_all(store, state)
    assert [one.why for one in await store.replay(found, cursor, now)] == ["changed"]
    assert (await replay_all(store, now=now))[0].why == ""


async def test_a_resend_that_revived_it_meanwhile_counts_too(store: Store) -> None:
    await accept(store, entry(event("k")))
    (number,) = await settle_all(store, "dead")
    found, cursor = await store.changes_since(Query(), None)
    await accept(store, entry(event("k")))
    await settle(store, [DeliveryResult(number, DeliveryState.DELIVERED)], NOW)
    assert [one.why for one in await store.replay(found, cursor, LATER)] == ["changed"]


async def test_a_replay_keeps_an_old_event_from_being_pruned(store: Store) -> None:
    await accept(store)
    await settle_all(store, "delivered")
    await replay_all(store)
    assert await store.prune(NOW + 10, 1) == 0
    assert len(await claim(store, 10)) == 1


async def test_the_owner_sees_that_another_process_asked(url: str, lasting: Store) -> None:
    await accept(lasting)
    await settle_all(lasting, "delivered")
    beside = opened(url, owner=False)
    await replay_all(beside)
    assert await lasting.changes() == {"general"}
    assert len(await claim(lasting, 10)) == 1
    await beside.close()


async def test_a_stored_delivery_holds_the_event_and_the_posted_message(lasting: Store) -> None:
    arrived = request({"object_kind": "pipeline", "object_attributes": {"status": "failed"}})
    (read,) = PROVIDERS["gitlab"].events(arrived, "gitlab", NOW)
    await receive(lasting, arrived, [entry(read, channels=("a", "b"))], NOW)
    await settle(lasting, [DeliveryResult(1, DeliveryState.DELIVERED, message={"text": "Pipeline failed"})], NOW)
    second, first = await lasting.stored_deliveries([2, 1])
    assert (first.delivery.id, first.delivery.event, first.message) == (
        1,
        replace(read, payload={}),
        {"text": "Pipeline failed"},
    )
    assert (second.delivery.id, second.delivery.channel, second.message) == (2, "b", None)
    assert await lasting.stored_deliveries([99, 2**62]) == []


async def test_a_store_is_served_while_its_owner_is_there(url: str) -> None:
    owner = opened(url)
    beside = opened(url, owner=False)
    assert await owner.served()
    assert await beside.served()
    await owner.close()
    assert not await beside.served()
    again = opened(url)
    assert await beside.served()
    await again.close()
    await beside.close()


@pytest.mark.parametrize("state", ["delivered", "dead"])
async def test_events_of_one_request_keep_their_order_whatever_their_ids_and_the_order_of_the_rows(
    store: Store, state: str
) -> None:
    names = [f"id-{(7 * number) % 10}" for number in range(10)]  # as random as the ids of one millisecond
    await accept(store, *(entry(event(event_id=name), part=part) for part, name in enumerate(names)))
    assert [delivery.event.id for delivery in await claim(store, 99)] == names
    await settle_all(store, state)
    assert [row.event for row in await store.find(Query())] == names[::-1]
    found, cursor = await store.changes_since(Query(), None)
    mixed = sorted(found, key=lambda row: row.event)
    results = await store.replay(mixed, cursor, LATER)
    assert [result.row.event for result in results] == [row.event for row in mixed]
    assert [delivery.event.id for delivery in await claim(store, 99)] == names
    assert [delivery.part for delivery in await claim(store, 99)] == [*range(10)]
    assert await store.events_named("id-") == [name for name in names if name < "id-5"]
