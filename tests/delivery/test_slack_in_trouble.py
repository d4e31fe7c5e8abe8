"""Slack, or the way to it, in every kind of trouble: what becomes of the message, on real sockets.

Each trouble is a row of the table in docs/delivery.md, under the same words and in the same order.
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

from bridge.delivery.circuit_breaker import PROBE_EVERY
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.slack import Poster, open_session
from bridge.demo.slack_simulator import Answer, Post, rate_limited
from tests.delivery.scene import Scene, message
from tests.delivery.test_slack import closed_port
from tests.delivery.way import Door, Names, trusting
from tests.slack.answers import (
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    EMPTY_500,
    HTML_200,
    INVALID_BLOCKS,
    LOGIN_PAGE,
    NO_SERVICE,
    ROLLUP_ERROR,
    http_date,
    redirect,
)
from tests.slack.simulator import Behaviour, Fault, Late

DOCS = Path(__file__).parents[2] / "docs" / "delivery.md"
NOW = 1_800_000_000.0
CHANCE = 0.5
"""What chance adds to the seconds of a 429 in a scene, where it is always at its most."""

PACE = 0.001
"""Seconds between two messages in a scene."""


@dataclass(frozen=True)
class Failure:
    """What goes wrong, and what becomes of the message that meets it first."""

    name: str
    """The first cell of its row in the docs."""
    slack: tuple[Behaviour, ...] = ()
    """What the requests meet, probes included; after these Slack is well."""
    way: Literal["", "no name", "nobody listens", "a stranger", "no TLS", "no proxy"] = ""
    """What is broken on the way at the first try, and fixed after it."""
    tries: tuple[str, ...] = ("unavailable", "ok")
    """The message's attempts in the event log, by kind."""
    answer: str = ""
    """The event log's answer to the first try."""
    waited: tuple[float, ...] = (1,)
    """How long the worker slept, each time."""
    becomes: Literal["the message", "its text", "dead"] = "the message"
    twice: bool = False
    """Whether the channel shows it twice."""


FAILURES = (
    Failure(
        "`429` with seconds",
        slack=(rate_limited(30),),
        tries=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(30 + CHANCE,),
    ),
    Failure(
        "`429` with an HTTP date",
        slack=(rate_limited(http_date(NOW + 120)),),
        tries=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(120 + CHANCE,),
    ),
    Failure(
        "`429` without a header, the seconds in its body",
        slack=(rate_limited(None),),
        tries=("rate_limited", "ok"),
        answer="rate_limited",
        waited=(1 + CHANCE,),
    ),
    Failure(
        "`429` that says nothing",
        slack=(Answer(429),),
        tries=("rate_limited", "ok"),
        waited=(5 + CHANCE,),
    ),
    Failure(
        "`429` again and again",
        slack=(rate_limited(2),) * 9,
        tries=("rate_limited",) * 9 + ("ok",),
        answer="rate_limited",
        waited=(2 + CHANCE,) * 9,
    ),
    Failure(
        "`500` with an empty body, or `rollup_error`",
        slack=(EMPTY_500, ROLLUP_ERROR),
        waited=(1, 2),
        tries=("unavailable", "unavailable", "ok"),
    ),
    Failure(
        "`500` three times, from a Slack that takes other messages",
        slack=(EMPTY_500,) * 3,
        tries=("unavailable", "unavailable", "unavailable", "ok"),
        waited=(1, 2),
        becomes="its text",
    ),
    Failure(
        "`500` to its text too, from a Slack that takes other messages",
        slack=(*(EMPTY_500,) * 3, Answer(400, "no_text"), EMPTY_500),
        tries=("unavailable",) * 4,
        waited=(1, 2),
        becomes="dead",
    ),
    Failure(
        "`502` with HTML from a proxy; `503`, `504`",
        slack=(BAD_GATEWAY, Answer(504)),
        tries=("unavailable", "unavailable", "ok"),
        answer=BAD_GATEWAY.body,
        waited=(1, 2),
    ),
    Failure(
        "`502` for hours",
        slack=(BAD_GATEWAY,) * 9,
        tries=("unavailable", "unavailable", "unavailable", "ok"),
        answer=BAD_GATEWAY.body,
        waited=(1, 2, 4, 8, 16, 32, 60, 60),
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
        answer="no answer in time",
    ),
    Failure(
        "no answer within 6 s; Slack had taken the post",
        slack=(Late(1.0),),
        answer="no answer in time",
        twice=True,
    ),
    Failure(
        "the connection is reset before the post was read",
        slack=(Fault.RESET_BEFORE_BODY,),
        answer="the connection broke|the connection was closed without an answer",
    ),
    Failure(
        "the connection is reset after the post was read",
        slack=(Fault.RESET_AFTER_BODY,),
        answer="the connection broke",
        twice=True,
    ),
    Failure(
        "the connection is closed without an answer; Slack had not taken the post",
        slack=(Fault.CLOSE,),
        answer="the connection was closed without an answer",
    ),
    Failure(
        "the answer breaks off; Slack had taken the post",
        slack=(Fault.BREAK_OFF,),
        answer="the answer broke off",
        twice=True,
    ),
    Failure("the name cannot be looked up", way="no name", answer="the name cannot be looked up"),
    Failure("nobody listens", way="nobody listens", answer="cannot connect"),
    Failure("the TLS certificate is not trusted", way="a stranger", answer="the TLS certificate is not trusted"),
    Failure("TLS fails otherwise", way="no TLS", answer="TLS failed"),
    Failure("the proxy cannot be reached, or refuses", way="no proxy", answer="the proxy cannot be reached"),
    Failure(
        "`invalid_blocks` and other words against the message; an unknown word with a `4xx`",
        slack=(INVALID_BLOCKS,),
        tries=("rejected", "ok"),
        answer="invalid_blocks",
        waited=(),
        becomes="its text",
    ),
    Failure(
        "a word against its text too",
        slack=(INVALID_BLOCKS, Answer(400, "invalid_payload")),
        tries=("rejected", "rejected"),
        answer="invalid_blocks",
        waited=(),
        becomes="dead",
    ),
    Failure(
        "`no_service`, `channel_is_archived` and the like; any other `401`, `403`, `404`, `410`",
        slack=(NO_SERVICE, CHANNEL_IS_ARCHIVED, BAD_GATEWAY),
        tries=("destination_gone", "ok"),
        answer="no_service",
        waited=(PROBE_EVERY,) * 3,
    ),
)


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
async def test_a_message_has_the_documented_outcome(
    scene: Scene, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with broken(scene, failure.way, monkeypatch) as hint:
        scene.slack.script("general", *failure.slack)
        await scene.accept("first")
        worker = scene.start()
        await scene.settled(1)
        # Accepted while the first one is in trouble: it must neither be held up for ever nor overtake.
        await scene.accept("second")
        worker.wake()
        await hint()
        await scene.until_ended(2)

    copies = {"the message": 1, "its text": 1, "dead": 0}[failure.becomes] + failure.twice
    assert titles(scene) == ["first"] * copies + ["second"]
    assert [seconds for seconds in scene.slept if seconds > PACE] == list(failure.waited)
    assert attempts(scene, "first") == list(failure.tries)
    assert re.fullmatch(failure.answer if "|" in failure.answer else re.escape(failure.answer), answer(scene, "first"))
    assert await scene.states() == ["dead" if failure.becomes == "dead" else "delivered", "delivered"]
    if failure.becomes != "dead":
        whole = message("first")
        shown = scene.slack.posts("general")[copies - 1].body
        assert shown == (whole.text_only() if failure.becomes == "its text" else whole.body())


@pytest.mark.parametrize("failure", FAILURES, ids=[failure.name for failure in FAILURES])
async def test_messages_in_one_post_are_all_delivered(
    scene: Scene, failure: Failure, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"message {n}." for n in range(12)]
    async with broken(scene, failure.way, monkeypatch) as hint:
        url = scene.urls.setdefault("general", scene.slack.webhook("general"))
        scene.limiters[url] = RateLimiter(scene.clock)
        scene.slack.script("general", *failure.slack)
        await scene.accept(*names)
        scene.start()
        await scene.settled(1)
        await hint()
        await scene.until_ended(len(names))

    found = [title for post in scene.slack.posts("general") for title in re.findall(r"message \d+\.", text(post))]
    assert list(dict.fromkeys(found)) == names
    assert await scene.states() == ["delivered"] * len(names), "one that Slack takes alone is not given up"
    assert len(found) == len(names) * (2 if failure.twice else 1)
    assert [len(attempts(scene, name)) > 1 for name in names] == [True] * len(names), "they did share a post"


def text(post: Post) -> str:
    """What a post shows."""
    return json.dumps(post.body.get("blocks") or post.body)


def titles(scene: Scene) -> list[str]:
    """Which messages the channel shows, in order."""
    return [
        title for post in scene.slack.posts("general") for title in re.findall("first|second", str(post.body["text"]))
    ]


def attempts(scene: Scene, title: str) -> list[str]:
    return [kind for kind, _ in _event_log(scene, title)]


def answer(scene: Scene, title: str) -> str:
    return _event_log(scene, title)[0][1]


def _event_log(scene: Scene, title: str) -> Sequence[tuple[str, str]]:
    """Kind and answer of each attempt that is on record for a message."""
    asked = """
        SELECT a.kind, a.answer FROM attempts a
        JOIN deliveries d ON d.id = a.delivery JOIN events e ON e.seq = d.event
        WHERE e.title = ? ORDER BY a.number
    """
    database = sqlite3.connect(scene.database.removeprefix("sqlite:///"))
    try:
        return database.execute(asked, (title,)).fetchall()
    finally:
        database.close()


@asynccontextmanager
async def broken(
    scene: Scene, way: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Break the scene's way to Slack; yield a function that fixes it."""

    async def nothing() -> None:
        pass

    if not way:
        yield nothing
        return
    names = Names()
    async with open_session(names, trust=trusting()) as session, Door(scene.slack) as door:
        scene.deps = replace(scene.deps, poster=Poster(session, scene.clock))
        scene.urls["general"] = door.url("general", "https")

        async def hint() -> None:
            names.known = True
            monkeypatch.delenv("HTTPS_PROXY", raising=False)
            await door.open("slack.pem")

        match way:
            case "no name":
                names.known = False
            case "a stranger":
                await door.open("stranger.pem")
            case "no TLS":
                await door.open()
            case "no proxy":
                monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port()}")
        yield hint
        for worker in scene.workers:
            worker.cancel()
        await asyncio.gather(*scene.workers, return_exceptions=True)


def test_the_table_in_the_docs_has_these_failures_in_this_order() -> None:
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    start = lines.index(next(line for line in lines if line.startswith("| trouble |")))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        name, _, _, twice = (cell.strip() for cell in line.strip("| ").split(" | "))
        rows.append((name, twice.strip("*").startswith("yes")))
    assert rows == [(failure.name, failure.twice) for failure in FAILURES]
