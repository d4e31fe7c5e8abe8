"""Storms: what waits is packed, in order and none dropped; thousands are summarized in a digest; repeats are folded."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bridge.core.payload import list_at, text_at
from bridge.core.states import DeliveryState
from bridge.delivery.channel_worker import CLAIM
from bridge.delivery.rate_limiter import RateLimiter
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Message, Rendered
from bridge.messages.layout import section
from bridge.store import Delivery, Query, StoreUnavailableError
from tests.delivery.scene import Scene, policy
from tests.slack.answers import EMPTY_500, INVALID_BLOCKS

NO_TEXT = Answer(400, "no_text")
"""The answer to a probe."""


def paced(scene: Scene, *, burst: int = 3, channel: str = "general") -> None:
    """Let the channel be posted to once a second, as Slack wants it."""
    url = scene.urls.setdefault(channel, scene.slack.webhook(channel))
    scene.limiters[url] = RateLimiter(scene.clock, per_second=1.0, burst=burst)


def with_policy(scene: Scene, **settings: float) -> None:
    scene.deps = replace(scene.deps, policy_of=lambda _: policy(**settings))


def with_repeat(scene: Scene, seconds: float) -> None:
    scene.deps = replace(scene.deps, repeat_of=lambda _: seconds)


async def render(delivery: Delivery, notes: Sequence[str]) -> Rendered:
    """Titles are shown; `skip` is skipped; a title's first word is what it reads as."""
    title = delivery.event.title
    if title.startswith("skip"):
        return Rendered("t.j2", None, "dull")
    blocks = [section(text) for text in (title, *notes)]
    return Rendered("t.j2", Message(title, blocks), compact=(section(title),), fingerprint=title.split(" ")[0])


@pytest.fixture(autouse=True)
def _rendering(scene: Scene) -> None:
    scene.deps = replace(scene.deps, render=render)


def titles(scene: Scene, channel: str = "general") -> list[list[str]]:
    """What each post shows, a list of titles a post."""
    return [
        [text_at(block, "text", "text") for block in list_at(post.body, "blocks")]
        for post in scene.slack.posts(channel)
    ]


def flat(scene: Scene, channel: str = "general") -> list[str]:
    return [title for post in titles(scene, channel) for title in post]


async def test_a_single_message_is_posted_at_once_in_its_full_form(scene: Scene) -> None:
    paced(scene)
    await scene.accept("one")
    scene.start()
    [settled] = await scene.until_settled(1)
    assert scene.slept == []
    assert settled.reason == ""
    assert titles(scene) == [["one"]]


async def test_a_few_messages_are_not_batched(scene: Scene) -> None:
    paced(scene)
    await scene.accept("1", "2", "3", "4", "5", "6")
    scene.start()
    await scene.until_settled(6)
    assert titles(scene) == [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]]


async def test_waiting_messages_are_batched_in_order_and_none_is_dropped(scene: Scene) -> None:
    paced(scene)
    names = [str(n) for n in range(100)]
    await scene.accept(*names)
    scene.start()
    await scene.until_settled(100)
    assert flat(scene) == names
    assert len(titles(scene)) == 3  # 39 blocks a post, and a note's
    assert all(len(post) <= 40 for post in titles(scene))
    rows = await scene.store.find(Query(limit=1000))
    assert {row.state for row in rows} == {"delivered"}
    assert rows[-1].reason == "in one post with 38 others"


async def test_a_thousand_events_are_visible_within_ninety_seconds_at_one_post_a_second(scene: Scene) -> None:
    paced(scene)
    names = [f"{n} " + "word " * 90 for n in range(1000)]  # as long as packed messages are
    await scene.accept(*names)
    scene.start()
    await scene.until_settled(1000)
    assert flat(scene) == names
    assert sum(scene.slept) < 90


async def test_pack_false_posts_each_alone(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, pack=False)
    await scene.accept(*map(str, range(12)))
    scene.start()
    await scene.until_settled(12)
    assert [len(post) for post in titles(scene)] == [1] * 12


async def test_a_batch_that_slack_rejects_is_split(scene: Scene) -> None:
    paced(scene)
    scene.slack.script("general", INVALID_BLOCKS)
    names = [str(n) for n in range(10)]
    await scene.accept(*names)
    scene.start()
    await scene.until_ended(10)
    assert titles(scene) == [[name] for name in names]
    rows = await scene.store.find(Query())
    assert {row.state for row in rows} == {"delivered"}
    assert {row.attempts for row in rows} == {2}


async def test_after_a_split_batch_messages_are_batched_again(scene: Scene) -> None:
    paced(scene)
    scene.slack.script("general", INVALID_BLOCKS)
    await scene.accept(*map(str, range(8)))
    worker = scene.start()
    await scene.until_settled(8)
    await scene.accept(*map(str, range(8, 28)))
    worker.wake()
    await scene.until_ended(28)
    assert flat(scene) == [str(n) for n in range(28)]
    assert len(titles(scene)) < 28


async def test_a_batch_that_makes_slack_fail_is_split_once_the_probe_is_answered(scene: Scene) -> None:
    paced(scene)
    scene.slack.script("general", EMPTY_500, EMPTY_500, EMPTY_500)
    await scene.accept(*map(str, range(10)))
    scene.start()
    await scene.until_ended(10)
    assert titles(scene) == [[str(n)] for n in range(10)]


async def test_a_429_keeps_the_batch(scene: Scene) -> None:
    paced(scene)
    scene.slack.script("general", rate_limited(7))
    await scene.accept(*map(str, range(10)))
    scene.start()
    await scene.until_ended(10)
    assert titles(scene) == [[str(n) for n in range(10)]]
    assert sum(scene.slept) >= 7


async def test_skipped_messages_take_no_room_in_a_batch(scene: Scene) -> None:
    paced(scene)
    await scene.accept("1", "skip 2", "3", "skip 4", "5", "6", "7", "8", "9")
    scene.start()
    await scene.until_ended(9)
    assert titles(scene) == [["1", "3", "5", "6", "7", "8", "9"]]
    skipped = await scene.store.find(Query(state=DeliveryState.SKIPPED))
    assert [row.reason for row in skipped] == ["dull", "dull"]


async def test_the_only_message_not_skipped_is_posted_in_its_full_form(scene: Scene) -> None:
    paced(scene)
    await scene.accept("skip 1", "skip 2", "skip 3", "skip 4", "skip 5", "skip 6", "7")
    scene.start()
    await scene.until_ended(7)
    assert titles(scene) == [["7"]]
    assert (await scene.store.find(Query(state=DeliveryState.DELIVERED)))[0].reason == ""


async def test_a_late_batch_is_marked_late_at_its_top(scene: Scene) -> None:
    paced(scene)
    await scene.accept(*map(str, range(10)))
    scene.clock.advance(7200)
    scene.start()
    await scene.until_ended(10)
    [post] = scene.slack.posts("general")
    assert text_at(list_at(post.body, "blocks"), 0, "elements", 0, "text") == "Posted 2 hours late"


async def test_too_many_are_summarized_in_a_digest_and_all_stay_in_the_event_log(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=50)
    await scene.accept(*map(str, range(60)))
    worker = scene.start()
    await scene.until(summarized(scene, 60))
    [post] = scene.slack.posts("general")
    text = str(post.body)
    assert "60 messages" in text
    assert "• 60 × `gitlab push`" in text
    assert "bridge events --digest d" in text
    [digest] = {row.summarized_in for row in await scene.store.find(Query(state=DeliveryState.SUMMARIZED, limit=100))}
    assert digest
    assert digest in text
    await scene.accept("after it")
    worker.wake()
    await scene.until_settled(1)
    assert titles(scene)[-1] == ["after it"]


async def summarized(scene: Scene, number: int) -> None:
    while len(await scene.store.find(Query(state=DeliveryState.SUMMARIZED, limit=1000))) < number:
        await scene.clock.sleep(0.01)


async def test_without_a_digest_all_are_batched(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=0)
    await scene.accept(*map(str, range(120)))
    scene.start()
    await scene.until_ended(120)
    assert len(flat(scene)) == 120


async def test_a_channel_without_batches_has_digests_too(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, pack=False, digest_after=50)
    await scene.accept(*map(str, range(60)))
    scene.start()
    await scene.until(summarized(scene, 60))
    assert len(scene.slack.posts("general")) == 1


async def test_after_a_digest_that_slack_rejects_all_are_batched(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=50)
    scene.slack.script("general", INVALID_BLOCKS)
    await scene.accept(*map(str, range(60)))
    scene.start()
    await scene.until_ended(60)
    assert flat(scene) == [str(n) for n in range(60)]


async def test_a_digest_that_was_posted_is_recorded_though_the_store_is_unavailable_for_a_while(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=50)
    scene.store.settle_errors.extend([StoreUnavailableError("full"), StoreUnavailableError("full")])
    await scene.accept(*map(str, range(60)))
    scene.start()
    await scene.until(summarized(scene, 60))
    assert len(scene.slack.posts("general")) == 1


async def test_the_deliveries_of_a_digest_are_settled_by_the_next_process(scene: Scene) -> None:
    await scene.accept(*map(str, range(30)))
    claimed = await scene.store.claim("general", "test", 40)
    await scene.store.record_digest("d1", "general", claimed[19].id, {"text": "told"}, scene.clock.now())
    scene.start()
    await scene.until_ended(10)
    assert flat(scene) == [str(n) for n in range(20, 30)]
    assert {row.summarized_in for row in await scene.store.find(Query(state=DeliveryState.SUMMARIZED, limit=100))} == {
        "d1"
    }


async def test_repeats_are_suppressed_and_a_notice_is_posted_when_the_window_ends(scene: Scene) -> None:
    with_repeat(scene, 600.0)
    await same_subject(scene, "same a", "same b", "other c", "same d")
    scene.start()
    await scene.until_ended(4)
    assert flat(scene) == ["same a", "other c"]
    rows = {row.title: row for row in await scene.store.find(Query())}
    assert rows["same b"].state == rows["same d"].state == "summarized"
    assert rows["same b"].summarized_in == f"repeat of #{rows['same a'].delivery}"
    await scene.until(scene.slack.wait_for("general", 3))
    assert "and *2 more* like it within 10 minutes: same a" in flat(scene)[-1]


async def same_subject(scene: Scene, *names: str) -> None:
    await scene.accept(*names, subject="one and the same")


async def test_the_first_is_posted_at_once_and_a_window_without_repeats_posts_no_notice(scene: Scene) -> None:
    with_repeat(scene, 60.0)
    await same_subject(scene, "same a")
    worker = scene.start()
    await scene.until_ended(1)
    assert scene.slept == []
    scene.clock.advance(61)
    await same_subject(scene, "same b")
    worker.wake()
    await scene.until_ended(2)
    assert flat(scene) == ["same a", "same b"]


async def test_messages_of_other_subjects_are_not_repeats(scene: Scene) -> None:
    with_repeat(scene, 60.0)
    await scene.accept("same a", "same b")
    scene.start()
    await scene.until_ended(2)
    assert flat(scene) == ["same a", "same b"]


async def test_repeats_are_suppressed_across_a_restart(scene: Scene) -> None:
    with_repeat(scene, 600.0)
    await same_subject(scene, "same a")
    scene.start()
    await scene.until_ended(1)
    for worker in scene.workers:
        worker.cancel()
    await same_subject(scene, "same b")
    scene.start()
    await scene.until_ended(2)
    await scene.until(scene.slack.wait_for("general", 2))
    assert "and *1 more* like it" in flat(scene)[-1]


async def test_repeats_are_suppressed_within_a_storm_too(scene: Scene) -> None:
    paced(scene)
    with_repeat(scene, 600.0)
    await same_subject(scene, *[f"same {n}" for n in range(20)], *[f"{n} own" for n in range(20)])
    scene.start()
    await scene.until_ended(40)
    assert flat(scene) == ["same 0", *[f"{n} own" for n in range(20)]]


async def test_repeating_pairs_do_not_prevent_batches_in_a_storm(scene: Scene) -> None:
    paced(scene)
    with_repeat(scene, 600.0)
    await same_subject(scene, *[f"{n // 2} {n % 2}" for n in range(40)])
    scene.start()
    await scene.until_ended(40)
    assert flat(scene) == [f"{n} 0" for n in range(20)]
    assert len(titles(scene)) == 1
    rows = {row.title: row for row in await scene.store.find(Query(limit=100))}
    assert rows["7 1"].summarized_in == f"repeat of #{rows['7 0'].delivery}"
    assert {window.folded for window in await scene.store.ended_windows("general", scene.clock.now() + 700)} == {1}


async def test_many_windows_that_end_together_share_posts_and_do_not_delay_waiting_messages(scene: Scene) -> None:
    paced(scene, burst=1)
    with_repeat(scene, 60.0)
    await same_subject(scene, *[f"{n % 60} {n}" for n in range(120)])
    worker = scene.start()
    await scene.until_ended(120)
    before = len(titles(scene))
    scene.clock.advance(120)
    await scene.accept("new")
    worker.wake()
    await scene.until_ended(121)
    assert ["new"] in titles(scene)[before : before + 2]
    await scene.until(scene.slack.wait_for("general", before + 3))
    assert sum("more* like it" in line for line in flat(scene)) == 60
    assert all(len(post) <= 40 for post in titles(scene))


async def test_windows_whose_shared_post_slack_rejects_get_notices_one_by_one(scene: Scene) -> None:
    with_repeat(scene, 60.0)
    await same_subject(scene, "a 1", "b 1", "a 2", "b 2")
    scene.start()
    await scene.until_ended(4)
    scene.slack.script("general", INVALID_BLOCKS)
    await scene.until(scene.slack.wait_for("general", 4))
    assert [len(post) for post in titles(scene)[2:]] == [1, 1]


async def test_a_notice_that_always_makes_slack_fail_does_not_block_the_worker_forever(scene: Scene) -> None:
    with_repeat(scene, 60.0)
    await same_subject(scene, "same a", "same b")
    worker = scene.start()
    await scene.until_ended(2)
    scene.slack.script("general", *[EMPTY_500, NO_TEXT] * 3)
    while await scene.store.next_window("general") is not None:
        await scene.clock.skip()
        await asyncio.sleep(0.01)
    assert flat(scene) == ["same a"]
    await scene.accept("after it")
    worker.wake()
    await scene.until_ended(3)
    assert flat(scene) == ["same a", "after it"]


async def test_after_a_digest_that_always_makes_slack_fail_all_are_batched(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=50)
    scene.slack.script("general", *[EMPTY_500, NO_TEXT] * 3)
    await scene.accept(*map(str, range(60)))
    scene.start()
    await scene.until_ended(60)
    assert flat(scene) == [str(n) for n in range(60)]


async def test_after_a_digest_that_slack_rejected_the_next_flood_has_one_again(scene: Scene) -> None:
    paced(scene)
    with_policy(scene, digest_after=50)
    scene.slack.script("general", INVALID_BLOCKS)
    await scene.accept(*map(str, range(60)))
    worker = scene.start()
    await scene.until_ended(60)
    await scene.accept(*map(str, range(60, 120)))
    worker.wake()
    await scene.until(summarized(scene, 51))


@pytest.mark.parametrize("pack", [True, False])
async def test_a_digest_that_cannot_be_written_costs_no_delivery(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, pack: bool
) -> None:
    def broken(*_: object) -> Message:
        raise ValueError("a bug")

    monkeypatch.setattr("bridge.delivery.summarizer.digest_message", broken)
    paced(scene)
    with_policy(scene, pack=pack, digest_after=20)
    await scene.accept(*map(str, range(30)))
    scene.start()
    await scene.until_ended(30)
    assert flat(scene) == [str(n) for n in range(30)]


async def test_a_line_that_cannot_be_written_does_not_hold_the_worker(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[Message, int]:
        raise ValueError("a bug")

    monkeypatch.setattr("bridge.delivery.summarizer.repeat_notices", broken)
    with_repeat(scene, 60.0)
    await same_subject(scene, "same a", "same b")
    worker = scene.start()
    await scene.until_ended(2)
    scene.clock.advance(120)
    await scene.accept("after it")
    worker.wake()
    await scene.until_ended(3)
    assert flat(scene) == ["same a", "after it"]


async def test_a_fast_channel_that_falls_behind_has_batches_and_digests_too(scene: Scene) -> None:
    url = scene.urls.setdefault("general", scene.slack.webhook("general"))
    scene.limiters[url] = RateLimiter(scene.clock, per_second=20.0)
    with_policy(scene, digest_after=100)
    await scene.accept(*map(str, range(90)))
    worker = scene.start()
    await scene.until_ended(90)
    assert flat(scene) == [str(n) for n in range(90)]
    assert len(titles(scene)) < 70
    await scene.accept(*map(str, range(90, 210)))
    worker.wake()
    await scene.until(summarized(scene, 101))


async def test_a_replayed_message_is_marked_within_a_batch(scene: Scene) -> None:
    paced(scene)
    await scene.accept("0")
    worker = scene.start()
    await scene.until_ended(1)
    scene.clock.advance(7200)
    rows, mark = await scene.store.changes_since(Query(), None)
    await scene.store.replay(rows, mark, scene.clock.now())
    await scene.accept(*map(str, range(1, 10)))
    worker.wake()
    await scene.until_ended(11)
    post = scene.slack.posts("general")[-1]
    blocks = list_at(post.body, "blocks")
    assert [text_at(block, "text", "text") for block in blocks] == ["0", "", *map(str, range(1, 10))]
    assert "Sent again" in text_at(blocks, 1, "elements", 0, "text")


async def test_a_window_waits_while_slack_asks_to(scene: Scene) -> None:
    with_repeat(scene, 60.0)
    await same_subject(scene, "same a", "same b")
    scene.start()
    await scene.until_ended(2)
    scene.slack.script("general", rate_limited(5), Answer(500, ""))
    await scene.until(scene.slack.wait_for("general", 2))
    assert "and *1 more* like it" in flat(scene)[-1]


def test_a_claim_is_no_more_than_a_post_could_hold() -> None:
    assert CLAIM <= 40
