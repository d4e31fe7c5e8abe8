"""Lanes that do not run: each trouble is one row, told once."""

from bridge.store import DestinationState
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import NOW


async def test_a_trouble_is_new_until_it_was_told_and_keeps_its_beginning(store: SqliteStore) -> None:
    assert await store.destination_states() == []
    assert await store.note_destination("deploys", "stopped", "no_service", NOW)
    assert await store.note_destination("deploys", "stopped", "no_service", NOW + 1)
    await store.destination_alerted("deploys")
    assert not await store.note_destination("deploys", "stopped", "channel_is_archived", NOW + 2)
    assert await store.destination_states() == [
        DestinationState("deploys", "stopped", "channel_is_archived", NOW, told=True)
    ]


async def test_another_state_is_another_trouble(store: SqliteStore) -> None:
    await store.note_destination("deploys", "away", "no answer in time", NOW)
    await store.destination_alerted("deploys")
    assert await store.note_destination("deploys", "stopped", "no_service", NOW + 60)
    assert await store.destination_states() == [
        DestinationState("deploys", "stopped", "no_service", NOW + 60, told=False)
    ]


async def test_a_lane_that_runs_again_leaves_nothing_and_its_next_trouble_is_told(store: SqliteStore) -> None:
    await store.note_destination("general", "stopped", "\ud800", NOW)
    await store.note_destination("deploys", "stopped", "no_service", NOW)
    assert [row.channel for row in await store.destination_states()] == ["deploys", "general"]
    await store.destination_alerted("deploys")
    await store.clear_destination("deploys")
    await store.clear_destination("deploys")
    await store.destination_alerted("deploys")
    assert [row.channel for row in await store.destination_states()] == ["general"]
    assert await store.note_destination("deploys", "stopped", "no_service", NOW + 60)
