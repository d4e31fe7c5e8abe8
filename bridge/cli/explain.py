"""`bridge explain`."""

import time
from pathlib import Path

import typer
from rich.text import Text

from bridge.cli.errors import NO, out, refuse
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.cli.samples import provider_of, recorded
from bridge.config.errors import ConfigurationError
from bridge.messages.render import choose
from bridge.routing.decide import RouteVerdict, decide
from bridge.samples import Sample, sample_event
from bridge.sources import Malformed

_NAMELESS = ("", "unknown")


def explain(source: str, payload: Path, event_type: str | None) -> None:
    """Say what would happen to a recorded body and why; status 1 if no route wants it."""
    try:
        snapshot = without_secrets(settings_or_end())
    except ConfigurationError as error:
        refuse(error.faults)
    provider = provider_of(source, snapshot)
    body = recorded(payload, provider)
    try:
        event = sample_event(Sample(provider, event_type or "", payload, body), source, time.time(), body)
    except (Malformed, IndexError) as error:
        refuse([f"{payload}: is no body that {provider} would send: {error}"])
    if event_type is None and event.type in _NAMELESS:
        refuse([f"{payload}: does not say which event it is: name it with --type, such as --type orders/create"])
    decision = decide(event, snapshot.routes)
    console = out()
    console.print(Text(f"{event.source}/{event.type}", "bold").append(f": {event.title}", "not bold"))
    for answer in decision.routes:
        console.print(verdicts(answer))
    for planned in decision.deliveries:
        template = planned.template or choose(event, snapshot.templates)
        said = f"→ #{planned.channel}, with {template}"
        console.print(f"{said}: {planned.state}, {planned.reason}" if planned.reason else said)
    if not decision.deliveries:
        console.print("→ nowhere: no route wants it")
        raise typer.Exit(NO)


def verdicts(answer: RouteVerdict) -> Text:
    """Whether a route wants an event, and each of its conditions with its verdict."""
    line = Text("✓ " if answer.matched else "✗ ", "green" if answer.matched else "red").append(answer.route, "bold")
    for verdict in answer.verdicts:
        mark, style = ("✓", "green") if verdict.met else ("✗", "red")
        line.append(f"\n    {mark} ", style).append(f"{verdict.condition}: {verdict.detail}", "default")
    return line
