"""Tests of the order and completeness of a channel worker with every behaviour of Slack."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count, pairwise

import pytest
from structlog.testing import capture_logs

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.core.counters import POSTS, TEMPLATE_ERRORS
from bridge.core.states import DeliveryState, WorkerState
from bridge.delivery.alert import Alert, AlertType
from bridge.delivery.channel_worker import MAX_INTERNAL_ERRORS, ChannelWorker
from bridge.delivery.next_step import PROBE_EVERY
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import RUNNING, WorkerStatus
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Message, Rendered
from bridge.store import Delivery, DeliveryResult, StoreUnavailableError
from tests.delivery.harness import Harness, message, policy, render
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    CHANNEL_NOT_FOUND,
    EMPTY_500,
    HTML_200,
    INVALID_BLOCKS,
    NO_ACTIVE_HOOKS,
    NO_SERVICE,
    NO_TEXT,
    ROLLUP_ERROR,
    http_date,
    redirect,
)
from tests.slack.simulator import Behaviour, ByMessage, Fault, HeldAnswer, Late

MARKDOWN = {"type": "markdown", "text": "# a type of block on which incoming webhooks fail"}


def times(settled: Sequence[DeliveryResult]) -> list[float]:
    """Return the time of each attempt, in seconds from the first."""
    found = [settlement.attempt.at for settlement in settled if settlement.attempt]
    return [at - min(found) for at in sorted(found)]


async def test_messages_appear_in_the_order_of_acceptance(harness: Harness) -> None:
    titles = [f"message {n}" for n in range(10)]
    await harness.accept(*titles)
    harness.start()
    settled = await harness.until_settled(10)
    assert harness.shown() == titles
    assert await harness.states() == ["delivered"] * 10
    assert [s.attempt.kind for s in settled if s.attempt] == ["ok"] * 10
    assert settled[0].message == message("message 0").body()
    assert harness.slept == []


async def test_a_line_is_kept_from_the_first_try_on_and_is_that_of_the_message_shown(harness: Harness) -> None:
    tries = count(1)

    async def edited(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("test.j2", message("same"), line=f"as of try {next(tries)}")

    harness.deps = replace(harness.deps, render=edited)
    harness.slack.script("general", rate_limited(2), rate_limited(2))
    await harness.accept("pipeline")
    assert [row.line for row in await harness.rows()] == ["GitLab push: pipeline"]
    harness.start()
    settled = await harness.until_settled(3)
    assert [(result.state, result.line) for result in settled] == [
        ("waiting", "as of try 1"),
        ("waiting", "as of try 2"),
        ("delivered", "as of try 3"),
    ]
    assert [row.line for row in await harness.rows()] == ["as of try 3"]


async def test_an_idle_worker_wakes_when_something_is_accepted(harness: Harness) -> None:
    worker = harness.start()
    for n in range(3):
        await harness.accept(f"message {n}")
        worker.wake()
        await harness.until_settled(n + 1)
    assert harness.shown() == ["message 0", "message 1", "message 2"]


async def test_one_message_a_second_after_a_small_burst(harness: Harness) -> None:
    await harness.accept(*map(str, range(6)))
    harness.limiters[harness.slack.webhook("general")] = RateLimiter(harness.clock)
    harness.start()
    assert times(await harness.until_settled(6)) == pytest.approx([0, 0, 0, 1, 2, 3])
    assert harness.shown() == list(map(str, range(6)))


async def test_channels_with_one_webhook_share_its_pace(harness: Harness) -> None:
    url = harness.slack.webhook("general")
    harness.limiters[url] = RateLimiter(harness.clock, burst=1)
    for channel in ("a", "b"):
        harness.urls[channel] = url
        await harness.accept("1", "2", "3", channel=channel)
        harness.start(channel)
    found = times(await harness.until_settled(6))
    assert all(later - earlier >= 1 - 1e-6 for earlier, later in pairwise(found))


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(30, 30), ("2.5", 2.5), (None, 1), ("99999", 3600), (http_date(1_800_000_000.0 + 120), 120)],
)
async def test_a_429_pauses_the_worker_for_as_long_as_slack_asks(
    harness: Harness, retry_after: float | str | None, seconds: float
) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", rate_limited(retry_after))
    worker = harness.start()
    await harness.settled(1)
    assert await harness.clock.asleep() == seconds + 0.5, "and up to half a second by chance"
    assert worker.status == WorkerStatus(WorkerState.PAUSED, until=harness.clock.now() + seconds + 0.5)
    await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]
    assert worker.status == RUNNING


async def test_a_new_url_ends_a_pause(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", rate_limited(3600))
    worker = harness.start()
    await harness.settled(1)
    assert await harness.clock.asleep() == 3600.5
    harness.urls["general"] = harness.slack.webhook("other")
    worker.configuration_changed()
    await harness.settled(3)
    assert harness.shown("other") == ["first", "second"]


async def test_any_number_of_429_answers_loses_nothing(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", *[rate_limited(1)] * 20)
    harness.start()
    await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]
    assert [post.body.get("blocks") for post in harness.slack.posts("general")] != [None, None]
    assert harness.answered().count("400 no_text") == 0, "no probe, no text alone"
    assert (await harness.rows())[0].attempts == 21


async def test_a_429_between_failures_does_not_count_as_one(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", EMPTY_500, rate_limited(1), rate_limited(1), EMPTY_500)
    harness.start()
    await harness.until_ended(1)
    assert harness.slept == [1, 1.5, 1.5, 2]
    assert harness.answered().count("400 no_text") == 0


@pytest.mark.parametrize(
    "behaviour",
    [
        EMPTY_500,
        BAD_GATEWAY,
        ROLLUP_ERROR,
        HTML_200,
        Answer(504),
        redirect("/ok"),
        redirect("/login", 307),
    ],
    ids=str,
)
async def test_a_failure_unrelated_to_the_message_is_retried(harness: Harness, behaviour: Behaviour) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", behaviour, behaviour)
    harness.start()
    await harness.until_ended(2)
    assert harness.slept == [1, 2]
    assert harness.shown() == ["first", "second"]
    assert "blocks" in harness.slack.posts("general")[0].body
    assert await harness.states() == ["delivered", "delivered"]


@pytest.mark.parametrize("behaviour", [Fault.HANG, Fault.RESET_BEFORE_BODY, Fault.CLOSE], ids=str)
async def test_what_slack_may_have_shown_is_retried_after_longer_waits(harness: Harness, behaviour: Behaviour) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", behaviour, behaviour)
    harness.start()
    await harness.until_ended(2)
    assert harness.slept == [5, 30]
    assert harness.shown() == ["first", "second"]


async def test_a_proxys_page_with_a_400_costs_only_the_layout_of_the_message_that_meets_it(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", Answer(400, "<html>a proxy's own page</html>"))
    harness.start()
    await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]


async def test_a_403_to_one_message_alone_blocks_no_other(harness: Harness) -> None:
    await harness.accept("first", "second")
    refused = ByMessage(lambda body: Answer(403, "restricted_action") if "first" in str(body) else None)
    harness.slack.always("general", refused)
    harness.start()
    await harness.until_ended(2)
    assert await harness.states() == ["dead", "delivered"]
    assert harness.shown() == ["second"]


async def test_a_word_that_a_probe_gets_too_holds_all_and_kills_none(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.always("general", Answer(403, "invalid_team"))
    worker = harness.start()
    await harness.until(harness.slack.wait_for_hits("general", 20))
    assert worker.status == WorkerStatus(WorkerState.STOPPED, "invalid_team")
    assert await harness.states() == ["waiting", "waiting"]
    harness.slack.always("general", None)
    await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]
    assert all("blocks" in post.body for post in harness.slack.posts("general"))


async def test_a_slow_slack_that_shows_each_post_shows_only_the_first_one_twice(harness: Harness) -> None:
    def late(body: object) -> Late | None:
        return None if body == {"text": ""} else Late(7.0 / 30)

    await harness.accept("first", "second", "third")
    harness.slack.always("general", ByMessage(late))
    harness.deps = replace(harness.deps, policy_of=lambda _: policy(pack=False))
    harness.start()
    await harness.until_ended(3)
    assert harness.shown().count("first") <= 2
    assert await harness.states() == ["delivered"] * 3


async def test_a_pause_survives_a_restart(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", rate_limited(3600))
    harness.start()
    await harness.settled(1)
    assert await harness.clock.asleep() == 3600.5
    harness.workers.pop().cancel()
    await asyncio.sleep(0)
    harness.limiters.clear()
    harness.start()
    assert await harness.clock.asleep() == pytest.approx(3600.5)
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


async def test_429_without_a_time_pauses_for_longer_and_longer_and_tells_somebody(harness: Harness) -> None:
    alerts: list[Alert] = []
    harness.deps = replace(harness.deps, alert=alerts.append)
    await harness.accept("first")
    harness.slack.script("general", *[Answer(429, "message_limit_exceeded")] * 8)
    harness.start()
    await harness.until_ended(1)
    assert [s for s in harness.slept if s > 1] == [5.5, 10.5, 20.5, 40.5, 80.5, 160.5, 300.5, 300.5]
    assert [(alert.type, alert.channel) for alert in alerts] == [(AlertType.RATE_LIMITED, "general")]


async def test_a_message_on_which_the_network_alone_fails_dies_after_an_hour_with_an_alert(harness: Harness) -> None:
    alerts: list[Alert] = []
    harness.deps = replace(harness.deps, alert=alerts.append)
    await harness.accept("first", "second")
    poison = ByMessage(lambda body: Answer(502, "<html>") if "first" in str(body) else None)
    harness.slack.always("general", poison)
    harness.start()
    await harness.until_ended(2)
    assert await harness.states() == ["dead", "delivered"]
    assert 3600 <= sum(harness.slept) < 3600 + 3 * 60
    assert [(alert.type, alert.delivery and alert.delivery.event.name) for alert in alerts] == [
        (AlertType.DEAD, "first")
    ]


async def test_a_reset_after_the_post_was_shown_causes_a_second_post(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", Fault.RESET_AFTER_BODY)
    harness.start()
    await harness.until_ended(1)
    assert harness.shown() == ["first", "first"]


async def test_after_three_failures_a_live_slack_gets_the_text_alone(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", *[EMPTY_500] * 3)
    harness.start()
    settled = await harness.until_ended(2)
    assert harness.answered() == ["500", "500", "500", "400 no_text", "200 ok", "200 ok"]
    assert harness.slept == [1, 2]
    first, second = harness.slack.posts("general")
    assert first.body == message("first").text_only()
    assert second.body == message("second").body()
    assert settled[3].reason == "as text only: Slack fails on it: 500"


async def test_a_message_that_always_makes_slack_fail_dies_and_blocks_no_other(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", *[EMPTY_500] * 3, NO_TEXT, *[EMPTY_500] * 6)
    harness.start()
    await harness.until_ended(2)
    assert harness.answered() == [*["500"] * 3, "400 no_text", *["500"] * 6, "400 no_text", "200 ok"]
    assert await harness.states() == ["dead", "delivered"]
    assert (await harness.rows())[0].reason == "Slack fails on it, and on its text alone: 500"
    assert harness.shown() == ["second"]


async def test_an_unsupported_block_loses_the_layout_and_not_the_message(harness: Harness) -> None:
    async def with_markdown(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("test.j2", Message(delivery.event.name, [MARKDOWN]))

    harness.deps = replace(harness.deps, render=with_markdown)
    await harness.accept("first")
    harness.start()
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


async def test_while_slack_is_unavailable_the_worker_waits_without_a_limit(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.always("general", BAD_GATEWAY)
    worker = harness.start()
    await harness.until(harness.slack.wait_for_hits("general", 60))
    assert await harness.states() == ["waiting", "waiting"]
    assert worker.status == WorkerStatus(WorkerState.UNAVAILABLE, BAD_GATEWAY.body)
    assert harness.slept[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(harness.slept[8:]) == {60}
    assert [hit.body for hit in harness.slack.hits("general")[3:]] == [{"text": ""}] * (
        len(harness.slack.hits("general")) - 3
    ), "only probes, so that no answer that gets lost can show the message twice"
    harness.slack.always("general", None)
    await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]
    assert [post.body for post in harness.slack.posts("general")] == [message("first").body(), message("second").body()]
    assert worker.status == RUNNING


async def test_after_an_outage_failures_are_counted_from_zero(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", *[EMPTY_500] * 5, Answer(400, "no_text"), *[EMPTY_500] * 2)
    harness.start()
    await harness.until_ended(1)
    assert [post.body for post in harness.slack.posts("general")] == [message("first").body()]


async def test_a_rate_limited_probe_waits_as_long_as_asked(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", *[EMPTY_500] * 3, rate_limited(90))
    harness.start()
    await harness.until_ended(1)
    assert [seconds for seconds in harness.slept if seconds > 0.001] == [1, 2, 90.5]


@pytest.mark.parametrize(("behaviour", "shows_twice"), [(Fault.RESET_AFTER_BODY, True), (EMPTY_500, False)])
async def test_the_log_records_when_a_retry_may_show_a_message_twice(
    harness: Harness, behaviour: Behaviour, shows_twice: bool
) -> None:
    await harness.accept("first")
    harness.slack.script("general", behaviour)
    with capture_logs() as logs:
        harness.start()
        await harness.until_ended(1)
    (line,) = [line for line in logs if line["event"] == "delivery failed"]
    assert line["perhaps_shown"] is shows_twice
    assert len(harness.slack.posts("general")) == 1 + shows_twice


async def test_slack_leaving_during_the_text_alone_loses_nothing(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script(
        "general",
        INVALID_BLOCKS,
        NO_TEXT,
        BAD_GATEWAY,
        BAD_GATEWAY,
        BAD_GATEWAY,
    )
    harness.start()
    await harness.until_ended(1)
    assert harness.answered()[-2:] == ["400 no_text", "200 ok"]
    assert [post.body for post in harness.slack.posts("general")] == [message("first").text_only()]


@pytest.mark.parametrize(
    "token", ["invalid_blocks", "invalid_attachments", "invalid_payload", "msg_blocks_too_long", "a_new_word"]
)
async def test_a_rejected_message_is_posted_as_text_at_once(harness: Harness, token: str) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", Answer(400, token))
    harness.start()
    await harness.until_ended(2)
    assert harness.slept == []
    assert [post.body for post in harness.slack.posts("general")] == [
        message("first").text_only(),
        message("second").body(),
    ]
    assert (await harness.rows())[0].reason == f"as text only: 400 {token}"


async def test_a_message_whose_text_is_rejected_too_dies_and_blocks_no_other(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, Answer(413))
    with capture_logs() as logs:
        harness.start()
        await harness.until_ended(2)
    assert await harness.states() == ["dead", "delivered"]
    assert (await harness.rows())[0].reason == "rejected, and so was its text alone: 413"
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["delivery dead"]
    assert harness.shown() == ["second"]


async def test_a_gone_destination_stops_the_worker_until_a_probe_succeeds(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.always("general", NO_ACTIVE_HOOKS)
    with capture_logs() as logs:
        worker = harness.start()
        await harness.until(harness.slack.wait_for_hits("general", 7))
        assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_active_hooks")
        assert await harness.states() == ["waiting", "waiting"]
        assert harness.slept == [PROBE_EVERY] * 5
        harness.slack.always("general", None)
        await harness.until_ended(2)
    assert harness.shown() == ["first", "second"]
    assert worker.status == RUNNING
    loud = [line for line in logs if line["log_level"] == "error"]
    assert len(loud) == 1, "logged once, not at each probe"
    assert (loud[0]["channel"], loud[0]["answer"]) == ("general", "no_active_hooks")
    assert (await harness.rows())[0].attempts == 2, "probes are no attempts"


async def test_a_stopped_worker_is_not_woken_by_new_deliveries(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.always("general", NO_SERVICE)
    worker = harness.start()
    await harness.settled(1)
    for n in range(5):
        assert await harness.clock.asleep() == PROBE_EVERY - n * 10
        await harness.accept(f"more {n}")
        worker.wake()
        harness.clock.advance(10)
    assert await harness.clock.asleep() == PROBE_EVERY - 50
    assert len(harness.slack.hits("general")) == 2, "the post and one probe"


async def test_a_stopped_worker_stays_stopped_while_slack_is_unavailable(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script(
        "general",
        NO_SERVICE,
        NO_SERVICE,
        BAD_GATEWAY,
        CHANNEL_IS_ARCHIVED,
        rate_limited(3),
    )
    worker = harness.start()
    await harness.settled(1)
    for detail in ("no_service", "no_service", "channel_is_archived", "channel_is_archived"):
        await harness.clock.asleep()
        assert worker.status == WorkerStatus(WorkerState.STOPPED, detail)
        await harness.clock.skip()
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


@pytest.mark.parametrize(
    ("answer", "hits", "state"),
    [(CHANNEL_NOT_FOUND, 2, WorkerState.STOPPED), (BAD_GATEWAY, 6, WorkerState.UNAVAILABLE)],
)
async def test_a_new_url_starts_a_blocked_worker_at_once(
    harness: Harness, answer: Answer, hits: int, state: WorkerState
) -> None:
    await harness.accept("first")
    harness.slack.always("general", answer)
    worker = harness.start()
    await harness.until(harness.slack.wait_for_hits("general", hits))
    await harness.clock.asleep()
    assert worker.status.state == state
    harness.urls["general"] = harness.slack.webhook("other")
    worker.configuration_changed()
    await harness.until_ended(1)
    assert harness.shown("other") == ["first"]
    assert len(harness.slack.hits("general")) == hits


async def test_a_stopped_worker_whose_url_is_removed_does_nothing(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.always("general", CHANNEL_NOT_FOUND)
    worker = harness.start()
    await harness.settled(1)
    await harness.clock.asleep()
    url = harness.urls.pop("general")
    worker.configuration_changed()
    harness.slack.always("general", None)
    for _ in range(20):
        await asyncio.sleep(0)
    assert worker.status == RUNNING
    harness.urls["general"] = url
    worker.configuration_changed()
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


async def test_a_probe_after_failures_may_find_the_destination_dead(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", *[EMPTY_500] * 3, NO_SERVICE)
    worker = harness.start()
    await harness.until(harness.slack.wait_for_hits("general", 4))
    await harness.clock.asleep()
    assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_service")
    await harness.until_ended(1)
    assert [post.body for post in harness.slack.posts("general")] == [message("first").body()]


async def test_a_destination_may_die_while_slack_is_unavailable(harness: Harness) -> None:
    await harness.accept("first")
    harness.slack.script("general", *[EMPTY_500] * 4, NO_SERVICE)
    worker = harness.start()
    await harness.until(harness.slack.wait_for_hits("general", 5))
    await harness.clock.asleep()
    assert worker.status == WorkerStatus(WorkerState.STOPPED, "no_service")
    await harness.until_ended(1)
    assert harness.shown() == ["first"]


@pytest.mark.parametrize(
    ("seconds", "note"), [(3599, None), (3601, "Posted an hour late"), (3 * 86400, "Posted 3 days late"), (-60, None)]
)
async def test_a_message_more_than_an_hour_late_is_marked_late(
    harness: Harness, seconds: float, note: str | None
) -> None:
    await harness.accept("first")
    harness.clock.advance(seconds)
    harness.start()
    await harness.settled(1)
    assert harness.slack.posts("general")[0].body == message("first", [note] if note else []).body()


async def test_a_text_only_message_is_marked_late_too(harness: Harness) -> None:
    await harness.accept("first")
    harness.clock.advance(7200)
    harness.slack.script("general", INVALID_BLOCKS)
    harness.start()
    await harness.settled(2)
    assert harness.shown() == ["first\nPosted 2 hours late"]


async def test_a_skipped_message_is_not_posted_and_the_reason_is_kept(harness: Harness) -> None:
    async def skips(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        if delivery.event.name == "draft":
            return Rendered("test.j2", None, skip="nothing to say about a draft")
        return await render(delivery, notes)

    harness.deps = replace(harness.deps, render=skips)
    await harness.accept("draft", "second")
    harness.start()
    await harness.settled(2)
    assert harness.shown() == ["second"]
    first = (await harness.rows())[0]
    assert (first.state, first.reason, first.line) == (
        "skipped",
        "nothing to say about a draft",
        "GitLab push: draft",
    )
    assert len(harness.slack.hits("general")) == 1


UNDEFINED = error(Code.TEMPLATE_FAILED, "'x' is undefined", "correct the name", file="templates/test.j2", line=3)


async def test_a_failing_template_posts_the_fallback_and_is_logged_once(harness: Harness) -> None:
    async def falls_back(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("test.j2", message("plain"), error=UNDEFINED)

    harness.deps = replace(harness.deps, render=falls_back)
    await harness.accept("first")
    harness.slack.script("general", EMPTY_500, EMPTY_500)
    with capture_logs() as logs:
        harness.start()
        await harness.until_ended(1)
    assert harness.shown() == ["plain"]
    assert (await harness.rows())[0].template_fault == str(UNDEFINED)
    shown = [(line["file"], line["line"], line["message"], line["hint"]) for line in logs if "file" in line]
    assert shown == [("templates/test.j2", 3, "'x' is undefined", "correct the name")]
    assert harness.deps.counters.total(TEMPLATE_ERRORS) == 1
    assert harness.deps.counters.by_label(POSTS, "outcome") == {"unavailable": 2, "ok": 1}


async def test_a_rendering_that_was_ended_by_force_is_marked_before_its_fallback_is_posted(harness: Harness) -> None:
    marks: list[str] = []

    async def ended(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        marks.append(delivery.template_fault)
        took = error(Code.TIME_LIMIT_EXCEEDED, "took too long", "", file="test.j2")
        return replace(await render(delivery, notes), error=took, killed=True)

    async def marked_in_the_store() -> str:
        [waiting] = await (await harness.hold()).claim(1)
        return waiting.template_fault

    harness.deps = replace(harness.deps, render=ended)
    await harness.accept("first")
    harness.slack.script("general", EMPTY_500)
    harness.start()
    await harness.settled(1)
    assert "took too long" in await marked_in_the_store()
    await harness.until_ended(1)
    assert [bool(mark) for mark in marks] == [False, True]


async def test_a_template_fixed_meanwhile_renders_the_next_try(harness: Harness) -> None:
    errors = [UNDEFINED, None]

    async def is_fixed(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        wrong = errors.pop(0)
        return Rendered("test.j2", message("plain" if wrong else "good"), error=wrong)

    harness.deps = replace(harness.deps, render=is_fixed)
    await harness.accept("first")
    harness.slack.script("general", EMPTY_500)
    harness.start()
    await harness.until_ended(1)
    assert harness.shown() == ["good"]
    assert (await harness.rows())[0].template_fault == ""


@pytest.mark.parametrize("error", [StoreUnavailableError("the disk is full"), RuntimeError("who knows")])
async def test_a_post_is_recorded_however_long_that_takes(harness: Harness, error: Exception) -> None:
    await harness.accept("first", "second")
    harness.store.settle_errors.extend([error] * 5)
    harness.start()
    await harness.until_ended(2)
    assert harness.slept == [1, 2, 2, 2, 2]
    assert harness.shown() == ["first", "second"]
    assert await harness.states() == ["delivered", "delivered"]


async def test_a_process_end_between_post_and_record_causes_a_second_post(harness: Harness) -> None:
    await harness.accept("first")
    harness.store.settle_errors.extend([StoreUnavailableError("the disk is full")] * 100)
    harness.start()
    await harness.clock.asleep()
    harness.workers[0].cancel()
    await asyncio.wait(harness.workers)
    harness.store.settle_errors.clear()
    harness.start()
    await harness.until_ended(1)
    assert harness.shown() == ["first", "first"]


async def test_a_store_that_is_not_available_is_asked_again_and_logged_once(harness: Harness) -> None:
    await harness.accept("first")
    harness.store.claim_errors.extend([StoreUnavailableError("locked")] * 4)
    with capture_logs() as logs:
        harness.start()
        await harness.until_ended(1)
    assert harness.slept == [1, 2, 4, 8]
    assert [line["reason"] for line in logs if line["log_level"] == "error"] == ["locked"]


async def test_an_unexpected_error_ends_no_worker(harness: Harness) -> None:
    await harness.accept("first")
    harness.store.claim_errors.extend([RuntimeError("a bug"), KeyError("another")])
    with capture_logs() as logs:
        harness.start()
        await harness.until_ended(1)
    assert harness.shown() == ["first"]
    assert len([line for line in logs if line.get("exc_info")]) == 2


async def test_a_delivery_that_raises_an_internal_error_blocks_no_other(harness: Harness) -> None:
    tries = 0

    async def breaks(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        nonlocal tries
        if delivery.event.name == "cursed":
            tries += 1
            raise RuntimeError("a bug")
        return await render(delivery, notes)

    harness.deps = replace(harness.deps, render=breaks)
    await harness.accept("cursed", "second")
    harness.start()
    await harness.until_ended(2)
    assert tries == MAX_INTERNAL_ERRORS
    assert await harness.states() == ["dead", "delivered"]
    assert (await harness.rows())[0].reason == "3 internal errors (RuntimeError)"


async def test_a_delivery_dropped_meanwhile_is_not_posted(harness: Harness) -> None:
    await harness.accept("first", "second")
    harness.slack.script("general", EMPTY_500)
    harness.start()
    [failed] = await harness.settled(1)
    await harness.clock.asleep()
    dropped = DeliveryResult(failed.delivery, DeliveryState.DROPPED)
    await (await harness.hold()).settle([dropped], harness.clock.now())
    await harness.until_ended(2)
    assert harness.shown() == ["second"]


async def test_a_stopping_worker_claims_no_more(harness: Harness) -> None:
    await harness.accept("first")
    harness.start().stop()
    await asyncio.wait(harness.workers)
    assert await harness.states() == ["waiting"]
    assert harness.slack.hits("general") == ()


@pytest.mark.parametrize("status", [200, 429, 500, 404])
async def test_a_stopping_worker_records_its_post(harness: Harness, status: int) -> None:
    await harness.accept("first", "second")
    hold = asyncio.Event()
    harness.slack.script("general", HeldAnswer(status, "ok", shows=status == 200, hold=hold))
    worker = harness.start()
    await harness.slack.wait_for_hits("general", 1)
    assert worker.posting
    worker.stop()
    hold.set()
    await asyncio.wait(harness.workers)
    assert await harness.states() == ["delivered" if status == 200 else "waiting", "waiting"]
    assert [row.attempts for row in await harness.rows()] == [1, 0]
    assert len(harness.slack.hits("general")) == 1


async def test_a_worker_without_a_url_rests_until_it_has_one(harness: Harness) -> None:
    await harness.accept("first")
    worker = ChannelWorker("general", harness.deps)
    harness.workers.append(asyncio.create_task(worker.run()))
    await asyncio.sleep(0)
    assert worker.status == RUNNING
    harness.urls["general"] = harness.slack.webhook("general")
    worker.configuration_changed()
    await harness.settled(1)
    assert harness.shown() == ["first"]


async def test_a_replayed_dead_delivery_starts_again_with_its_whole_message(harness: Harness) -> None:
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, INVALID_BLOCKS)
    await harness.accept("one")
    worker = harness.start()
    await harness.until_ended(1)
    assert await harness.states() == ["dead"]
    await harness.accept("one")  # its sender sends it again
    worker.wake()
    await harness.until_ended(2)
    assert harness.store.settled[-1].reason == ""
    assert harness.slack.posts("general")[-1].body["blocks"]
