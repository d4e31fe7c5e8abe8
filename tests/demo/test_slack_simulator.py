"""Tests of the simulator: Slack's rules and rate limit."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.demo.slack_rules import refusal
from bridge.demo.slack_simulator import MAX_TEXT, Rate, SlackSimulator
from tests.slack.client import send


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as slack:
        yield slack


SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello", "verbatim": True}}
BUTTON = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://example.com/a?b=1&amp;c"}


async def test_a_good_message_is_shown_once(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    body = {"text": "hi", "blocks": [SECTION], "attachments": [{"color": "#36a64f", "blocks": [SECTION]}]}
    assert await send(http, slack.webhook("general"), body) == (200, "ok")
    [post] = slack.posts("general")
    assert post.body == body
    assert post.answered == "200 ok"


async def test_the_form_without_services_works_too(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    url = slack.webhook("general").replace("/services", "")
    assert await send(http, url, {"text": "hi"}) == (200, "ok")


async def test_an_unknown_webhook_has_no_service(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    assert await send(http, f"{slack.base}/services/T1/B1/nope", {"text": "hi"}) == (404, "no_service")


@pytest.mark.parametrize("probe", [{}, {"text": ""}, {"text": " \n"}, {"blocks": [], "attachments": []}])
async def test_an_empty_message_is_refused_and_not_shown(
    slack: SlackSimulator, http: aiohttp.ClientSession, probe: object
) -> None:
    assert await send(http, slack.webhook("general"), probe) == (400, "no_text")
    assert slack.posts("general") == ()


@pytest.mark.parametrize("raw", [b"", b"{", b"null", b"[]", b'{"text": 5}', b"\xff"])
async def test_a_body_that_is_no_message_is_an_invalid_payload(
    slack: SlackSimulator, http: aiohttp.ClientSession, raw: bytes
) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(slack.webhook("general"), data=raw, headers=headers) as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_payload")


async def test_another_content_type_is_an_invalid_payload(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    async with http.post(slack.webhook("general"), data=b'{"text":"hi"}') as answer:
        assert (answer.status, await answer.text()) == (400, "invalid_payload")


def sections(n: int) -> list[object]:
    return [SECTION] * n


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        ({"blocks": sections(50)}, None),
        ({"blocks": sections(51)}, (400, "invalid_blocks")),
        ({"blocks": {}}, (400, "invalid_blocks_format")),
        ({"blocks": [None]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}]}, None),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "😀" * 1501}}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "text": {"type": "html", "text": "x"}}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section"}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "section", "fields": [SECTION["text"]] * 10}]}, None),
        ({"blocks": [{"type": "section", "fields": [SECTION["text"]] * 11}]}, (400, "invalid_blocks")),
        ({"blocks": [{**SECTION, "accessory": BUTTON}]}, None),
        ({"blocks": [{**SECTION, "accessory": SECTION}]}, (400, "invalid_blocks")),
        ({"blocks": [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}]}, None),
        ({"blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, (400, "invalid_blocks")),
        (
            {"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x", "verbatim": True}}]},
            (400, "invalid_blocks"),
        ),
        ({"blocks": [{"type": "context", "elements": [SECTION["text"]] * 10}]}, None),
        ({"blocks": [{"type": "context", "elements": [SECTION["text"]] * 11}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "context", "elements": []}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "actions", "elements": [BUTTON] * 25}]}, None),
        ({"blocks": [{"type": "actions", "elements": [BUTTON] * 26}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "actions", "elements": [{**BUTTON, "url": "nope"}]}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "actions", "elements": [{**BUTTON, "style": "loud"}]}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}]}, None),
        ({"blocks": [{"type": "image", "image_url": "https://example.com/a.png"}]}, (400, "invalid_blocks")),
        ({"blocks": [{"type": "divider"}]}, None),
        ({"blocks": [{"type": "rich_text", "elements": [{}]}]}, None),
        ({"blocks": [{"type": "alert"}]}, (400, "invalid_blocks")),
        ({"text": "x", "blocks": [{"type": "markdown", "text": "# x"}]}, (500, "")),
        ({"attachments": [{"blocks": [{"type": "markdown", "text": "# x"}]}]}, (500, "")),
        ({"attachments": {}}, (400, "invalid_attachments")),
        ({"attachments": [[]]}, (400, "invalid_attachments")),
        ({"attachments": [{"color": "good", "text": "x"}]}, None),
        ({"attachments": [{"color": "good"}]}, (400, "missing_text_or_fallback_or_attachments")),
        ({"attachments": [{"color": "red", "text": "x"}]}, (400, "invalid_attachments")),
        ({"attachments": [{"blocks": sections(51)}]}, (400, "invalid_attachments")),
        ({"attachments": [{"blocks": sections(1), "footer": "x"}]}, (400, "invalid_attachments")),
        ({"attachments": [{"text": "x"}] * 101}, (400, "too_many_attachments")),
        (
            {"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2700}}] * 5},
            (400, "msg_blocks_too_long"),
        ),
    ],
)
async def test_slacks_limits_hold(
    slack: SlackSimulator, http: aiohttp.ClientSession, body: object, refused: tuple[int, str] | None
) -> None:
    assert await send(http, slack.webhook("general"), body) == (refused or (200, "ok"))
    assert len(slack.posts("general")) == (0 if refused else 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "blocks", "attachments", "type", "elements", "fields", "color", "url"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_the_rules_have_an_answer_to_any_json(body: object) -> None:
    verdict = refusal(json.loads(json.dumps(body)))
    assert verdict is None or verdict.status in (400, 500)


async def test_a_very_long_text_is_cut(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    await send(http, slack.webhook("general"), {"text": "x" * 50_000})
    [post] = slack.posts("general")
    assert post.body["text"] == "x" * MAX_TEXT


async def test_channels_are_apart(slack: SlackSimulator, http: aiohttp.ClientSession) -> None:
    await send(http, slack.webhook("a"), {"text": "to a"})
    await send(http, slack.webhook("b"), {"text": "to b"})
    assert [post.body["text"] for post in slack.posts("a")] == ["to a"]
    assert [post.body["text"] for post in slack.posts("b")] == ["to b"]
    assert slack.webhook("a") != slack.webhook("b")
    assert slack.webhook("a") == slack.webhook("a")


async def test_the_rate_is_kept_and_reported(http: aiohttp.ClientSession) -> None:
    now = [100.0]
    async with SlackSimulator(rate=Rate(1.0, 2), clock=lambda: now[0]) as slack:
        url = slack.webhook("general")
        statuses = [(await send(http, url, {"text": str(n)}))[0] for n in range(3)]
        assert statuses == [200, 200, 429]
        async with http.post(url, json={"text": "x"}) as answer:
            assert answer.headers["Retry-After"] == "1"
            assert await answer.json() == {"retry_after": 1, "ok": False, "error": "rate_limited"}
        assert (await send(http, slack.webhook("other"), {"text": "x"}))[0] == 200
        now[0] += 1
        assert (await send(http, url, {"text": "x"}))[0] == 200
        assert len(slack.posts("general")) == 3


async def test_waiting_ends_with_the_last_post_that_was_awaited(
    slack: SlackSimulator, http: aiohttp.ClientSession
) -> None:
    waiting = asyncio.create_task(slack.wait_for("general", 2))
    for text in ("one", "two"):
        await send(http, slack.webhook("general"), {"text": text})
    assert [post.body["text"] for post in await waiting] == ["one", "two"]


async def test_waiting_for_a_missing_post_ends_too(slack: SlackSimulator) -> None:
    with pytest.raises(TimeoutError):
        await slack.wait_for("general", 1, within=0.01)
