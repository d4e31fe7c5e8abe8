"""Blocked channels are recorded, alerted once, and reported again when they recover."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from bridge.core.states import WorkerState
from bridge.delivery.circuit_breaker import PROBE_EVERY
from bridge.delivery.dispatcher import Destination, Dispatcher
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.store import DestinationState, StoreUnavailableError
from tests.delivery.harness import Harness, policy, render
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    CHANNEL_NOT_FOUND,
    EMPTY_500,
    INVALID_BLOCKS,
    NO_ACTIVE_HOOKS,
    NO_SERVICE,
)


@dataclass
class System:
    """Dispatcher with an alerts channel. Another `start` acts as a restart."""

    harness: Harness
    destinations: dict[str, Destination] = field(default_factory=dict)
    alerts: str | None = "ops"
    dispatcher: Dispatcher | None = None

    def configure(self, channel: str, hook: str = "") -> None:
        self.destinations[channel] = Destination(self.harness.slack.webhook(hook or channel), policy(pace=1000.0))

    async def start(self) -> Dispatcher:
        if self.dispatcher:
            await self.stop()
        self.dispatcher = Dispatcher(
            self.harness.store,
            self.harness.deps.poster,
            render,
            lambda: dict(self.destinations),
            clock=self.harness.clock,
            random=lambda: 1.0,
            owner="test",
            alerts=lambda: self.alerts,
        )
        await self.dispatcher.start()
        return self.dispatcher

    async def stop(self) -> None:
        if self.dispatcher:
            await self.harness.until(self.dispatcher.stop())
        self.dispatcher = None

    async def alerted(self, n: int) -> list[str]:
        """Skip every sleep until the alerts channel shows ``n`` messages, and return their texts."""
        posts = await self.harness.until(self.harness.slack.wait_for("ops", n))
        return [str(post.body["text"]) for post in posts]

    async def rows(self, contains: Callable[[list[DestinationState]], bool]) -> list[DestinationState]:
        """Skip every sleep until the table of destinations is as asked, and return it."""

        async def look() -> list[DestinationState]:
            while not contains(rows := await self.harness.store.destination_states()):
                await self.harness.clock.asleep()
            return rows

        return await self.harness.until(look())


@pytest.fixture
async def system(harness: Harness) -> AsyncIterator[System]:
    system = System(harness)
    system.configure("ops")
    system.configure("deploys")
    yield system
    await system.stop()


async def test_a_stopped_channel_is_alerted_once_with_its_backlog_and_the_hint(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", "2", channel="deploys")
    await system.start()
    [text] = await system.alerted(1)
    assert text == "#deploys is stopped: its webhook was removed or switched off. 2 messages wait, and nothing is lost"
    [post] = system.harness.slack.posts("ops")
    shown = json.dumps(post.body["blocks"])
    for words in ("no_service", "2 messages wait, since <!date^1800000", "BRIDGE_CHANNELS__DEPLOYS", "Nothing is lost"):
        assert words in shown
    [row] = await system.rows(lambda rows: bool(rows) and rows[0].alerted)
    assert (row.channel, row.state, row.detail) == ("deploys", "stopped", "no_service")
    # Probes that fail send no further alert.
    hits = len(system.harness.slack.hits("deploys"))
    await system.harness.until(system.harness.slack.wait_for_hits("deploys", hits + 3))
    assert len(system.harness.slack.posts("ops")) == 1


async def test_a_recovered_channel_is_reported_in_one_line_and_its_row_is_gone(system: System) -> None:
    system.harness.slack.always("deploys", CHANNEL_IS_ARCHIVED)
    await system.harness.accept(*map(str, range(12)), channel="deploys")
    await system.start()
    [text] = await system.alerted(1)
    assert "the channel is archived" in text
    system.harness.slack.always("deploys", None)
    assert (await system.alerted(2))[1] == "#deploys is back: 12 messages that waited are on their way"
    assert await system.harness.store.destination_states() == []


async def test_another_url_restarts_the_worker(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.alerted(1)
    system.configure("deploys", "new")
    dispatcher.refresh()
    assert (await system.alerted(2))[1] == "#deploys is back: 1 message that waited is on its way"
    assert system.harness.shown("new") == ["1"]


async def test_a_restart_sends_no_alert_twice(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    await system.alerted(1)
    [before] = await system.rows(lambda rows: bool(rows) and rows[0].alerted)
    for _ in range(2):
        hits = len(system.harness.slack.hits("deploys"))
        await system.start()
        await system.harness.until(system.harness.slack.wait_for_hits("deploys", hits + 3))
        assert await system.harness.store.destination_states() == [before]
    assert len(system.harness.slack.posts("ops")) == 1
    system.harness.slack.always("deploys", None)
    await system.start()
    assert (await system.alerted(2))[1].startswith("#deploys is back")


async def test_a_channel_of_an_earlier_process_with_nothing_to_post_is_probed(system: System) -> None:
    await system.harness.store.record_destination(
        "deploys", WorkerState.STOPPED, "no_service", system.harness.clock.now()
    )
    await system.harness.store.destination_alerted("deploys")
    system.harness.slack.script("deploys", NO_SERVICE)
    await system.start()
    assert await system.alerted(1) == ["#deploys is back: 0 messages that waited are on their way"]
    assert system.harness.clock.now() >= 1_800_000_000.0 + PROBE_EVERY
    assert await system.harness.store.destination_states() == []


async def test_an_alert_that_was_not_posted_before_a_restart_is_posted_after_it(system: System) -> None:
    await system.harness.store.record_destination(
        "deploys", WorkerState.STOPPED, "channel_not_found", system.harness.clock.now()
    )
    system.harness.slack.always("deploys", CHANNEL_NOT_FOUND)
    await system.start()
    assert "the channel was deleted" in (await system.alerted(1))[0]


async def test_a_channel_that_is_gone_leaves_no_row(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.alerted(1)
    assert [row.channel for row in await system.rows(bool)] == ["deploys"]
    del system.destinations["deploys"]
    dispatcher.refresh()
    assert await system.rows(lambda rows: not rows) == []


async def test_unavailability_is_recorded_without_an_alert(system: System) -> None:
    system.harness.slack.always("deploys", BAD_GATEWAY)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    [row] = await system.rows(bool)
    assert (row.state, row.alerted) == ("unavailable", False)
    system.harness.slack.always("deploys", None)
    await system.rows(lambda rows: not rows)
    assert not system.harness.slack.posts("ops")


@pytest.mark.parametrize("answer", [EMPTY_500, rate_limited(30), NO_ACTIVE_HOOKS])
async def test_the_alert_is_posted_as_soon_as_slack_takes_it(system: System, answer: Answer) -> None:
    system.harness.slack.script("ops", *[answer] * 5)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    with capture_logs() as text:
        await system.start()
        assert len(await system.alerted(1)) == 1
    assert sum(entry["event"] == "alert failed" for entry in text) == 1


async def test_an_alert_that_slack_rejects_is_given_up(system: System) -> None:
    system.harness.slack.always("ops", INVALID_BLOCKS)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    with capture_logs() as text:
        await system.start()
        await system.harness.until(system.harness.slack.wait_for_hits("ops", 2))
    # It is retried with the next check of the channels, five minutes later.
    assert sum(entry["event"] == "alert failed" for entry in text) in (1, 2)
    assert system.harness.clock.now() >= 1_800_000_000.0 + PROBE_EVERY


async def test_an_incident_that_is_over_is_not_alerted_any_more(system: System) -> None:
    system.harness.slack.always("ops", EMPTY_500)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    await system.harness.until(system.harness.slack.wait_for_hits("ops", 2))
    system.harness.slack.always("deploys", None)
    await system.rows(lambda rows: not rows)
    system.harness.slack.always("ops", None)
    await system.harness.until(system.harness.clock.sleep(600))
    assert not system.harness.slack.posts("ops")


@pytest.mark.parametrize("how", ["itself", "its url", "none"])
async def test_without_an_alerts_channel_only_the_log_has_it(system: System, how: str) -> None:
    if how == "its url":
        system.configure("deploys", "ops")
    system.alerts = {"itself": "deploys", "its url": "ops", "none": None}[how]
    hook = "ops" if how == "its url" else "deploys"
    system.harness.slack.always(hook, NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    with capture_logs() as text:
        await system.start()
        await system.rows(bool)
        await system.harness.until(system.harness.clock.sleep(50))
    assert any(entry["event"] == "channel stopped" for entry in text)
    bodies = [hit.body for hit in system.harness.slack.hits(hook)]
    assert all(body == {"text": ""} or body["text"] == "1" for body in bodies)  # type: ignore[index]  # read as JSON
    [row] = await system.harness.store.destination_states()
    assert not row.alerted


async def test_an_alerts_channel_that_comes_with_a_reload_gets_the_alert(system: System) -> None:
    system.alerts = None
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.rows(bool)
    system.alerts = "ops"
    dispatcher.refresh()
    assert len(await system.alerted(1)) == 1


async def test_an_unavailable_store_blocks_nothing_permanently(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Awaitable[bool]] = system.harness.store.record_destination
    errors = [StoreUnavailableError("full"), RuntimeError("ours")]

    async def record(channel: str, state: str, detail: str, now: float) -> bool:
        if errors:
            raise errors.pop()
        return await real(channel, state, detail, now)

    monkeypatch.setattr(system.harness.store, "record_destination", record)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    assert len(await system.alerted(1)) == 1
    assert not errors
