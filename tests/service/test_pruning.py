"""Tests of when the store is pruned, with a real store and a clock that the test sets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.core.counters import EVENTS_PRUNED, Counters
from bridge.service.pruning import LOOK_AGAIN, PRUNE_EVERY, keep_pruned
from bridge.store import Query
from bridge.store.sqlite.store import SqliteStore
from tests.delivery.clock import HandClock
from tests.store.conftest import opened_sqlite
from tests.store.samples import DAY, NOW, accept, entry, event, settle_all


class Pruned:
    """A store with one settled event, which the service prunes."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = HandClock(NOW)
        self.counters = Counters()
        self.task = asyncio.create_task(keep_pruned(store, self.clock, 7 * DAY, self.counters))

    async def events(self) -> int:
        """Wait until pruning rests, and return the number of events that are left."""
        await self.clock.asleep()
        return len(await self.store.find(Query()))


@pytest.fixture
async def pruned(tmp_path: Path) -> AsyncIterator[Pruned]:
    store = opened_sqlite(f"sqlite:///{tmp_path}/bridge.db")
    await accept(store, entry(event("key")))
    await settle_all(store, "delivered", now=NOW)
    it = Pruned(store)
    yield it
    it.task.cancel()
    with suppress(asyncio.CancelledError):
        await it.task
    await store.close()


async def test_old_events_are_pruned_and_counted(pruned: Pruned) -> None:
    passed = 0.0
    while passed < 7 * DAY - PRUNE_EVERY:
        assert await pruned.events() == 1
        passed += await pruned.clock.skip()
    await pruned.clock.skip()
    assert await pruned.events() == 0
    assert pruned.counters.totals()[EVENTS_PRUNED.name] == 1


async def test_a_clock_that_jumps_and_comes_back_prunes_nothing(pruned: Pruned) -> None:
    for _ in range(3):
        await pruned.clock.skip()
    await pruned.events()
    pruned.clock.set_forward(3650 * DAY)
    await pruned.clock.skip()
    assert await pruned.events() == 1
    pruned.clock.set_forward(-3650 * DAY)
    for _ in range(3):
        await pruned.clock.skip()
        assert await pruned.events() == 1
    # Nor are the keys gone, by which a resend is known.
    assert (await accept(pruned.store, entry(event("key"))))[0].status == "duplicate"


async def test_a_clock_that_is_wrong_at_the_start_prunes_nothing(tmp_path: Path) -> None:
    store = opened_sqlite(f"sqlite:///{tmp_path}/bridge.db")
    await accept(store)
    await settle_all(store, "delivered", now=NOW)
    clock = HandClock(NOW + 3650 * DAY)
    task = asyncio.create_task(keep_pruned(store, clock, 7 * DAY, Counters()))
    await clock.asleep()
    clock.set_forward(-3650 * DAY)
    await clock.skip()
    await clock.asleep()
    assert len(await store.find(Query())) == 1
    task.cancel()
    await store.close()


async def test_a_jump_that_is_seen_twice_is_believed(pruned: Pruned) -> None:
    for _ in range(3):
        await pruned.clock.skip()
    await pruned.events()
    pruned.clock.set_forward(8 * DAY)
    await pruned.clock.skip()
    assert await pruned.events() == 1
    assert await pruned.clock.skip() == LOOK_AGAIN
    assert await pruned.events() == 0


async def test_what_grew_old_while_nothing_ran_is_pruned_a_minute_after_the_start(pruned: Pruned) -> None:
    pruned.clock.set_forward(8 * DAY)
    await pruned.clock.skip()
    await pruned.clock.skip()
    assert await pruned.events() == 0
