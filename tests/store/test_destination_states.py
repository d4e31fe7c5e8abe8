"""Tests of blocked channels: each incident is one row, with one alert."""

from bridge.core.states import WorkerState
from bridge.store import DestinationState, Store
from tests.store.samples import NOW


async def test_a_state_needs_an_alert_until_it_was_posted_and_keeps_its_beginning(store: Store) -> None:
    assert await store.destination_states() == []
    assert await store.record_destination("deploys", WorkerState.STOPPED, "no_service", NOW)
    assert await store.record_destination("deploys", WorkerState.STOPPED, "no_service", NOW + 1)
    await store.destination_alerted("deploys")
    assert not await store.record_destination("deploys", WorkerState.STOPPED, "channel_is_archived", NOW + 2)
    assert await store.destination_states() == [
        DestinationState("deploys", WorkerState.STOPPED, "channel_is_archived", NOW, alerted=True)
    ]


async def test_another_state_is_another_incident(store: Store) -> None:
    await store.record_destination("deploys", WorkerState.UNAVAILABLE, "no answer in time", NOW)
    await store.destination_alerted("deploys")
    assert await store.record_destination("deploys", WorkerState.STOPPED, "no_service", NOW + 60)
    assert await store.destination_states() == [
        DestinationState("deploys", WorkerState.STOPPED, "no_service", NOW + 60, alerted=False)
    ]


async def test_a_cleared_channel_leaves_nothing_and_its_next_state_needs_an_alert(store: Store) -> None:
    await store.record_destination("general", WorkerState.STOPPED, "\ud800", NOW)
    await store.record_destination("deploys", WorkerState.STOPPED, "no_service", NOW)
    assert [row.channel for row in await store.destination_states()] == ["deploys", "general"]
    await store.destination_alerted("deploys")
    await store.clear_destination("deploys")
    await store.clear_destination("deploys")
    await store.destination_alerted("deploys")
    assert [row.channel for row in await store.destination_states()] == ["general"]
    assert await store.record_destination("deploys", WorkerState.STOPPED, "no_service", NOW + 60)
