"""Tests of ``notify = "on_change"`` in channel workers: what a channel is shown, and what it is remembered for."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.payload import list_at, text_at
from bridge.core.states import DeliveryState
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import Render
from bridge.demo.slack_simulator import Answer
from bridge.events import Event, new_id
from bridge.messages import Message, Rendered
from bridge.messages.layout import section
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState
from bridge.store import Arrival, Delivery, GroupKey, NewEvent, Query
from tests.delivery.harness import REQUEST, Harness, policy
from tests.slack.answers import INVALID_BLOCKS, NO_TEXT

INVALID_PAYLOAD = Answer(400, "invalid_payload")
KEY = GroupKey("main", "gitlab", "7/pipeline/main")


def run(text: str) -> tuple[int, str, str]:
    """Return the number, state and group of a run such as ``11 failed`` or ``11 failed lint``."""
    number, state, *group = text.split()
    return int(number), state, group[0] if group else KEY.group


async def accept(harness: Harness, *runs: str, channel: str = "general", route: str = KEY.route) -> None:
    """Accept one event for each run, with the run as its title."""
    for text in runs:
        number, state, group = run(text)
        now = harness.clock.now()
        compared = GroupState(group, state, state == "success", "pipeline", (number,))
        event = Event(
            id=new_id(now),
            source=KEY.source,
            provider="gitlab",
            type=f"pipeline.{state}",
            keys=(f"test:{new_id(now)}",),
            payload={},
            subject=f"7/pipelines/{number}",
            name=text,
            url="",
            actor="",
            occurred_at=None,
            received_at=now,
            confidential=False,
            test=False,
        )
        planned = Planned(channel, route, None, group_state=compared)
        entry = NewEvent(event, 0, (planned,), (3600.0,))
        await harness.store.accept([Arrival(REQUEST, (entry,))], now)


def paced(harness: Harness) -> None:
    """Limit the channel to one post a second, so that waiting deliveries are batched."""
    url = harness.urls.setdefault("general", harness.slack.webhook("general"))
    harness.limiters[url] = RateLimiter(harness.clock, per_second=1.0, burst=1)


async def render(delivery: Delivery, notes: Sequence[str]) -> Rendered:
    title = delivery.event.name
    return Rendered("t.j2", Message(title, [section(text) for text in (title, *notes)]), compact=(section(title),))


@pytest.fixture(autouse=True)
def _rendering(harness: Harness) -> None:
    harness.deps = replace(harness.deps, render=render)


def posts(harness: Harness, channel: str = "general") -> list[list[str]]:
    """Return the titles in each accepted post."""
    return [
        [text_at(block, "text", "text") for block in list_at(post.body, "blocks")]
        for post in harness.slack.posts(channel)
    ]


def flat(harness: Harness, channel: str = "general") -> list[str]:
    return [title for post in posts(harness, channel) for title in post]


async def reasons(harness: Harness) -> list[str]:
    return [row.reason for row in await harness.rows()]


async def test_only_changes_are_posted_and_the_log_says_why_the_others_are_not(harness: Harness) -> None:
    await accept(harness, "1 success", "2 failed", "3 failed", "4 success", "5 success", "6 failed")
    harness.start()
    await harness.until_settled(6)
    assert posts(harness) == [["2 failed"], ["4 success"], ["6 failed"]]
    assert await harness.states() == ["skipped", "delivered", "skipped", "delivered", "skipped", "delivered"]
    assert await reasons(harness) == [
        *("the first known state is success", "", "state is unchanged: failed"),
        *("", "state is unchanged: success", ""),
    ]


async def test_each_group_and_channel_and_route_has_a_state_of_its_own(harness: Harness) -> None:
    await accept(harness, "1 failed", "2 failed lint", "3 failed")
    await accept(harness, "1 failed", channel="deploys")
    await accept(harness, "4 failed", route="another")
    harness.start()
    harness.start("deploys")
    await harness.until_settled(5)
    assert posts(harness) == [["1 failed"], ["2 failed lint"], ["4 failed"]]
    assert posts(harness, "deploys") == [["1 failed"]]


async def test_a_run_that_ends_after_a_newer_one_changes_nothing(harness: Harness) -> None:
    await accept(harness, "2 failed", "1 success", "3 failed", "3 success")
    harness.start()
    await harness.until_settled(4)
    assert posts(harness) == [["2 failed"], ["3 success"]]
    assert (await reasons(harness))[1:3] == [
        "pipeline 1 is older than the last one compared",
        "state is unchanged: failed",
    ]


async def test_an_unchanged_run_is_the_last_compared_one(harness: Harness) -> None:
    await accept(harness, "1 failed", "3 failed", "2 success")
    harness.start()
    await harness.until_settled(3)
    assert posts(harness) == [["1 failed"]]


async def test_an_unchanged_message_is_not_rendered(harness: Harness) -> None:
    rendered: list[str] = []

    async def noted(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        rendered.append(delivery.event.name)
        return await render(delivery, notes)

    harness.deps = replace(harness.deps, render=noted)
    await accept(harness, "1 failed", "2 failed")
    harness.start()
    await harness.until_settled(2)
    assert rendered == ["1 failed"]


async def test_what_the_template_skips_was_not_shown(harness: Harness) -> None:
    await accept(harness, "1 failed")
    harness.deps = replace(harness.deps, render=_dull_once())
    harness.start()
    await accept(harness, "2 failed")
    await harness.until_settled(2)
    assert posts(harness) == [["2 failed"]]


def _dull_once() -> Render:
    async def rendered(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        return Rendered("t.j2", None, "dull") if delivery.event.name == "1 failed" else await render(delivery, notes)

    return rendered


async def test_a_dead_message_was_not_shown(harness: Harness) -> None:
    await accept(harness, "1 failed", "2 success", "3 failed")
    harness.urls["general"] = harness.slack.webhook("general")
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, INVALID_PAYLOAD)
    harness.start()
    await harness.until_ended(3)
    assert await harness.states() == ["dead", "skipped", "delivered"]
    assert posts(harness) == [["3 failed"]]
    assert (await reasons(harness))[1] == "the first known state is success"


async def test_a_message_that_was_posted_as_text_only_was_shown(harness: Harness) -> None:
    await accept(harness, "1 failed", "2 failed")
    harness.slack.webhook("general")
    harness.slack.script("general", INVALID_BLOCKS)
    harness.start()
    await harness.until_ended(2)
    assert await harness.states() == ["delivered", "skipped"]


async def replay(harness: Harness, number: int) -> None:
    rows, cursor = await harness.store.changes_since(Query(), None)
    chosen = [row for row in rows if row.subject == f"7/pipelines/{number}"]
    assert [one.delivery for one in await harness.store.replay(chosen, cursor, harness.clock.now())] != [None]


async def test_what_a_person_replays_is_shown_and_does_not_replace_a_newer_run(harness: Harness) -> None:
    await accept(harness, "1 failed", "2 failed", "3 success")
    worker = harness.start()
    await harness.until_settled(3)
    await replay(harness, 2)
    await accept(harness, "4 success")
    worker.wake()
    await harness.until_settled(5)
    assert [title for title, *_ in posts(harness)] == ["1 failed", "3 success", "2 failed"]


async def test_a_dead_message_that_is_replayed_is_the_last_state(harness: Harness) -> None:
    await accept(harness, "1 failed")
    worker = harness.start()
    await harness.until_ended(1)
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, INVALID_PAYLOAD)
    await accept(harness, "2 success")
    worker.wake()
    await harness.until_ended(2)
    assert await harness.states() == ["delivered", "dead"]
    await replay(harness, 2)
    await accept(harness, "3 success")
    worker.wake()
    await harness.until_ended(4)
    assert await harness.states() == ["delivered", "delivered", "skipped"]


BATCH = ["1 success", "2 failed", "3 failed", "4 failed lint", "5 success", "6 success", "7 failed", "4 success"]


async def test_a_batch_shows_each_change_and_skips_the_rest(harness: Harness) -> None:
    paced(harness)
    await accept(harness, *BATCH)
    harness.start()
    await harness.until_settled(len(BATCH))
    assert flat(harness) == ["2 failed", "4 failed lint", "5 success", "7 failed"]
    assert len(posts(harness)) < 4
    assert [state == "delivered" for state in await harness.states()] == [
        *(False, True, False, True, True, False, True, False)
    ]
    last = await (await harness.hold()).last_state(KEY)
    assert last is not None
    assert (last.state, last.order) == ("failed", (7,))


async def test_what_a_full_batch_leaves_out_decides_on_nothing(harness: Harness) -> None:
    """Notes below replayed messages take room, and some times take more than others."""
    for length in range(1, 1_500, 100):
        channel, newest = f"c{length}", f"2 failed {'m' * length}"
        before = len(harness.store.settled)
        await accept(harness, *(f"1 failed {'g' * 560}{number}" for number in range(12)), channel=channel)
        worker = harness.start(channel)
        await harness.until_settled(before + 12)
        harness.clock.advance(700 * 86_400)
        harness.limiters[harness.urls[channel]] = RateLimiter(harness.clock, per_second=1.0, burst=1)
        rows, cursor = await harness.store.changes_since(Query(channel=channel), None)
        await harness.store.replay(rows, cursor, harness.clock.now())
        await accept(harness, newest, newest.replace("2", "3"), channel=channel)
        worker.wake()
        await harness.until_settled(before + 26)
        assert newest in flat(harness, channel)


async def test_what_followed_in_a_batch_is_decided_anew_if_the_batch_is_rejected(harness: Harness) -> None:
    paced(harness)
    others = ["3 failed a", "4 failed b", "5 failed c", "6 failed d"]
    await accept(harness, "1 failed", "2 failed", *others)
    # The batch, then the first message alone, and its text, with probes in between.
    harness.slack.script("general", INVALID_BLOCKS, NO_TEXT, INVALID_BLOCKS, NO_TEXT, INVALID_PAYLOAD)
    harness.start()
    await harness.until_ended(6)
    assert await harness.states() == ["dead", *["delivered"] * 5]
    assert flat(harness) == ["2 failed", *others]


async def test_after_a_digest_the_next_state_is_shown(harness: Harness) -> None:
    await _show_then_summarize(harness, "1 failed")
    await accept(harness, *(f"{number} success" for number in range(2, 20)))
    worker = harness.start()
    await harness.until(_summarized(harness, 18))
    await accept(harness, "20 success", "21 success")
    worker.wake()
    await harness.until_settled(3)
    assert posts(harness)[-1] == ["20 success"]
    assert (await reasons(harness))[-1] == "state is unchanged: success"


async def test_a_run_older_than_one_in_a_digest_is_not_shown(harness: Harness) -> None:
    await _show_then_summarize(harness, "1 failed")
    await accept(harness, *(f"{number} failed" for number in range(10, 30)))
    worker = harness.start()
    await harness.until(_summarized(harness, 20))
    await accept(harness, "2 success")
    worker.wake()
    await harness.until_settled(2)
    assert (await reasons(harness))[-1] == "pipeline 2 is older than the last one compared"


async def _show_then_summarize(harness: Harness, shown: str) -> None:
    """Show one run, end its worker, and let the next one make digests."""
    await accept(harness, shown)
    harness.start()
    await harness.until_settled(1)
    harness.deps = replace(harness.deps, policy_of=lambda _: policy(digest_after=10))
    harness.workers[0].cancel()  # a worker that only stops may still settle what it has claimed
    await asyncio.wait(harness.workers)
    paced(harness)


async def _summarized(harness: Harness, number: int) -> None:
    while len(await harness.store.find(Query(state=DeliveryState.SUMMARIZED, limit=number))) < number:
        await harness.clock.sleep(0.01)


def slow_reference(runs: Sequence[str]) -> list[str]:
    """Return the runs that are news, by looking back over all of them."""
    shown: list[str] = []
    for index, text in enumerate(runs):
        number, state, group = run(text)
        before = [(n, s) for n, s, g in map(run, runs[:index]) if g == group]
        in_order = [s for place, (n, s) in enumerate(before) if all(m <= n for m, _ in before[:place])]
        is_late = any(n > number for n, _ in before)
        if not is_late and state != (in_order[-1] if in_order else "success"):
            shown.append(text)
    return shown


@pytest.mark.thorough
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from(["failed", "success"]), st.sampled_from(["main", "lint"])),
        min_size=1,
        max_size=16,
    ),
    st.booleans(),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_any_sequence_of_runs_is_shown_exactly_at_its_changes(
    harness: Harness, runs: list[tuple[int, str, str]], batched: bool
) -> None:
    channel = f"c{new_id(harness.clock.now())}"
    if batched:
        url = harness.urls.setdefault(channel, harness.slack.webhook(channel))
        harness.limiters[url] = RateLimiter(harness.clock, per_second=1.0, burst=1)
    texts = [" ".join(map(str, one)) for one in runs]
    settled = len(harness.store.settled)
    await accept(harness, *texts, channel=channel)
    harness.start(channel)
    await harness.until_settled(settled + len(texts))
    assert flat(harness, channel) == slow_reference(texts)
