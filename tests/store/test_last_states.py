"""Tests of the last states of groups: what settles them, what makes them uncertain, and how long they live."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState, LastState
from bridge.store import DeliveryResult, GroupKey, Query
from bridge.store.sqlite import last_states
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened
from tests.store.samples import DAY, NOW, accept, claim, entry, event, held, rows, settle

FAILED = GroupState("7/pipeline/main", "failed", False, "pipeline", (10, 90211), NOW)
PASSED = replace(FAILED, state="success", good=True)
LATER = replace(FAILED, order=(11, 90300), at=NOW + 60)
KEY = GroupKey("a route", "gitlab", FAILED.group)


def last(state: GroupState) -> LastState:
    return LastState(state.state, state.kind, state.order, state.at)


async def waiting(store: SqliteStore, *states: GroupState | None, channel: str = "general") -> list[int]:
    """Accept a delivery for each state, and return the waiting ones."""
    for state in states:
        planned = Planned(channel, "a route", None, group_state=state)
        await accept(store, entry(event(), deliveries=[planned]))
    return [delivery.id for delivery in await claim(store, 1000, channel)]


async def shown(store: SqliteStore, state: GroupState, key: GroupKey = KEY, *, now: float = NOW) -> None:
    """Deliver a state, so that it is remembered."""
    number = (await waiting(store, state))[-1]
    result = DeliveryResult(number, DeliveryState.DELIVERED, remembers=(key, state))
    await settle(store, [result], now)


@pytest.mark.parametrize("state", [FAILED, PASSED, GroupState("g", "s"), GroupState("\ud800 ünï", "\ud800", at=1e300)])
async def test_a_claimed_delivery_has_its_state_as_accepted(store: SqliteStore, state: GroupState) -> None:
    await waiting(store, state, None)
    assert [delivery.group_state for delivery in await claim(store, 9)] == [state, None]


async def test_a_replayed_delivery_has_the_state_of_the_first(store: SqliteStore) -> None:
    await shown(store, FAILED)
    found, cursor = await store.changes_since(Query(), None)
    await store.replay(found, cursor, NOW)
    [again] = await claim(store, 9)
    assert (again.group_state, again.replayed_at) == (FAILED, NOW)


async def test_what_is_settled_is_remembered_for_its_channel_route_source_and_group(store: SqliteStore) -> None:
    assert await last_state(store, KEY) is None
    await shown(store, FAILED)
    assert await last_state(store, KEY) == last(FAILED)
    others = [replace(KEY, route="b"), replace(KEY, source="gitlab-old"), replace(KEY, group="7/pipeline/x")]
    assert [await last_state(store, other) for other in others] == [None] * 3
    assert await (await held(store, "deploys")).last_state(KEY) is None
    await shown(store, PASSED)
    assert await last_state(store, KEY) == last(PASSED)


async def test_a_delivery_that_a_person_dropped_meanwhile_is_not_remembered(store: SqliteStore) -> None:
    [number] = await waiting(store, FAILED)
    await settle(store, [DeliveryResult(number, DeliveryState.DROPPED)], NOW)
    await settle(store, [DeliveryResult(number, DeliveryState.DELIVERED, remembers=(KEY, FAILED))], NOW)
    assert await last_state(store, KEY) is None


async def test_of_several_results_the_last_is_remembered(store: SqliteStore) -> None:
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


async def last_state(store: SqliteStore, key: GroupKey) -> LastState | None:
    found = await (await held(store)).last_state(key)
    assert await store.last_states({"general": key, "none": key}) == {"general": found, "none": None}
    return found


async def digest(store: SqliteStore, *states: GroupState | None) -> None:
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
    store: SqliteStore, before: GroupState | None, summarized: list[GroupState | None], after: LastState | None
) -> None:
    if before is not None:
        await shown(store, before)
    await digest(store, *summarized)
    assert await last_state(store, KEY) == after


async def test_it_survives_a_restart(stored: SqliteStore, path: Path) -> None:
    await shown(stored, FAILED)
    await stored.close()
    again = opened(f"sqlite:///{path}")
    assert await last_state(again, KEY) == last(FAILED)
    await again.close()


async def test_it_outlives_the_events_but_not_half_a_year_without_a_run(store: SqliteStore) -> None:
    await shown(store, FAILED)
    assert await store.prune(NOW + 30 * DAY, 7 * DAY) == 1
    assert await last_state(store, KEY) == last(FAILED)
    await store.prune(NOW + 179 * DAY, 7 * DAY)
    assert await last_state(store, KEY) == last(FAILED)
    await store.prune(NOW + 180 * DAY, 7 * DAY)
    assert await last_state(store, KEY) is None


async def test_too_many_groups_forget_the_oldest(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_states, "MOST", 3)
    keys = [replace(KEY, group=f"g{number}") for number in range(5)]
    for age, key in enumerate(reversed(keys)):
        await shown(store, FAILED, key, now=NOW + age)
    await store.prune(NOW + 10, 7 * DAY)
    left = [key for key in keys if await last_state(store, key)]
    assert left == keys[:3]


async def test_a_delivery_without_a_state_writes_none(stored: SqliteStore, path: Path) -> None:
    await waiting(stored, None)
    assert rows(path, "SELECT count(group_state), count(*) FROM deliveries") == [(0, 1)]


@pytest.mark.parametrize(
    "garbled", ["{", "[]", "5", '{"group": "g\x00', '{"group": "g"}', '{"group": "g", "state": "s", "order": ["x"]}']
)
async def test_a_garbled_state_does_not_hold_up_its_channel(stored: SqliteStore, path: Path, garbled: str) -> None:
    await waiting(stored, FAILED, PASSED)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE deliveries SET group_state = ? WHERE id = 1", (garbled,))
    assert [one.group_state for one in await claim(stored, 9)] == [None, PASSED]
    hold = await held(stored)
    await hold.count_backlog("d1", ["fail"], NOW)
    await hold.record_digest("d1", {"text": "many"}, NOW)
    await hold.settle_digest("d1", NOW)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE last_states SET run = ?", (garbled,))
    assert await last_state(stored, KEY) == replace(last(PASSED), order=())
