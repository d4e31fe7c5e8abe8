"""Lanes are started for channels, woken, kept apart, and drained."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from bridge.core.counters import POSTS
from bridge.core.states import WorkerState
from bridge.delivery.dispatcher import DRAIN, POLL_EVERY, Destination, Dispatcher
from bridge.delivery.worker_deps import RUNNING, WorkerStatus
from bridge.demo.slack_simulator import rate_limited
from bridge.store import StoreUnavailableError, open_store
from tests.delivery.scene import Scene, policy, render
from tests.slack.answers import EMPTY_500, NO_SERVICE
from tests.slack.simulator import Fault, HeldAnswer


@dataclass
class House:
    """A dispatcher, and what its configuration says."""

    scene: Scene
    dispatcher: Dispatcher
    destinations: dict[str, Destination]

    def configure(self, *channels: str, per_second: float = 1000.0) -> None:
        for channel in channels:
            self.destinations[channel] = Destination(self.scene.slack.webhook(channel), policy(pace=per_second))

    async def stop(self) -> None:
        """End for good, without patience."""
        stopping = asyncio.create_task(self.dispatcher.stop())
        await self.scene.until(stopping)


async def turns_of_the_loop() -> None:
    """Let every task that can go on go as far as it can without time passing."""
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
async def house(scene: Scene) -> AsyncIterator[House]:
    destinations: dict[str, Destination] = {}
    dispatcher = Dispatcher(
        scene.store,
        scene.deps.poster,
        render,
        lambda: dict(destinations),
        clock=scene.clock,
        counters=scene.deps.counters,
        random=lambda: 1.0,
        owner="test",
    )
    house = House(scene, dispatcher, destinations)
    yield house
    await house.stop()


async def test_every_channel_has_its_worker(house: House) -> None:
    house.configure("a", "b")
    await house.scene.accept("to a", channel="a")
    await house.dispatcher.start()
    await house.scene.accept("to b", channel="b")
    house.dispatcher.wake(["b"])
    await house.scene.settled(2)
    assert (house.scene.shown("a"), house.scene.shown("b")) == (["to a"], ["to b"])
    assert house.dispatcher.statuses() == {"a": RUNNING, "b": RUNNING}
    assert house.scene.deps.counters.by_label(POSTS, "outcome") == {"ok": 2}


async def test_a_failing_channel_delays_no_other(house: House) -> None:
    house.configure("dead", "limited", "good")
    house.scene.slack.always("dead", NO_SERVICE)
    house.scene.slack.always("limited", rate_limited(60))
    for channel in house.destinations:
        await house.scene.accept("1", "2", channel=channel)
    await house.dispatcher.start()
    await house.scene.settled(4)
    assert house.scene.shown("good") == ["1", "2"]
    await house.scene.clock.asleep()
    assert house.dispatcher.counts() == {"running": 1, "paused": 1, "unavailable": 0, "stopped": 1}
    assert house.dispatcher.statuses()["dead"] == WorkerStatus(WorkerState.STOPPED, "no_service")


async def test_waking_a_channel_without_a_worker_does_nothing(house: House) -> None:
    await house.dispatcher.start()
    house.dispatcher.wake(["nowhere"])
    assert house.dispatcher.statuses() == {}


async def test_the_start_reports_deliveries_waiting_for_removed_channels(house: House) -> None:
    house.configure("here")
    await house.scene.accept("1", "2", channel="gone")
    await house.scene.accept("3", channel="here")
    with capture_logs() as logs:
        await house.dispatcher.start()
    assert [(line["channel"], line["waiting"]) for line in logs if line["log_level"] == "warning"] == [("gone", 2)]
    await house.scene.settled(1)
    assert (await house.scene.store.counts()).waiting["gone"] == 2


async def test_a_store_that_cannot_count_waiting_deliveries_does_not_stop_the_start(house: House) -> None:
    house.configure("here")
    await house.scene.accept("1", channel="here")
    house.scene.store.counts_errors.append(StoreUnavailableError("locked"))
    await house.dispatcher.start()
    await house.scene.settled(1)
    assert house.scene.shown("here") == ["1"]


async def test_writes_of_another_process_are_seen_within_a_second(house: House) -> None:
    house.configure("here")
    await house.dispatcher.start()
    assert await house.scene.clock.skip() == POLL_EVERY
    house.scene.store.changed_errors.extend([StoreUnavailableError("locked"), RuntimeError("a bug")])
    other = open_store(house.scene.database, limit=2**30, owner=False)
    await house.scene.accept("1", channel="here", store=other)
    await other.close()
    await house.scene.until_settled(1)
    assert house.scene.shown("here") == ["1"]


async def test_a_new_configuration_starts_and_stops_workers(house: House) -> None:
    house.configure("old")
    await house.dispatcher.start()
    house.configure("new")
    del house.destinations["old"]
    house.dispatcher.refresh()
    assert house.dispatcher.statuses() == {"new": RUNNING}
    await house.scene.accept("1", channel="old")
    await house.scene.accept("2", channel="new")
    house.dispatcher.wake(["old", "new"])
    await house.scene.settled(1)
    assert house.scene.shown("new") == ["2"]
    house.configure("old")
    house.dispatcher.refresh()
    await house.scene.settled(2)
    assert house.scene.shown("old") == ["1"]


async def test_a_new_url_starts_a_stopped_worker(house: House) -> None:
    house.configure("here")
    house.scene.slack.always("here", NO_SERVICE)
    await house.scene.accept("1", channel="here")
    await house.dispatcher.start()
    await house.scene.settled(1)
    house.destinations["here"] = Destination(house.scene.slack.webhook("elsewhere"))
    house.dispatcher.refresh()
    await house.scene.settled(2)
    assert house.scene.shown("elsewhere") == ["1"]


async def test_a_channel_removed_and_added_during_a_post_is_not_posted_to_twice(house: House) -> None:
    house.configure("here")
    hold = asyncio.Event()
    house.scene.slack.script("here", HeldAnswer(200, "ok", shows=True, hold=hold))
    await house.scene.accept("1", "2", channel="here")
    await house.dispatcher.start()
    await house.scene.slack.wait_for("here", 1)
    destination = house.destinations.pop("here")
    house.dispatcher.refresh()
    house.destinations["here"] = destination
    house.dispatcher.refresh()
    await turns_of_the_loop()
    assert len(house.scene.slack.hits("here")) == 1
    hold.set()
    await house.scene.settled(2)
    assert house.scene.shown("here") == ["1", "2"]


async def test_the_slowest_of_the_channels_that_share_a_webhook_sets_its_pace(house: House) -> None:
    url = house.scene.slack.webhook("one")
    house.destinations |= {
        "a": Destination(url, policy(pack=False)),
        "b": Destination(url, policy(pace=0.25, pack=False)),
    }
    await house.scene.accept(*"12345", channel="a")
    await house.dispatcher.start()
    await house.scene.settled(3)
    await turns_of_the_loop()
    house.scene.clock.advance(3.9)
    await turns_of_the_loop()
    assert house.scene.shown("one") == ["1", "2", "3"]
    house.scene.clock.advance(0.1)
    await house.scene.settled(4)


async def test_the_end_waits_for_posts_in_flight_and_leaves_the_rest(house: House) -> None:
    house.configure("busy", "idle", "failing")
    hold = asyncio.Event()
    house.scene.slack.script("busy", HeldAnswer(200, "ok", shows=True, hold=hold))
    house.scene.slack.script("failing", EMPTY_500)
    await house.scene.accept("1", "2", channel="busy")
    await house.scene.accept("3", channel="failing")
    await house.dispatcher.start()
    await house.scene.slack.wait_for("busy", 1)
    await house.scene.settled(1)
    stopping = asyncio.create_task(house.dispatcher.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    hold.set()
    await stopping
    assert await house.scene.states() == ["delivered", "waiting", "waiting"]
    assert house.scene.shown("busy") == ["1"]
    assert house.dispatcher.statuses() == {}


async def test_a_slow_post_is_cancelled_at_the_end(house: House) -> None:
    house.configure("here")
    house.scene.slack.script("here", HeldAnswer(200, "ok", hold=asyncio.Event()))
    await house.scene.accept("1", channel="here")
    await house.dispatcher.start()
    await house.scene.slack.wait_for_hits("here", 1)
    stopping = asyncio.create_task(house.dispatcher.stop())
    await turns_of_the_loop()
    house.scene.clock.advance(DRAIN - 0.1)
    await turns_of_the_loop()
    assert not stopping.done()
    house.scene.clock.advance(0.1)
    await stopping
    assert await house.scene.states() == ["waiting"]


async def test_an_end_without_a_start_is_fine(house: House) -> None:
    await house.dispatcher.stop()


def test_a_destination_does_not_show_its_url() -> None:
    shown = f"{Destination('https://hooks.slack.com/services/T1/B1/secret')!r}"
    assert "secret" not in shown


async def test_a_hang_ends_by_its_own_time_limit(house: House) -> None:
    house.configure("here")
    house.scene.slack.script("here", Fault.HANG)
    await house.scene.accept("1", channel="here")
    await house.dispatcher.start()
    await house.scene.until_settled(2)
    assert house.scene.shown("here") == ["1"]
