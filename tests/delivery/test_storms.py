"""Tests of storms: batches in order without a loss, digests for thousands, and repeat notices."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.core.payload import list_at, text_at
from bridge.core.states import DeliveryState
from bridge.delivery.channel_worker import CLAIM
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.sender import Sender
from bridge.delivery.store_writer import StoreWriter
from bridge.delivery.summarizer import Summarizer
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Message, Rendered
from bridge.messages.layout import section
from bridge.store import Delivery, Query, StoreUnavailableError
from tests.delivery.harness import Harness, policy
from tests.slack.answers import EMPTY_500, INVALID_BLOCKS, NO_TEXT

"""The answer to a probe."""


def paced(harness: Harness, *, burst: int = 3, channel: str = "general") -> None:
    """Limit the channel to one post a second, Slack's own limit."""
    url = harness.urls.setdefault(channel, harness.slack.webhook(channel))
    harness.limiters[url] = RateLimiter(harness.clock, per_second=1.0, burst=burst)


def with_policy(harness: Harness, **settings: float) -> None:
    harness.deps = replace(harness.deps, policy_of=lambda _: policy(**settings))


def with_repeat(harness: Harness, seconds: float) -> None:
    harness.deps = replace(harness.deps, repeat_of=lambda _: seconds)


async def render(delivery: Delivery, notes: Sequence[str]) -> Rendered:
    """Render titles. `skip` is skipped. The first word of a title decides whether two messages are equal."""
    title = delivery.event.name
    if title.startswith("skip"):
        return Rendered("t.j2", None, "dull")
    blocks = [section(text) for text in (title, *notes)]
    return Rendered(
        "t.j2",
        Message(title, blocks),
        compact=(section(title),),
        fingerprint=title.split(" ")[0],
        line=title,
        linked_line=title,
    )


@pytest.fixture(autouse=True)
def _rendering(harness: Harness) -> None:
    harness.deps = replace(harness.deps, render=render)


def titles(harness: Harness, channel: str = "general") -> list[list[str]]:
    """Return the titles in each post."""
    return [
        [text_at(block, "text", "text") for block in list_at(post.body, "blocks")]
        for post in harness.slack.posts(channel)
    ]


def flat(harness: Harness, channel: str = "general") -> list[str]:
    return [title for post in titles(harness, channel) for title in post]


async def test_a_single_message_is_posted_at_once_in_its_full_form(harness: Harness) -> None:
    paced(harness)
    await harness.accept("one")
    harness.start()
    [settled] = await harness.until_settled(1)
    assert harness.slept == []
    assert settled.reason == ""
    assert titles(harness) == [["one"]]


async def test_a_few_messages_are_not_batched(harness: Harness) -> None:
    paced(harness)
    await harness.accept("1", "2", "3", "4", "5", "6")
    harness.start()
    await harness.until_settled(6)
    assert titles(harness) == [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]]


async def test_waiting_messages_are_batched_in_order_and_none_is_dropped(harness: Harness) -> None:
    paced(harness)
    names = [str(n) for n in range(100)]
    await harness.accept(*names)
    harness.start()
    await harness.until_settled(100)
    assert flat(harness) == names
    assert len(titles(harness)) == 3  # 39 blocks a post, and a note's
    assert all(len(post) <= 40 for post in titles(harness))
    rows = await harness.store.find(Query(limit=1000))
    assert {row.state for row in rows} == {"delivered"}
    assert rows[-1].reason == "in one post with 38 others"


@pytest.mark.slow
async def test_a_thousand_events_are_visible_within_ninety_seconds_at_one_post_a_second(harness: Harness) -> None:
    paced(harness)
    names = [f"{n} " + "word " * 90 for n in range(1000)]  # as long as batched messages are
    await harness.accept(*names)
    harness.start()
    await harness.until_settled(1000)
    assert flat(harness) == names
    assert sum(harness.slept) < 90


async def test_pack_false_posts_each_alone(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, pack=False)
    await harness.accept(*map(str, range(12)))
    harness.start()
    await harness.until_settled(12)
    assert [len(post) for post in titles(harness)] == [1] * 12


async def test_a_batch_that_slack_rejects_is_split(harness: Harness) -> None:
    paced(harness)
    harness.slack.script("general", INVALID_BLOCKS)
    names = [str(n) for n in range(10)]
    await harness.accept(*names)
    harness.start()
    await harness.until_ended(10)
    assert titles(harness) == [[name] for name in names]
    rows = await harness.store.find(Query())
    assert {row.state for row in rows} == {"delivered"}
    assert {row.attempts for row in rows} == {2}


async def test_after_a_split_batch_messages_are_batched_again(harness: Harness) -> None:
    paced(harness)
    harness.slack.script("general", INVALID_BLOCKS)
    await harness.accept(*map(str, range(8)))
    worker = harness.start()
    await harness.until_settled(8)
    await harness.accept(*map(str, range(8, 28)))
    worker.wake()
    await harness.until_ended(28)
    assert flat(harness) == [str(n) for n in range(28)]
    assert len(titles(harness)) < 28


async def test_a_batch_that_makes_slack_fail_is_split_once_the_probe_is_answered(harness: Harness) -> None:
    paced(harness)
    harness.slack.script("general", EMPTY_500, EMPTY_500, EMPTY_500)
    await harness.accept(*map(str, range(10)))
    harness.start()
    await harness.until_ended(10)
    assert titles(harness) == [[str(n)] for n in range(10)]


async def test_a_429_keeps_the_batch(harness: Harness) -> None:
    paced(harness)
    harness.slack.script("general", rate_limited(7))
    await harness.accept(*map(str, range(10)))
    harness.start()
    await harness.until_ended(10)
    assert titles(harness) == [[str(n) for n in range(10)]]
    assert sum(harness.slept) >= 7


async def test_skipped_messages_take_no_room_in_a_batch(harness: Harness) -> None:
    paced(harness)
    await harness.accept("1", "skip 2", "3", "skip 4", "5", "6", "7", "8", "9")
    harness.start()
    await harness.until_ended(9)
    assert titles(harness) == [["1", "3", "5", "6", "7", "8", "9"]]
    skipped = await harness.store.find(Query(state=DeliveryState.SKIPPED))
    assert [row.reason for row in skipped] == ["dull", "dull"]


async def test_the_only_message_not_skipped_is_posted_in_its_full_form(harness: Harness) -> None:
    paced(harness)
    await harness.accept("skip 1", "skip 2", "skip 3", "skip 4", "skip 5", "skip 6", "7")
    harness.start()
    await harness.until_ended(7)
    assert titles(harness) == [["7"]]
    assert (await harness.store.find(Query(state=DeliveryState.DELIVERED)))[0].reason == ""


async def test_a_late_batch_is_marked_late_at_its_top(harness: Harness) -> None:
    paced(harness)
    await harness.accept(*map(str, range(10)))
    harness.clock.advance(7200)
    harness.start()
    await harness.until_ended(10)
    [post] = harness.slack.posts("general")
    assert text_at(list_at(post.body, "blocks"), 0, "elements", 0, "text") == "Posted 2 hours late"


async def test_too_many_are_summarized_in_a_digest_and_all_stay_in_the_event_log(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, digest_after=50)
    await harness.accept(*map(str, range(60)))
    worker = harness.start()
    await harness.until(summarized(harness, 60))
    [post] = harness.slack.posts("general")
    text = str(post.body)
    assert "60 messages" in text
    assert "• 60 × `gitlab push`" in text
    assert "bridge events --digest d" in text
    [digest] = {row.summarized_in for row in await harness.store.find(Query(state=DeliveryState.SUMMARIZED, limit=100))}
    assert digest
    assert digest in text
    await harness.accept("after it")
    worker.wake()
    await harness.until_settled(1)
    assert titles(harness)[-1] == ["after it"]


async def summarized(harness: Harness, number: int) -> None:
    while len(await harness.store.find(Query(state=DeliveryState.SUMMARIZED, limit=1000))) < number:
        await harness.clock.sleep(0.5)


async def no_window(harness: Harness) -> None:
    while await (await harness.hold()).next_window() is not None:
        await harness.clock.sleep(0.5)


async def test_without_a_digest_all_are_batched(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, digest_after=0)
    await harness.accept(*map(str, range(120)))
    harness.start()
    await harness.until_ended(120)
    assert len(flat(harness)) == 120


async def test_a_channel_without_batches_has_digests_too(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, pack=False, digest_after=50)
    await harness.accept(*map(str, range(60)))
    harness.start()
    await harness.until(summarized(harness, 60))
    assert len(harness.slack.posts("general")) == 1


async def test_after_a_digest_that_slack_rejects_all_are_batched(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, digest_after=50)
    harness.slack.script("general", INVALID_BLOCKS)
    await harness.accept(*map(str, range(60)))
    harness.start()
    await harness.until_ended(60)
    assert flat(harness) == [str(n) for n in range(60)]


async def test_a_posted_digest_is_recorded_once_the_store_is_available_again(
    harness: Harness,
) -> None:
    paced(harness)
    with_policy(harness, digest_after=50)
    harness.store.settle_errors.extend([StoreUnavailableError("full"), StoreUnavailableError("full")])
    await harness.accept(*map(str, range(60)))
    harness.start()
    await harness.until(summarized(harness, 60))
    assert len(harness.slack.posts("general")) == 1


async def test_the_deliveries_of_a_digest_are_settled_by_the_next_process(harness: Harness) -> None:
    await harness.accept(*map(str, range(20)))
    hold, now = await harness.hold(), harness.clock.now()
    await hold.count_backlog("d1", ["fail"], now)
    await harness.accept(*map(str, range(20, 30)))
    await hold.record_digest("d1", {"text": "digest"}, now)
    harness.start()
    await harness.until_ended(10)
    assert flat(harness) == [str(n) for n in range(20, 30)]
    assert {
        row.summarized_in for row in await harness.store.find(Query(state=DeliveryState.SUMMARIZED, limit=100))
    } == {"d1"}


async def test_repeats_are_suppressed_and_a_notice_is_posted_when_the_window_ends(harness: Harness) -> None:
    with_repeat(harness, 600.0)
    await same_subject(harness, "same a", "same b", "other c", "same d")
    harness.start()
    await harness.until_ended(4)
    assert flat(harness) == ["same a", "other c"]
    rows = {row.line: row for row in await harness.store.find(Query())}
    assert {*rows} == {"same a", "same b", "other c", "same d"}
    assert rows["same b"].state == rows["same d"].state == "summarized"
    assert rows["same b"].summarized_in == f"repeat of #{rows['same a'].delivery}"
    await harness.until(harness.slack.wait_for("general", 3))
    assert "and *2 more* like it within 10 minutes: same a" in flat(harness)[-1]


async def same_subject(harness: Harness, *names: str) -> None:
    await harness.accept(*names, subject="one and the same")


async def test_the_first_is_posted_at_once_and_a_window_without_repeats_posts_no_notice(harness: Harness) -> None:
    with_repeat(harness, 60.0)
    await same_subject(harness, "same a")
    worker = harness.start()
    await harness.until_ended(1)
    assert harness.slept == []
    harness.clock.advance(61)
    await same_subject(harness, "same b")
    worker.wake()
    await harness.until_ended(2)
    assert flat(harness) == ["same a", "same b"]


async def test_messages_of_other_subjects_are_not_repeats(harness: Harness) -> None:
    with_repeat(harness, 60.0)
    await harness.accept("same a", "same b")
    harness.start()
    await harness.until_ended(2)
    assert flat(harness) == ["same a", "same b"]


async def test_repeats_are_suppressed_across_a_restart(harness: Harness) -> None:
    with_repeat(harness, 600.0)
    await same_subject(harness, "same a")
    harness.start()
    await harness.until_ended(1)
    for worker in harness.workers:
        worker.cancel()
    await same_subject(harness, "same b")
    harness.start()
    await harness.until_ended(2)
    await harness.until(harness.slack.wait_for("general", 2))
    assert "and *1 more* like it" in flat(harness)[-1]


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
async def test_no_repeat_window_outlasts_a_clock_that_is_set(harness: Harness, jump: float) -> None:
    with_repeat(harness, 600.0)
    await same_subject(harness, "same a", "same b")
    worker = harness.start()
    await harness.settled(2)
    assert flat(harness) == ["same a"]
    harness.clock.set_forward(jump)
    await same_subject(harness, "same c", "same d")
    worker.wake()
    await harness.until(harness.slack.wait_for("general", 3))
    await harness.until_ended(4)
    notice, third = flat(harness)[1:3]
    assert "and *1 more* like it within 10 minutes: same a" in notice
    assert third == "same c"
    assert sum(harness.slept) < 10
    await harness.until(harness.slack.wait_for("general", 4))
    assert "and *1 more* like it within 10 minutes: same c" in flat(harness)[3]


async def test_repeats_are_suppressed_within_a_storm_too(harness: Harness) -> None:
    paced(harness)
    with_repeat(harness, 600.0)
    await same_subject(harness, *[f"same {n}" for n in range(20)], *[f"{n} own" for n in range(20)])
    harness.start()
    await harness.until_ended(40)
    assert flat(harness) == ["same 0", *[f"{n} own" for n in range(20)]]


async def test_repeating_pairs_do_not_prevent_batches_in_a_storm(harness: Harness) -> None:
    paced(harness)
    with_repeat(harness, 600.0)
    await same_subject(harness, *[f"{n // 2} {n % 2}" for n in range(40)])
    harness.start()
    await harness.until_ended(40)
    assert flat(harness) == [f"{n} 0" for n in range(20)]
    assert len(titles(harness)) == 1
    rows = {row.line: row for row in await harness.store.find(Query(limit=100))}
    assert rows["7 1"].summarized_in == f"repeat of #{rows['7 0'].delivery}"
    ended = await (await harness.hold()).ended_windows(harness.clock.now() + 700)
    assert {window.repeats for window in ended} == {1}


async def test_many_windows_that_end_together_share_posts_and_do_not_delay_waiting_messages(harness: Harness) -> None:
    paced(harness, burst=1)
    with_repeat(harness, 60.0)
    await same_subject(harness, *[f"{n % 60} {n}" for n in range(120)])
    worker = harness.start()
    await harness.until_ended(120)
    before = len(titles(harness))
    harness.clock.advance(120)
    await harness.accept("new")
    worker.wake()
    await harness.until_ended(121)
    assert ["new"] in titles(harness)[before : before + 2]
    await harness.until(harness.slack.wait_for("general", before + 3))
    assert sum("more* like it" in line for line in flat(harness)) == 60
    assert all(len(post) <= 40 for post in titles(harness))


async def test_windows_whose_shared_post_slack_rejects_get_notices_one_by_one(harness: Harness) -> None:
    with_repeat(harness, 60.0)
    await same_subject(harness, "a 1", "b 1", "a 2", "b 2")
    harness.start()
    await harness.until_ended(4)
    harness.slack.script("general", INVALID_BLOCKS)
    await harness.until(harness.slack.wait_for("general", 4))
    assert [len(post) for post in titles(harness)[2:]] == [1, 1]


async def test_a_notice_that_always_makes_slack_fail_does_not_block_the_worker_forever(harness: Harness) -> None:
    with_repeat(harness, 60.0)
    await same_subject(harness, "same a", "same b")
    worker = harness.start()
    await harness.until_ended(2)
    harness.slack.script("general", *[EMPTY_500] * 3, NO_TEXT)
    await harness.until(no_window(harness))
    assert flat(harness) == ["same a"]
    await harness.accept("after it")
    worker.wake()
    await harness.until_ended(3)
    assert flat(harness) == ["same a", "after it"]


async def test_after_a_digest_that_always_makes_slack_fail_all_are_batched(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, digest_after=50)
    harness.slack.script("general", *[EMPTY_500] * 3, NO_TEXT)
    await harness.accept(*map(str, range(60)))
    harness.start()
    await harness.until_ended(60)
    assert flat(harness) == [str(n) for n in range(60)]


async def test_after_a_digest_that_slack_rejected_the_next_flood_has_one_again(harness: Harness) -> None:
    paced(harness)
    with_policy(harness, digest_after=50)
    harness.slack.script("general", INVALID_BLOCKS)
    await harness.accept(*map(str, range(60)))
    worker = harness.start()
    await harness.until_ended(60)
    assert len(flat(harness)) == 60
    await harness.accept(*map(str, range(60, 120)))
    worker.wake()
    await harness.until(summarized(harness, 51))
    rows = await harness.store.find(Query(state=DeliveryState.SUMMARIZED, limit=1000))
    assert all(row.delivery > 60 for row in rows), "the first flood is not summarized"


@pytest.mark.parametrize("pack", [True, False])
async def test_a_digest_that_cannot_be_written_loses_no_delivery(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, pack: bool
) -> None:
    def broken(*_: object) -> Message:
        raise ValueError("a bug")

    monkeypatch.setattr("bridge.delivery.summarizer.digest_message", broken)
    paced(harness)
    with_policy(harness, pack=pack, digest_after=20)
    await harness.accept(*map(str, range(30)))
    harness.start()
    await harness.until_ended(30)
    assert flat(harness) == [str(n) for n in range(30)]


async def test_a_digest_whose_deliveries_are_all_dropped_meanwhile_is_not_posted(harness: Harness) -> None:
    url = harness.slack.webhook("general")
    harness.urls["general"] = url
    await harness.deps.renew_hold("general")
    sender = Sender("general", harness.deps)
    await Summarizer("general", harness.deps, sender, StoreWriter("general", harness.deps)).post_digest(url)
    assert harness.slack.hits("general") == ()
    assert sender.about is None


async def test_a_line_that_cannot_be_written_does_not_hold_the_worker(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[Message, int]:
        raise ValueError("a bug")

    monkeypatch.setattr("bridge.delivery.summarizer.repeat_notices", broken)
    with_repeat(harness, 60.0)
    await same_subject(harness, "same a", "same b")
    worker = harness.start()
    await harness.until_ended(2)
    harness.clock.advance(120)
    await harness.accept("after it")
    worker.wake()
    await harness.until_ended(3)
    assert flat(harness) == ["same a", "after it"]


async def test_a_fast_channel_that_falls_behind_has_batches_and_digests_too(harness: Harness) -> None:
    url = harness.urls.setdefault("general", harness.slack.webhook("general"))
    harness.limiters[url] = RateLimiter(harness.clock, per_second=20.0)
    with_policy(harness, digest_after=100)
    await harness.accept(*map(str, range(90)))
    worker = harness.start()
    await harness.until_ended(90)
    assert flat(harness) == [str(n) for n in range(90)]
    assert len(titles(harness)) < 70
    await harness.accept(*map(str, range(90, 210)))
    worker.wake()
    await harness.until(summarized(harness, 101))


async def test_a_replayed_message_is_marked_within_a_batch(harness: Harness) -> None:
    paced(harness)
    await harness.accept("0")
    harness.start()
    await harness.until_ended(1)
    harness.workers.pop().cancel()  # it would take the first of what follows alone
    harness.clock.advance(7200)
    rows, mark = await harness.store.changes_since(Query(), None)
    await harness.store.replay(rows, mark, harness.clock.now())
    await harness.accept(*map(str, range(1, 10)))
    harness.start()
    await harness.until_ended(11)
    post = harness.slack.posts("general")[-1]
    blocks = list_at(post.body, "blocks")
    assert [text_at(block, "text", "text") for block in blocks] == ["0", "", *map(str, range(1, 10))]
    assert "Sent again" in text_at(blocks, 1, "elements", 0, "text")


async def test_a_window_waits_while_slack_asks_to(harness: Harness) -> None:
    with_repeat(harness, 60.0)
    await same_subject(harness, "same a", "same b")
    harness.start()
    await harness.until_ended(2)
    harness.slack.script("general", rate_limited(5), Answer(500, ""))
    await harness.until(harness.slack.wait_for("general", 2))
    assert "and *1 more* like it" in flat(harness)[-1]


def test_a_claim_is_limited_to_the_size_of_a_post() -> None:
    assert CLAIM <= 40
