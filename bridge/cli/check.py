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
from bridge.config.diagnostics import Finding
from bridge.config.errors import ConfigurationError, nearest
from bridge.config.names import secret_variable
from bridge.config.packaged import packaged_templates
from bridge.config.settings import Settings
from bridge.lint.check import Checked, check_templates, finding_of
from bridge.lint.check import check as look
from bridge.lint.sample_runs import SampleRun
from bridge.lint.template_ast import sharing_trees
from bridge.live.snapshot import Snapshot
from bridge.live.startup_checks import faults_to_serve
from bridge.messages.render import Templates
from bridge.sources import PROVIDERS

_NOTHING = Checked((), 0, 0, 0)


def check(
    files: Sequence[str], *, strict: bool, env: bool, as_json: bool, payloads: Sequence[Path], event: str | None
) -> None:
    """Print what was found, errors first; status 1 if there are any (with ``strict``, notes too).

    With ``files``, templates by name or path, all else is left alone.
    """
    gc.disable()  # it ends soon, and its thousands of trees and messages are no garbage: collecting took a tenth of it
    started = time.monotonic()
    try:
        settings = read_settings()
    except ConfigurationError as error:
        _end(error, as_json=as_json, seconds=time.monotonic() - started)
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
        findings = sorted([*checked.findings, *of_settings], key=lambda f: f.level)
    except _NoSuchTemplateError as error:
        _end(error, as_json=as_json, seconds=time.monotonic() - started)
    except ConfigurationError as error:
        findings = [finding_of(fault) for fault in error.faults]
    seconds = time.monotonic() - started
    if as_json:
        _print_json(checked, findings, seconds)
    else:
        _print(checked, findings, seconds)
    if any(strict or finding.level == "error" for finding in findings):
        raise typer.Exit(NO)


def _end(error: ConfigurationError, *, as_json: bool, seconds: float) -> NoReturn:
    if as_json:
        _print_json(_NOTHING, [finding_of(fault) for fault in error.faults], seconds)
    complain(error.faults)
    raise typer.Exit(WRONG)


class _NoSuchTemplateError(ConfigurationError):
    """What was named is not among the templates that are loaded."""


def _template(given: str, templates: Templates, settings: Settings) -> str:
    """The name of the template that is given by it, or by the path of the file that it was loaded from.

    Raises _NoSuchTemplate; for a file that another one is laid over too, since that is not what anybody would get.
    """
    known = {*templates.sources, *templates.faults}
    if os.path.isfile(given):  # noqa: PTH113 - to a Path, a name may be too long to ask
        path = Path(given)
        same = [name for name in known if (own := _loaded_from(name, settings)).exists() and own.samefile(path)]
        if same:
            return max(same, key=lambda name: path.absolute().as_posix().endswith("/" + name))
        raise _NoSuchTemplateError(
            [f"the file {given!r} is no template that is loaded: those are in BRIDGE_TEMPLATES, or else in ./templates"]
        )
    if given in known:
        return given
    near = nearest(given.removeprefix("templates/"), known)
    raise _NoSuchTemplateError([f"there is no template {given!r}; the nearest is {near!r}"])


def _loaded_from(name: str, settings: Settings) -> Path:
    own = settings.templates_folder and settings.templates_folder / name
    return own if own and own.exists() else packaged_templates() / name


def _of_settings(settings: Settings, snapshot: Snapshot, *, env: bool) -> list[Finding]:
    if env:
        return [finding_of(fault) for fault in faults_to_serve(settings, snapshot.routes, PROVIDERS)]
    return [
        Finding("note", secret_variable(name), None, f"is not set, so the source {name} is off")
        for name in snapshot.routes.source_names(PROVIDERS)
        if not settings.secrets_of(name)
    ]


def _print(checked: Checked, findings: Sequence[Finding], seconds: float) -> None:
    console = out()
    for finding in findings:
        line = Text(f"{finding.level}: ", "bold red" if finding.level == "error" else "yellow")
        console.print(line.append(str(finding)))
    for trial in checked.recorded:
        console.print(f"{trial.sample}: {_outcome(trial)}")
    errors = _errors(findings)
    said = ", ".join(
        _number(number, what)
        for number, what in (
            (checked.templates, "template"),
            (checked.samples, "sample"),
            (checked.rendered, "message"),
        )
    )
    if checked is _NOTHING:
        said = "stopped there"
    counted = f"{_number(errors, 'error')}, {_number(len(findings) - errors, 'note')}"
    console.print(Text(f"{counted} ({said}, {seconds:.1f} s)", "bold red" if errors else "bold green"))


def _outcome(trial: SampleRun) -> str:
    if trial.rendered.fault:
        return f"{trial.template} fails, and the fallback is posted"
    if trial.rendered.message is None:
        return f"{trial.template} sends nothing: {trial.rendered.skip}"
    return f"{trial.template} sends {trial.rendered.message.text!r}"


def _print_json(checked: Checked, findings: Sequence[Finding], seconds: float) -> None:
    """docs/templates.md, "Check and look", tells the shape, which scripts lean on."""
    errors = _errors(findings)
    told = {
        "findings": [asdict(finding) for finding in findings],
        "errors": errors,
        "notes": len(findings) - errors,
        "templates": checked.templates,
        "samples": checked.samples,
        "messages": checked.rendered,
        "seconds": round(seconds, 3),
        "payloads": [
            {
                "file": trial.sample,
                "template": trial.template,
                "text": trial.rendered.message.text if trial.rendered.message else "",
                "skip": trial.rendered.skip,
                "fault": trial.rendered.fault,
            }
            for trial in checked.recorded
        ],
    }
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))


def _errors(findings: Sequence[Finding]) -> int:
    return sum(finding.level == "error" for finding in findings)


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
