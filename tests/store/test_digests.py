"""Tests of the backlog in the store, and of lasting digests and repeat windows."""

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bridge.core.states import DeliveryState
from bridge.events import Event, Request
from bridge.routing.decide import Planned
from bridge.sources import line_of
from bridge.store import DeliveryResult, NewEvent, Query, RepeatWindow, Store
from tests.store.samples import DAY, NOW, claim, entry, event, held, receive, settle

REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {}, b"{}")
channels = count()
MANY = 1000
"""More than an engine stamps or settles in one transaction, with a few on top."""
WINDOW = RepeatWindow("a route", "7!12", "print", "Pipeline", 90.0)


def made(number: int, event_type: str, subject: str) -> Event:
    return replace(
        event(), id=f"e{number}", keys=(f"k{number}",), type=event_type, subject=subject, name=f"name {number}",
        url=f"https://e.example/{number}",
    )  # fmt: skip


async def accept(store: Store, number: int, *, event_type: str = "push", subject: str = "s", at: float = 1.0) -> None:
    one = replace(made(number, event_type, subject), received_at=at)
    await receive(store, REQUEST, [NewEvent(one, 0, (Planned("general", "r", None),), (60.0,))], at)


async def test_a_backlog_counts_types_subjects_and_failures(store: Store) -> None:
    for number in range(6):
        await accept(
            store, number, event_type="pipeline.failed" if number < 4 else "push", subject=f"s{number // 3}", at=number
        )
    hold = await held(store)
    summed = await hold.count_backlog("d1", ["fail"], 9.0)
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
    await settle(store, [DeliveryResult(3, DeliveryState.WAITING, "busy", line="❌ As tried")], 9.0)
    tried = await hold.count_backlog("d2", ["fail"], 9.0)
    assert tried.subjects[0] == ("❌ As tried", "https://e.example/2", 3)
    assert tried.failed[2] == ("❌ As tried", "https://e.example/2")
    assert await hold.waiting(100) == 6
    assert await hold.waiting(4) == 4
    assert (await (await held(store, "nowhere")).count_backlog("d3", ["fail"], 9.0)).number == 0


async def test_a_digest_settles_the_deliveries_that_it_counted_and_no_other(store: Store) -> None:
    hold = await held(store)
    for number in range(MANY + 5):
        await accept(store, number)
    assert (await hold.count_backlog("d1", ["x"], 8.0)).number == MANY + 5
    await accept(store, MANY + 5)
    await hold.record_digest("d1", {"text": "all"}, 9.0)
    assert await hold.unfinished_digests() == ["d1"]
    await hold.settle_digest("d1", 10.0)
    assert await hold.unfinished_digests() == []
    assert (await store.counts()).states == {"summarized": MANY + 5, "waiting": 1}
    output = await store.find(Query(state=DeliveryState.SUMMARIZED, limit=1))
    assert (output[0].summarized_in, output[0].settled_at) == ("d1", 10.0)


@pytest.mark.parametrize("way", ["resend", "replay"])
@pytest.mark.parametrize("when", ["before it is posted", "after it is posted"])
async def test_a_digest_does_not_settle_a_dead_delivery_that_waits_again_since_its_count(
    store: Store, way: str, when: str
) -> None:
    hold = await held(store)
    for number in (1, 2, 3):
        await accept(store, number)
    await hold.settle([DeliveryResult(1, DeliveryState.DEAD)], 5.0)
    assert (await hold.count_backlog("d1", ["x"], 8.0)).number == 2
    if when == "after it is posted":
        await hold.record_digest("d1", {}, 9.0)
    if way == "resend":
        await accept(store, 1)
    else:
        rows, cursor = await store.changes_since(Query(state=DeliveryState.DEAD), None)
        await store.replay(rows, cursor, 9.0)
    await hold.record_digest("d1", {}, 9.0)
    await hold.settle_digest("d1", 11.0)
    assert [delivery.id for delivery in await hold.claim(9)] == [1]
    assert await hold.unfinished_digests() == []


async def test_a_digest_that_was_never_posted_leaves_its_stamps_without_effect(store: Store) -> None:
    hold = await held(store)
    for number in (1, 2, 3):
        await accept(store, number)
    await hold.count_backlog("d1", ["x"], 8.0)
    await hold.settle_digest("d1", 9.0)
    assert [delivery.id for delivery in await hold.claim(9)] == [1, 2, 3]
    assert [row.summarized_in for row in await store.find(Query())] == [None, None, None]
    assert await store.find(Query(summarized_in="d1")) == []
    await hold.settle([DeliveryResult(1, DeliveryState.WAITING, "busy")], 9.0)
    await hold.settle([DeliveryResult(2, DeliveryState.DELIVERED)], 9.0)
    assert (await hold.count_backlog("d2", ["x"], 9.0)).number == 2
    await hold.record_digest("d2", {}, 9.0)
    await hold.record_digest("d1", {}, 9.0)
    for digest in ("d1", "d2"):
        await hold.settle_digest(digest, 9.0)
    assert [(row.delivery, row.summarized_in) for row in await store.find(Query())] == [(3, "d2"), (2, None), (1, "d2")]


async def test_a_stamped_delivery_that_a_person_dropped_is_neither_counted_nor_settled(store: Store) -> None:
    hold = await held(store)
    for number in (1, 2):
        await accept(store, number)
    await hold.count_backlog("d1", ["x"], 8.0)
    await hold.settle([DeliveryResult(1, DeliveryState.DROPPED, "by hand")], 8.5)
    await hold.record_digest("d1", {}, 9.0)
    await hold.settle_digest("d1", 9.0)
    assert [(row.state, row.reason) for row in await store.find(Query())] == [
        ("summarized", "in digest d1"),
        ("dropped", "by hand"),
    ]


async def test_a_digest_that_is_kept_twice_is_kept_once(store: Store) -> None:
    hold = await held(store)
    for _ in range(2):
        await hold.record_digest("d1", {}, 9.0)
    assert await hold.unfinished_digests() == ["d1"]


async def test_old_digests_are_dropped_and_those_that_are_not_done_stay(store: Store) -> None:
    hold = await held(store)
    await hold.record_digest("done", {}, 1.0)
    await hold.settle_digest("done", 1.0)
    await hold.record_digest("begun", {}, 1.0)
    await store.prune(1000.0, 10.0)
    assert await hold.unfinished_digests() == ["begun"]


async def test_a_window_opens_with_a_delivery_counts_its_repeats_and_ends(store: Store) -> None:
    await accept(store, 1)
    await accept(store, 2)
    first, second = await claim(store, 2)
    assert await (await held(store)).open_window(WINDOW, 10.0) is None
    await settle(store, [DeliveryResult(first.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    assert await (await held(store)).open_window(WINDOW, 99.0) == first.id
    assert await (await held(store)).open_window(WINDOW, 100.0) is None
    assert await (await held(store, "elsewhere")).open_window(WINDOW, 50.0) is None
    await settle(
        store,
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
    assert await (await held(store)).next_window() == 100.0
    assert await (await held(store)).ended_windows(99.0) == []
    [ended] = await (await held(store)).ended_windows(100.0)
    assert (ended.repeats, ended.since, ended.line) == (1, 10.0, "Pipeline")
    await (await held(store)).close_window(ended)
    assert await (await held(store)).next_window() is None


async def test_a_window_that_begins_before_the_notice_of_the_last_keeps_its_count(store: Store) -> None:
    for number in range(3):
        await accept(store, number)
    first, second, third = await claim(store, 3)
    await settle(store, [DeliveryResult(first.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    await settle(store, [DeliveryResult(second.id, DeliveryState.SUMMARIZED, repeat_window=WINDOW)], 50.0)
    await settle(
        store, [DeliveryResult(third.id, DeliveryState.DELIVERED, opens_window=replace(WINDOW, seconds=99.0))], 101.0
    )
    assert await (await held(store)).open_window(WINDOW, 150.0) == third.id
    [ended] = await (await held(store)).ended_windows(200.0)
    assert (ended.repeats, ended.since, ended.seconds) == (1, 10.0, 190.0)


async def test_a_delivery_that_was_settled_meanwhile_opens_no_window_and_is_no_repeat(store: Store) -> None:
    await accept(store, 1)
    [one] = await claim(store, 1)
    await settle(store, [DeliveryResult(one.id, DeliveryState.SKIPPED)], 5.0)
    await settle(store, [DeliveryResult(one.id, DeliveryState.DELIVERED, opens_window=WINDOW)], 10.0)
    assert await (await held(store)).next_window() is None


@pytest.mark.parametrize("part", ["fail", "%", "_", "'"])
async def test_parts_of_types_are_data(store: Store, part: str) -> None:
    await accept(store, 1, event_type="charge.failed")
    assert (await (await held(store)).count_backlog("d1", [part], 9.0)).number == 1


@pytest.mark.parametrize("jump", [-DAY, -1.0])
async def test_a_window_ends_when_the_clock_is_set_back_before_its_beginning(store: Store, jump: float) -> None:
    hold = await held(store)
    for number in range(3):
        await accept(store, number, at=NOW)
    await hold.settle([DeliveryResult(1, DeliveryState.DELIVERED, opens_window=WINDOW)], NOW)
    await hold.settle([DeliveryResult(2, DeliveryState.SUMMARIZED, repeat_window=WINDOW)], NOW + 5)
    assert await hold.open_window(WINDOW, NOW + 5) == 1
    assert await hold.open_window(WINDOW, NOW + jump) is None
    [ended] = await hold.ended_windows(NOW + jump)
    assert (ended.repeats, ended.seconds) == (1, 90.0)
    # One that opens before the notice: the repeats so far are in it, and its own length counts.
    await hold.settle([DeliveryResult(3, DeliveryState.DELIVERED, opens_window=WINDOW)], NOW + jump)
    assert await hold.ended_windows(NOW + jump + 89) == []
    [ended] = await hold.ended_windows(NOW + jump + 90)
    assert ended.repeats == 1


async def test_a_window_lasts_from_the_message_that_is_shown_not_from_its_rendering(store: Store) -> None:
    """A clock that is set back while a post waits for its turn must not make it longer."""
    await accept(store, 1, at=NOW)
    hold = await held(store)
    assert await hold.open_window(WINDOW, NOW) is None
    await hold.settle([DeliveryResult(1, DeliveryState.DELIVERED, opens_window=WINDOW)], NOW - DAY)
    assert await hold.next_window() == NOW - DAY + 90


ACTIONS = ("accept", "accept", "die", "resend", "replay", "count", "count", "post", "settle", "settle")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@example(actions=["accept", "count", "die", "resend", "post", "settle"])
@example(actions=["accept", "count", "die", "replay", "post", "settle"])
@example(actions=["accept", "count", "accept", "count", "post", "settle"])
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=8, max_size=24))
async def test_whatever_happens_meanwhile_a_digest_settles_what_it_counted_last_and_still_waits(
    store: Store, actions: list[str]
) -> None:
    channel = f"c{next(channels)}"
    hold = await held(store, channel)
    waiting: dict[int, str] = {}
    """The stamp of each waiting delivery, by number."""
    dead: list[int] = []
    keys: dict[int, str] = {}
    counted: list[str] = []
    posted: list[str] = []
    for step, action in enumerate(actions):
        if action == "accept" or (action == "resend" and dead):
            number = dead.pop(0) if action == "resend" else None
            key = f"{channel}:{step}" if number is None else keys[number]
            await receive(store, REQUEST, [entry(event(key), channels=(channel,))], 1.0)
            number = number or (await hold.claim(99))[-1].id
            keys[number] = key
            waiting[number] = ""
        elif action == "die" and waiting:
            number = min(waiting)
            await hold.settle([DeliveryResult(number, DeliveryState.DEAD)], 2.0)
            dead.append(number)
            del waiting[number]
        elif action == "replay" and dead:
            rows, cursor = await store.changes_since(Query(deliveries=(dead[-1],)), None)
            await store.replay(rows, cursor, 3.0)
            waiting[dead.pop()] = ""
        elif action == "count":
            counted.append(digest := f"{channel}-{step}")
            assert (await hold.count_backlog(digest, ["x"], 4.0)).number == len(waiting)
            waiting = dict.fromkeys(waiting, digest)
        elif action == "post" and counted:
            posted.append(counted.pop(0))
            await hold.record_digest(posted[-1], {}, 5.0)
        elif action == "settle" and posted:
            await hold.settle_digest(digest := posted.pop(0), 6.0)
            waiting = {number: stamp for number, stamp in waiting.items() if stamp != digest}
        assert [delivery.id for delivery in await hold.claim(99)] == sorted(waiting)
