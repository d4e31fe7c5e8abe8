"""`bridge check`."""

import gc
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import typer
from rich.text import Text

from bridge.cli.errors import NO, WRONG, complain, out
from bridge.cli.loading import not_compiled, read_settings, without_secrets
from bridge.cli.payloads import stand_ins
from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity, error, note
from bridge.config.errors import ConfigurationError, suggestion
from bridge.config.names import secret_variable
from bridge.config.packaged import packaged_templates
from bridge.config.settings import Settings
from bridge.lint.check import Checked, check_templates
from bridge.lint.check import check as look
from bridge.lint.sample_runs import SampleRun
from bridge.lint.template_ast import sharing_trees
from bridge.live.snapshot import Snapshot
from bridge.live.startup_checks import startup_errors
from bridge.messages.templates import Templates
from bridge.sources import PROVIDERS

_NOTHING = Checked((), 0, 0, 0)


def check(
    files: Sequence[str], *, strict: bool, env: bool, as_json: bool, payloads: Sequence[Path], event: str | None
) -> None:
    """Print the diagnostics, errors first; exit status 1 if there are errors (with ``strict``, also notes).

    With ``files``, templates by name or path, check nothing else.
    """
    gc.disable()  # thousands of trees live until the command ends: collecting took a tenth of its time
    started = time.monotonic()
    try:
        settings = read_settings()
    except ConfigurationError as wrong:
        _end(wrong, as_json=as_json, seconds=time.monotonic() - started)
    checked = _NOTHING
    try:
        with sharing_trees():
            if files:
                snapshot = not_compiled(settings)
                names = [_template(file, snapshot.templates, settings) for file in files]
                checked = check_templates(snapshot, names, stand_ins(payloads, event, snapshot))
            else:
                snapshot = without_secrets(settings)
                checked = look(snapshot, stand_ins(payloads, event, snapshot))
        of_settings = _of_settings(settings, snapshot, env=env) if env or not files else []
        diagnostics = sorted([*checked.diagnostics, *of_settings], key=lambda one: one.severity)
    except _NoSuchTemplateError as wrong:
        _end(wrong, as_json=as_json, seconds=time.monotonic() - started)
    except ConfigurationError as wrong:
        diagnostics = [*wrong.diagnostics]
    seconds = time.monotonic() - started
    if as_json:
        _print_json(checked, diagnostics, seconds)
    else:
        _print(checked, diagnostics, seconds)
    if (strict and diagnostics) or _errors(diagnostics):
        raise typer.Exit(NO)


def _end(wrong: ConfigurationError, *, as_json: bool, seconds: float) -> NoReturn:
    if as_json:
        _print_json(_NOTHING, wrong.diagnostics, seconds)
    complain(wrong.diagnostics)
    raise typer.Exit(WRONG)


class _NoSuchTemplateError(ConfigurationError):
    """The named file is not among the loaded templates."""


def _template(given: str, templates: Templates, settings: Settings) -> str:
    """Return the name of a template, given by name or by the path of its file.

    Raises _NoSuchTemplateError, also for a packaged file that the operator's file replaces: no event gets it.
    """
    known = {*templates.sources, *templates.errors}
    if os.path.isfile(given):  # noqa: PTH113 - to a Path, a name may be too long to ask
        path = Path(given)
        same = [name for name in known if (own := _loaded_from(name, settings)).exists() and own.samefile(path)]
        if same:
            return max(same, key=lambda name: path.absolute().as_posix().endswith("/" + name))
        message, hint = (
            f"the file {given!r} is not a loaded template",
            "those are in BRIDGE_TEMPLATES, else ./templates",
        )
        raise _NoSuchTemplateError([error(Code.TEMPLATE_NOT_FOUND, message, hint)])
    if given in known:
        return given
    hint = suggestion(given.removeprefix("templates/"), known, "`bridge init` copies all templates")
    raise _NoSuchTemplateError([error(Code.TEMPLATE_NOT_FOUND, f"there is no template {given!r}", hint)])


def _loaded_from(name: str, settings: Settings) -> Path:
    own = settings.templates_folder and settings.templates_folder / name
    return own if own and own.exists() else packaged_templates() / name


def _of_settings(settings: Settings, snapshot: Snapshot, *, env: bool) -> list[Diagnostic]:
    if env:
        return startup_errors(settings, snapshot.routes, PROVIDERS)
    hint = "set it to receive webhooks from this source"
    return [
        note(Code.SOURCE_OFF, f"is not set, so the source {name} is off", hint, file=secret_variable(name))
        for name in snapshot.routes.source_names(PROVIDERS)
        if not settings.secrets_of(name)
    ]


def _print(checked: Checked, diagnostics: Sequence[Diagnostic], seconds: float) -> None:
    console = out()
    for one in diagnostics:
        line = Text(f"{one.severity}: ", "bold red" if one.severity is Severity.ERROR else "yellow")
        console.print(line.append(str(one)))
    for run in checked.recorded:
        console.print(f"{run.sample}: {_outcome(run)}")
    errors = _errors(diagnostics)
    looked_at = ", ".join(
        _number(number, what)
        for number, what in (
            (checked.templates, "template"),
            (checked.samples, "sample"),
            (checked.rendered, "message"),
        )
    )
    if checked is _NOTHING:
        looked_at = "stopped there"
    counted = f"{_number(errors, 'error')}, {_number(len(diagnostics) - errors, 'note')}"
    console.print(Text(f"{counted} ({looked_at}, {seconds:.1f} s)", "bold red" if errors else "bold green"))


def _outcome(run: SampleRun) -> str:
    if run.rendered.error:
        return f"{run.template} fails, and the fallback is posted"
    if run.rendered.message is None:
        return f"{run.template} sends nothing: {run.rendered.skip}"
    return f"{run.template} sends {run.rendered.message.text!r}"


def _print_json(checked: Checked, diagnostics: Sequence[Diagnostic], seconds: float) -> None:
    """Print the result in the shape of docs/templates.md, "Check and look": scripts depend on it."""
    errors = _errors(diagnostics)
    result = {
        "findings": [asdict(one) for one in diagnostics],
        "errors": errors,
        "notes": len(diagnostics) - errors,
        "templates": checked.templates,
        "samples": checked.samples,
        "messages": checked.rendered,
        "seconds": round(seconds, 3),
        "payloads": [
            {
                "file": run.sample,
                "template": run.template,
                "text": run.rendered.message.text if run.rendered.message else "",
                "skip": run.rendered.skip,
                "fault": str(run.rendered.error or ""),
            }
            for run in checked.recorded
        ],
    }
    typer.echo(json.dumps(result, indent=2, ensure_ascii=False))


def _errors(diagnostics: Sequence[Diagnostic]) -> int:
    return sum(one.severity is Severity.ERROR for one in diagnostics)


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
