"""Tests of the simulator's fault injection: scripts, plans, lost and late answers, broken connections."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bridge.demo.slack_simulator import Answer, rate_limited
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    EMPTY_500,
    FORBIDDEN_PAGE,
    LOGIN_PAGE,
    NO_ACTIVE_HOOKS,
    NO_SERVICE,
    RESTRICTED_ACTION,
    busy,
    redirect,
)
from tests.slack.behaviours import for_layouts_with, for_messages_with, partly, slow_but_shown
from tests.slack.client import send
from tests.slack.simulator import Fault, HeldAnswer, Late, SlackSimulator


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as slack:
        yield slack


async def test_a_script_runs_once_in_order_then_the_rules_hold(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    url = slack.webhook("general")
    slack.script(
        "general",
        rate_limited(2),
        EMPTY_500,
        BAD_GATEWAY,
        NO_ACTIVE_HOOKS,
        CHANNEL_IS_ARCHIVED,
    )
    answers = [await send(http, url, {"text": "x"}) for _ in range(6)]
    assert [status for status, _ in answers] == [429, 500, 502, 404, 410, 200]
    assert len(slack.posts("general")) == 1


async def test_a_permanent_answer_is_given_until_it_is_lifted(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    url = slack.webhook("general")
    slack.always("general", NO_SERVICE)
    assert [(await send(http, url, {"text": "x"}))[1] for _ in range(2)] == ["no_service"] * 2
    slack.always("general", None)
    assert await send(http, url, {"text": "x"}) == (200, "ok")


async def test_a_plan_is_asked_at_each_request(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    url = slack.webhook("general")
    plan = iter([EMPTY_500, None, NO_SERVICE])
    slack.always("general", lambda: next(plan))
    assert [(await send(http, url, {"text": "x"}))[0] for _ in range(3)] == [500, 200, 404]
    assert len(slack.posts("general")) == 1


async def test_a_late_answer_is_slacks_own_and_the_message_shows_at_once(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    url = slack.webhook("general")
    slack.script("general", Late(0.01), Late(0.01))
    waiting = asyncio.create_task(send(http, url, {"text": "x"}))
    await slack.wait_for("general", 1)
    assert not waiting.done()
    assert await waiting == (200, "ok")
    assert await send(http, url, {"text": ""}) == (400, "no_text")
    assert [post.answered for post in slack.posts("general")] == ["200 ok, 0.01 s late"]


async def test_a_slow_slack_shows_each_message_and_answers_probes_at_once(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    url = slack.webhook("general")
    slack.always("general", slow_but_shown(30))
    waiting = asyncio.create_task(send(http, url, {"text": "x"}))
    await slack.wait_for("general", 1)
    assert await send(http, url, {"text": ""}) == (400, "no_text")
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("answer", [RESTRICTED_ACTION, FORBIDDEN_PAGE], ids=str)
async def test_an_answer_can_be_for_one_message(
    slack: SlackSimulator, http: aiohttp.ClientSession, answer: Answer
) -> None:
    url = slack.webhook("general")
    slack.always("general", for_messages_with("<!channel>", answer))
    bodies = ({"text": "x"}, {"text": "to <!channel>"}, {"text": ""}, {"text": "y"})
    assert [(await send(http, url, body))[0] for body in bodies] == [200, 403, 400, 200]
    assert [post.body["text"] for post in slack.posts("general")] == ["x", "y"]


async def test_an_answer_can_be_for_one_layout(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    url = slack.webhook("general")
    slack.always("general", for_layouts_with("bad", RESTRICTED_ACTION))
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}]
    bodies: tuple[dict[str, object], ...] = (
        {"text": "bad", "blocks": blocks},
        {"text": "bad"},
        {"text": "x", "blocks": blocks},
    )
    assert [(await send(http, url, body))[0] for body in bodies] == [403, 200, 200]


async def test_a_part_of_the_requests_fails_and_the_seed_says_which(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    url = slack.webhook("general")
    runs = []
    for _ in range(2):
        slack.always("general", partly(0.5, seed=3))
        runs.append([(await send(http, url, {"text": "x"}))[0] for _ in range(40)])
    assert runs[0] == runs[1]
    assert 10 < runs[0].count(502) < 30
    assert runs[0].count(502) + runs[0].count(200) == 40


async def test_a_503_can_say_when_to_come_again(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    slack.script("general", busy(7))
    async with http.post(slack.webhook("general"), json={"text": "x"}) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "7")


async def test_a_probe_is_not_shown_with_any_answer(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    slack.script("general", Answer(200, "ok", shows=True))
    assert await send(http, slack.webhook("general"), {"text": ""}) == (200, "ok")
    assert slack.posts("general") == ()


@pytest.mark.parametrize(("to", "text"), [("/login", LOGIN_PAGE), ("/ok", "ok")])
async def test_a_redirect_ends_on_a_200_that_delivered_nothing(
    slack: SlackSimulator, http: aiohttp.ClientSession, to: str, text: str
) -> None:
    slack.script("general", redirect(slack.base + to))
    async with http.post(slack.webhook("general"), json={"text": "x"}) as answer:
        assert (answer.status, await answer.text()) == (200, text)
    assert slack.posts("general") == ()


@pytest.mark.parametrize(
    ("fault", "shown"),
    [(Fault.RESET_BEFORE_BODY, 0), (Fault.RESET_AFTER_BODY, 1), (Fault.CLOSE, 0), (Fault.BREAK_OFF, 1)],
)
async def test_a_cut_connection_gives_no_answer(
    slack: SlackSimulator, http: aiohttp.ClientSession, fault: Fault, shown: int
) -> None:
    url = slack.webhook("general")
    slack.script("general", fault)
    with pytest.raises((aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)):
        await send(http, url, {"text": "x"})
    assert len(slack.posts("general")) == shown
    assert [hit.answered for hit in slack.hits("general")] == [fault.name]
    assert await send(http, url, {"text": "x"}) == (200, "ok")


async def test_a_hang_lasts_until_the_simulator_ends(http: aiohttp.ClientSession) -> None:
    async with SlackSimulator() as slack:
        slack.script("general", Fault.HANG)
        waiting = asyncio.create_task(send(http, slack.webhook("general"), {"text": "x"}))
        await slack.wait_for_hits("general", 1)
        assert not waiting.done()
    with pytest.raises(aiohttp.ClientConnectionError):
        await waiting


async def test_an_answer_can_be_held_back(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    hold = asyncio.Event()
    slack.script("general", HeldAnswer(200, "ok", shows=True, hold=hold))
    waiting = asyncio.create_task(send(http, slack.webhook("general"), {"text": "x"}))
    await slack.wait_for("general", 1)
    assert not waiting.done()
    hold.set()
    assert await waiting == (200, "ok")


async def test_connections_are_counted(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    for _ in range(3):
        await send(http, slack.webhook("general"), {"text": "x"})
    assert slack.connections == 1
