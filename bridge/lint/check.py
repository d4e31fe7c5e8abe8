"""What is wrong with routes and templates, found before anybody is told: every template against every sample."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.config.diagnostics import Finding as Finding
from bridge.config.diagnostics import Level
from bridge.config.diagnostics import finding_of as finding_of
from bridge.lint.hints import said
from bridge.lint.sample_runs import StandIn, Trial, Trials, dependents, named, run_trials
from bridge.lint.source_locations import origin
from bridge.lint.template_checks import Fault, faults
from bridge.lint.undefined_fields import undefined_fields
from bridge.lint.warnings import doubts
from bridge.live.snapshot import Running, template_faults
from bridge.messages.limits import problems
from bridge.messages.render import compiled

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what was found, errors first."""

    findings: Sequence[Finding]
    templates: int
    rendered: int
    samples: int
    recorded: Sequence[Trial] = ()
    """What came of the recorded bodies that stood in for samples."""

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def notes(self) -> int:
        """How many of the findings are notes."""
        return len(self.findings) - self.errors


def check(running: Running, stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Look at everything that needs neither network nor secrets."""
    trials = run_trials(running, None, stand_ins)
    findings = [
        *_of_templates(running, trials, None),
        *(finding_of(fault) for fault in template_faults(running.routes, running.templates)),
        *_of_conditions(running, trials),
        *_unmatched(running, trials.matched),
        *_unused(running, trials, running.templates.names()),
    ]
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    return _checked(findings, trials, len(running.templates.names()), recorded)


def check_templates(running: Running, names: Collection[str], stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Look at these templates, and at all that extend, include or import them: what a change of their text can break.

    What is wrong elsewhere is left out. Fast enough to be asked as somebody types.
    """
    concerned = set[str]().union(*(dependents(running.templates, name) for name in names))
    running = replace(running, templates=compiled(running.templates, concerned))
    trials = run_trials(running, concerned, stand_ins)
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    findings = [
        *_of_templates(running, trials, concerned),
        *_not_reached(trials, {*names} & {*running.templates.names()}),
        *(
            Finding("note", file, None, "none of these templates gets the event of this body")
            for file in recorded - {trial.sample for trial in trials.trials}
        ),
    ]
    return _checked(findings, trials, len(concerned), recorded)


def _checked(findings: Iterable[Finding], trials: Trials, templates: int, recorded: Collection[str] = ()) -> Checked:
    in_order = sorted(set(findings), key=lambda f: (f.level, f.where, f.line or 0, f.what))
    of_recorded = [trial for trial in trials.trials if trial.sample in recorded]
    return Checked(in_order, templates, len(trials.trials), len(trials.samples), of_recorded)


def _of_templates(running: Running, trials: Trials, names: Collection[str] | None) -> Iterator[Finding]:
    told = faults(running.templates, names)
    yield from (_finding("error", fault) for fault in told)
    for doubt in doubts(running.templates, names):
        yield _finding("note", doubt)
    yield from _of_failures(trials, {f"{fault.file}:{fault.line}" for fault in told})
    yield from _of_limits(running, trials)
    for fault in undefined_fields(trial.meter for trial in trials.trials):
        if (names is None or fault.file in names) and not (trials.cut_off and _is_open(fault.file, trials)):
            yield _finding("error", fault)


def _is_open(file: str, trials: Trials) -> bool:
    """Whether samples that were not tried might have the fields of a file."""
    return file in trials.cut_off or file.rpartition("/")[2].startswith("_")


def _of_failures(trials: Trials, told: Collection[str]) -> Iterator[Finding]:
    """What goes wrong in rendering, but at lines of which something is told already: that is why."""
    failed: dict[str, list[str]] = {}
    for trial in trials.trials:
        fault = trial.rendered.fault
        if fault and fault.partition(": ")[0] not in told:
            failed.setdefault(fault, []).append(trial.sample)
    for fault, samples in failed.items():
        found = finding_of(fault)
        what, mend = said(found.what)
        yield Finding("error", f"templates/{found.where}", found.line, f"fails for {named(samples)}: {what}", mend)


def _of_limits(running: Running, trials: Trials) -> Iterator[Finding]:
    broken: dict[tuple[str, int, str], tuple[str, list[str]]] = {}
    for trial in trials.trials:
        if message := trial.rendered.message:
            for problem in problems(message):
                place = (*origin(running.templates, trial.template, message, problem), _NUMBERS.sub("", problem))
                broken.setdefault(place, (problem, []))[1].append(trial.sample)
    for (file, line, _), (problem, samples) in broken.items():
        what = f"breaks a limit of Slack for {named(samples)}: {problem}"
        yield Finding("error", f"templates/{file}", line, what)


def _of_conditions(running: Running, trials: Trials) -> Iterator[Finding]:
    failed: dict[tuple[str, str], list[str]] = {}
    for route, sample, why in trials.failed:
        failed.setdefault((route, why), []).append(sample)
    for (route, why), samples in failed.items():
        where = running.routes.where_route(route, "when")
        yield finding_of(f"{where}: the condition cannot be evaluated for {named(samples)}: {why}")


def _finding(level: Level, fault: Fault) -> Finding:
    return Finding(level, f"templates/{fault.file}", fault.line, fault.what, fault.mend)


def _unmatched(running: Running, matched: Collection[str]) -> Iterator[Finding]:
    for route in running.routes.routes:
        if route.enabled and route.name not in matched:
            where = running.routes.where_route(route.name, "events")
            yield finding_of(f"{where}: no sample event can match the route {route.name!r}", "note")


def _unused(running: Running, trials: Trials, names: Collection[str]) -> Iterator[Finding]:
    excused = {route.template for route in running.routes.routes}  # whose conditions samples may not meet
    excused |= {name for name in names if name.rpartition("/")[2] == "default.j2"}  # for types without a sample
    return _not_reached(trials, {*names} - excused)


def _not_reached(trials: Trials, names: Collection[str]) -> Iterator[Finding]:
    for name in sorted({*names} - trials.templates - trials.cut_off):
        yield Finding("note", f"templates/{name}", None, "no sample event is served by this template")
