"""The demo: a real bridge, a simulated Slack, and four providers that play their parts over real HTTP."""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bridge.config.names import channel_variable, secret_variable
from bridge.config.settings import load_settings
from bridge.core.payload import list_at, text_at
from bridge.demo import curl
from bridge.demo.scenarios import CHANNELS, PUBLIC_URL, SECRETS, SLOW_CHANNEL, Act, acts
from bridge.demo.slack_simulator import Rate, SlackSimulator, limited
from bridge.live.snapshot import load_snapshot
from bridge.messages import Message
from bridge.messages.terminal import framed
from bridge.service.service import Service
from bridge.store import Query

PATIENCE = 30.0
"""Seconds that a message may take: far more than it does."""


@dataclass(frozen=True, slots=True)
class Played:
    """An act, and what became of it."""

    act: Act
    status: int
    became: str

    @property
    def as_expected(self) -> bool:
        """Whether the bridge did what it must."""
        return self.status == self.act.status and self.became == self.act.became


async def run(console: Console, stay: bool) -> bool:
    """Play, print, and return whether every line is as expected. With ``stay``, go on until interrupted."""
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder:
        async with SlackSimulator(rate=Rate()) as slack:
            service = await _started(Path(folder), slack)
            host, port = service.address
            console.print(f"A bridge listens on http://{host}:{port}, and a simulated Slack on {slack.base}.\n")
            try:
                played = await _play(console, service, slack)
                console.print(_table(played))
                good = all(line.as_expected for line in played)
                console.print(_sum(played))
                if stay:
                    console.print(curl.lines(f"http://{host}:{port}", time.time()), soft_wrap=True)
                    await _show_what_comes(console, slack)
            finally:
                await service.stop()
    return good


async def _started(folder: Path, slack: SlackSimulator) -> Service:
    environ = {
        "BRIDGE_PORT": "0",
        "BRIDGE_STORE": f"sqlite:///{folder}/bridge.db",
        "BRIDGE_ROUTES": str(Path(__file__).with_name("routes.toml")),
        "BRIDGE_PUBLIC_URL": PUBLIC_URL,
        "BRIDGE_SLACK_HOSTS": json.dumps(["127.0.0.1"]),
        **{secret_variable(name): secret for name, secret in SECRETS.items()},
        **{channel_variable(name): slack.webhook(name) for name in CHANNELS},
    }
    settings, _ = load_settings(environ, dotenv=folder / "none", secrets_dir=folder / "none")
    service = Service(settings, load_snapshot(settings))
    await service.start()
    return service


async def _play(console: Console, service: Service, slack: SlackSimulator) -> list[Played]:
    slack.script(SLOW_CHANNEL, limited(1))
    played: list[Played] = []
    expected = dict.fromkeys(CHANNELS, 0)
    async with aiohttp.ClientSession() as session:
        for act in acts(time.time()):
            status, event = await _send(session, service, act)
            channel = act.became.partition("#")[2].partition(",")[0]
            if channel:
                expected[channel] += 1
                posts = await slack.wait_for(channel, expected[channel], PATIENCE)
                console.print(framed(as_message(posts[-1].body), channel))
            played.append(Played(act, status, await _became(service, status, event, act)))
    return played


async def _send(session: aiohttp.ClientSession, service: Service, act: Act) -> tuple[int, dict[str, object]]:
    """Send a request as the proxy in front would pass it on. Twilio's answer is no JSON: then it is empty."""
    host, port = service.address
    target = urlsplit(act.request.url)
    url = f"http://{host}:{port}{target.path}" + (f"?{target.query}" if target.query else "")
    async with session.request(
        act.request.method, url, data=act.request.body or None, headers=dict(act.request.headers)
    ) as response:
        answer = await response.json() if response.content_type == "application/json" else {}
        return response.status, answer


async def _became(service: Service, status: int, answer: dict[str, object], act: Act) -> str:
    """What became of a request, as the ledger and the answer tell it."""
    if status != 200:
        return "turned away"
    said = text_at(answer, "status")
    if said == "duplicate":
        return "known already: duplicate"
    rows = await service.store.find(Query(source=act.provider, limit=100))
    rows = [row for row in rows if row.type == act.type]
    if said == "ignored" or not rows:
        return "ignored"
    row = rows[0]
    async with asyncio.timeout(PATIENCE):
        while row.state == "waiting":
            # Slack shows a message a moment before its delivery is on record.
            await asyncio.sleep(0.01)
            row = next(r for r in await service.store.find(Query(event=row.event)) if r.delivery == row.delivery)
    tries = f", at the {'second' if row.attempts == 2 else f'{row.attempts}th'} try" if row.attempts > 1 else ""
    return f"{row.state} to #{row.channel}{tries}" if row.state == "delivered" else f"{row.state}: {row.reason}"


def as_message(body: object) -> Message:
    """A post that Slack took, as a message again."""
    return Message(text_at(body, "text"), list_at(body, "blocks"), list_at(body, "attachments"))  # type: ignore[arg-type]  # Slack took them


def _table(played: Sequence[Played]) -> Table:
    table = Table(title="What came in, and what became of it", title_justify="left", title_style="bold")
    for column in ("provider", "event", "request", "answer", "what became of it", ""):
        table.add_column(column)
    for line in played:
        act = line.act
        table.add_row(
            act.provider,
            act.type,
            Text(act.told or "signed", "" if act.told else "dim"),
            str(line.status),
            line.became,
            Text("✓", "green") if line.as_expected else Text(f"✗ expected {act.status}, {act.became}", "red"),
        )
    return table


def _sum(played: Sequence[Played]) -> Text:
    wrong = sum(not line.as_expected for line in played)
    if wrong:
        return Text(f"{wrong} of {len(played)} lines are not as expected.", "bold red")
    return Text(f"All {len(played)} lines are as expected.", "bold green")


async def _show_what_comes(console: Console, slack: SlackSimulator) -> None:
    """Draw each new message as it is posted, until interrupted."""
    seen = {channel: len(slack.posts(channel)) for channel in CHANNELS}

    async def follow(channel: str) -> None:
        while True:
            posts = await slack.wait_for(channel, seen[channel] + 1, within=10**9)
            for post in posts[seen[channel] :]:
                console.print(framed(as_message(post.body), channel))
            seen[channel] = len(posts)

    await asyncio.gather(*(follow(channel) for channel in CHANNELS))
