"""Tests of queries of the event log, and of the store's size and limit."""

from dataclasses import replace

import pytest

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.events import new_id
from bridge.routing.decide import Planned
from bridge.sources import line_of
from bridge.store import Attempt, DeliveryResult, Query, Store
from tests.store.samples import LIMIT, NOW, accept, entry, event, receive, request, settle, settle_all


async def test_rows_are_newest_first_and_limited(store: Store) -> None:
    ids = [(await accept(store))[0].id for _ in range(5)]
    assert [row.event for row in await store.find(Query())] == ids[::-1]
    assert [row.event for row in await store.find(Query(limit=2))] == ids[:2:-1]
    assert await store.find(Query(limit=-1)) == []


async def test_a_row_holds_the_deliverys_and_the_events_columns(store: Store) -> None:
    one = event()
    await accept(store, entry(one, deliveries=(Planned("ops", "pipelines", "x.j2"),)))
    (row,) = await store.find(Query())
    assert (row.event, row.source, row.type, row.name) == (one.id, one.source, one.type, one.name)
    assert (row.channel, row.route, row.state, row.reason) == ("ops", "pipelines", "waiting", "")
    assert (row.attempts, row.received_at, row.settled_at, row.template_fault) == (0, NOW, None, "")


async def test_every_condition_of_a_query_narrows_it(store: Store) -> None:
    one = event(source="gitlab")
    await accept(store, entry(one, channels=("a", "b")), entry(event(source="two"), channels=("a",)))
    await settle_all(store, "dead", "b")
    assert len(await store.find(Query(source="gitlab"))) == 2
    assert len(await store.find(Query(channel="a"))) == 2
    assert len(await store.find(Query(state=DeliveryState.DEAD))) == 1
    assert len(await store.find(Query(event=one.id))) == 2
    assert len(await store.find(Query(state=DeliveryState.WAITING, source="gitlab", channel="a", event=one.id))) == 1
    assert await store.find(Query(state=DeliveryState.DEAD, channel="a")) == []
    assert await store.find(Query(event="' OR 1=1 --")) == []


async def test_counts_are_by_state_and_waiting_ones_by_channel(store: Store) -> None:
    await accept(store, entry(channels=("a", "gone")), entry(channels=("a", "b")))
    await settle_all(store, "delivered", "b")
    counts = await store.counts()
    assert counts.states == {"waiting": 3, "delivered": 1}
    assert counts.waiting == {"a": 2, "gone": 1}
    assert counts.limit == LIMIT
    assert counts.size > 0


async def test_the_size_counts_what_is_in_use_and_falls_when_it_is_pruned(store: Store) -> None:
    empty = (await store.counts()).size
    await receive(store, request(b"x" * 1_000_000), [entry()], NOW)
    full = (await store.counts()).size
    assert full >= empty + 990_000
    await settle_all(store, "delivered")
    await store.prune(NOW + 10, 1)
    assert (await store.counts()).size < empty + 100_000
    await receive(store, request(b"x" * 1_000_000), [entry()], NOW)
    assert (await store.counts()).size <= full + 20_000


async def test_times_are_those_of_arrival_from_one_moment_up_to_another(store: Store) -> None:
    for hours in range(5):
        await accept(store, entry(event(event_id=new_id(NOW + 3600 * hours), now=NOW + 3600 * hours)))
    found = await store.find(Query(since=NOW + 3600, until=NOW + 3 * 3600))
    assert [row.received_at for row in found] == [NOW + 2 * 3600, NOW + 3600]
    assert len(await store.find(Query(since=NOW))) == 5
    assert await store.find(Query(since=NOW + 10 * 3600)) == []
    assert len(await store.find(Query(since=-1e12))) == 5
    assert await store.find(Query(until=NOW)) == []


async def test_an_old_event_that_was_replayed_is_no_new_arrival(store: Store) -> None:
    await accept(store, entry(event(event_id=new_id(NOW))))
    await settle_all(store, "delivered")
    await accept(store, entry(event(event_id=new_id(NOW + 3600), now=NOW + 3600)))
    rows, cursor = await store.changes_since(Query(state=DeliveryState.DELIVERED), None)
    await store.replay(rows, cursor, NOW + 7200)
    assert [row.delivery for row in await store.find(Query(since=NOW + 3600))] == [2]
    assert [row.delivery for row in await store.find(Query(until=NOW + 3600))] == [3, 1]


async def test_types_are_patterns_and_the_limit_counts_matching_rows(store: Store) -> None:
    kinds = ("push", "pipeline.failed", "pipeline.success", "orders/create", "pipelines")
    await accept(store, *(entry(replace(event(), type=kind)) for kind in kinds * 2))
    found = await store.find(Query(types=("pipeline", "!*.success")))
    assert [row.type for row in found] == ["pipeline.failed"] * 2
    assert [row.type for row in await store.find(Query(types=("*.failed",), limit=1))] == ["pipeline.failed"]
    assert len(await store.find(Query(types=("!push",)))) == 8
    assert await store.find(Query(types=("%",))) == []


@pytest.mark.parametrize(
    ("sought", "numbers"),
    [
        ("100% of", [1]),
        ("%", [1]),
        ("_", [2]),
        ("ÄRGER", [3]),
        ("straße", [3]),
        ("STRASSE", [3]),
        ("ada", [4, 3, 2, 1]),
        ("7#12", [4, 3, 2, 1]),
        ("because", [4]),
        ("' OR 1=1 --", []),
        ("\ud800", []),
        ("x" * 100_000, []),
        ("https://gitlab", []),
    ],
)
async def test_free_text_is_searched_literally_and_in_any_case(store: Store, sought: str, numbers: list[int]) -> None:
    for name in ("100% of tests", "a_b", "Ärger in der Straße", "plain"):
        await accept(store, entry(replace(event(), name=name)))
    await settle(store, [DeliveryResult(4, DeliveryState.DEAD, "Because")], NOW)
    assert [row.delivery for row in await store.find(Query(contains=sought))] == numbers


async def test_free_text_is_searched_in_the_line_that_is_shown(store: Store) -> None:
    build, deploy = replace(event(), name="Build"), replace(event(), name="Deploy")
    await accept(store, entry(build), entry(deploy))
    await settle(store, [DeliveryResult(1, DeliveryState.DELIVERED, line="❌ Broken at last")], NOW)
    found = {
        sought: [row.delivery for row in await store.find(Query(contains=sought))] for sought in ("broken", "build")
    }
    assert found == {"broken": [1], "build": [1]}
    assert [row.line for row in await store.find(Query(contains=line_of(deploy).upper()))] == [line_of(deploy)]


async def test_an_event_is_found_by_the_start_of_its_id(store: Store) -> None:
    for event_id in ("01a%", "01a_x", "01b", "01"):
        await accept(store, entry(event(event_id=event_id)))
    assert [row.event for row in await store.find(Query(id_prefix="01a"))] == ["01a_x", "01a%"]
    assert [row.event for row in await store.find(Query(id_prefix="01a%"))] == ["01a%"]
    assert len(await store.find(Query(id_prefix="01"))) == 4
    assert await store.find(Query(id_prefix="\ud800")) == []


async def test_changes_since_a_cursor_are_new_and_changed_rows(store: Store) -> None:
    await accept(store, entry(channels=("a", "b")))
    rows, cursor = await store.changes_since(Query(), None)
    assert [row.delivery for row in rows] == [2, 1]
    assert (await store.changes_since(Query(), cursor))[0] == []
    await settle(
        store,
        [DeliveryResult(1, DeliveryState.WAITING, "ratelimited", Attempt(NOW, OutcomeKind.RATE_LIMITED, 429, "", 0.1))],
        NOW,
    )
    await accept(store, entry(channels=("a",)))
    rows, cursor = await store.changes_since(Query(), cursor)
    assert [(row.delivery, row.state, row.attempts) for row in rows] == [(3, "waiting", 0), (1, "waiting", 1)]
    await settle_all(store, "delivered", "a")
    await settle_all(store, "dead", "b")
    rows, cursor = await store.changes_since(Query(channel="b"), cursor)
    assert [(row.delivery, row.state) for row in rows] == [(2, "dead")]
    await accept(store, entry(deliveries=(Planned("a", "r", None, DeliveryState.SKIPPED, "confidential"),)))
    assert [row.delivery for row in (await store.changes_since(Query(limit=1), cursor))[0]] == [4]
