"""`bridge explain`."""

import time
from pathlib import Path

import typer
from rich.text import Text

from bridge.cli.errors import NO, out, refuse
from bridge.cli.last_states import expectations
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.cli.samples import provider_of, recorded
from bridge.config.errors import ConfigurationError
from bridge.messages.choice import choose
from bridge.routing.decide import RouteVerdict, decide
from bridge.samples import Sample, sample_event
from bridge.sources import Malformed, line_of

_UNTYPED = ("", "unknown")
"""Types of a body that does not name its event type."""


def explain(source: str, payload: Path, event_type: str | None) -> None:
    """Print the routes and deliveries of a recorded body. Status 1 if no route matches."""
    settings = settings_or_end()
    try:
        snapshot = without_secrets(settings)
    except ConfigurationError as error:
        refuse(error.diagnostics)
    provider = provider_of(source, snapshot)
    body = recorded(payload, provider)
    try:
        event = sample_event(Sample(provider, event_type or "", payload, body), source, time.time(), body)
    except (Malformed, IndexError) as error:
        refuse([f"{payload}: is not a body of {provider}: {error}"])
    if event_type is None and event.type in _UNTYPED:
        refuse([f"{payload}: does not name its event type: add --type, e.g. --type orders/create"])
    decision = decide(event, snapshot.routes)
    console = out()
    console.print(Text(f"{event.source}/{event.type}", "bold").append(f": {line_of(event)}", "not bold"))
    for route in decision.routes:
        console.print(route_verdict(route))
    by_state = expectations(settings, event.source, decision.deliveries)
    for planned, expectation in zip(decision.deliveries, by_state, strict=True):
        template = planned.template or choose(event, snapshot.templates)
        what = f"{planned.state}, {planned.reason}" if planned.reason else expectation
        console.print(f"→ #{planned.channel}, template {template}{f': {what}' if what else ''}")
    if not decision.deliveries:
        console.print("→ nowhere: no route matches")
        raise typer.Exit(NO)


def route_verdict(route: RouteVerdict) -> Text:
    """Format a route's verdict, with a line for each of its conditions."""
    line = Text("✓ " if route.matched else "✗ ", "green" if route.matched else "red").append(route.route, "bold")
    for verdict in route.verdicts:
        mark, style = ("✓", "green") if verdict.met else ("✗", "red")
        text = f"{verdict.condition}: {verdict.detail}" if verdict.detail else verdict.condition
        line.append(f"\n    {mark} ", style).append(text, "default")
    return line
