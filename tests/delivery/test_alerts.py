"""Alerts are ordinary deliveries: one an incident, in order, and none about an alert."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.core.states import DeliveryState, WorkerState
from bridge.delivery.alert import Alert, AlertType, request_for
from bridge.delivery.alerts import Alerts
from bridge.delivery.dispatcher import Destination, Dispatcher
from bridge.delivery.next_step import PROBE_EVERY
from bridge.delivery.slack import EMPTY
from bridge.delivery.worker_deps import WorkerStatus
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Rendered
from bridge.messages.render import render as render_event
from bridge.messages.templates import read_templates
from bridge.sources.stored_event import with_payload
from bridge.store import (
    Delivery,
    DeliveryResult,
    DeliveryRow,
    DestinationState,
    Query,
    StoreUnavailableError,
    open_store,
)
from bridge.store.sqlite.store import SqliteStore
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
from tests.slack.simulator import ByMessage

TEMPLATES = read_templates(None, {})


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
            self.render,
            lambda: dict(self.destinations),
            clock=self.harness.clock,
            random=lambda: 1.0,
            owner="test",
            alerts=lambda: self.alerts,
        )
        await self.dispatcher.start()
        return self.dispatcher

    async def render(self, delivery: Delivery, notes: Sequence[str]) -> Rendered:
        """Render an alert as Bridge does, and any other event plainly."""
        if delivery.event.provider != "bridge":
            return await render(delivery, notes)
        event = with_payload(delivery.event, await self.harness.store.request_of(delivery.id), delivery.part)
        return render_event(event, TEMPLATES, delivery.template, notes=notes)

    async def log(self) -> list[DeliveryRow]:
        """Return the alerts in the event log, oldest first."""
        return (await self.harness.store.find(Query(source="bridge")))[::-1]

    async def settled(self, n: int) -> list[DeliveryRow]:
        """Skip every sleep until ``n`` alerts are settled, and return them, oldest first."""

        async def look() -> list[DeliveryRow]:
            while sum(row.state != DeliveryState.WAITING for row in await self.log()) < n:
                await self.harness.clock.asleep()
            return await self.log()

        return await self.harness.until(look())

    async def alerts_alone(self) -> Alerts:
        """Return the alerts of another process without workers. ``stop`` stores what they know."""
        url = {name: one.url for name, one in self.destinations.items()}
        deps = self.harness.deps
        clock, limiter_of = self.harness.clock, deps.limiter_of
        store = deps.store
        assert isinstance(store, SqliteStore)
        return Alerts(
            store, store, deps.poster, url.get, limiter_of, clock, lambda: 1.0, lambda: self.alerts, lambda _: None
        )

    async def alert(self, alert: Alert) -> None:
        """Store an alert in a process of its own."""
        alerts = await self.alerts_alone()
        alerts.alert(alert)
        await alerts.stop()

    async def delivery(self, title: str) -> Delivery:
        """Return a waiting delivery of the channel ``deploys``."""
        await self.harness.accept(title, channel="deploys")
        return (await (await self.harness.hold("deploys")).claim(100))[-1]

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


STOPPED = ":rotating_light: #deploys is stopped: its webhook was removed or switched off."


async def test_a_stopped_channel_is_alerted_once_with_its_backlog_and_the_hint(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", "2", channel="deploys")
    await system.start()
    [text] = await system.alerted(1)
    assert text == f"{STOPPED} 2 messages wait, and nothing is lost"
    [post] = system.harness.slack.posts("ops")
    shown = json.dumps([post.body["blocks"], post.body["attachments"]])
    for words in (
        "no_service",
        "2 messages wait (stopped <!date^1800000",
        "BRIDGE_CHANNELS__DEPLOYS",
        "Nothing is lost",
    ):
        assert words in shown
    [row] = await system.rows(lambda rows: bool(rows) and rows[0].alerted)
    assert (row.channel, row.state, row.detail) == ("deploys", "stopped", "no_service")
    # Probes that fail send no further alert.
    hits = len(system.harness.slack.hits("deploys"))
    await system.harness.until(system.harness.slack.wait_for_hits("deploys", hits + 3))
    assert len(system.harness.slack.posts("ops")) == 1


async def test_an_alert_is_an_event_in_the_log_and_can_be_replayed(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.alerted(1)
    [row] = await system.settled(1)
    assert (row.source, row.type, row.subject) == ("bridge", "channel.stopped", "deploys")
    assert (row.channel, row.route, row.state) == ("ops", "alerts", DeliveryState.DELIVERED)
    assert row.line == "🚨 #deploys is stopped: its webhook was removed or switched off"
    rows, cursor = await system.harness.store.changes_since(Query(source="bridge"), None)
    await system.harness.store.replay(rows, cursor, system.harness.clock.now())
    dispatcher.wake(["ops"])
    assert (await system.alerted(2))[1].startswith(STOPPED)
    assert "Sent again" in json.dumps(system.harness.slack.posts("ops")[1].body)


async def test_a_recovered_channel_is_reported_in_one_line_and_its_row_is_gone(system: System) -> None:
    system.harness.slack.always("deploys", CHANNEL_IS_ARCHIVED)
    await system.harness.accept(*map(str, range(12)), channel="deploys")
    await system.start()
    [text] = await system.alerted(1)
    assert "the channel is archived" in text
    system.harness.slack.always("deploys", None)
    back = (await system.alerted(2))[1]
    assert back == ":white_check_mark: #deploys works again: 12 messages that waited are on their way"
    assert await system.rows(lambda rows: not rows) == []


async def test_another_url_restarts_the_worker(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.alerted(1)
    system.configure("deploys", "new")
    dispatcher.refresh()
    assert "#deploys works again: 1 message that waited is on its way" in (await system.alerted(2))[1]
    assert system.harness.shown("new") == ["1"]


async def test_a_restart_sends_no_alert_twice(system: System) -> None:
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    await system.alerted(1)
    await system.settled(1)  # a stop by this clock cuts off what is not recorded yet
    [before] = await system.rows(lambda rows: bool(rows) and rows[0].alerted)
    for _ in range(2):
        hits = len(system.harness.slack.hits("deploys"))
        await system.start()
        await system.harness.until(system.harness.slack.wait_for_hits("deploys", hits + 3))
        assert await system.harness.store.destination_states() == [before]
    assert len(system.harness.slack.posts("ops")) == 1
    system.harness.slack.always("deploys", None)
    await system.start()
    assert "#deploys works again" in (await system.alerted(2))[1]


@pytest.mark.parametrize("killed_at", ["destination_alerted", "clear_destination"])
async def test_a_kill_between_an_alert_and_its_record_sends_none_twice_and_loses_none(
    system: System, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    async def killed(_: str) -> None:
        raise StoreUnavailableError("killed")

    store = system.harness.store
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    with monkeypatch.context() as broken:
        broken.setattr(store, killed_at, killed)
        await system.start()
        await system.alerted(1)
        if killed_at == "clear_destination":
            system.harness.slack.always("deploys", None)
            await system.alerted(2)
        await system.stop()
    assert await store.destination_states()
    system.harness.slack.always("deploys", None)
    await system.start()
    await system.rows(lambda rows: not rows)
    assert [row.type for row in await system.settled(2)] == ["channel.stopped", "channel.resumed"]


async def test_a_channel_of_an_earlier_process_with_nothing_to_post_is_probed(system: System) -> None:
    await system.harness.store.record_destination(
        "deploys", WorkerState.STOPPED, "no_service", system.harness.clock.now()
    )
    await system.harness.store.destination_alerted("deploys")
    system.harness.slack.script("deploys", NO_SERVICE)
    await system.start()
    assert await system.alerted(1) == [":white_check_mark: #deploys works again: no message waited"]
    assert system.harness.clock.now() >= 1_800_000_000.0 + PROBE_EVERY
    assert await system.rows(lambda rows: not rows) == []


async def test_a_429_to_the_probe_of_a_blocked_channel_pauses_its_webhook_for_all(system: System) -> None:
    now = system.harness.clock.now()
    await system.harness.store.record_destination("deploys", WorkerState.STOPPED, "no_service", now)
    system.harness.slack.script("deploys", rate_limited(1000))
    dispatcher = await system.start()
    await system.harness.slack.wait_for_hits("deploys", 1)
    async with asyncio.timeout(10):
        while dispatcher.statuses()["deploys"].state is not WorkerState.PAUSED:
            await system.harness.store.counts()
    for _ in range(3):
        system.harness.clock.advance(PROBE_EVERY)
        await system.harness.clock.asleep(tasks=2)
    assert len(system.harness.slack.hits("deploys")) == 1


async def test_an_alert_that_was_not_stored_before_a_restart_is_posted_after_it(system: System) -> None:
    await system.harness.store.record_destination(
        "deploys", WorkerState.STOPPED, "channel_not_found", system.harness.clock.now()
    )
    system.harness.slack.always("deploys", CHANNEL_NOT_FOUND)
    await system.start()
    assert "the channel was deleted" in (await system.alerted(1))[0]


def test_an_alert_of_a_dead_delivery_that_is_not_given_names_none() -> None:
    facts = json.loads(request_for(Alert(AlertType.DEAD, "deploys", "rejected"), "ops", 0, 1.0).body)
    assert (facts["reason"], "event" in facts, "delivery" in facts) == ("rejected", False, False)


async def test_a_status_that_changes_while_the_one_before_is_recorded_is_recorded_too(system: System) -> None:
    store, alerts = system.harness.store, await system.alerts_alone()
    record = store.record_destination

    async def recording(channel: str, state: WorkerState, detail: str, now: float) -> bool:
        recorded = await record(channel, state, detail, now)
        if state is WorkerState.UNAVAILABLE:
            alerts.record_status(channel, WorkerStatus(WorkerState.STOPPED, "no_service"))
        return recorded

    store.record_destination = recording  # type: ignore[method-assign]
    alerts.record_status("deploys", WorkerStatus(WorkerState.UNAVAILABLE, "502"))
    await alerts.stop()
    assert [row.state for row in await store.destination_states()] == [WorkerState.UNAVAILABLE]
    await alerts.stop()
    assert [row.state for row in await store.destination_states()] == [WorkerState.STOPPED]


async def test_a_blocked_channel_without_a_url_and_one_in_a_pause_are_not_probed(system: System) -> None:
    alerts, deploys = await system.alerts_alone(), system.destinations["deploys"].url
    await alerts._probe("nowhere")
    system.harness.deps.limiter_of(deploys).pause(60)
    await alerts._probe("deploys")
    assert system.harness.slack.hits("deploys") == ()
    system.harness.clock.advance(61)
    await alerts._probe("deploys")
    assert len(system.harness.slack.hits("deploys")) == 1


async def test_blocked_channels_are_probed_once_the_store_works_again(system: System) -> None:
    store, alerts = system.harness.store, await system.alerts_alone()
    await store.record_destination("deploys", WorkerState.STOPPED, "no_service", system.harness.clock.now())
    states, errors = store.destination_states, [RuntimeError("a bug"), StoreUnavailableError("the disk is full")]

    async def failing() -> list[DestinationState]:
        if errors:
            raise errors.pop()
        return await states()

    store.destination_states = failing  # type: ignore[method-assign]
    await system.harness.until(alerts._probe_left_over())
    assert len(system.harness.slack.hits("deploys")) == 1
    assert not errors


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
    assert await system.log() == []


async def test_a_stopped_channel_that_is_unavailable_in_between_is_one_incident(system: System) -> None:
    alerts = await system.alerts_alone()
    for state in (WorkerState.STOPPED, WorkerState.UNAVAILABLE, WorkerState.STOPPED, WorkerState.UNAVAILABLE):
        alerts.record_status("deploys", WorkerStatus(state, "no_service"))
        await alerts.stop()
    alerts.record_status("deploys", WorkerStatus(WorkerState.RUNNING))
    await alerts.stop()
    assert [row.type for row in await system.log()] == ["channel.stopped", "channel.resumed"]


@pytest.mark.parametrize("answer", [EMPTY_500, rate_limited(30), NO_ACTIVE_HOOKS])
async def test_the_alert_waits_until_slack_takes_it_and_no_alert_is_about_the_alerts_channel(
    system: System, answer: Answer
) -> None:
    system.harness.slack.script("ops", *[answer] * 2)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    assert len(await system.alerted(1)) == 1
    await system.rows(lambda rows: [row.channel for row in rows] == ["deploys"])
    assert [(row.type, row.subject) for row in await system.settled(1)] == [("channel.stopped", "deploys")]


async def test_an_alert_that_waited_for_its_channel_comes_over_a_restart_in_order_and_says_that_it_is_late(
    system: System,
) -> None:
    system.harness.slack.always("ops", NO_SERVICE)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    await system.start()
    await system.rows(lambda rows: [row.channel for row in rows] == ["deploys", "ops"])
    system.harness.slack.always("deploys", None)
    await system.rows(lambda rows: [row.channel for row in rows] == ["ops"])
    await system.harness.until(system.harness.clock.sleep(3 * 3600))
    await system.start()
    system.harness.slack.always("ops", None)
    stopped, back = await system.settled(2)
    assert (stopped.type, back.type) == ("channel.stopped", "channel.resumed")
    posts = system.harness.slack.posts("ops")
    assert re.search(r"Posted \d+ hours late", json.dumps(posts[0].body))
    assert await system.rows(lambda rows: not rows) == []


async def test_an_alert_that_slack_rejects_is_dead_and_alerts_nobody(system: System) -> None:
    system.harness.slack.always("ops", ByMessage(lambda body: None if body == EMPTY else INVALID_BLOCKS))
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    with capture_logs() as logged:
        await system.start()
        [row] = await system.settled(1)
        await system.harness.until(system.harness.clock.sleep(2 * PROBE_EVERY))
    assert row.state == DeliveryState.DEAD
    assert len(await system.log()) == 1
    assert [entry["channel"] for entry in logged if entry["event"] == "delivery dead"] == ["ops"]


async def test_twenty_channels_that_stop_at_once_are_twenty_alerts_in_few_posts(system: System) -> None:
    names = [f"team-{number}" for number in range(20)]
    for name in names:
        system.configure(name)
    system.destinations["ops"] = replace(system.destinations["ops"], policy=policy(pace=1.0))
    alerts = await system.alerts_alone()
    for name in names:
        alerts.record_status(name, WorkerStatus(WorkerState.STOPPED, "no_service"))
    await alerts.stop()
    assert {row.subject for row in await system.log()} == {*names}
    for name in names:
        del system.destinations[name]
    await system.start()
    rows = await system.settled(20)
    assert {row.subject for row in rows} == {*names}
    assert {row.state for row in rows} == {DeliveryState.DELIVERED}
    posts = system.harness.slack.posts("ops")
    assert len(posts) == 1
    shown = json.dumps([post.body for post in posts])
    assert all(f"*#{name}* is stopped" in shown for name in names)


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
    assert await system.log() == []
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


async def test_an_alert_stays_with_its_channel_when_the_alerts_table_goes(system: System) -> None:
    system.harness.slack.always("ops", EMPTY_500)
    system.harness.slack.always("deploys", NO_SERVICE)
    await system.harness.accept("1", channel="deploys")
    dispatcher = await system.start()
    await system.harness.until(system.harness.slack.wait_for_hits("ops", 2))
    system.alerts = None
    dispatcher.refresh()
    system.harness.slack.always("ops", None)
    assert (await system.alerted(1))[0].startswith(STOPPED)


async def test_another_alerts_channel_is_told_once_of_what_is_stopped(system: System) -> None:
    system.configure("oncall")
    alerts = await system.alerts_alone()
    alerts.record_status("deploys", WorkerStatus(WorkerState.STOPPED, "no_service"))
    for name in ("ops", "oncall", None, "ops", "oncall"):
        system.alerts = name
        await alerts.stop()
    assert [(row.type, row.channel) for row in await system.log()] == [
        ("channel.stopped", "ops"),
        ("channel.stopped", "oncall"),
    ]


async def test_an_unavailable_store_loses_no_alert_and_is_logged_once(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = system.harness.store
    delivery = await system.delivery("1")
    real = store.record_destination, store.accept
    errors: dict[str, list[Exception]] = {
        "record_destination": [StoreUnavailableError("locked"), RuntimeError("ours")],
        "accept": [StoreUnavailableError("locked")] * 5,
    }

    def failing(name: str, call: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def attempt(*arguments: object) -> object:
            if errors[name]:
                raise errors[name].pop(0)
            return await call(*arguments)

        return attempt

    for call in real:
        monkeypatch.setattr(store, call.__name__, failing(call.__name__, call))
    system.harness.slack.always("deploys", NO_SERVICE)
    with capture_logs() as logged:
        dispatcher = await system.start()
        dispatcher.alerts.alert(Alert(AlertType.DEAD, "other", "why", delivery=delivery))
        rows = await system.settled(2)
    assert errors == {"record_destination": [], "accept": []}
    assert {(row.type, row.subject) for row in rows} == {("channel.stopped", "deploys"), ("delivery.dead", "other")}
    waits = [entry for entry in logged if entry["event"] == "store unavailable, alerts wait"]
    assert 0 < len(waits) < 4


async def test_alerts_wait_while_the_store_is_full(system: System, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'small.db'}", limit=600_000, owner=True)
    system.configure("general")
    system.harness.deps = replace(system.harness.deps, store=store)
    delivery = await system.delivery("1")
    titles = [f"{number} {'x' * 10_000}" for number in range(1000)]
    with pytest.raises(StoreUnavailableError):
        await system.harness.accept(*titles, channel="general", store=store)
    alerts = await system.alerts_alone()
    alerts.record_status("general", WorkerStatus(WorkerState.STOPPED, "no_service"))
    alerts.alert(Alert(AlertType.DEAD, "deploys", "why", delivery=delivery))
    with capture_logs() as logged:
        await alerts.stop()
    assert [entry["alerts"] for entry in logged] == [["delivery.dead deploys"]]
    assert [row.channel for row in await store.destination_states()] == ["general"]
    hold = await store.hold("general", "test", 60.0)
    waiting = await hold.claim(10_000)
    now = system.harness.clock.now()
    await hold.settle([DeliveryResult(one.id, DeliveryState.DELIVERED) for one in waiting], now)
    await store.prune(now + 10, 0)
    await alerts.stop()
    stored = {(row.type, row.subject) for row in await store.find(Query(source="bridge"))}
    assert stored == {("channel.stopped", "general"), ("delivery.dead", "deploys")}
    await store.close()


class TestDeadDeliveries:
    async def test_one_alert_a_channel_and_hour_over_restarts(self, system: System) -> None:
        one, two = await system.delivery("one"), await system.delivery("two")
        for delivery in (one, two, one):
            await system.alert(Alert(AlertType.DEAD, "deploys", "rejected: invalid_blocks", delivery=delivery))
        await system.alert(Alert(AlertType.DEAD, "general", "rejected: invalid_blocks", delivery=two))
        assert [(row.type, row.subject) for row in await system.log()] == [
            ("delivery.dead", "deploys"),
            ("delivery.dead", "general"),
        ]
        system.harness.clock.advance(3601)
        await system.alert(Alert(AlertType.DEAD, "deploys", "again", delivery=two))
        assert len(await system.log()) == 3

    async def test_the_alert_names_the_message_the_reason_and_the_commands(self, system: System) -> None:
        delivery = await system.delivery("Ship it")
        await system.alert(Alert(AlertType.DEAD, "deploys", "rejected: invalid_blocks", delivery=delivery))
        system.destinations.pop("deploys")
        await system.start()
        [text] = await system.alerted(1)
        assert text == ":x: A message for #deploys was given up: GitLab push: Ship it"
        shown = json.dumps(system.harness.slack.posts("ops")[0].body)
        for words in (
            "Rejected: invalid_blocks",
            f"`bridge events show {delivery.event.id}`",
            f"`bridge replay {delivery.event.id}`",
            "no alert of their own: `bridge events --state dead --channel deploys`",
        ):
            assert words in shown

    async def test_a_confidential_event_is_named_by_its_id_alone(self, system: System) -> None:
        delivery = await system.delivery("Secret plan")
        secret = replace(delivery, event=replace(delivery.event, confidential=True, url="https://secret.example.com"))
        await system.alert(Alert(AlertType.DEAD, "deploys", "rejected", delivery=secret))
        system.destinations.pop("deploys")
        await system.start()
        await system.alerted(1)
        shown = json.dumps(system.harness.slack.posts("ops")[0].body)
        assert secret.event.id in shown
        assert "ecret plan" not in shown
        assert "secret.example" not in shown

    async def test_no_alert_is_about_an_alert_or_the_alerts_channel(self, system: System) -> None:
        delivery = await system.delivery("1")
        own = replace(delivery, event=replace(delivery.event, source="bridge", provider="bridge"))
        await system.alert(Alert(AlertType.DEAD, "deploys", "rejected", delivery=own))
        await system.alert(Alert(AlertType.DEAD, "ops", "rejected", delivery=delivery))
        assert await system.log() == []


async def test_a_channel_that_is_rate_limited_for_long_is_alerted_once_a_day(system: System) -> None:
    begun = system.harness.clock.now() - 660
    for since in (begun, begun, begun + 1):
        await system.alert(Alert(AlertType.RATE_LIMITED, "deploys", "message_limit_exceeded", since))
    system.destinations.pop("deploys")
    await system.start()
    [text] = await system.alerted(1)
    assert text == ":warning: #deploys is rate limited: Slack has accepted no message for 11 minutes"
    assert "message limit of its plan" in json.dumps(system.harness.slack.posts("ops")[0].body)
