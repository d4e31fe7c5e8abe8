"""What is wrong with routes and templates, found before anybody is told: every template against every sample."""

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from bridge.bounds import Meter
from bridge.decide import decide
from bridge.events import Event
from bridge.messages import Rendered
from bridge.messages.faults import Fault, faults
from bridge.messages.limits import problems
from bridge.messages.render import SECONDS, Templates, choose, render
from bridge.messages.undefined_fields import undefined_fields
from bridge.running import Running, template_faults
from bridge.samples import sample_event, samples

Level = Literal["error", "note"]
_PLACE = re.compile(r"(.+?):(\d+)(?:: |\Z)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing.

    ``where`` is a file as it is shown (``templates/gitlab/push.j2``, ``routes.toml``), a variable's name, or "";
    ``line`` is the file's, if it is at one.
    """

    level: Level
    where: str
    line: int | None
    what: str
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line is not None else self.where
        return (f"{place}: " if place else "") + self.what + (f" ({self.mend})" if self.mend else "")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what was found, errors first."""

    findings: Sequence[Finding]
    templates: int
    rendered: int
    samples: int

    @property
    def errors(self) -> int:
        """How many of the findings are errors."""
        return sum(finding.level == "error" for finding in self.findings)

    @property
    def notes(self) -> int:
        """How many of the findings are notes."""
        return len(self.findings) - self.errors


def check(running: Running) -> Checked:
    """Look at everything that needs neither network nor secrets."""
    results, matched, findings = _look(running, None)
    findings += [finding_of(fault) for fault in template_faults(running.routes, running.templates)]
    findings += _unmatched(running, matched)
    findings += _unused(running, results, running.templates.names())
    return _checked(findings, results, len(running.templates.names()))


def check_template(running: Running, name: str) -> Checked:
    """Look at one template, and at all that extend, include or import it: what a change of its text can break.

    What is wrong elsewhere is left out. Fast enough to be asked as somebody types.
    """
    names = dependents(running.templates, name)
    results, _, findings = _look(running, names)
    findings += _unused(running, results, names & {*running.templates.names()} & {name})
    return _checked(findings, results, len(names))


def dependents(templates: Templates, name: str) -> set[str]:
    """A template, and those that extend, include or import it, directly or through others."""
    found, new = {name}, {name}
    while new:
        quoted = [quote + one + quote for one in new for quote in "'\""]
        new = {
            other
            for other, text in templates.sources.items()
            if other not in found and any(one in text for one in quoted)
        }
        found |= new
    return found


def finding_of(fault: str, level: Level = "error") -> Finding:
    """The finding that a line such as ``routes.toml:3: unknown key …; the nearest known is …`` tells of."""
    where, line = "", None
    if place := _PLACE.match(fault):
        where, line, fault = place[1], int(place[2]), fault[place.end() :]
    what, _, mend = fault.partition("; the nearest ")
    return Finding(level, where, line, what, f"the nearest {mend}" if mend else "")


def _checked(findings: list[Finding], results: Mapping[str, Mapping[str, Rendered]], templates: int) -> Checked:
    in_order = sorted(set(findings), key=lambda f: (f.level, f.where, f.line or 0, f.what))
    return Checked(in_order, templates, sum(map(len, results.values())), len(samples()))


@cache
def _event(sample: str, source: str) -> Event:
    return sample_event(samples()[sample], source, time.time())


def _look(
    running: Running, names: Collection[str] | None
) -> tuple[Mapping[str, Mapping[str, Rendered]], set[str], list[Finding]]:
    """Render the templates with these names, or all, with every sample that can reach them: template -> sample -> what
    came of it; the names of the routes that matched a sample; what is wrong."""
    findings = [_as_error(fault) for fault in faults(running.templates, names)]
    results: dict[str, dict[str, Rendered]] = defaultdict(dict)
    meters: list[Meter] = []
    matched: set[str] = set()
    for name, sample in samples().items():
        for source in running.routes.sources_of(sample.provider):
            event = _event(name, source)
            if names is None:
                findings += _decided(running, event, name, matched)
            for template in _templates(running, event):
                if (names is None or template in names) and name not in results[template]:
                    meters.append(Meter(SECONDS))
                    results[template][name] = render(event, running.templates, template, meter=meters[-1])
    for template, rendered in sorted(results.items()):
        findings += _rendered(template, rendered, running.templates.faults.values())
    findings += [_as_error(f) for f in undefined_fields(meters) if names is None or f.file in names]
    return results, matched, findings


def _templates(running: Running, event: Event) -> set[str]:
    """The templates that could serve an event: the one by its type, and those of the routes that want it."""
    named = {delivery.template for delivery in decide(event, running.routes).deliveries}
    return {choose(event, running.templates)} | {name for name in running.templates.names() if name in named}


def _decided(running: Running, event: Event, sample: str, matched: set[str]) -> Iterator[Finding]:
    for route in decide(event, running.routes).routes:
        if route.matched:
            matched.add(route.route)
        for verdict in route.verdicts:
            if verdict.error:
                where = running.routes.where_route(route.route, "when")
                yield finding_of(f"{where}: the condition cannot be evaluated for {sample}: {verdict.detail}")


def _rendered(template: str, results: Mapping[str, Rendered], told: Collection[str]) -> Iterator[Finding]:
    """What goes wrong in rendering, but for files that are broken whatever they render: those are told already."""
    for sample, result in results.items():
        if result.fault and result.fault not in told:
            found = finding_of(result.fault)
            what = f"fails for {sample}: {found.what}"
            yield Finding("error", f"templates/{found.where}", found.line, what, found.mend)
        if result.message:
            for problem in problems(result.message):
                what = f"breaks a limit of Slack for {sample}: {problem}"
                yield Finding("error", f"templates/{template}", 1, what)


def _as_error(fault: Fault) -> Finding:
    return Finding("error", f"templates/{fault.file}", fault.line, fault.what, fault.mend)


def _unmatched(running: Running, matched: set[str]) -> Iterator[Finding]:
    for route in running.routes.routes:
        if route.enabled and route.name not in matched:
            where = running.routes.where_route(route.name, "events")
            yield finding_of(f"{where}: no sample event can match the route {route.name!r}", "note")


def _unused(running: Running, results: Mapping[str, object], names: Collection[str]) -> Iterator[Finding]:
    named = {route.template for route in running.routes.routes}
    for name in sorted({*names} - {*results} - named):
        if name.rpartition("/")[2] != "default.j2":  # for the types that no sample stands for
            yield Finding("note", f"templates/{name}", None, "no sample event is served by this template")
