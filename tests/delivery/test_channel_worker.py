"""A channel worker keeps order and loses nothing, whatever Slack does."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.core.counters import POSTS, TEMPLATE_ERRORS
from bridge.core.states import DeliveryState, WorkerState
from bridge.delivery.channel_worker import MAX_INTERNAL_ERRORS, ChannelWorker
from bridge.delivery.circuit_breaker import PROBE_EVERY
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import RUNNING, WorkerStatus, back_off
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Message, Rendered
from bridge.store import Delivery, DeliveryResult, StoreUnavailableError
from tests.delivery.scene import Scene, message, render
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    CHANNEL_NOT_FOUND,
    EMPTY_500,
    HTML_200,
    INVALID_BLOCKS,
    NO_ACTIVE_HOOKS,
    NO_SERVICE,
    ROLLUP_ERROR,
    http_date,
    redirect,
)
from tests.slack.simulator import Behaviour, Fault, HeldAnswer

MARKDOWN = {"type": "markdown", "text": "# a type of block on which incoming webhooks fail"}


def times(settled: Sequence[DeliveryResult]) -> list[float]:
    """When each attempt was made, in seconds from the first."""
    found = [settlement.attempt.at for settlement in settled if settlement.attempt]
    return [at - min(found) for at in sorted(found)]


async def test_messages_appear_in_the_order_of_acceptance(scene: Scene) -> None:
    titles = [f"message {n}" for n in range(10)]
    await scene.accept(*titles)
    scene.start()
    settled = await scene.until_settled(10)
    assert scene.shown() == titles
    assert await scene.states() == ["delivered"] * 10
    assert [s.attempt.kind for s in settled if s.attempt] == ["ok"] * 10
    assert settled[0].message == message("message 0").body()
    assert scene.slept == []


async def test_an_idle_worker_wakes_when_something_is_accepted(scene: Scene) -> None:
    worker = scene.start()
    for n in range(3):
        await scene.accept(f"message {n}")
        worker.wake()
        await scene.until_settled(n + 1)
    assert scene.shown() == ["message 0", "message 1", "message 2"]


async def test_one_message_a_second_after_a_small_burst(scene: Scene) -> None:
    await scene.accept(*map(str, range(6)))
    scene.limiters[scene.slack.webhook("general")] = RateLimiter(scene.clock)
    scene.start()
    assert times(await scene.until_settled(6)) == pytest.approx([0, 0, 0, 1, 2, 3])
    assert scene.shown() == list(map(str, range(6)))


async def test_channels_with_one_webhook_share_its_pace(scene: Scene) -> None:
    url = scene.slack.webhook("general")
    scene.limiters[url] = RateLimiter(scene.clock, burst=1)
    for channel in ("a", "b"):
        scene.urls[channel] = url
        await scene.accept("1", "2", "3", channel=channel)
        scene.start(channel)
    found = times(await scene.until_settled(6))
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(30, 30), ("2.5", 2.5), (None, 1), ("99999", 3600), (http_date(1_800_000_000.0 + 120), 120)],
)
async def test_a_429_pauses_the_worker_for_as_long_as_slack_asks(
    scene: Scene, retry_after: float | str | None, seconds: float
) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", rate_limited(retry_after))
    worker = scene.start()
    await scene.settled(1)
    assert await scene.clock.asleep() == seconds + 0.5, "and up to half a second by chance"
    assert worker.status == WorkerStatus(WorkerState.PAUSED, until=scene.clock.now() + seconds + 0.5)
    await scene.until_ended(2)
    assert scene.shown() == ["first", "second"]
    assert worker.status == RUNNING


async def test_a_new_url_ends_a_pause(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", rate_limited(3600))
    worker = scene.start()
    await scene.settled(1)
    assert await scene.clock.asleep() == 3600.5
    scene.urls["general"] = scene.slack.webhook("other")
    worker.configuration_changed()
    await scene.settled(3)
    assert scene.shown("other") == ["first", "second"]


async def test_a_429_costs_nothing_however_often_it_comes(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", *[rate_limited(1)] * 20)
    scene.start()
    await scene.until_ended(2)
    assert scene.shown() == ["first", "second"]
    assert [post.body.get("blocks") for post in scene.slack.posts("general")] != [None, None]
    assert scene.answered().count("400 no_text") == 0, "no probe, no text alone"
    assert (await scene.rows())[0].attempts == 21


async def test_a_429_between_failures_does_not_count_as_one(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", EMPTY_500, rate_limited(1), rate_limited(1), EMPTY_500)
    scene.start()
    await scene.until_ended(1)
    assert scene.slept == [1, 1.5, 1.5, 2]
    assert scene.answered().count("400 no_text") == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        EMPTY_500,
        BAD_GATEWAY,
        ROLLUP_ERROR,
        HTML_200,
        Answer(504),
        Answer(400, "<html>a proxy's own page</html>"),
        Fault.HANG,
        Fault.RESET_BEFORE_BODY,
        Fault.CLOSE,
        redirect("/ok"),
        redirect("/login", 307),
    ],
    ids=str,
)
async def test_a_failure_unrelated_to_the_message_is_retried(scene: Scene, behaviour: Behaviour) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", behaviour, behaviour)
    scene.start()
    await scene.until_ended(2)
    assert scene.slept == [1, 2]
    assert scene.shown() == ["first", "second"]
    assert "blocks" in scene.slack.posts("general")[0].body
    assert await scene.states() == ["delivered", "delivered"]


async def test_a_reset_after_the_post_was_shown_causes_a_second_post(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", Fault.RESET_AFTER_BODY)
    scene.start()
    await scene.until_ended(1)
    assert scene.shown() == ["first", "first"]


async def test_after_three_failures_a_live_slack_gets_the_text_alone(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", *[EMPTY_500] * 3)
    scene.start()
    settled = await scene.until_ended(2)
    assert scene.answered() == ["500", "500", "500", "400 no_text", "200 ok", "200 ok"]
    assert scene.slept == [1, 2]
    first, second = scene.slack.posts("general")
    assert first.body == message("first").text_only()
    assert second.body == message("second").body()
    assert settled[3].reason == "as text only: Slack fails on it: 500"


async def test_a_message_that_always_makes_slack_fail_dies_and_blocks_no_other(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", *[EMPTY_500] * 3, Answer(400, "no_text"), EMPTY_500)
    scene.start()
    await scene.until_ended(2)
    assert scene.answered() == ["500", "500", "500", "400 no_text", "500", "400 no_text", "200 ok"]
    assert await scene.states() == ["dead", "delivered"]
    assert (await scene.rows())[0].reason == "Slack fails on it, and on its text alone: 500"
    assert scene.shown() == ["second"]


async def test_an_unsupported_block_costs_the_layout_and_not_the_message(scene: Scene) -> None:
    async def with_markdown(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("test.j2", Message(delivery.event.title, [MARKDOWN]))

    scene.deps = replace(scene.deps, render=with_markdown)
    await scene.accept("first")
    scene.start()
    await scene.until_ended(1)
    assert scene.shown() == ["first"]


async def test_while_slack_is_unavailable_the_worker_waits_without_a_limit(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.always("general", BAD_GATEWAY)
    worker = scene.start()
    await scene.until(scene.slack.wait_for_hits("general", 60))
    assert await scene.states() == ["waiting", "waiting"]
    assert worker.status == WorkerStatus(WorkerState.UNAVAILABLE, BAD_GATEWAY.body)
    assert scene.slept[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(scene.slept[8:]) == {60}
    assert [hit.body for hit in scene.slack.hits("general")[3:]] == [{"text": ""}] * (
        len(scene.slack.hits("general")) - 3
    ), "only probes, so that no answer that gets lost can show the message twice"
    scene.slack.always("general", None)
    await scene.until_ended(2)
    assert scene.shown() == ["first", "second"]
    assert [post.body for post in scene.slack.posts("general")] == [message("first").body(), message("second").body()]
    assert worker.status == RUNNING


async def test_after_an_outage_failures_are_counted_from_zero(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", *[EMPTY_500] * 5, Answer(400, "no_text"), *[EMPTY_500] * 2)
    scene.start()
    await scene.until_ended(1)
    assert [post.body for post in scene.slack.posts("general")] == [message("first").body()]


async def test_a_probe_that_is_limited_waits_as_long_as_it_is_asked_to(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", *[EMPTY_500] * 3, rate_limited(90))
    scene.start()
    await scene.until_ended(1)
    assert scene.slept == [1, 2, 90]


@pytest.mark.parametrize(("behaviour", "shows_twice"), [(Fault.RESET_AFTER_BODY, True), (EMPTY_500, False)])
async def test_the_log_records_when_a_retry_may_show_a_message_twice(
    scene: Scene, behaviour: Behaviour, shows_twice: bool
) -> None:
    await scene.accept("first")
    scene.slack.script("general", behaviour)
    with capture_logs() as logs:
        scene.start()
        await scene.until_ended(1)
    (line,) = [line for line in logs if line["event"] == "delivery failed"]
    assert line["perhaps_shown"] is shows_twice
    assert len(scene.slack.posts("general")) == 1 + shows_twice


async def test_slack_leaving_during_the_text_alone_loses_nothing(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script(
        "general",
        INVALID_BLOCKS,
        BAD_GATEWAY,
        BAD_GATEWAY,
        BAD_GATEWAY,
    )
    scene.start()
    await scene.until_ended(1)
    assert scene.answered()[-2:] == ["400 no_text", "200 ok"]
    assert [post.body for post in scene.slack.posts("general")] == [message("first").text_only()]


@pytest.mark.parametrize(
    "token", ["invalid_blocks", "invalid_attachments", "invalid_payload", "msg_blocks_too_long", "a_new_word"]
)
async def test_a_rejected_message_is_posted_as_text_at_once(scene: Scene, token: str) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", Answer(400, token))
    scene.start()
    await scene.until_ended(2)
    assert scene.slept == []
    assert [post.body for post in scene.slack.posts("general")] == [
        message("first").text_only(),
        message("second").body(),
    ]
    assert (await scene.rows())[0].reason == f"as text only: 400 {token}"


async def test_a_message_whose_text_is_rejected_too_dies_and_blocks_no_other(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", INVALID_BLOCKS, Answer(413))
    with capture_logs() as logs:
        scene.start()
        await scene.until_ended(2)
    assert await scene.states() == ["dead", "delivered"]
    assert (await scene.rows())[0].reason == "rejected by Slack, and so was its text alone: 413"
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["delivery dead"]
    assert scene.shown() == ["second"]


async def test_a_dead_destination_stops_the_worker_until_a_probe_finds_it_alive(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.always("general", NO_ACTIVE_HOOKS)
    with capture_logs() as logs:
        worker = scene.start()
        await scene.until(scene.slack.wait_for_hits("general", 6))
        assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_active_hooks")
        assert await scene.states() == ["waiting", "waiting"]
        assert scene.slept == [PROBE_EVERY] * 5
        scene.slack.always("general", None)
        await scene.until_ended(2)
    assert scene.shown() == ["first", "second"]
    assert worker.status == RUNNING
    loud = [line for line in logs if line["log_level"] == "error"]
    assert len(loud) == 1, "logged once, not at each probe"
    assert (loud[0]["channel"], loud[0]["answer"]) == ("general", "no_active_hooks")
    assert (await scene.rows())[0].attempts == 2, "probes are no attempts"


async def test_a_stopped_worker_is_not_woken_by_new_deliveries(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.always("general", NO_SERVICE)
    worker = scene.start()
    await scene.settled(1)
    for n in range(5):
        assert await scene.clock.asleep() == PROBE_EVERY - n * 10
        await scene.accept(f"more {n}")
        worker.wake()
        scene.clock.advance(10)
    assert await scene.clock.asleep() == PROBE_EVERY - 50
    assert len(scene.slack.hits("general")) == 1


async def test_a_stopped_worker_stays_stopped_while_slack_is_unavailable(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script(
        "general",
        NO_SERVICE,
        BAD_GATEWAY,
        CHANNEL_IS_ARCHIVED,
        rate_limited(3),
    )
    worker = scene.start()
    await scene.settled(1)
    for detail in ("no_service", "no_service", "channel_is_archived", "channel_is_archived"):
        await scene.clock.asleep()
        assert worker.status == WorkerStatus(WorkerState.STOPPED, detail)
        await scene.clock.skip()
    await scene.until_ended(1)
    assert scene.shown() == ["first"]


async def test_a_new_url_starts_a_stopped_worker_at_once(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.always("general", CHANNEL_NOT_FOUND)
    worker = scene.start()
    await scene.settled(1)
    await scene.clock.asleep()
    scene.urls["general"] = scene.slack.webhook("other")
    worker.configuration_changed()
    await scene.settled(2)
    assert scene.shown("other") == ["first"]
    assert len(scene.slack.hits("general")) == 1


async def test_a_stopped_worker_whose_url_is_removed_does_nothing(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.always("general", CHANNEL_NOT_FOUND)
    worker = scene.start()
    await scene.settled(1)
    await scene.clock.asleep()
    url = scene.urls.pop("general")
    worker.configuration_changed()
    scene.slack.always("general", None)
    for _ in range(20):
        await asyncio.sleep(0)
    assert worker.status == RUNNING
    scene.urls["general"] = url
    worker.configuration_changed()
    await scene.until_ended(1)
    assert scene.shown() == ["first"]


async def test_a_probe_after_failures_may_find_the_destination_dead(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", *[EMPTY_500] * 3, NO_SERVICE)
    worker = scene.start()
    await scene.until(scene.slack.wait_for_hits("general", 4))
    await scene.clock.asleep()
    assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_service")
    await scene.until_ended(1)
    assert [post.body for post in scene.slack.posts("general")] == [message("first").body()]


async def test_a_destination_may_die_while_slack_is_unavailable(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.script("general", *[EMPTY_500] * 4, NO_SERVICE)
    worker = scene.start()
    await scene.until(scene.slack.wait_for_hits("general", 5))
    await scene.clock.asleep()
    assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_service")
    await scene.until_ended(1)
    assert scene.shown() == ["first"]


async def test_a_new_url_ends_an_absence(scene: Scene) -> None:
    await scene.accept("first")
    scene.slack.always("general", BAD_GATEWAY)
    worker = scene.start()
    await scene.until(scene.slack.wait_for_hits("general", 6))
    await scene.clock.asleep()
    hits = len(scene.slack.hits("general"))
    scene.urls["general"] = scene.slack.webhook("other")
    worker.configuration_changed()
    await scene.until_ended(1)
    assert len(scene.slack.hits("general")) == hits
    assert scene.shown("other") == ["first"]


@pytest.mark.parametrize(
    ("seconds", "note"), [(3599, None), (3601, "Posted an hour late"), (3 * 86400, "Posted 3 days late"), (-60, None)]
)
async def test_a_message_more_than_an_hour_late_is_marked_late(scene: Scene, seconds: float, note: str | None) -> None:
    await scene.accept("first")
    scene.clock.advance(seconds)
    scene.start()
    await scene.settled(1)
    assert scene.slack.posts("general")[0].body == message("first", [note] if note else []).body()


async def test_a_text_only_message_is_marked_late_too(scene: Scene) -> None:
    await scene.accept("first")
    scene.clock.advance(7200)
    scene.slack.script("general", INVALID_BLOCKS)
    scene.start()
    await scene.settled(2)
    assert scene.shown() == ["first\nPosted 2 hours late"]


async def test_a_skipped_message_is_not_posted_and_the_reason_is_kept(scene: Scene) -> None:
    async def skips(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        if delivery.event.title == "draft":
            return Rendered("test.j2", None, skip="nothing to say about a draft")
        return await render(delivery, notes)

    scene.deps = replace(scene.deps, render=skips)
    await scene.accept("draft", "second")
    scene.start()
    await scene.settled(2)
    assert scene.shown() == ["second"]
    first = (await scene.rows())[0]
    assert (first.state, first.reason) == ("skipped", "nothing to say about a draft")
    assert len(scene.slack.hits("general")) == 1


UNDEFINED = error(Code.TEMPLATE_FAILED, "'x' is undefined", "correct the name", file="templates/test.j2", line=3)


async def test_a_failing_template_posts_the_fallback_and_is_logged_once(scene: Scene) -> None:
    async def falls_back(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("test.j2", message("plain"), error=UNDEFINED)

    scene.deps = replace(scene.deps, render=falls_back)
    await scene.accept("first")
    scene.slack.script("general", EMPTY_500, EMPTY_500)
    with capture_logs() as logs:
        scene.start()
        await scene.until_ended(1)
    assert scene.shown() == ["plain"]
    assert (await scene.rows())[0].template_fault == str(UNDEFINED)
    shown = [(line["file"], line["line"], line["message"], line["hint"]) for line in logs if "file" in line]
    assert shown == [("templates/test.j2", 3, "'x' is undefined", "correct the name")]
    assert scene.deps.counters.total(TEMPLATE_ERRORS) == 1
    assert scene.deps.counters.by_label(POSTS, "outcome") == {"unavailable": 2, "ok": 1}


async def test_a_template_fixed_meanwhile_renders_the_next_try(scene: Scene) -> None:
    errors = [UNDEFINED, None]

    async def is_fixed(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        wrong = errors.pop(0)
        return Rendered("test.j2", message("plain" if wrong else "good"), error=wrong)

    scene.deps = replace(scene.deps, render=is_fixed)
    await scene.accept("first")
    scene.slack.script("general", EMPTY_500)
    scene.start()
    await scene.until_ended(1)
    assert scene.shown() == ["good"]
    assert (await scene.rows())[0].template_fault == ""


@pytest.mark.parametrize("error", [StoreUnavailableError("the disk is full"), RuntimeError("who knows")])
async def test_a_post_is_recorded_however_long_that_takes(scene: Scene, error: Exception) -> None:
    await scene.accept("first", "second")
    scene.store.settle_errors.extend([error] * 5)
    scene.start()
    await scene.until_ended(2)
    assert scene.slept == [1, 2, 2, 2, 2]
    assert scene.shown() == ["first", "second"]
    assert await scene.states() == ["delivered", "delivered"]


async def test_a_process_end_between_post_and_record_causes_a_second_post(scene: Scene) -> None:
    await scene.accept("first")
    scene.store.settle_errors.extend([StoreUnavailableError("the disk is full")] * 100)
    scene.start()
    await scene.clock.asleep()
    scene.workers[0].cancel()
    await asyncio.wait(scene.workers)
    scene.store.settle_errors.clear()
    scene.start()
    await scene.until_ended(1)
    assert scene.shown() == ["first", "first"]


async def test_a_store_that_is_not_available_is_asked_again_and_logged_once(scene: Scene) -> None:
    await scene.accept("first")
    scene.store.claim_errors.extend([StoreUnavailableError("locked")] * 4)
    with capture_logs() as logs:
        scene.start()
        await scene.until_ended(1)
    assert scene.slept == [1, 2, 4, 8]
    assert [line["reason"] for line in logs if line["log_level"] == "error"] == ["locked"]


async def test_an_unexpected_error_ends_no_worker(scene: Scene) -> None:
    await scene.accept("first")
    scene.store.claim_errors.extend([RuntimeError("a bug"), KeyError("another")])
    with capture_logs() as logs:
        scene.start()
        await scene.until_ended(1)
    assert scene.shown() == ["first"]
    assert len([line for line in logs if line.get("exc_info")]) == 2


async def test_a_delivery_that_raises_an_internal_error_blocks_no_other(scene: Scene) -> None:
    tries = 0

    async def breaks(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        nonlocal tries
        if delivery.event.title == "cursed":
            tries += 1
            raise RuntimeError("a bug")
        return await render(delivery, notes)

    scene.deps = replace(scene.deps, render=breaks)
    await scene.accept("cursed", "second")
    scene.start()
    await scene.until_ended(2)
    assert tries == MAX_INTERNAL_ERRORS
    assert await scene.states() == ["dead", "delivered"]
    assert (await scene.rows())[0].reason == "3 internal errors (RuntimeError)"


async def test_a_delivery_dropped_meanwhile_is_not_posted(scene: Scene) -> None:
    await scene.accept("first", "second")
    scene.slack.script("general", EMPTY_500)
    scene.start()
    [failed] = await scene.settled(1)
    await scene.clock.asleep()
    await scene.store.settle([DeliveryResult(failed.delivery, DeliveryState.DROPPED)], scene.clock.now())
    await scene.until_ended(2)
    assert scene.shown() == ["second"]


async def test_a_stopping_worker_claims_no_more(scene: Scene) -> None:
    await scene.accept("first")
    scene.start().stop()
    await asyncio.wait(scene.workers)
    assert await scene.states() == ["waiting"]
    assert scene.slack.hits("general") == ()


@pytest.mark.parametrize("status", [200, 429, 500, 404])
async def test_a_stopping_worker_records_its_post(scene: Scene, status: int) -> None:
    await scene.accept("first", "second")
    hold = asyncio.Event()
    scene.slack.script("general", HeldAnswer(status, "ok", shows=status == 200, hold=hold))
    worker = scene.start()
    await scene.slack.wait_for_hits("general", 1)
    assert worker.posting
    worker.stop()
    hold.set()
    await asyncio.wait(scene.workers)
    assert await scene.states() == ["delivered" if status == 200 else "waiting", "waiting"]
    assert [row.attempts for row in await scene.rows()] == [1, 0]
    assert len(scene.slack.hits("general")) == 1


def test_back_offs_grow_to_a_minute_and_half_of_each_is_chance() -> None:
    assert [back_off(lambda: 1.0, n) for n in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [back_off(lambda: 0.0, n) for n in range(1, 10)] == [1, 1, 2, 4, 8, 16, 30, 30, 30]
    assert back_off(lambda: 1.0, 10_000) == 60


async def test_a_worker_without_a_url_rests_until_it_has_one(scene: Scene) -> None:
    await scene.accept("first")
    worker = ChannelWorker("general", scene.deps)
    scene.workers.append(asyncio.create_task(worker.run()))
    await asyncio.sleep(0)
    assert worker.status == RUNNING
    scene.urls["general"] = scene.slack.webhook("general")
    worker.configuration_changed()
    await scene.settled(1)
    assert scene.shown() == ["first"]


async def test_a_replayed_dead_delivery_starts_again_with_its_whole_message(scene: Scene) -> None:
    scene.slack.script("general", INVALID_BLOCKS, INVALID_BLOCKS)
    await scene.accept("one")
    worker = scene.start()
    await scene.until_ended(1)
    assert await scene.states() == ["dead"]
    await scene.accept("one")  # its sender sends it again
    worker.wake()
    await scene.until_ended(2)
    assert scene.store.settled[-1].reason == ""
    assert scene.slack.posts("general")[-1].body["blocks"]
