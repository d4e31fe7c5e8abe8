"""Lanes that do not run: each trouble is one row, told once."""

from bridge.store import LaneRow
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import NOW


async def test_a_trouble_is_new_until_it_was_told_and_keeps_its_beginning(store: SqliteStore) -> None:
    assert await store.lanes() == []
    assert await store.note_lane("deploys", "stopped", "no_service", NOW)
    assert await store.note_lane("deploys", "stopped", "no_service", NOW + 1)
    await store.lane_told("deploys")
    assert not await store.note_lane("deploys", "stopped", "channel_is_archived", NOW + 2)
    assert await store.lanes() == [LaneRow("deploys", "stopped", "channel_is_archived", NOW, told=True)]


async def test_another_state_is_another_trouble(store: SqliteStore) -> None:
    await store.note_lane("deploys", "away", "no answer in time", NOW)
    await store.lane_told("deploys")
    assert await store.note_lane("deploys", "stopped", "no_service", NOW + 60)
    assert await store.lanes() == [LaneRow("deploys", "stopped", "no_service", NOW + 60, told=False)]


async def test_a_lane_that_runs_again_leaves_nothing_and_its_next_trouble_is_told(store: SqliteStore) -> None:
    await store.note_lane("general", "stopped", "\ud800", NOW)
    await store.note_lane("deploys", "stopped", "no_service", NOW)
    assert [row.channel for row in await store.lanes()] == ["deploys", "general"]
    await store.lane_told("deploys")
    await store.clear_lane("deploys")
    await store.clear_lane("deploys")
    await store.lane_told("deploys")
    assert [row.channel for row in await store.lanes()] == ["general"]
    assert await store.note_lane("deploys", "stopped", "no_service", NOW + 60)
