"""Render templates with all their samples."""

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from bridge.config.diagnostic_codes import Code
from bridge.events import Event
from bridge.live.snapshot import Snapshot
from bridge.messages import Rendered
from bridge.messages.choice import choose
from bridge.messages.shared_renderer import render
from bridge.messages.templates import Templates
from bridge.routing.decide import decide
from bridge.samples import Sample, sample_event, samples


@dataclass(frozen=True, slots=True)
class StandIn:
    """A recorded body in place of the sample of its type; ``source`` received it, None if unknown."""

    sample: Sample
    source: str | None = None


@dataclass(frozen=True, slots=True)
class SampleRun:
    """One template rendered with one sample. ``sample`` is its name, or a recorded body's file."""

    template: str
    sample: str
    rendered: Rendered


@dataclass(frozen=True, slots=True)
class SampleRuns:
    """All renderings, and the decisions of the routes."""

    runs: list[SampleRun] = field(default_factory=list)
    samples: set[str] = field(default_factory=set)
    matched: set[str] = field(default_factory=set)
    """Routes that match a sample."""
    failed: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(route, its key, sample, reason) of expressions that failed."""
    stateless: list[tuple[str, str]] = field(default_factory=list)
    """(route, sample) of events without a state, for routes with ``notify = "on_change"``."""
    late: list[tuple[str, str, str]] = field(default_factory=list)
    """(route, earlier route, sample) of events that the earlier one posts to a channel of an ``on_change`` route."""
    cut_off: set[str] = field(default_factory=set)
    """Templates that took too long, and their dependents: their other samples were not rendered."""

    @property
    def templates(self) -> set[str]:
        """The templates with at least one sample."""
        return {run.template for run in self.runs}


def run_samples(
    snapshot: Snapshot, names: Collection[str] | None = None, stand_ins: Sequence[StandIn] = ()
) -> SampleRuns:
    """Render the templates with these names, or all of them."""
    made = SampleRuns()
    known = set(snapshot.templates.names())
    by_routes = {route.template for route in snapshot.routes.routes} & known
    some = None if names is None or by_routes & {*names} else names
    done: set[tuple[str, str]] = set()
    for sample, event in _events(snapshot, stand_ins, some):
        made.samples.add(sample)
        templates = {choose(event, snapshot.templates)}
        if some is None:
            templates |= _by_routes(snapshot, event, sample, made) & known
        for template in sorted(templates if names is None else templates & {*names}):
            if (template, sample) not in done and template not in made.cut_off:
                done.add((template, sample))
                _try(snapshot.templates, template, sample, event, made)
    return made


def dependents(templates: Templates, name: str) -> set[str]:
    """Return a template and its dependents, which extend, include or import it directly or through others."""
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


def _events(
    snapshot: Snapshot, stand_ins: Sequence[StandIn], names: Collection[str] | None
) -> Iterator[tuple[str, Event]]:
    """Yield each sample's event at each source; with names, only the events of these templates."""
    stood_in = {stand_in.sample.name for stand_in in stand_ins}
    for name, sample in samples().items():
        if name not in stood_in and (names is None or choose(sample, snapshot.templates) in names):
            for source in snapshot.routes.sources_of(sample.provider):
                yield name, _event(name, source)
    for stand_in in stand_ins:
        recorded = stand_in.sample
        for one in [stand_in.source] if stand_in.source else snapshot.routes.sources_of(recorded.provider):
            yield str(recorded.path), sample_event(recorded, one, time.time())


@cache
def _event(sample: str, source: str) -> Event:
    return sample_event(samples()[sample], source, time.time())


def _by_routes(snapshot: Snapshot, event: Event, sample: str, made: SampleRuns) -> set[str]:
    """Return the templates of an event by its routes; note the matching and the failing routes."""
    decision = decide(event, snapshot.routes)
    for route in decision.routes:
        if route.matched:
            made.matched.add(route.route)
        made.failed.extend(
            (route.route, verdict.condition, sample, verdict.detail) for verdict in route.verdicts if verdict.error
        )
    made.stateless.extend((route, sample) for route in decision.stateless)
    taken = {delivery.channel: delivery.route for delivery in decision.deliveries}
    matched = {route.route for route in decision.routes if route.matched}
    for one in snapshot.routes.routes:
        if one.notify == "on_change" and one.name in matched:
            made.late.extend((one.name, taken[name], sample) for name in one.channels if taken[name] != one.name)
    return {delivery.template for delivery in decision.deliveries if delivery.template is not None}


def _try(templates: Templates, template: str, sample: str, event: Event, made: SampleRuns) -> None:
    rendered = render(event, templates, template)
    made.runs.append(SampleRun(template, sample, rendered))
    error = rendered.error
    if error and error.code is Code.TIME_LIMIT_EXCEEDED:  # each sample would repeat it, a third of a second apart
        made.cut_off.update(
            *(dependents(templates, one) for one in templates.sources if templates.file(one) == error.file)
        )


def named(names: Iterable[str]) -> str:
    """Return ``gitlab/push``, or ``gitlab/push and 3 others``."""
    first, *others = names
    return first if not others else f"{first} and {len(others)} other{'s' * (len(others) > 1)}"
