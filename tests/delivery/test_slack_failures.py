"""Every kind of failure of Slack or of the network before it, and the result for the message, on real sockets.

Each failure is a row of the table in docs/delivery.md, with the same words and in the same order.
"""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from bridge.delivery.next_step import PROBE_EVERY
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.slack import Poster, open_session
from bridge.demo.slack_simulator import Answer, Post, rate_limited
from tests.delivery.harness import Harness, message
from tests.delivery.network import Resolver, TcpProxy, trusting
from tests.delivery.test_slack import closed_port
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    EMPTY_500,
    FORBIDDEN_PAGE,
    HTML_200,
    INVALID_BLOCKS,
    INVALID_TEAM,
    LOGIN_PAGE,
    MESSAGE_LIMIT_EXCEEDED,
    NO_SERVICE,
    NO_TEXT,
    RESTRICTED_ACTION,
    ROLLUP_ERROR,
    SERVER_ERROR_PAGE,
    http_date,
    redirect,
)
from tests.slack.simulator import Behaviour, Fault, Late

DOCS = Path(__file__).parents[2] / "docs" / "delivery.md"
NOW = 1_800_000_000.0
CHANCE = 0.5
"""Seconds of jitter after a 429. In the harness the jitter is always at its maximum."""

PACE = 0.001
"""Seconds between two messages in the harness."""


@dataclass(frozen=True)
class Failure:
    """A failure, and the result for the first message that meets it."""

    name: str
    """The first cell of its row in the docs."""
    slack: tuple[Behaviour, ...] = ()
    """Slack's behaviour for each request, probes included. After these Slack works."""
    network: Literal["", "no name", "no server listens", "untrusted", "no TLS", "no proxy"] = ""
    """The broken part of the network at the first attempt. It is fixed after it."""
    attempts: tuple[str, ...] = ("unavailable", "ok")
    """The message's attempts in the event log, by outcome."""
    answer: str = ""
    """The answer of the first attempt in the event log."""
    waited: tuple[float, ...] = (1,)
    """Seconds of each sleep of the worker."""
    result: Literal["the message", "its text", "dead"] = "the message"
    twice: bool = False
    """Whether the channel shows the message twice."""


FAILURES = (
    Failure(
        "`429` with seconds",
        slack=(rate_limited(30),),
        attempts=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(30 + CHANCE,),
    ),
    Failure(
        "`429` with an HTTP date",
        slack=(rate_limited(http_date(NOW + 120)),),
        attempts=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(120 + CHANCE,),
    ),
    Failure(
        "`429` without a header, the seconds in its body",
        slack=(rate_limited(None),),
        attempts=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(1 + CHANCE,),
    ),
    Failure(
        "`429` without a time",
        slack=(Answer(429),),
        attempts=("rate_limited", "ok"),
        waited=(5 + CHANCE,),
    ),
    Failure(
        "`429` again and again",
        slack=(rate_limited(2),) * 9,
        attempts=("rate_limited",) * 9 + ("ok",),
        answer="rate_limited",
        waited=(2 + CHANCE,) * 9,
    ),
    Failure(
        "`429` without a time, again and again",
        slack=(MESSAGE_LIMIT_EXCEEDED,) * 4,
        attempts=("rate_limited",) * 4 + ("ok",),
        answer="message_limit_exceeded",
        waited=tuple(seconds + CHANCE for seconds in (5, 10, 20, 40)),
    ),
    Failure(
        "`503` with a time",
        slack=(Answer(503, headers={"Retry-After": "120"}),),
        waited=(120,),
    ),
    Failure(
        "`500` with an empty body, or `rollup_error`",
        slack=(EMPTY_500, ROLLUP_ERROR),
        waited=(1, 2),
        attempts=("unavailable", "unavailable", "ok"),
    ),
    Failure(
        "`500` three times, from a Slack that takes other messages",
        slack=(EMPTY_500,) * 3,
        attempts=("unavailable", "unavailable", "unavailable", "ok"),
        waited=(1, 2),
        result="its text",
    ),
    Failure(
        "`500` to its text too, from a Slack that takes other messages",
        slack=(*(EMPTY_500,) * 3, NO_TEXT, *(EMPTY_500,) * 6),
        attempts=("unavailable",) * 9,
        waited=(1, 2, 1, 2, 4, 8, 16),
        result="dead",
    ),
    Failure(
        "`502` with HTML from a proxy; `503`, `504`",
        slack=(BAD_GATEWAY, Answer(504)),
        attempts=("unavailable", "unavailable", "ok"),
        answer=BAD_GATEWAY.body,
        waited=(1, 2),
    ),
    Failure(
        "`502` for hours",
        slack=(BAD_GATEWAY,) * 9,
        attempts=("unavailable", "unavailable", "unavailable", "ok"),
        answer=BAD_GATEWAY.body,
        waited=(1, 2, 4, 8, 16, 32, 60, 60),
    ),
    Failure(
        "`502` for some requests and not for others: for this message four times, for no probe",
        slack=(*(BAD_GATEWAY,) * 3, NO_TEXT, BAD_GATEWAY, NO_TEXT),
        attempts=("unavailable",) * 4 + ("ok",),
        answer=BAD_GATEWAY.body,
        waited=(1, 2, 4, 8),
    ),
    Failure(
        "`502` for this message and for no probe, for an hour",
        slack=(*(BAD_GATEWAY,) * 3, *(NO_TEXT, BAD_GATEWAY) * 63, NO_TEXT),
        attempts=("unavailable",) * 66 + ("ok",),
        answer=BAD_GATEWAY.body,
        waited=(1, 2, 4, 8, 16, 32, *(60,) * 59),
        result="its text",
    ),
    Failure(
        "a page of a proxy with `500`",
        slack=(SERVER_ERROR_PAGE,) * 4,
        attempts=("unavailable",) * 3 + ("ok",),
        answer=SERVER_ERROR_PAGE.body,
        waited=(1, 2, 4),
    ),
    Failure(
        "`200` with HTML, such as a sign-in page",
        slack=(HTML_200,),
        answer=LOGIN_PAGE,
    ),
    Failure(
        "a redirect, whose end would be `200` with HTML",
        slack=(redirect("/login"),),
        answer="a redirect, which was not followed",
    ),
    Failure(
        "no answer within 6 s; Slack had not taken the post",
        slack=(Fault.HANG,),
        waited=(5,),
        answer="no answer in time",
    ),
    Failure(
        "no answer within 6 s; Slack had taken the post",
        slack=(Late(1.0),),
        waited=(5,),
        answer="no answer in time",
        twice=True,
    ),
    Failure(
        "the connection is reset before the post was read",
        slack=(Fault.RESET_BEFORE_BODY,),
        waited=(5,),
        answer="the connection broke|the connection was closed without an answer",
    ),
    Failure(
        "the connection is reset after the post was read",
        slack=(Fault.RESET_AFTER_BODY,),
        waited=(5,),
        answer="the connection broke",
        twice=True,
    ),
    Failure(
        "the connection is closed without an answer; Slack had not taken the post",
        slack=(Fault.CLOSE,),
        waited=(5,),
        answer="the connection was closed without an answer",
    ),
    Failure(
        "the answer breaks off; Slack had taken the post",
        slack=(Fault.BREAK_OFF,),
        waited=(5,),
        answer="the answer broke off",
        twice=True,
    ),
    Failure("the name cannot be looked up", network="no name", answer="the name cannot be looked up"),
    Failure("no server listens", network="no server listens", answer="cannot connect"),
    Failure(
        "the TLS certificate is not trusted",
        network="untrusted",
        answer="the TLS certificate is not trusted",
    ),
    Failure("TLS fails otherwise", network="no TLS", answer="TLS failed"),
    Failure("the proxy cannot be reached, or refuses", network="no proxy", answer="the proxy cannot be reached"),
    Failure(
        "`invalid_blocks` and other words against the message; an unknown word with a `4xx`",
        slack=(INVALID_BLOCKS,),
        attempts=("rejected", "ok"),
        answer="invalid_blocks",
        waited=(),
        result="its text",
    ),
    Failure(
        "a word against its text too",
        slack=(INVALID_BLOCKS, NO_TEXT, Answer(400, "invalid_payload")),
        attempts=("rejected", "rejected"),
        answer="invalid_blocks",
        waited=(),
        result="dead",
    ),
    Failure(
        "`403` to this message alone: `restricted_action`, or a proxy's page",
        slack=(RESTRICTED_ACTION, NO_TEXT, FORBIDDEN_PAGE, NO_TEXT),
        attempts=("destination_gone", "destination_gone", "ok"),
        answer="restricted_action",
        waited=(),
        result="its text",
    ),
    Failure(
        "a word that a probe gets too: `invalid_team`, an inactive account",
        slack=(INVALID_TEAM,) * 3,
        attempts=("rejected", "ok"),
        answer="invalid_team",
        waited=(PROBE_EVERY,) * 2,
    ),
    Failure(
        "`no_service`, `channel_is_archived` and the like; any other `401`, `403`, `404`, `410`",
        slack=(NO_SERVICE, NO_SERVICE, CHANNEL_IS_ARCHIVED, BAD_GATEWAY),
        attempts=("destination_gone", "ok"),
        answer="no_service",
        waited=(PROBE_EVERY,) * 3,
    ),
)


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
async def test_a_message_has_the_documented_outcome(
    harness: Harness, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broken(harness, failure.network, monkeypatch) as fix:
        harness.slack.script("general", *failure.slack)
        await harness.accept("first")
        worker = harness.start()
        await harness.settled(1)
        # Accepted while the first one fails: it must neither wait forever nor overtake.
        await harness.accept("second")
        worker.wake()
        await fix()
        await harness.until_ended(2)

    copies = {"the message": 1, "its text": 1, "dead": 0}[failure.result] + failure.twice
    assert titles(harness) == ["first"] * copies + ["second"]
    assert [seconds for seconds in harness.slept if seconds > PACE] == list(failure.waited)
    assert attempts(harness, "first") == list(failure.attempts)
    assert re.fullmatch(
        failure.answer if "|" in failure.answer else re.escape(failure.answer), answer(harness, "first")
    )
    assert await harness.states() == ["dead" if failure.result == "dead" else "delivered", "delivered"]
    if failure.result != "dead":
        late = ["Posted an hour late"] if sum(failure.waited) > 3600 else []
        whole = message("\n".join(["first", *late]) if failure.result == "its text" else "first", late)
        shown = harness.slack.posts("general")[copies - 1].body
        assert shown == (whole.text_only() if failure.result == "its text" else whole.body())


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
async def test_messages_in_one_post_are_all_delivered(
    harness: Harness, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"message {n}." for n in range(12)]
    async with broken(harness, failure.network, monkeypatch) as fix:
        url = harness.urls.setdefault("general", harness.slack.webhook("general"))
        harness.limiters[url] = RateLimiter(harness.clock)
        harness.slack.script("general", *failure.slack)
        await harness.accept(*names)
        harness.start()
        await harness.settled(1)
        await fix()
        await harness.until_ended(len(names))

    found = [title for post in harness.slack.posts("general") for title in re.findall(r"message \d+\.", text(post))]
    assert list(dict.fromkeys(found)) == names
    assert await harness.states() == ["delivered"] * len(names), "one that Slack takes alone is not given up"
    assert len(found) == len(names) * (2 if failure.twice else 1)
    assert [len(attempts(harness, name)) > 1 for name in names] == [True] * len(names), "they did share a post"


def text(post: Post) -> str:
    """Return the text that a post shows."""
    return json.dumps(post.body.get("blocks") or post.body)


def titles(harness: Harness) -> list[str]:
    """Return the messages that the channel shows, in order."""
    return [
        title for post in harness.slack.posts("general") for title in re.findall("first|second", str(post.body["text"]))
    ]


def attempts(harness: Harness, title: str) -> list[str]:
    return [kind for kind, _ in _event_log(harness, title)]


def answer(harness: Harness, title: str) -> str:
    return _event_log(harness, title)[0][1]


def _event_log(harness: Harness, title: str) -> Sequence[tuple[str, str]]:
    """Return outcome and answer of each recorded attempt of a message."""
    asked = """
        SELECT a.kind, a.answer FROM attempts a
        JOIN deliveries d ON d.id = a.delivery JOIN events e ON e.seq = d.event
        WHERE e.name = ? ORDER BY a.number
    """
    database = sqlite3.connect(harness.database.removeprefix("sqlite:///"))
    try:
        return database.execute(asked, (title,)).fetchall()
    finally:
        database.close()


@asynccontextmanager
async def broken(
    harness: Harness, network: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Break the network before Slack; yield a function that fixes it."""

    async def nothing() -> None:
        pass

    if not network:
        yield nothing
        return
    names = Resolver()
    async with open_session(names, trust=trusting()) as session, TcpProxy(harness.slack) as proxy:
        harness.deps = replace(harness.deps, poster=Poster(session, harness.clock))
        harness.urls["general"] = proxy.url("general", "https")

        async def fix() -> None:
            names.known = True
            monkeypatch.delenv("HTTPS_PROXY", raising=False)
            await proxy.open("slack.pem")

        match network:
            case "no name":
                names.known = False
            case "untrusted":
                await proxy.open("untrusted.pem")
            case "no TLS":
                await proxy.open()
            case "no proxy":
                monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
        yield fix
        for worker in harness.workers:
            worker.cancel()
        await asyncio.gather(*harness.workers, return_exceptions=True)


def test_the_table_in_the_docs_has_these_failures_in_this_order() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    start = lines.index(next(line for line in lines if line.startswith("| failure |")))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, _, _, twice = (cell.strip() for cell in line.strip("| ").split(" | "))
        rows.append((name, twice.strip("*").startswith("yes")))
    assert rows == [(failure.name, failure.twice) for failure in FAILURES]
