"""Tests of the dispatcher: it starts, wakes, isolates and drains channel workers."""

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
from tests.delivery.harness import Harness, policy, render
from tests.slack.answers import EMPTY_500, NO_SERVICE
from tests.slack.simulator import Fault, HeldAnswer


@dataclass
class System:
    """Dispatcher with its configuration."""

    harness: Harness
    dispatcher: Dispatcher
    destinations: dict[str, Destination]

    def configure(self, *channels: str, per_second: float = 1000.0) -> None:
        for channel in channels:
            self.destinations[channel] = Destination(self.harness.slack.webhook(channel), policy(pace=per_second))

    async def stop(self) -> None:
        """Stop the dispatcher, skipping every sleep."""
        stopping = asyncio.create_task(self.dispatcher.stop())
        await self.harness.until(stopping)


async def turns_of_the_loop() -> None:
    """Let every task that can run go as far as it can without time passing."""
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
async def system(harness: Harness) -> AsyncIterator[System]:
    destinations: dict[str, Destination] = {}
    dispatcher = Dispatcher(
        harness.store,
        harness.deps.poster,
        render,
        lambda: dict(destinations),
        clock=harness.clock,
        counters=harness.deps.counters,
        random=lambda: 1.0,
        owner="test",
    )
    system = System(harness, dispatcher, destinations)
    yield system
    await system.stop()


async def test_every_channel_has_its_worker(system: System) -> None:
    system.configure("a", "b")
    await system.harness.accept("to a", channel="a")
    await system.dispatcher.start()
    await system.harness.accept("to b", channel="b")
    system.dispatcher.wake(["b"])
    await system.harness.settled(2)
    assert (system.harness.shown("a"), system.harness.shown("b")) == (["to a"], ["to b"])
    assert system.dispatcher.statuses() == {"a": RUNNING, "b": RUNNING}
    assert system.harness.deps.counters.by_label(POSTS, "outcome") == {"ok": 2}


async def test_a_failing_channel_delays_no_other(system: System) -> None:
    system.configure("dead", "limited", "good")
    system.harness.slack.always("dead", NO_SERVICE)
    system.harness.slack.always("limited", rate_limited(60))
    for channel in system.destinations:
        await system.harness.accept("1", "2", channel=channel)
    await system.dispatcher.start()
    await system.harness.settled(4)
    assert system.harness.shown("good") == ["1", "2"]
    await system.harness.clock.asleep(tasks=3)  # two channels, and the watch of the store
    assert system.dispatcher.counts() == {"running": 1, "paused": 1, "unavailable": 0, "stopped": 1}
    assert system.dispatcher.statuses()["dead"] == WorkerStatus(WorkerState.STOPPED, "no_service")


async def test_waking_a_channel_without_a_worker_does_nothing(system: System) -> None:
    await system.dispatcher.start()
    system.dispatcher.wake(["nowhere"])
    assert system.dispatcher.statuses() == {}


async def test_the_start_reports_deliveries_waiting_for_removed_channels(system: System) -> None:
    system.configure("here")
    await system.harness.accept("1", "2", channel="gone")
    await system.harness.accept("3", channel="here")
    with capture_logs() as logs:
        await system.dispatcher.start()
    assert [(line["channel"], line["waiting"]) for line in logs if line["log_level"] == "warning"] == [("gone", 2)]
    await system.harness.settled(1)
    assert (await system.harness.store.counts()).waiting["gone"] == 2


async def test_a_store_that_cannot_count_waiting_deliveries_does_not_stop_the_start(system: System) -> None:
    system.configure("here")
    await system.harness.accept("1", channel="here")
    system.harness.store.counts_errors.append(StoreUnavailableError("locked"))
    await system.dispatcher.start()
    await system.harness.settled(1)
    assert system.harness.shown("here") == ["1"]


async def test_writes_of_another_process_are_seen_within_a_second(system: System) -> None:
    system.configure("here")
    await system.dispatcher.start()
    assert await system.harness.clock.skip() == POLL_EVERY
    system.harness.store.changes_errors.extend([StoreUnavailableError("locked"), RuntimeError("a bug")])
    other = open_store(system.harness.database, limit=2**30, owner=False)
    await system.harness.accept("1", channel="here", store=other)
    await other.close()
    await system.harness.until_settled(1)
    assert system.harness.shown("here") == ["1"]


async def test_a_new_configuration_starts_and_stops_workers(system: System) -> None:
    system.configure("old")
    await system.dispatcher.start()
    system.configure("new")
    del system.destinations["old"]
    system.dispatcher.refresh()
    assert system.dispatcher.statuses() == {"new": RUNNING}
    await system.harness.accept("1", channel="old")
    await system.harness.accept("2", channel="new")
    system.dispatcher.wake(["old", "new"])
    await system.harness.settled(1)
    assert system.harness.shown("new") == ["2"]
    system.configure("old")
    system.dispatcher.refresh()
    await system.harness.settled(2)
    assert system.harness.shown("old") == ["1"]


async def test_a_new_url_starts_a_stopped_worker(system: System) -> None:
    system.configure("here")
    system.harness.slack.always("here", NO_SERVICE)
    await system.harness.accept("1", channel="here")
    await system.dispatcher.start()
    await system.harness.settled(1)
    system.destinations["here"] = Destination(system.harness.slack.webhook("elsewhere"))
    system.dispatcher.refresh()
    await system.harness.settled(2)
    assert system.harness.shown("elsewhere") == ["1"]


async def test_a_channel_removed_and_added_during_a_post_is_not_posted_to_twice(system: System) -> None:
    system.configure("here")
    hold = asyncio.Event()
    system.harness.slack.script("here", HeldAnswer(200, "ok", shows=True, hold=hold))
    await system.harness.accept("1", "2", channel="here")
    await system.dispatcher.start()
    await system.harness.slack.wait_for("here", 1)
    destination = system.destinations.pop("here")
    system.dispatcher.refresh()
    system.destinations["here"] = destination
    system.dispatcher.refresh()
    await turns_of_the_loop()
    assert len(system.harness.slack.hits("here")) == 1
    hold.set()
    await system.harness.settled(2)
    assert system.harness.shown("here") == ["1", "2"]


async def test_the_slowest_of_the_channels_that_share_a_webhook_sets_its_pace(system: System) -> None:
    url = system.harness.slack.webhook("one")
    system.destinations |= {
        "a": Destination(url, policy(pack=False)),
        "b": Destination(url, policy(pace=0.25, pack=False)),
    }
    await system.harness.accept(*"12345", channel="a")
    await system.dispatcher.start()
    await system.harness.settled(3)
    await turns_of_the_loop()
    system.harness.clock.advance(3.9)
    await turns_of_the_loop()
    assert system.harness.shown("one") == ["1", "2", "3"]
    system.harness.clock.advance(0.1)
    await system.harness.settled(4)


async def test_the_end_waits_for_posts_in_flight_and_leaves_the_rest(system: System) -> None:
    system.configure("busy", "idle", "failing")
    hold = asyncio.Event()
    system.harness.slack.script("busy", HeldAnswer(200, "ok", shows=True, hold=hold))
    system.harness.slack.script("failing", EMPTY_500)
    await system.harness.accept("1", "2", channel="busy")
    await system.harness.accept("3", channel="failing")
    await system.dispatcher.start()
    await system.harness.slack.wait_for("busy", 1)
    await system.harness.settled(1)
    stopping = asyncio.create_task(system.dispatcher.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    hold.set()
    await stopping
    assert await system.harness.states() == ["delivered", "waiting", "waiting"]
    assert system.harness.shown("busy") == ["1"]
    assert system.dispatcher.statuses() == {}


async def test_a_slow_post_is_cancelled_at_the_end(system: System) -> None:
    system.configure("here")
    system.harness.slack.script("here", HeldAnswer(200, "ok", hold=asyncio.Event()))
    await system.harness.accept("1", channel="here")
    await system.dispatcher.start()
    await system.harness.slack.wait_for_hits("here", 1)
    stopping = asyncio.create_task(system.dispatcher.stop())
    await turns_of_the_loop()
    system.harness.clock.advance(DRAIN - 0.1)
    await turns_of_the_loop()
    assert not stopping.done()
    system.harness.clock.advance(0.1)
    await stopping
    assert await system.harness.states() == ["waiting"]


async def test_a_stop_without_a_start_does_nothing(system: System) -> None:
    system.configure("here")
    await system.harness.accept("1", channel="here")
    await system.dispatcher.stop()
    assert system.dispatcher.statuses() == {}
    assert await system.harness.states() == ["waiting"]


def test_a_destination_does_not_show_its_url() -> None:
    shown = f"{Destination('https://hooks.slack.com/services/T1/B1/secret')!r}"
    assert "secret" not in shown


async def test_a_hang_ends_by_its_own_time_limit(system: System) -> None:
    system.configure("here")
    system.harness.slack.script("here", Fault.HANG)
    await system.harness.accept("1", channel="here")
    await system.dispatcher.start()
    await system.harness.until_settled(2)
    assert system.harness.shown("here") == ["1"]
