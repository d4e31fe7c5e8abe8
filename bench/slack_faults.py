"""Count copies, dead messages and lost layouts while Slack is slow or fails for some requests only.

    python bench/slack_faults.py

Four real services on loopback run at the same time, each with a simulated Slack of its own. Ends by itself after at
most three minutes; messages that still wait then are counted as waiting.
"""

import asyncio
import json
import re
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from memory import send, service

from tests.slack.behaviours import partly, slow_but_shown
from tests.slack.simulator import Behaviour, Late, Plan, SlackSimulator

SETTINGS = 'pace = "100/s"\npack = false\ndigest_after = false'
"""Each message has a post of its own, at once, so that each copy is one of Slack's doing."""
AT_MOST = 160.0
"""Seconds of one scenario."""
NUMBER = re.compile(r"#(9\d{4})\b")


@dataclass(frozen=True, slots=True)
class Scenario:
    """A way in which Slack fails, by channel."""

    title: str
    channels: int
    messages: int
    """Messages to each channel."""
    behave: Callable[[str], Behaviour | Plan]


SCENARIOS = (
    Scenario("Slack shows each post, answers it after 7 s, and probes at once", 1, 3, lambda _: slow_but_shown(7)),
    Scenario("half of all requests are answered 502", 20, 20, lambda name: partly(0.5, name)),
    Scenario("Slack answers ok after 4 s, 30 channels", 30, 3, lambda _: Late(4)),
    Scenario("Slack answers ok after 3 s, 60 channels", 60, 3, lambda _: Late(3)),
)


async def run(scenario: Scenario) -> str:
    """Run a scenario until nothing waits, and return its figures."""
    names = [f"channel{n}" for n in range(scenario.channels)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
            for name in names:
                slack.always(name, scenario.behave(name))
            webhooks = {name: slack.webhook(name) for name in names}
            async with service(folder, webhooks, client, SETTINGS) as (_, base, _):
                begun = time.monotonic()
                for number in range(scenario.messages):
                    await send(client, base, 90_000 + number, 0)
                states = await _settled(folder / "bridge.db")
                took = time.monotonic() - begun
            posts = [(name, post.body) for name in names for post in slack.posts(name)]
    copies = Counter((name, NUMBER.findall(json.dumps(body))[0]) for name, body in posts)
    plain = {(name, NUMBER.findall(json.dumps(body))[0]) for name, body in posts if not has_layout(body)}
    return (
        f"{scenario.title}: {scenario.channels * scenario.messages} messages, {len(copies)} shown"
        f" ({sum(each == 2 for each in copies.values())} twice, {sum(each > 2 for each in copies.values())} more often,"
        f" at most {max(copies.values(), default=0)} times), {len(plain)} without their layout,"
        f" {states.get('dead', 0)} dead, {states.get('waiting', 0)} waiting, after {took:.0f} s"
    )


def has_layout(body: Mapping[str, object]) -> bool:
    """Return whether a message has more than its text."""
    return bool(body.get("blocks") or body.get("attachments"))


async def _settled(file: Path) -> Mapping[str, int]:
    """Wait until nothing waits, at most for a while, and count the deliveries by state."""
    for _ in range(int(AT_MOST * 2)):
        if not _states(file).get("waiting"):
            break
        await asyncio.sleep(0.5)
    return _states(file)


def _states(file: Path) -> Mapping[str, int]:
    """Count the deliveries of a store by state."""
    database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return dict(database.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall())
    finally:
        database.close()


async def main(say: Callable[[str], object]) -> None:
    """Run all scenarios and print."""
    for line in await asyncio.gather(*map(run, SCENARIOS)):
        say(line)


if __name__ == "__main__":
    asyncio.run(main(lambda line: sys.stdout.write(line + "\n")))
