"""Tests of accepting: a new event is lasting whole, a duplicate is not lasting again."""

from dataclasses import replace
from typing import cast

import pytest

from bridge.core.states import DeliveryState
from bridge.events import Request
from bridge.routing.decide import Planned
from bridge.store import AcceptResult, Arrival, DeliveryResult, Query, Store, StoreUnavailableError
from tests.store.conftest import opened
from tests.store.samples import DAY, NOW, accept, claim, entry, event, receive, request, settle, settle_all


async def test_a_new_event_is_accepted_under_its_own_id(store: Store) -> None:
    one = event()
    assert await accept(store, entry(one, channels=("a", "b"))) == [AcceptResult("accepted", one.id, ("a", "b"))]
    assert {row.channel for row in await store.find(Query(event=one.id))} == {"a", "b"}


async def test_a_batch_gives_results_by_arrival_and_its_arrivals_see_each_other(store: Store) -> None:
    first, second, third = event("k"), event("l"), event("l", "k")
    arrivals = [
        Arrival(request(b"1"), (entry(first), entry(second, part=1))),
        Arrival(request(b"2"), ()),
        Arrival(request(b"3"), (entry(third), entry(last := event()))),
    ]
    assert await store.accept(arrivals, NOW) == [
        [AcceptResult("accepted", first.id, ("general",)), AcceptResult("accepted", second.id, ("general",))],
        [],
        [AcceptResult("duplicate", second.id), AcceptResult("accepted", last.id, ("general",))],
    ]
    requests = [await store.request_of(delivery.id) for delivery in await claim(store, 9)]
    assert [one.body for one in requests if one] == [b"1", b"1", b"3"]
    assert await store.accept([], NOW) == []


async def test_a_request_is_stored_whole_or_not_at_all(store: Store) -> None:
    broken = replace(event(), received_at=cast("float", object()))
    with pytest.raises(StoreUnavailableError):
        await receive(store, request(), [entry(event("k")), entry(broken, part=1)], NOW)
    assert await store.find(Query()) == []
    assert (await accept(store, entry(event("k"))))[0].status == "accepted"


async def test_a_seen_key_makes_a_duplicate_that_carries_the_first_arrivals_id(store: Store) -> None:
    first, second = event("k"), event("k")
    await accept(store, entry(first))
    assert await accept(store, entry(second)) == [AcceptResult("duplicate", first.id)]
    assert len(await store.find(Query())) == 1


async def test_any_one_key_that_was_seen_makes_a_duplicate(store: Store) -> None:
    first = event("a", "b")
    await accept(store, entry(first))
    for keys in [("b",), ("new", "a"), ("c", "d", "b")]:
        assert await accept(store, entry(event(*keys))) == [AcceptResult("duplicate", first.id)]


async def test_the_new_keys_of_a_duplicate_are_remembered_for_the_first_arrival(store: Store) -> None:
    first = event("a")
    await accept(store, entry(first))
    await accept(store, entry(event("a", "b")))
    assert await accept(store, entry(event("b", "c"))) == [AcceptResult("duplicate", first.id)]
    assert await accept(store, entry(event("c"))) == [AcceptResult("duplicate", first.id)]


async def test_keys_are_scoped_by_source(store: Store) -> None:
    await accept(store, entry(event("k", source="gitlab")))
    assert (await accept(store, entry(event("k", source="gitlab-two"))))[0].status == "accepted"


async def test_an_event_without_keys_is_never_a_duplicate(store: Store) -> None:
    for _ in range(2):
        assert (await accept(store, entry(replace(event(), keys=()))))[0].status == "accepted"


async def test_a_key_expires_after_its_ttl_and_then_belongs_to_the_next_arrival(store: Store) -> None:
    first, second = event("k"), event("k")
    await accept(store, entry(first, ttl=10), now=NOW)
    assert (await accept(store, entry(event("k")), now=NOW + 9.9))[0] == AcceptResult("duplicate", first.id)
    assert (await accept(store, entry(second, ttl=10), now=NOW + 10))[0].status == "accepted"
    assert (await accept(store, entry(event("k")), now=NOW + 19.9))[0] == AcceptResult("duplicate", second.id)


async def test_each_key_of_an_event_expires_after_its_own_ttl(store: Store) -> None:
    first = event("id", "content")
    await accept(store, replace(entry(first), ttls=(100, 10)), now=NOW)
    assert (await accept(store, entry(event("content")), now=NOW + 11))[0].status == "accepted"
    assert (await accept(store, entry(event("id")), now=NOW + 99))[0] == AcceptResult("duplicate", first.id)


async def test_a_resend_does_not_prolong_a_key(store: Store) -> None:
    await accept(store, entry(event("k"), ttl=10), now=NOW)
    await accept(store, entry(event("k"), ttl=10), now=NOW + 9)
    assert (await accept(store, entry(event("k")), now=NOW + 11))[0].status == "accepted"


async def test_two_entries_of_one_call_that_share_a_key_are_one_event(store: Store) -> None:
    first, second = event("k"), event("k")
    outcomes = await accept(store, entry(first), entry(second, part=1))
    assert outcomes == [AcceptResult("accepted", first.id, ("general",)), AcceptResult("duplicate", first.id)]


async def test_a_request_that_cannot_be_stored_costs_none_of_its_neighbours(store: Store) -> None:
    await accept(store, entry(event(event_id="taken")))
    first, last = event("first"), event("last")
    # Its second event has the id of another one.
    bad = Arrival(request(b"bad"), (entry(event("half")), entry(event("bad", event_id="taken"), part=1)))
    arrivals = [Arrival(request(b"1"), (entry(first),)), bad, Arrival(request(b"2"), (entry(last),))]
    results = await store.accept(arrivals, NOW)
    assert [[one.id for one in result] for result in results] == [[first.id], [], [last.id]]
    assert [delivery.event.id for delivery in await claim(store, 9)] == ["taken", first.id, last.id]
    # Nothing of it is left: its keys are new.
    assert [one.status for one in await accept(store, entry(event("half")), entry(event("bad"), part=1))] == [
        "accepted",
        "accepted",
    ]
    with pytest.raises(StoreUnavailableError):
        await store.accept([Arrival(request(), (entry(event(event_id="taken")),))], NOW)


async def test_an_empty_batch_is_nothing(store: Store) -> None:
    assert await store.accept([], NOW) == []


async def test_keys_survive_a_reopening(url: str, lasting: Store) -> None:
    first = event("k")
    await accept(lasting, entry(first))
    await lasting.close()
    again = opened(url)
    assert await accept(again, entry(event("k"))) == [AcceptResult("duplicate", first.id)]
    await again.close()


@pytest.mark.parametrize("state", sorted(set(DeliveryState) - {DeliveryState.DEAD}))
async def test_a_resend_revives_nothing_that_is_not_dead(store: Store, state: str) -> None:
    await accept(store, entry(event("k")))
    if state != "waiting":
        await settle_all(store, state)
    assert (await accept(store, entry(event("k"))))[0].status == "duplicate"
    assert (await store.counts()).states == {state: 1}


async def test_a_resend_of_an_event_with_a_dead_delivery_revives_that_delivery_alone(store: Store) -> None:
    first = event("k")
    await accept(store, entry(first, channels=("a", "b")))
    await settle_all(store, "delivered", "a")
    dead = await settle_all(store, "dead", "b")
    # Today's routes may name other channels: those of the first arrival count.
    assert await accept(store, entry(event("k", "l"), channels=("c",))) == [AcceptResult("revived", first.id, ("b",))]
    revived = await claim(store, 10, "b")
    assert [(delivery.id, delivery.revived) for delivery in revived] == [(dead[0], True)]
    assert (await store.counts()).states == {"delivered": 1, "waiting": 1}
    assert await accept(store, entry(event("l"))) == [AcceptResult("duplicate", first.id)]


async def test_a_duplicate_of_a_pruned_event_is_still_a_duplicate(store: Store) -> None:
    first = event("k")
    await accept(store, entry(first, ttl=10 * DAY))
    await settle_all(store, "delivered")
    assert await store.prune(NOW + 2 * DAY, DAY) == 1
    assert await accept(store, entry(event("k")), now=NOW + 3 * DAY) == [AcceptResult("duplicate", first.id)]


async def test_a_delivery_planned_as_skipped_is_kept_with_its_reason_and_never_claimed(store: Store) -> None:
    planned = (
        Planned("open", "r1", "x.j2", DeliveryState.SKIPPED, "the channel is not private"),
        Planned("closed", "r2", "y.j2"),
    )
    assert (await accept(store, entry(deliveries=planned)))[0].channels == ("closed",)
    (skipped,) = await store.find(Query(channel="open"))
    assert (skipped.state, skipped.reason, skipped.settled_at) == ("skipped", "the channel is not private", NOW)
    assert await claim(store, 10, "open") == []
    assert [delivery.template for delivery in await claim(store, 10, "closed")] == ["y.j2"]


async def test_every_column_of_an_event_is_kept(store: Store) -> None:
    one = event("a", "b")
    await accept(store, entry(one))
    (delivery,) = await claim(store, 1)
    assert replace(delivery.event, payload={}) == replace(one, payload={})


async def test_text_that_is_no_unicode_harms_nothing(store: Store) -> None:
    odd = "a\ud800b\x00c"
    one = replace(event(odd), type=odd, subject=odd, name=odd, url=odd, actor=odd, source=odd)
    planned = (Planned(odd, odd, odd, DeliveryState.WAITING, odd),)
    arrived = Request(odd, odd, {odd: odd}, b"\xff")
    assert (await receive(store, arrived, [entry(one, deliveries=planned)], NOW))[0].status == "accepted"
    assert (await receive(store, arrived, [entry(one, deliveries=planned)], NOW))[0].status == "duplicate"
    (delivery,) = await claim(store, 1, odd)
    await settle(store, [DeliveryResult(delivery.id, DeliveryState.DEAD, odd, None, {odd: [odd]}, odd)], NOW)
    assert len(await store.find(Query(channel=odd, source=odd, state=DeliveryState.DEAD))) == 1


@pytest.mark.parametrize("odd", [10**400, float("inf"), float("nan")])
async def test_a_time_that_is_none_is_kept_as_none(store: Store, odd: float) -> None:
    await accept(store, entry(replace(event(), occurred_at=odd)))
    assert (await claim(store, 1))[0].event.occurred_at is None


@pytest.mark.parametrize("jump", [0.0, -DAY])
async def test_a_key_lives_no_longer_than_its_time_from_an_arrival_that_it_made_a_duplicate(
    store: Store, jump: float
) -> None:
    """A clock that was set back a day would make real repeats of a content key duplicates for a day."""
    await accept(store, entry(event("k"), ttl=120.0))
    assert [one.status for one in await accept(store, entry(event("k"), ttl=120.0), now=NOW + jump)] == ["duplicate"]
    assert [one.status for one in await accept(store, entry(event("k"), ttl=120.0), now=NOW + jump + 120)] == [
        "accepted"
    ]


async def test_a_shorter_time_of_keys_cuts_those_that_are_seen_again(store: Store) -> None:
    first = await accept(store, entry(event("k"), ttl=DAY))
    again = await accept(store, entry(event("k"), ttl=600.0), now=NOW + 60)
    assert [(one.status, one.id) for one in again] == [("duplicate", first[0].id)]
    assert (await accept(store, entry(event("k"), ttl=600.0), now=NOW + 660))[0].status == "accepted"
