"""What is wrong with routes and templates, found before anybody is told: every template against every sample."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.config.diagnostics import Finding as Finding
from bridge.config.diagnostics import Level
from bridge.config.diagnostics import finding_of as finding_of
from bridge.lint.hints import said
from bridge.lint.sample_runs import SampleRun, SampleRuns, StandIn, dependents, named, run_samples
from bridge.lint.source_locations import origin
from bridge.lint.template_checks import Fault, faults
from bridge.lint.undefined_fields import undefined_fields
from bridge.lint.warnings import doubts
from bridge.live.snapshot import Snapshot, template_faults
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
    recorded: Sequence[SampleRun] = ()
    """What came of the recorded bodies that stood in for samples."""

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def notes(self) -> int:
        """How many of the findings are notes."""
        return len(self.findings) - self.errors


def check(snapshot: Snapshot, stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Look at everything that needs neither network nor secrets."""
    trials = run_samples(snapshot, None, stand_ins)
    findings = [
        *_of_templates(snapshot, trials, None),
        *(finding_of(fault) for fault in template_faults(snapshot.routes, snapshot.templates)),
        *_of_conditions(snapshot, trials),
        *_unmatched(snapshot, trials.matched),
        *_unused(snapshot, trials, snapshot.templates.names()),
    ]
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    return _checked(findings, trials, len(snapshot.templates.names()), recorded)


def check_templates(snapshot: Snapshot, names: Collection[str], stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Look at these templates, and at all that extend, include or import them: what a change of their text can break.

    What is wrong elsewhere is left out. Fast enough to be asked as somebody types.
    """
    concerned = set[str]().union(*(dependents(snapshot.templates, name) for name in names))
    snapshot = replace(snapshot, templates=compiled(snapshot.templates, concerned))
    trials = run_samples(snapshot, concerned, stand_ins)
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    findings = [
        *_of_templates(snapshot, trials, concerned),
        *_not_reached(trials, {*names} & {*snapshot.templates.names()}),
        *(
            Finding("note", file, None, "none of these templates gets the event of this body")
            for file in recorded - {trial.sample for trial in trials.trials}
        ),
    ]
    return _checked(findings, trials, len(concerned), recorded)


def _checked(
    findings: Iterable[Finding], trials: SampleRuns, templates: int, recorded: Collection[str] = ()
) -> Checked:
    in_order = sorted(set(findings), key=lambda f: (f.level, f.where, f.line or 0, f.what))
    of_recorded = [trial for trial in trials.trials if trial.sample in recorded]
    return Checked(in_order, templates, len(trials.trials), len(trials.samples), of_recorded)


def _of_templates(snapshot: Snapshot, trials: SampleRuns, names: Collection[str] | None) -> Iterator[Finding]:
    told = faults(snapshot.templates, names)
    yield from (_finding("error", fault) for fault in told)
    for doubt in doubts(snapshot.templates, names):
        yield _finding("note", doubt)
    yield from _of_failures(trials, {f"{fault.file}:{fault.line}" for fault in told})
    yield from _of_limits(snapshot, trials)
    for fault in undefined_fields(trial.meter for trial in trials.trials):
        if (names is None or fault.file in names) and not (trials.cut_off and _is_open(fault.file, trials)):
            yield _finding("error", fault)


def _is_open(file: str, trials: SampleRuns) -> bool:
    """Whether samples that were not tried might have the fields of a file."""
    return file in trials.cut_off or file.rpartition("/")[2].startswith("_")


def _of_failures(trials: SampleRuns, told: Collection[str]) -> Iterator[Finding]:
    """What goes wrong in rendering, but at lines of which something is told already: that is why."""
    failed: dict[str, list[str]] = {}
    for trial in trials.trials:
        fault = trial.rendered.fault
        if fault and fault.partition(": ")[0] not in told:
            failed.setdefault(fault, []).append(trial.sample)
    for fault, samples in failed.items():
        found = finding_of(fault)
        what, hint = said(found.what)
        yield Finding("error", f"templates/{found.where}", found.line, f"fails for {named(samples)}: {what}", hint)


def _of_limits(snapshot: Snapshot, trials: SampleRuns) -> Iterator[Finding]:
    broken: dict[tuple[str, int, str], tuple[str, list[str]]] = {}
    for trial in trials.trials:
        if message := trial.rendered.message:
            for problem in problems(message):
                place = (*origin(snapshot.templates, trial.template, message, problem), _NUMBERS.sub("", problem))
                broken.setdefault(place, (problem, []))[1].append(trial.sample)
    for (file, line, _), (problem, samples) in broken.items():
        what = f"breaks a limit of Slack for {named(samples)}: {problem}"
        yield Finding("error", f"templates/{file}", line, what)


def _of_conditions(snapshot: Snapshot, trials: SampleRuns) -> Iterator[Finding]:
    failed: dict[tuple[str, str], list[str]] = {}
    for route, sample, why in trials.failed:
        failed.setdefault((route, why), []).append(sample)
    for (route, why), samples in failed.items():
        where = snapshot.routes.where_route(route, "when")
        yield finding_of(f"{where}: the condition cannot be evaluated for {named(samples)}: {why}")


def _finding(level: Level, fault: Fault) -> Finding:
    return Finding(level, f"templates/{fault.file}", fault.line, fault.what, fault.hint)


def _unmatched(snapshot: Snapshot, matched: Collection[str]) -> Iterator[Finding]:
    for route in snapshot.routes.routes:
        if route.enabled and route.name not in matched:
            where = snapshot.routes.where_route(route.name, "events")
            yield finding_of(f"{where}: no sample event can match the route {route.name!r}", "note")


def _unused(snapshot: Snapshot, trials: SampleRuns, names: Collection[str]) -> Iterator[Finding]:
    excused = {route.template for route in snapshot.routes.routes}  # whose conditions samples may not meet
    excused |= {name for name in names if name.rpartition("/")[2] == "default.j2"}  # for types without a sample
    return _not_reached(trials, {*names} - excused)


def _not_reached(trials: SampleRuns, names: Collection[str]) -> Iterator[Finding]:
    for name in sorted({*names} - trials.templates - trials.cut_off):
        yield Finding("note", f"templates/{name}", None, "no sample event is served by this template")
