"""What is wrong with routes and templates, found before anybody is told: every template against every sample."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.decide import decide
from bridge.events import Event
from bridge.messages import Rendered
from bridge.messages.faults import Fault, faults, undefined_fields
from bridge.messages.limits import problems
from bridge.messages.render import choose, render
from bridge.running import Running, template_faults
from bridge.samples import sample_event, samples


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing. ``where`` is file:line, or a variable's name."""

    level: Literal["error", "note"]
    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at and what was found."""

    findings: Sequence[Finding]
    templates: int
    rendered: int
    samples: int


def check(running: Running) -> Checked:
    """Look at everything that needs neither network nor secrets."""
    now = time.time()
    findings = [_as_error(fault) for fault in faults(running.templates)]
    for fault in template_faults(running.routes, running.templates):
        where, _, what = fault.partition(": ")
        findings.append(Finding("error", where, what))
    results: dict[str, dict[str, Rendered]] = defaultdict(dict)
    matched: set[str] = set()
    for name, sample in samples().items():
        for source in running.routes.sources_of(sample.provider):
            event = sample_event(sample, source, now)
            findings += _decided(running, event, name, matched)
            for template in _templates(running, event):
                if name not in results[template]:
                    results[template][name] = render(event, running.templates, template)
    for template, rendered in sorted(results.items()):
        findings += _rendered(template, rendered, running.templates.faults.values())
    findings += [_as_error(f) for f in undefined_fields(one for each in results.values() for one in each.values())]
    findings += _unmatched(running, matched)
    findings += _unused(running, results)
    rendered_count = sum(len(rendered) for rendered in results.values())
    return Checked(
        sorted(set(findings), key=lambda f: (f.level, f.where, f.what)),
        len(running.templates.names()),
        rendered_count,
        len(samples()),
    )


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
                yield Finding("error", where, f"the condition cannot be evaluated for {sample}: {verdict.detail}")


def _rendered(template: str, results: Mapping[str, Rendered], told: Collection[str]) -> Iterator[Finding]:
    """What goes wrong in rendering, but for files that are broken whatever they render: those are told already."""
    for sample, result in results.items():
        if result.fault and result.fault not in told:
            yield Finding(
                "error", f"templates/{result.fault.partition(': ')[0]}", f"fails for {sample}: {result.fault}"
            )
        if result.message:
            for problem in problems(result.message):
                yield Finding("error", f"templates/{template}", f"breaks a limit of Slack for {sample}: {problem}")


def _as_error(fault: Fault) -> Finding:
    return Finding(
        "error", f"templates/{fault.file}:{fault.line}", fault.what + (f": {fault.mend}" if fault.mend else "")
    )


def _unmatched(running: Running, matched: set[str]) -> Iterator[Finding]:
    for route in running.routes.routes:
        if route.enabled and route.name not in matched:
            where = running.routes.where_route(route.name, "events")
            yield Finding("note", where, f"no sample event can match the route {route.name!r}")


def _unused(running: Running, results: Mapping[str, object]) -> Iterator[Finding]:
    named = {route.template for route in running.routes.routes}
    for name in sorted(set(running.templates.names()) - set(results) - named):
        if name.rpartition("/")[2] == "default.j2":
            continue  # For the types that no sample stands for.
        yield Finding("note", f"templates/{name}", "no sample event is served by this template")
