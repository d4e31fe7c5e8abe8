"""`bridge test`: real messages to the real Slack, marked as tests."""

import asyncio
from collections.abc import Sequence

import typer
from pydantic import SecretStr
from rich.text import Text

from bridge.cli.errors import NO, out, refuse
from bridge.cli.loading import settings_or_end, with_channels
from bridge.cli.samples import named_event
from bridge.config.errors import ConfigurationError, nearest
from bridge.config.names import channel_variable
from bridge.core.clock import SystemClock
from bridge.delivery.outcome import Outcome
from bridge.delivery.slack import Poster, open_session
from bridge.live.snapshot import Snapshot
from bridge.messages import Message
from bridge.messages.render import render
from bridge.routing.decide import decide

NOTE = "This is a test: the event is a sample, and did not happen."
HINTS = {
    "dead_destination": "the webhook is gone: make a new one in Slack and set BRIDGE_CHANNELS__<NAME> to its URL",
    "limited": "Slack wants fewer messages: try again in a minute",
    "away": "Slack cannot be reached from here: look at the network, DNS and HTTPS_PROXY",
    "refused": "Slack refuses the message itself: please report this as a fault of Bridge",
}


def try_channels(names: Sequence[str]) -> None:
    """Send one test message to each channel named, or to every channel that an enabled route uses."""
    snapshot = _snapshot()
    used = list(dict.fromkeys(c for route in snapshot.routes.routes if route.enabled for c in route.channels))
    chosen = list(names) or used
    for name in chosen:
        if name not in snapshot.channels:
            near = f"; the nearest that has one is {nearest(name, snapshot.channels)!r}" if snapshot.channels else ""
            refuse([f"the channel {name!r} has no URL: set {channel_variable(name)}{near}"])
    text = "Test message from Bridge: this channel can be reached."
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f":wave: {text}", "verbatim": True}}
    _send([(name, snapshot.channels[name].url, Message(text, [section])) for name in chosen])


def try_event(name: str) -> None:
    """Send a sample event wherever the real routes would, and nowhere else."""
    snapshot = _snapshot()
    event = named_event(name, snapshot)
    decision = decide(event, snapshot.routes)
    console = out()
    posts: list[tuple[str, SecretStr, Message]] = []
    nowhere = not decision.deliveries
    for planned in decision.deliveries:
        if planned.state != "waiting":
            console.print(f"#{planned.channel}: {planned.state}: {planned.reason}")
            continue
        if planned.channel not in snapshot.channels:
            console.print(f"#{planned.channel}: has no URL: set {channel_variable(planned.channel)}")
            nowhere = True
            continue
        result = render(event, snapshot.templates, planned.template, notes=[NOTE])
        if result.message is None:
            console.print(f"#{planned.channel}: not sent, the template says: {result.skip}")
        else:
            posts.append((planned.channel, snapshot.channels[planned.channel].url, result.message))
    if not decision.deliveries:
        console.print(f"no route wants {event.type} of {event.source}; see {snapshot.routes.file}")
    _send(posts)
    if nowhere:
        raise typer.Exit(NO)


def _snapshot() -> Snapshot:
    try:
        return with_channels(settings_or_end())
    except ConfigurationError as error:
        refuse(error.faults)


def _send(posts: Sequence[tuple[str, SecretStr, Message]]) -> None:
    outcomes = asyncio.run(_posted(posts))
    console = out()
    for (channel, _, _), outcome in zip(posts, outcomes, strict=True):
        good = outcome.kind == "ok"
        line = Text(f"#{channel}: ")
        line.append(
            f"Slack answered {outcome.answer}" if outcome.status else outcome.answer, "green" if good else "red"
        )
        line.append(f" ({outcome.seconds:.2f} s)", "dim")
        if not good:
            line.append(f"; {HINTS[outcome.kind]}")
        console.print(line)
    if any(outcome.kind != "ok" for outcome in outcomes):
        raise typer.Exit(NO)


async def _posted(posts: Sequence[tuple[str, SecretStr, Message]]) -> list[Outcome]:
    outcomes = []
    async with open_session() as session:
        poster = Poster(session, SystemClock())
        for _, url, message in posts:
            outcomes.append(await poster.post(url.get_secret_value(), message.body()))
    return outcomes
