"""The demo: a real bridge, a simulated Slack, and requests from four providers over real HTTP."""

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
from bridge.core.states import DeliveryState
from bridge.demo import curl
from bridge.demo.scenarios import CHANNELS, PUBLIC_URL, SECRETS, SLOW_CHANNEL, Scenario, scenarios
from bridge.demo.slack_simulator import Rate, SlackSimulator, rate_limited
from bridge.live.snapshot import load_snapshot
from bridge.messages import Message
from bridge.messages.terminal import framed
from bridge.service.service import Service
from bridge.store import Query

TIMEOUT = 30.0
"""Seconds to wait for a message: far longer than it takes."""


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scenario and its result."""

    scenario: Scenario
    status: int
    result: str

    @property
    def as_expected(self) -> bool:
        """True if status and result are the expected ones."""
        return self.status == self.scenario.status and self.result == self.scenario.result


async def run(console: Console, stay: bool) -> bool:
    """Run the scenarios, print them, and return whether all results are as expected.

    With ``stay``, continue until interrupted.
    """
    with tempfile.TemporaryDirectory(prefix="bridge-demo-") as folder:
        async with SlackSimulator(rate=Rate()) as slack:
            service = await _start_service(Path(folder), slack)
            host, port = service.address
            console.print(f"A bridge listens on http://{host}:{port}, and a simulated Slack on {slack.base}.\n")
            try:
                runs = await _play(console, service, slack)
                console.print(_table(runs))
                passed = all(run.as_expected for run in runs)
                console.print(_summary(runs))
                if stay:
                    console.print(curl.curl_commands(f"http://{host}:{port}", time.time()), soft_wrap=True)
                    await _follow_channels(console, slack)
            finally:
                await service.stop()
    return passed


async def _start_service(folder: Path, slack: SlackSimulator) -> Service:
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


async def _play(console: Console, service: Service, slack: SlackSimulator) -> list[ScenarioRun]:
    slack.script(SLOW_CHANNEL, rate_limited(1))
    runs: list[ScenarioRun] = []
    expected_posts = dict.fromkeys(CHANNELS, 0)
    async with aiohttp.ClientSession() as session:
        for scenario in scenarios(time.time()):
            status, event = await _send(session, service, scenario)
            channel = scenario.result.partition("#")[2].partition(",")[0]
            if channel:
                expected_posts[channel] += 1
                posts = await slack.wait_for(channel, expected_posts[channel], TIMEOUT)
                console.print(framed(message_of_post(posts[-1].body), channel))
            runs.append(ScenarioRun(scenario, status, await _result_of(service, status, event, scenario)))
    return runs


async def _send(session: aiohttp.ClientSession, service: Service, scenario: Scenario) -> tuple[int, dict[str, object]]:
    """Send a request as a proxy would forward it. Twilio's answer is not JSON: then it is empty."""
    host, port = service.address
    target = urlsplit(scenario.request.url)
    url = f"http://{host}:{port}{target.path}" + (f"?{target.query}" if target.query else "")
    async with session.request(
        scenario.request.method, url, data=scenario.request.body or None, headers=dict(scenario.request.headers)
    ) as response:
        answer = await response.json() if response.content_type == "application/json" else {}
        return response.status, answer


async def _result_of(service: Service, status: int, answer: dict[str, object], scenario: Scenario) -> str:
    """Return the result of a request, from the event log and the answer."""
    if status != 200:
        return "rejected"
    word = text_at(answer, "status")
    if word == "duplicate":
        return "duplicate"
    rows = await service.store.find(Query(source=scenario.provider, limit=100))
    rows = [row for row in rows if row.type == scenario.type]
    if word == "ignored" or not rows:
        return "ignored"
    row = rows[0]
    async with asyncio.timeout(TIMEOUT):
        while row.state == DeliveryState.WAITING:
            # The simulator shows a message a moment before its delivery is recorded.
            await asyncio.sleep(0.01)
            row = next(r for r in await service.store.find(Query(event=row.event)) if r.delivery == row.delivery)
    tries = f", at the {'second' if row.attempts == 2 else f'{row.attempts}th'} try" if row.attempts > 1 else ""
    return (
        f"{row.state} to #{row.channel}{tries}"
        if row.state == DeliveryState.DELIVERED
        else f"{row.state}: {row.reason}"
    )


def message_of_post(body: object) -> Message:
    """Return an accepted post as a message again."""
    return Message(text_at(body, "text"), list_at(body, "blocks"), list_at(body, "attachments"))  # type: ignore[arg-type]  # Slack accepted them


def _table(runs: Sequence[ScenarioRun]) -> Table:
    table = Table(title="Requests and their results", title_justify="left", title_style="bold")
    for column in ("provider", "event", "request", "answer", "result", ""):
        table.add_column(column)
    for run in runs:
        scenario = run.scenario
        table.add_row(
            scenario.provider,
            scenario.type,
            Text(scenario.note or "signed", "" if scenario.note else "dim"),
            str(run.status),
            run.result,
            Text("✓", "green") if run.as_expected else Text(f"✗ expected {scenario.status}, {scenario.result}", "red"),
        )
    return table


def _summary(runs: Sequence[ScenarioRun]) -> Text:
    wrong = sum(not run.as_expected for run in runs)
    if wrong:
        return Text(f"{wrong} of {len(runs)} lines are not as expected.", "bold red")
    return Text(f"All {len(runs)} lines are as expected.", "bold green")


async def _follow_channels(console: Console, slack: SlackSimulator) -> None:
    """Draw each new message as it is posted, until interrupted."""
    shown = {channel: len(slack.posts(channel)) for channel in CHANNELS}

    async def follow(channel: str) -> None:
        while True:
            posts = await slack.wait_for(channel, shown[channel] + 1, within=10**9)
            for post in posts[shown[channel] :]:
                console.print(framed(message_of_post(post.body), channel))
            shown[channel] = len(posts)

    await asyncio.gather(*(follow(channel) for channel in CHANNELS))
