"""`bridge check`."""

import time

import typer
from rich.text import Text

from bridge.check import Finding, finding_of
from bridge.check import check as look
from bridge.cli.configured import settings_or_end, without_secrets
from bridge.cli.errors import NO, out
from bridge.configuration import ConfigurationError
from bridge.faults import faults_to_serve
from bridge.names import secret_variable
from bridge.sources import PROVIDERS


def check(*, strict: bool, env: bool) -> None:
    """Print what was found, errors first; status 1 if there are any (with ``strict``, notes too)."""
    started = time.monotonic()
    settings = settings_or_end()
    try:
        running = without_secrets(settings)
        checked = look(running)
        findings = list(checked.findings)
        said = f"{checked.templates} templates, {checked.samples} samples, {checked.rendered} messages"
        if env:
            findings += [finding_of(fault) for fault in faults_to_serve(settings, running.routes, PROVIDERS)]
        else:
            findings += [
                Finding("note", secret_variable(name), None, f"is not set, so the source {name} is off")
                for name in running.routes.source_names(PROVIDERS)
                if not settings.secrets_of(name)
            ]
    except ConfigurationError as error:
        findings, said = [finding_of(fault) for fault in error.faults], "stopped there"
    console = out()
    for finding in findings:
        line = Text(f"{finding.level}: ", "bold red" if finding.level == "error" else "yellow")
        line.append(str(finding))
        console.print(line)
    errors = sum(finding.level == "error" for finding in findings)
    notes = len(findings) - errors
    console.print(
        Text(
            f"{_number(errors, 'error')}, {_number(notes, 'note')} ({said}, {time.monotonic() - started:.1f} s)",
            "bold red" if errors else "bold green",
        )
    )
    if errors or (strict and notes):
        raise typer.Exit(NO)


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
