"""`bridge test`: send real messages to Slack, marked as tests."""

import asyncio
from collections.abc import Sequence

import typer
from pydantic import SecretStr
from rich.text import Text

from bridge.cli.errors import NO, out, refuse
from bridge.cli.loading import settings_or_end, with_channels
from bridge.cli.samples import named_event
from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.config.errors import ConfigurationError, nearest
from bridge.config.names import channel_variable
from bridge.core.clock import SystemClock
from bridge.core.states import DeliveryState, OutcomeKind
from bridge.delivery.outcome import Outcome
from bridge.delivery.slack import Poster, open_session
from bridge.live.snapshot import Snapshot
from bridge.messages import Message
from bridge.messages.shared_renderer import render
from bridge.routing.decide import decide

NOTE = "This is a test. The event is a sample and did not happen."
HINTS = {
    OutcomeKind.DESTINATION_GONE: "the webhook is gone: create a new one and set BRIDGE_CHANNELS__<NAME> to its URL",
    OutcomeKind.RATE_LIMITED: "rate limited by Slack: try again in a minute",
    OutcomeKind.UNAVAILABLE: "Slack is unreachable: check the network, DNS and HTTPS_PROXY",
    OutcomeKind.REJECTED: "Slack rejected the message itself: please report this as a bug of Bridge",
}


def send_to_channels(names: Sequence[str]) -> None:
    """Send one test message to each named channel. Default: every channel of an enabled route."""
    snapshot = _snapshot()
    used = list(dict.fromkeys(c for route in snapshot.routes.routes if route.enabled for c in route.channels))
    chosen = list(names) or used
    for name in chosen:
        if name not in snapshot.channels:
            near = nearest(name, snapshot.channels)
            hint = f"set {channel_variable(name)}" + (f", or did you mean `{near}`?" if near else "")
            refuse([error(Code.CHANNEL_WITHOUT_URL, f"channel {name!r} has no URL", hint)])
    text = "Test message from Bridge: this channel works."
    section = {"type": "section", "text": {"type": "mrkdwn", "text": f":wave: {text}", "verbatim": True}}
    _send([(name, snapshot.channels[name].url, Message(text, [section])) for name in chosen])


def send_event(name: str) -> None:
    """Send a sample event to the channels that the real routes choose."""
    snapshot = _snapshot()
    event = named_event(name, snapshot)
    decision = decide(event, snapshot.routes)
    console = out()
    posts: list[tuple[str, SecretStr, Message]] = []
    unsent = not decision.deliveries
    for planned in decision.deliveries:
        if planned.state != DeliveryState.WAITING:
            console.print(f"#{planned.channel}: {planned.state}: {planned.reason}")
            continue
        if planned.channel not in snapshot.channels:
            console.print(f"#{planned.channel}: no URL: set {channel_variable(planned.channel)}")
            unsent = True
            continue
        result = render(event, snapshot.templates, planned.template, notes=[NOTE])
        if result.message is None:
            console.print(f"#{planned.channel}: skipped by the template: {result.skip}")
        else:
            posts.append((planned.channel, snapshot.channels[planned.channel].url, result.message))
    if not decision.deliveries:
        console.print(f"no route matches {event.type} of {event.source}; see {snapshot.routes.file}")
    _send(posts)
    if unsent:
        raise typer.Exit(NO)


def _snapshot() -> Snapshot:
    try:
        return with_channels(settings_or_end())
    except ConfigurationError as wrong:
        refuse(wrong.diagnostics)


def _send(posts: Sequence[tuple[str, SecretStr, Message]]) -> None:
    outcomes = asyncio.run(_post_all(posts))
    console = out()
    for (channel, _, _), outcome in zip(posts, outcomes, strict=True):
        good = outcome.kind == OutcomeKind.OK
        line = Text(f"#{channel}: ")
        line.append(
            f"Slack answered {outcome.answer}" if outcome.status else outcome.answer, "green" if good else "red"
        )
        line.append(f" ({outcome.seconds:.2f} s)", "dim")
        if not good:
            line.append(f"; {HINTS[outcome.kind]}")
        console.print(line)
    if any(outcome.kind != OutcomeKind.OK for outcome in outcomes):
        raise typer.Exit(NO)


async def _post_all(posts: Sequence[tuple[str, SecretStr, Message]]) -> list[Outcome]:
    outcomes = []
    async with open_session() as session:
        poster = Poster(session, SystemClock())
        for _, url, message in posts:
            outcomes.append(await poster.post(url.get_secret_value(), message.body()))
    return outcomes
