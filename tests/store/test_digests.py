"""Tests of the backlog in the store, and of stored digests and repeat windows."""

from dataclasses import replace

import pytest

from bridge.core.states import DeliveryState
from bridge.events import Event, Request
from bridge.routing.decide import Planned
from bridge.sources import line_of
from bridge.store import DeliveryResult, NewEvent, Query, RepeatWindow
from bridge.store.sqlite.digests import BATCH
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import event

REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {}, b"{}")
WINDOW = RepeatWindow("a route", "7!12", "print", "Pipeline", until=100.0)


def made(number: int, event_type: str, subject: str) -> Event:
    return replace(
        event(), id=f"e{number}", keys=(f"k{number}",), type=event_type, subject=subject, name=f"name {number}",
        url=f"https://e.example/{number}",
    )  # fmt: skip


async def accept(
    store: SqliteStore, number: int, *, event_type: str = "push", subject: str = "s", at: float = 1.0
) -> None:
    one = replace(made(number, event_type, subject), received_at=at)
    await store.accept(REQUEST, [NewEvent(one, 0, (Planned("general", "r", None),), (60.0,))], at)


async def test_a_backlog_counts_types_subjects_and_failures(store: SqliteStore) -> None:
    for number in range(6):
        await accept(
            store, number, event_type="pipeline.failed" if number < 4 else "push", subject=f"s{number // 3}", at=number
        )
    summed = await store.backlog("general", ["fail"])
    assert (summed.number, summed.kinds, summed.first, summed.last) == (6, 2, 0.0, 5.0)
    assert summed.types == ((event().source, "pipeline.failed", 4), (event().source, "push", 2))
    assert summed.subjects == (
        (line_of(made(2, "pipeline.failed", "s0")), "https://e.example/2", 3),
        (line_of(made(5, "push", "s1")), "https://e.example/5", 3),
    )
    assert (summed.failures, summed.failed[0], summed.failed[-1]) == (
        4,
        (line_of(made(0, "pipeline.failed", "s0")), "https://e.example/0"),
        (line_of(made(3, "pipeline.failed", "s1")), "https://e.example/3"),
    )
    await store.settle([DeliveryResult(3, DeliveryState.WAITING, "busy", line="❌ As tried")], 9.0)
    tried = await store.backlog("general", ["fail"])
    assert tried.subjects[0] == ("❌ As tried", "https://e.example/2", 3)
    assert tried.failed[2] == ("❌ As tried", "https://e.example/2")
    assert await store.waiting("general", 100) == 6
    assert await store.waiting("general", 4) == 4
    assert (await store.backlog("nowhere", ["fail"])).number == 0


async def test_a_digest_settles_the_deliveries_waiting_before_it_and_no_other(store: SqliteStore) -> None:
    for number in range(BATCH + 5):
        await accept(store, number)
    upto = (await store.backlog("general", ["x"])).upto
    await accept(store, BATCH + 5)
    await store.record_digest("d1", "general", upto, {"text": "all"}, 9.0)
    assert await store.unfinished_digests("general") == ["d1"]
    await store.settle_digest("d1", 10.0)
    assert await store.unfinished_digests("general") == []
    assert (await store.counts()).states == {"summarized": BATCH + 5, "waiting": 1}
    output = await store.find(Query(state=DeliveryState.SUMMARIZED, limit=1))
    assert (output[0].summarized_in, output[0].settled_at) == ("d1", 10.0)


async def test_a_digest_does_not_settle_a_delivery_replayed_after_it(store: SqliteStore) -> None:
    await accept(store, 1)
    await accept(store, 2)
    first, _ = await store.claim("general", "test", 2)
    await store.settle([DeliveryResult(first.id, DeliveryState.DEAD)], 5.0)
    await store.record_digest("d1", "general", 9, {}, 9.0)
    rows, cursor = await store.changes_since(Query(state=DeliveryState.DEAD), None)
    await store.replay(rows, cursor, 10.0)
    await store.settle_digest("d1", 11.0)
    assert [delivery.id for delivery in await store.claim("general", "test", 9)] == [first.id]
    assert await store.unfinished_digests("general") == []


async def test_a_digest_that_is_kept_twice_is_kept_once(store: SqliteStore) -> None:
    for _ in range(2):
        await store.record_digest("d1", "general", 9, {}, 9.0)
    assert await store.unfinished_digests("general") == ["d1"]


async def test_old_digests_are_dropped_and_those_that_are_not_done_stay(store: SqliteStore) -> None:
    await store.record_digest("done", "general", 0, {}, 1.0)
    await store.settle_digest("done", 1.0)
    await store.record_digest("begun", "general", 0, {}, 1.0)
    await store.prune(1000.0, 10.0)
    assert await store.unfinished_digests("general") == ["begun"]


async def test_a_window_opens_with_a_delivery_counts_its_repeats_and_ends(store: SqliteStore) -> None:
    await accept(store, 1)
    await accept(store, 2)
    first, second = await store.claim("general", "test", 2)
    assert await store.open_window("general", WINDOW, 10.0) is None
    await store.settle([DeliveryResult(first.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    assert await store.open_window("general", WINDOW, 99.0) == first.id
    assert await store.open_window("general", WINDOW, 100.0) is None
    assert await store.open_window("elsewhere", WINDOW, 50.0) is None
    await store.settle(
        [
            DeliveryResult(
                second.id,
                DeliveryState.SUMMARIZED,
                "same",
                summarized_in=f"repeat of #{first.id}",
                repeat_window=WINDOW,
            )
        ],
        50.0,
    )
    assert await store.next_window("general") == 100.0
    assert await store.ended_windows("general", 99.0) == []
    [ended] = await store.ended_windows("general", 100.0)
    assert (ended.repeats, ended.since, ended.line) == (1, 10.0, "Pipeline")
    await store.close_window("general", ended)
    assert await store.next_window("general") is None


async def test_a_window_that_begins_before_the_notice_of_the_last_keeps_its_count(store: SqliteStore) -> None:
    for number in range(3):
        await accept(store, number)
    first, second, third = await store.claim("general", "test", 3)
    await store.settle([DeliveryResult(first.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    await store.settle([DeliveryResult(second.id, DeliveryState.SUMMARIZED, repeat_window=WINDOW)], 50.0)
    await store.settle(
        [DeliveryResult(third.id, DeliveryState.DELIVERED, opens_window=replace(WINDOW, until=200.0))], 101.0
    )
    assert await store.open_window("general", WINDOW, 150.0) == third.id
    [ended] = await store.ended_windows("general", 200.0)
    assert (ended.repeats, ended.since, ended.until) == (1, 10.0, 200.0)


async def test_a_delivery_that_was_settled_meanwhile_opens_no_window_and_is_no_repeat(store: SqliteStore) -> None:
    await accept(store, 1)
    [one] = await store.claim("general", "test", 1)
    await store.settle([DeliveryResult(one.id, DeliveryState.SKIPPED)], 5.0)
    await store.settle([DeliveryResult(one.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    assert await store.next_window("general") is None


@pytest.mark.parametrize("part", ["fail", "%", "_", "'"])
async def test_parts_of_types_are_data(store: SqliteStore, part: str) -> None:
    await accept(store, 1, event_type="charge.failed")
    assert (await store.backlog("general", [part])).number == 1
