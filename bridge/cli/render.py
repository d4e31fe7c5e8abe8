"""`bridge render`."""

import json
from pathlib import Path

import typer
from rich.text import Text

from bridge.cli.errors import NO, complain, out, refuse
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.cli.samples import named_event
from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.config.errors import ConfigurationError, suggestion
from bridge.live.template_choice import template_for
from bridge.messages.shared_renderer import render as render_event
from bridge.messages.terminal import show


def render(name: str, payload: Path | None, *, as_json: bool, template: str | None) -> None:
    """Render one event and print the message. Status 1 if the template failed and the fallback is shown."""
    try:
        snapshot = without_secrets(settings_or_end())
    except ConfigurationError as wrong:
        refuse(wrong.diagnostics)
    event = named_event(name, snapshot, payload)
    names = snapshot.templates.names()
    if template is not None and template not in names:
        hint = suggestion(template, names, "`bridge init` copies all templates")
        refuse([error(Code.TEMPLATE_NOT_FOUND, f"there is no template {template!r}", hint)])
    result = render_event(event, snapshot.templates, template or template_for(event, snapshot))
    console = out()
    if result.message is None:
        console.print(f"skipped by the template: {result.skip}  ({result.template})")
        return
    if as_json:
        typer.echo(json.dumps(result.message.body(), indent=2, ensure_ascii=False))
    else:
        console.print(show(result.message))
        console.print(Text(f"{event.type} · {result.template}", "dim"))
    if result.error:
        complain([f"{result.error}; the message above is the fallback"])
        raise typer.Exit(NO)
