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
from tests.delivery.scene import Scene, policy, render
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
class House:
    """A dispatcher with an alerts channel, which can be started anew as after a restart."""

    scene: Scene
    destinations: dict[str, Destination] = field(default_factory=dict)
    alerts: str | None = "ops"
    dispatcher: Dispatcher | None = None

    def configure(self, channel: str, hook: str = "") -> None:
        self.destinations[channel] = Destination(self.scene.slack.webhook(hook or channel), policy(pace=1000.0))

    async def start(self) -> Dispatcher:
        if self.dispatcher:
            await self.stop()
        self.dispatcher = Dispatcher(
            self.scene.store,
            self.scene.deps.poster,
            render,
            lambda: dict(self.destinations),
            clock=self.scene.clock,
            random=lambda: 1.0,
            owner="test",
            alerts=lambda: self.alerts,
        )
        await self.dispatcher.start()
        return self.dispatcher

    async def stop(self) -> None:
        if self.dispatcher:
            await self.scene.until(self.dispatcher.stop())
        self.dispatcher = None

    async def alerted(self, n: int) -> list[str]:
        """Let time pass until the alerts channel shows so many messages."""
        posts = await self.scene.until(self.scene.slack.wait_for("ops", n))
        return [str(post.body["text"]) for post in posts]

    async def rows(self, contains: Callable[[list[DestinationState]], bool]) -> list[DestinationState]:
        """The table, once it is so, while time passes."""

        async def look() -> list[DestinationState]:
            while not contains(rows := await self.scene.store.destination_states()):
                await self.scene.clock.asleep()
            return rows

        return await self.scene.until(look())


@pytest.fixture
async def house(scene: Scene) -> AsyncIterator[House]:
    house = House(scene)
    house.configure("ops")
    house.configure("deploys")
    yield house
    await house.stop()


async def test_a_stopped_channel_is_alerted_once_with_its_backlog_and_the_hint(house: House) -> None:
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", "2", channel="deploys")
    await house.start()
    [text] = await house.alerted(1)
    assert text == "#deploys is stopped: its webhook was removed or switched off. 2 messages wait, and nothing is lost"
    [post] = house.scene.slack.posts("ops")
    shown = json.dumps(post.body["blocks"])
    for words in ("no_service", "2 messages wait, since <!date^1800000", "BRIDGE_CHANNELS__DEPLOYS", "Nothing is lost"):
        assert words in shown
    [row] = await house.rows(lambda rows: bool(rows) and rows[0].alerted)
    assert (row.channel, row.state, row.detail) == ("deploys", "stopped", "no_service")
    # Probes that fail tell nothing new.
    hits = len(house.scene.slack.hits("deploys"))
    await house.scene.until(house.scene.slack.wait_for_hits("deploys", hits + 3))
    assert len(house.scene.slack.posts("ops")) == 1


async def test_a_recovered_channel_is_reported_in_one_line_and_its_row_is_gone(house: House) -> None:
    house.scene.slack.always("deploys", CHANNEL_IS_ARCHIVED)
    await house.scene.accept(*map(str, range(12)), channel="deploys")
    await house.start()
    [text] = await house.alerted(1)
    assert "the channel is archived" in text
    house.scene.slack.always("deploys", None)
    assert (await house.alerted(2))[1] == "#deploys is back: 12 messages that waited are on their way"
    assert await house.scene.store.destination_states() == []


async def test_another_url_brings_it_back(house: House) -> None:
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    dispatcher = await house.start()
    await house.alerted(1)
    house.configure("deploys", "anew")
    dispatcher.refresh()
    assert (await house.alerted(2))[1] == "#deploys is back: 1 message that waited is on its way"
    assert house.scene.shown("anew") == ["1"]


async def test_a_restart_sends_no_alert_twice(house: House) -> None:
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    await house.start()
    await house.alerted(1)
    [before] = await house.rows(lambda rows: bool(rows) and rows[0].alerted)
    for _ in range(2):
        hits = len(house.scene.slack.hits("deploys"))
        await house.start()
        await house.scene.until(house.scene.slack.wait_for_hits("deploys", hits + 3))
        assert await house.scene.store.destination_states() == [before]
    assert len(house.scene.slack.posts("ops")) == 1
    house.scene.slack.always("deploys", None)
    await house.start()
    assert (await house.alerted(2))[1].startswith("#deploys is back")


async def test_a_channel_of_an_earlier_process_with_nothing_to_post_is_probed(house: House) -> None:
    await house.scene.store.record_destination("deploys", WorkerState.STOPPED, "no_service", house.scene.clock.now())
    await house.scene.store.destination_alerted("deploys")
    house.scene.slack.script("deploys", NO_SERVICE)
    await house.start()
    assert await house.alerted(1) == ["#deploys is back: 0 messages that waited are on their way"]
    assert house.scene.clock.now() >= 1_800_000_000.0 + PROBE_EVERY
    assert await house.scene.store.destination_states() == []


async def test_an_alert_that_was_not_posted_before_a_restart_is_posted_after_it(house: House) -> None:
    await house.scene.store.record_destination(
        "deploys", WorkerState.STOPPED, "channel_not_found", house.scene.clock.now()
    )
    house.scene.slack.always("deploys", CHANNEL_NOT_FOUND)
    await house.start()
    assert "the channel was deleted" in (await house.alerted(1))[0]


async def test_a_channel_that_is_gone_leaves_no_row(house: House) -> None:
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    dispatcher = await house.start()
    await house.alerted(1)
    del house.destinations["deploys"]
    dispatcher.refresh()
    await house.rows(lambda rows: not rows)


async def test_unavailability_is_recorded_without_an_alert(house: House) -> None:
    house.scene.slack.always("deploys", BAD_GATEWAY)
    await house.scene.accept("1", channel="deploys")
    await house.start()
    [row] = await house.rows(bool)
    assert (row.state, row.alerted) == ("unavailable", False)
    house.scene.slack.always("deploys", None)
    await house.rows(lambda rows: not rows)
    assert not house.scene.slack.posts("ops")


@pytest.mark.parametrize("answer", [EMPTY_500, rate_limited(30), NO_ACTIVE_HOOKS])
async def test_the_alert_is_posted_as_soon_as_slack_takes_it(house: House, answer: Answer) -> None:
    house.scene.slack.script("ops", *[answer] * 5)
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    with capture_logs() as text:
        await house.start()
        assert len(await house.alerted(1)) == 1
    assert sum(entry["event"] == "alert failed" for entry in text) == 1


async def test_an_alert_that_slack_rejects_is_given_up(house: House) -> None:
    house.scene.slack.always("ops", INVALID_BLOCKS)
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    with capture_logs() as text:
        await house.start()
        await house.scene.until(house.scene.slack.wait_for_hits("ops", 2))
    # It is retried with the next check of the channels, five minutes later.
    assert sum(entry["event"] == "alert failed" for entry in text) in (1, 2)
    assert house.scene.clock.now() >= 1_800_000_000.0 + PROBE_EVERY


async def test_an_incident_that_is_over_is_not_alerted_any_more(house: House) -> None:
    house.scene.slack.always("ops", EMPTY_500)
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    await house.start()
    await house.scene.until(house.scene.slack.wait_for_hits("ops", 2))
    house.scene.slack.always("deploys", None)
    await house.rows(lambda rows: not rows)
    house.scene.slack.always("ops", None)
    await house.scene.until(house.scene.clock.sleep(600))
    assert not house.scene.slack.posts("ops")


@pytest.mark.parametrize("how", ["itself", "its url", "none"])
async def test_without_an_alerts_channel_only_the_log_has_it(house: House, how: str) -> None:
    if how == "its url":
        house.configure("deploys", "ops")
    house.alerts = {"itself": "deploys", "its url": "ops", "none": None}[how]
    hook = "ops" if how == "its url" else "deploys"
    house.scene.slack.always(hook, NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    with capture_logs() as text:
        await house.start()
        await house.rows(bool)
        await house.scene.until(house.scene.clock.sleep(50))
    assert any(entry["event"] == "channel stopped" for entry in text)
    bodies = [hit.body for hit in house.scene.slack.hits(hook)]
    assert all(body == {"text": ""} or body["text"] == "1" for body in bodies)  # type: ignore[index]  # read as JSON
    [row] = await house.scene.store.destination_states()
    assert not row.alerted


async def test_an_alerts_channel_that_comes_with_a_reload_gets_the_alert(house: House) -> None:
    house.alerts = None
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    dispatcher = await house.start()
    await house.rows(bool)
    house.alerts = "ops"
    dispatcher.refresh()
    assert len(await house.alerted(1)) == 1


async def test_an_unavailable_store_blocks_nothing_permanently(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[..., Awaitable[bool]] = house.scene.store.record_destination
    errors = [StoreUnavailableError("full"), RuntimeError("ours")]

    async def record(channel: str, state: str, detail: str, now: float) -> bool:
        if errors:
            raise errors.pop()
        return await real(channel, state, detail, now)

    monkeypatch.setattr(house.scene.store, "record_destination", record)
    house.scene.slack.always("deploys", NO_SERVICE)
    await house.scene.accept("1", channel="deploys")
    await house.start()
    assert len(await house.alerted(1)) == 1
    assert not errors
