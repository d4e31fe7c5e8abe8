"""Check routes and templates before an event does: render every template with every sample."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity, editing, note
from bridge.lint.sample_runs import SampleRun, SampleRuns, StandIn, dependents, named, run_samples
from bridge.lint.source_locations import origin
from bridge.lint.template_checks import template_errors
from bridge.lint.undefined_fields import undefined_fields
from bridge.lint.unknown_words import unknown_words
from bridge.lint.warnings import template_notes
from bridge.live.snapshot import Snapshot, route_template_errors
from bridge.messages.limits import LimitViolation, limit_violations
from bridge.messages.shared_renderer import compiled
from bridge.messages.templates import Templates

_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of a check, errors first."""

    diagnostics: Sequence[Diagnostic]
    templates: int
    rendered: int
    samples: int
    recorded: Sequence[SampleRun] = ()
    """The runs of recorded bodies."""

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(one.severity is Severity.ERROR for one in self.diagnostics)

    @property
    def notes(self) -> int:
        """The number of notes."""
        return len(self.diagnostics) - self.errors


def check(snapshot: Snapshot, stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Check everything without network and secrets."""
    runs = run_samples(snapshot, None, stand_ins)
    diagnostics = [
        *_of_templates(snapshot, runs, None),
        *route_template_errors(snapshot.routes, snapshot.templates),
        *_of_conditions(snapshot, runs),
        *_stateless(snapshot, runs),
        *_too_late(snapshot, runs),
        *_unmatched(snapshot, runs.matched),
        *_unused(snapshot, runs, snapshot.templates.names()),
    ]
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    return _checked(diagnostics, runs, len(snapshot.templates.names()), recorded)


def check_templates(snapshot: Snapshot, names: Collection[str], stand_ins: Sequence[StandIn] = ()) -> Checked:
    """Check these templates and their dependents: everything that a change of them can break.

    Leave out errors of other files. Fast enough to run while an author types.
    """
    concerned = set[str]().union(*(dependents(snapshot.templates, name) for name in names))
    snapshot = replace(snapshot, templates=compiled(snapshot.templates, concerned))
    runs = run_samples(snapshot, concerned, stand_ins)
    recorded = {str(stand_in.sample.path) for stand_in in stand_ins}
    hint = "name the template that serves it, or run `bridge check` without names"
    diagnostics = [
        *_of_templates(snapshot, runs, concerned),
        *_not_reached(snapshot.templates, runs, {*names} & {*snapshot.templates.names()}),
        *(
            note(Code.PAYLOAD_UNMATCHED, "none of these templates gets the event of this body", hint, file=file)
            for file in recorded - {run.sample for run in runs.runs}
        ),
    ]
    return _checked(diagnostics, runs, len(concerned), recorded)


def _checked(
    diagnostics: Iterable[Diagnostic], runs: SampleRuns, templates: int, recorded: Collection[str] = ()
) -> Checked:
    of_recorded = [run for run in runs.runs if run.sample in recorded]
    return Checked(sorted(set(diagnostics)), templates, len(runs.runs), len(runs.samples), of_recorded)


def _of_templates(snapshot: Snapshot, runs: SampleRuns, names: Collection[str] | None) -> Iterator[Diagnostic]:
    errors = template_errors(snapshot.templates, names)
    yield from errors
    yield from template_notes(snapshot.templates, names)
    yield from unknown_words(snapshot.templates, names)
    yield from _of_failures(runs, {(error.file, error.line) for error in errors})
    yield from _of_limits(snapshot, runs)
    for name, fields in undefined_fields(snapshot.templates, (run.rendered for run in runs.runs)).items():
        if (names is None or name in names) and not (runs.cut_off and _is_open(name, runs)):
            yield from fields


def _is_open(name: str, runs: SampleRuns) -> bool:
    """Return whether samples without a rendering may have the fields of a template."""
    return name in runs.cut_off or name.rpartition("/")[2].startswith("_")


def _of_failures(runs: SampleRuns, known: Collection[tuple[str, int | None]]) -> Iterator[Diagnostic]:
    """Yield the failures of rendering, except at lines with a known error, the cause."""
    failed: dict[Diagnostic, list[str]] = {}
    for run in runs.runs:
        error = run.rendered.error
        if error and (error.file, error.line) not in known:
            failed.setdefault(error, []).append(run.sample)
    for error, samples in failed.items():
        yield replace(error, message=f"fails for {named(samples)}: {error.message}")


def _of_limits(snapshot: Snapshot, runs: SampleRuns) -> Iterator[Diagnostic]:
    broken: dict[tuple[str, int, str, str], tuple[LimitViolation, list[str]]] = {}
    for run in runs.runs:
        if message := run.rendered.message:
            for violation in limit_violations(message):
                place = origin(snapshot.templates, run.template, message, violation)
                key = (*place, _NUMBERS.sub("", violation.place), _NUMBERS.sub("", violation.message))
                broken.setdefault(key, (violation, []))[1].append(run.sample)
    for (name, line, _, _), (violation, samples) in broken.items():
        yield slack_limit_error(snapshot.templates, name, line, violation, f" for {named(samples)}")


def slack_limit_error(
    templates: Templates, name: str, line: int, violation: LimitViolation, samples: str = ""
) -> Diagnostic:
    """Return the error for a message beyond a limit of Slack."""
    message = f"breaks a limit of Slack{samples}: {violation}"
    hint = "shorten or correct this part; docs/templates.md lists the limits"
    return templates.diagnostic(name, line, Code.SLACK_LIMIT_EXCEEDED, message, hint)


def _of_conditions(snapshot: Snapshot, runs: SampleRuns) -> Iterator[Diagnostic]:
    failed: dict[tuple[str, str, str], list[str]] = {}
    for route, key, sample, reason in runs.failed:
        failed.setdefault((route, key, reason), []).append(sample)
    for (route, key, reason), samples in failed.items():
        message = f"{'the condition' if key == 'when' else f'`{key}`'} fails for {named(samples)}: {reason}"
        hint = editing(snapshot.routes.file, "test the kind of the value first, such as with `payload.x is number`")
        path = snapshot.routes.route_path(route, key)
        yield snapshot.routes.diagnostic(path, Code.CONDITION_FAILED, message, hint)


def _stateless(snapshot: Snapshot, runs: SampleRuns) -> Iterator[Diagnostic]:
    found: dict[str, list[str]] = {}
    for route, sample in runs.stateless:
        found.setdefault(route, []).append(sample)
    for route, samples in found.items():
        yield snapshot.routes.diagnostic(
            snapshot.routes.route_path(route, "notify"),
            Code.ROUTE_WITHOUT_STATE,
            f"{named(samples)} would have no state, and be shown each time",
            editing(snapshot.routes.file, "exclude them with `events`, or write `state` and `group_by`"),
            Severity.NOTE,
        )


def _too_late(snapshot: Snapshot, runs: SampleRuns) -> Iterator[Diagnostic]:
    found: dict[tuple[str, str], list[str]] = {}
    for route, earlier, sample in runs.late:
        found.setdefault((route, earlier), []).append(sample)
    for (route, earlier), samples in found.items():
        yield snapshot.routes.diagnostic(
            snapshot.routes.route_path(route, "channels"),
            Code.ROUTE_TOO_LATE,
            f"the route {earlier!r} above posts {named(dict.fromkeys(samples))} to a channel of this route, each time",
            editing(snapshot.routes.file, "move this route above that one: a channel gets an event at most once"),
            Severity.NOTE,
        )


def _unmatched(snapshot: Snapshot, matched: Collection[str]) -> Iterator[Diagnostic]:
    for route in snapshot.routes.routes:
        if route.enabled and route.name not in matched:
            yield snapshot.routes.diagnostic(
                snapshot.routes.route_path(route.name, "events"),
                Code.ROUTE_UNMATCHED,
                f"no sample event can match the route {route.name!r}",
                editing(snapshot.routes.file, "compare `events` with docs/events.md, and try a payload with --payload"),
                Severity.NOTE,
            )


def _unused(snapshot: Snapshot, runs: SampleRuns, names: Collection[str]) -> Iterator[Diagnostic]:
    excused = {route.template for route in snapshot.routes.routes}  # samples may not meet their conditions
    excused |= {name for name in names if name.rpartition("/")[2] == "default.j2"}  # for types without a sample
    return _not_reached(snapshot.templates, runs, {*names} - excused)


def _not_reached(templates: Templates, runs: SampleRuns, names: Collection[str]) -> Iterator[Diagnostic]:
    hint = "compare its name with the types of docs/events.md, or try it with --payload FILE"
    for name in sorted({*names} - runs.templates - runs.cut_off):
        message = "no sample event is served by this template"
        yield note(Code.TEMPLATE_UNUSED, message, hint, file=templates.file(name))
