"""Tests of what happens between two posts: another URL, a drop, a stop, a pause by somebody else."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from bridge.core.states import DeliveryState, WorkerState
from bridge.delivery.alert import Alert
from bridge.delivery.channel_worker import ChannelWorker
from bridge.delivery.next_step import LIMITED_ALERT
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import RUNNING
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Rendered
from bridge.store import Delivery, DeliveryResult, StoreUnavailableError
from tests.delivery.harness import Harness, message, render
from tests.slack.answers import BAD_GATEWAY, INVALID_BLOCKS, MISSING_TEXT, NO_SERVICE, NO_TEXT
from tests.slack.simulator import HeldAnswer


async def drop(harness: Harness, delivery: int, channel: str = "general") -> None:
    """Drop a delivery, as a person does."""
    dropped = DeliveryResult(delivery, DeliveryState.DROPPED)
    await (await harness.store.hold(channel, harness.deps.owner, 60.0)).settle([dropped], harness.clock.now())


def move(harness: Harness, worker: ChannelWorker, to: str) -> None:
    """Give the worker's channel another URL."""
    harness.urls[worker.channel] = harness.slack.webhook(to)
    worker.configuration_changed()


async def turns(harness: Harness, reached: Callable[[], bool]) -> None:
    """Let tasks run, without any time passing, until something is reached."""
    async with asyncio.timeout(10.0):
        while not reached():
            await harness.store.counts()  # gives the store's threads a turn too


async def test_a_url_that_changes_in_a_pause_gets_the_whole_message(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, rate_limited(600))
    worker = harness.start()
    await harness.slack.wait_for_hits("general", 3)
    assert await harness.clock.asleep() == 600.5
    move(harness, worker, "other")
    await harness.settled(3)
    [post] = harness.slack.posts("other")
    assert post.body == message("first").body()


async def test_a_url_that_changes_while_nothing_waits_ends_the_status_of_the_old_one(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.always("general", MISSING_TEXT)
    worker = harness.start()
    [failed] = await harness.settled(1)
    await harness.clock.asleep()
    assert worker.status.state is WorkerState.STOPPED
    await drop(harness, failed.delivery)
    await harness.clock.skip()
    for _ in range(20):  # the worker finds nothing to post
        await harness.store.counts()
    assert worker.status.state is WorkerState.STOPPED
    move(harness, worker, "other")
    await turns(harness, lambda: worker.status == RUNNING)
    assert harness.slack.hits("other") == ()


async def test_a_head_that_is_dropped_after_a_failure_keeps_no_repeat_notice_back(harness: Harness) -> None:
    """The worker spun without a pause, for ever: notices waited for the head, and nothing else was there."""

    async def equal(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        name = delivery.event.name
        return Rendered("t.j2", message(name, notes), fingerprint="equal", line=name, linked_line=name)

    harness.deps = replace(harness.deps, render=equal, repeat_of=lambda _: 600.0)
    await harness.accept("shown", "repeat", subject="one")
    worker = harness.start()
    await harness.until_ended(2)
    harness.slack.always("general", BAD_GATEWAY)
    await harness.accept("failing", subject="two")
    worker.wake()
    failed = (await harness.settled(3))[2]
    await drop(harness, failed.delivery)
    harness.slack.always("general", None)
    await harness.until(harness.slack.wait_for("general", 2))
    assert "and *1 more* like it" in str(harness.slack.posts("general")[1].body["blocks"])


async def test_a_channel_that_works_again_is_reported_also_when_its_only_message_was_dropped(harness: Harness) -> None:
    reported: list[tuple[str, WorkerState]] = []
    harness.deps = replace(harness.deps, record_status=lambda channel, status: reported.append((channel, status.state)))
    await harness.accept("first")
    harness.slack.always("general", NO_SERVICE)
    harness.start()
    [failed] = await harness.settled(1)
    await harness.clock.asleep()
    await drop(harness, failed.delivery)
    harness.slack.always("general", None)
    await harness.clock.skip()
    await turns(harness, lambda: len(reported) == 2)
    assert reported == [("general", WorkerState.STOPPED), ("general", WorkerState.RUNNING)]
    assert harness.shown() == []


async def test_a_new_url_that_is_closed_too_is_not_reported_as_working(harness: Harness) -> None:
    reported: list[WorkerState] = []
    harness.deps = replace(harness.deps, record_status=lambda _, status: reported.append(status.state))
    await harness.accept("first")
    harness.slack.always("general", NO_SERVICE)
    harness.slack.always("other", NO_SERVICE)
    worker = harness.start()
    [failed] = await harness.settled(1)
    await harness.clock.asleep()
    await drop(harness, failed.delivery)
    move(harness, worker, "other")
    await harness.slack.wait_for_hits("other", 1)
    for _ in range(20):
        await harness.store.counts()
    assert reported == [WorkerState.STOPPED]
    harness.slack.always("other", None)
    worker.wake()
    await turns(harness, lambda: len(reported) == 2)


async def test_a_pause_by_a_channel_with_the_same_webhook_is_left_with_another_url(harness: Harness) -> None:
    """Between the worker's look at the webhook and its post, the other channel was told to wait an hour."""
    url = harness.slack.webhook("shared")
    harness.urls |= {"one": url, "two": url}
    rendering, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        if delivery.channel == "two":
            rendering.set()
            await go_on.wait()
        return await render(delivery, notes)

    harness.deps = replace(harness.deps, render=slowly)
    harness.limiters[url] = RateLimiter(harness.clock)
    harness.slack.script("shared", rate_limited(3600))
    await harness.accept("of two", "dropped", channel="two")
    two = harness.start("two")
    await rendering.wait()
    await harness.accept("of one", channel="one")
    harness.start("one")
    await harness.settled(1)
    await turns(harness, lambda: harness.limiters[url].paused > 0)
    go_on.set()
    await harness.clock.asleep()
    move(harness, two, "other")
    await harness.settled(3)
    assert harness.shown("other") == ["of two", "dropped"]
    assert harness.shown("shared") == []


async def test_a_pause_that_is_asked_for_while_the_service_stops_survives_too(harness: Harness) -> None:
    await harness.accept("first")
    hold = asyncio.Event()
    harness.slack.script("general", HeldAnswer(429, "rate_limited", headers={"Retry-After": "60"}, hold=hold))
    worker = harness.start()
    await harness.slack.wait_for_hits("general", 1)
    worker.stop()
    hold.set()
    await asyncio.wait(harness.workers)
    assert await harness.store.paused_until(harness.urls["general"], harness.clock.now()) == harness.clock.now() + 60.5


async def test_a_pause_that_cannot_be_stored_is_kept_all_the_same(harness: Harness) -> None:
    async def unavailable(*_: object) -> None:
        raise StoreUnavailableError("the disk is full")

    harness.store.pause = unavailable  # type: ignore[method-assign, assignment]
    await harness.accept("first")
    harness.slack.script("general", rate_limited(60))
    harness.start()
    await harness.settled(1)
    assert await harness.clock.asleep() == 60.5
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


async def test_the_alert_of_a_limited_channel_says_since_when_and_what_slack_answers(harness: Harness) -> None:
    alerts: list[Alert] = []
    harness.deps = replace(harness.deps, alert=alerts.append)
    begun = harness.clock.now()
    await harness.accept("first")
    harness.slack.script("general", *[Answer(429, "message_limit_exceeded")] * 8)
    harness.start()
    await harness.until_ended(1)
    [alert] = alerts
    assert alert.since == begun
    assert harness.clock.now() - begun >= LIMITED_ALERT
    assert alert.detail == "message_limit_exceeded"
