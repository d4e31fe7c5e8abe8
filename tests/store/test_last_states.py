"""Tests of the last states of groups: what settles them, what makes them uncertain, and how long they live."""

from dataclasses import replace

import pytest

from bridge.core.states import DeliveryState
from bridge.routing.on_change import GroupState, LastState
from bridge.store import DeliveryResult, Query, Store
from tests.store.conftest import opened
from tests.store.group_states import FAILED, KEY, PASSED, last, last_state, shown, waiting
from tests.store.samples import DAY, NOW, claim, held, settle

LATER = replace(FAILED, order=(11, 90300), at=NOW + 60)


@pytest.mark.parametrize("state", [FAILED, PASSED, GroupState("g", "s"), GroupState("\ud800 ünï", "\ud800", at=1e300)])
async def test_a_claimed_delivery_has_its_state_as_accepted(store: Store, state: GroupState) -> None:
    await waiting(store, state, None)
    assert [delivery.group_state for delivery in await claim(store, 9)] == [state, None]


async def test_a_replayed_delivery_has_the_state_of_the_first(store: Store) -> None:
    await shown(store, FAILED)
    found, cursor = await store.changes_since(Query(), None)
    await store.replay(found, cursor, NOW)
    [again] = await claim(store, 9)
    assert (again.group_state, again.replayed_at) == (FAILED, NOW)


async def test_what_is_settled_is_remembered_for_its_channel_route_source_and_group(store: Store) -> None:
    assert await last_state(store, KEY) is None
    await shown(store, FAILED)
    assert await last_state(store, KEY) == last(FAILED)
    others = [replace(KEY, route="b"), replace(KEY, source="gitlab-old"), replace(KEY, group="7/pipeline/x")]
    assert [await last_state(store, other) for other in others] == [None] * 3
    assert await (await held(store, "deploys")).last_state(KEY) is None
    await shown(store, PASSED)
    assert await last_state(store, KEY) == last(PASSED)


async def test_a_delivery_that_a_person_dropped_meanwhile_is_not_remembered(store: Store) -> None:
    [number] = await waiting(store, FAILED)
    await settle(store, [DeliveryResult(number, DeliveryState.DROPPED)], NOW)
    await settle(store, [DeliveryResult(number, DeliveryState.DELIVERED, remembers=(KEY, FAILED))], NOW)
    assert await last_state(store, KEY) is None


async def test_of_several_results_the_last_is_remembered(store: Store) -> None:
    numbers = await waiting(store, FAILED, PASSED)
    await settle(
        store,
        [
            DeliveryResult(number, DeliveryState.DELIVERED, remembers=(KEY, state))
            for number, state in zip(numbers, (FAILED, PASSED), strict=True)
        ],
        NOW,
    )
    assert await last_state(store, KEY) == last(PASSED)


async def digest(store: Store, *states: GroupState | None) -> None:
    await waiting(store, *states)
    hold = await held(store)
    await hold.count_backlog("d1", ["fail"], NOW)
    await hold.record_digest("d1", {"text": "many"}, NOW)
    await hold.settle_digest("d1", NOW)


@pytest.mark.parametrize(
    ("before", "summarized", "after"),
    [
        (PASSED, [PASSED, FAILED], replace(last(PASSED), state="")),
        (FAILED, [PASSED, FAILED], replace(last(FAILED), state="")),
        (PASSED, [PASSED, None], last(PASSED)),
        (FAILED, [FAILED], last(FAILED)),
        (FAILED, [LATER], last(LATER)),
        (PASSED, [LATER], replace(last(LATER), state="")),
        (LATER, [PASSED], replace(last(LATER), state="")),
        (None, [PASSED, FAILED], replace(last(FAILED), state="")),
        (None, [PASSED, PASSED], last(PASSED)),
        (None, [None], None),
    ],
    ids=[
        *("broke in it", "was fixed in it", "stayed fine", "stayed broken"),
        *("stayed broken in a later run", "broke in a later run", "had an older run in it"),
        *("new and broke", "new and fine", "no state"),
    ],
)
async def test_a_digest_makes_a_state_uncertain_if_it_stands_for_another_one(
    store: Store, before: GroupState | None, summarized: list[GroupState | None], after: LastState | None
) -> None:
    if before is not None:
        await shown(store, before)
    await digest(store, *summarized)
    assert await last_state(store, KEY) == after


async def test_it_survives_a_restart(lasting: Store, url: str) -> None:
    await shown(lasting, FAILED)
    await lasting.close()
    again = opened(url)
    assert await last_state(again, KEY) == last(FAILED)
    await again.close()


async def test_it_outlives_the_events_but_not_half_a_year_without_a_run(store: Store) -> None:
    await shown(store, FAILED)
    assert await store.prune(NOW + 30 * DAY, 7 * DAY) == 1
    assert await last_state(store, KEY) == last(FAILED)
    await store.prune(NOW + 179 * DAY, 7 * DAY)
    assert await last_state(store, KEY) == last(FAILED)
    await store.prune(NOW + 180 * DAY, 7 * DAY)
    assert await last_state(store, KEY) is None
