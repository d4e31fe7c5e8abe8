"""What would happen to an event, and why: a pure answer that server, explain, check and tests share."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from bridge.events import Event
from bridge.routing import patterns
from bridge.routing.conditions import Condition, ConditionFailedError
from bridge.routing.routes_file import Routes
from bridge.routing.schema import Route

State = Literal["waiting", "delivered", "skipped", "told", "dead", "dropped"]
"""The states of a delivery. A decision plans only ``waiting`` and ``skipped`` ones."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition of one route, and whether the event met it. ``detail`` says what was compared, or the error."""

    condition: Literal["enabled", "source", "events", "when", "stop"]
    met: bool
    detail: str
    error: bool = False
    """True if the condition could not be evaluated (then it is not met)."""


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """One route's answer. Conditions after the first that is not met are still listed where they cost nothing."""

    route: str
    matched: bool
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be made: one event for one channel."""

    channel: str
    route: str
    template: str | None
    """The route's own template, or None for the most specific one by the event's type."""
    state: State = "waiting"
    reason: str = ""
    """Why it is skipped at once (a confidential event and a channel that is not private)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Every route with each condition's verdict, and the deliveries that follow."""

    routes: tuple[RouteVerdict, ...]
    deliveries: tuple[Planned, ...]
    errors: tuple[tuple[str, Verdict], ...] = ()
    """The conditions that could not be evaluated, each with its route's name."""


def decide(event: Event, routes: Routes) -> Decision:
    """What would happen to an event. Pure: the same event and routes always give the same answer.

    Only the conditions of routes that source and type have chosen already are run.
    """
    asked = _index(routes).asked(event.source, event.type)
    answers = list(asked.answers)
    deliveries: dict[str, Planned] = {}
    errors: list[tuple[str, Verdict]] = []
    for chosen in asked.chosen:
        if chosen.when is not None:
            try:
                met = chosen.when(event, event.payload)
            except ConditionFailedError as error:
                failed = Verdict("when", met=False, detail=f"{chosen.when.source}: {error}", error=True)
                answers[chosen.number] = RouteVerdict(chosen.name, False, (*chosen.before, failed))
                errors.append((chosen.name, failed))
                continue
            if not met:
                answers[chosen.number] = chosen.unmet
                continue
            answers[chosen.number] = chosen.met
        for planned in chosen.confidential if event.confidential else chosen.ordinary:
            deliveries.setdefault(planned.channel, planned)
        if chosen.stop:
            answers[chosen.number + 1 :] = asked.not_asked(chosen)
            break
    return Decision(tuple(answers), tuple(deliveries.values()), tuple(errors))


REMEMBERED = 1024
"""Pairs of source and type whose chosen routes are remembered. Types come from outside, so there is a bound."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A route that an event's source and type have chosen, with its answers made ready."""

    number: int
    name: str
    when: Condition | None
    stop: bool
    before: tuple[Verdict, ...]
    """The verdicts on all but ``when``."""
    met: RouteVerdict
    unmet: RouteVerdict
    ordinary: tuple[Planned, ...]
    confidential: tuple[Planned, ...]


class _Asked:
    """What source and type alone say of every route."""

    __slots__ = ("_not_asked", "answers", "chosen")

    def __init__(self, answers: tuple[RouteVerdict, ...], chosen: tuple[_Chosen, ...]) -> None:
        self.answers = answers
        """One for each route; for the chosen ones, what holds if their ``when`` is met."""
        self.chosen = chosen
        self._not_asked: dict[int, tuple[RouteVerdict, ...]] = {}

    def not_asked(self, stopper: _Chosen) -> tuple[RouteVerdict, ...]:
        """The answers of the routes behind one that stops."""
        if stopper.number not in self._not_asked:
            stopped = Verdict("stop", met=False, detail=f"not asked: {stopper.name!r} matched and stops")
            self._not_asked[stopper.number] = tuple(
                RouteVerdict(answer.route, False, (*(v for v in answer.verdicts if v.condition != "when"), stopped))
                for answer in self.answers[stopper.number + 1 :]
            )
        return self._not_asked[stopper.number]


class _Index:
    """The routes by source and type. Answers that are alike are one object, so that remembering them costs little."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self._shared: dict[tuple[int, str, str], RouteVerdict | _Chosen] = {}
        self._remembering = lru_cache(maxsize=REMEMBERED)(self._ask)

    def asked(self, source: str, event_type: str) -> _Asked:
        return self._remembering(source, event_type) if len(event_type) <= 200 else self._ask(source, event_type)

    def _ask(self, source: str, event_type: str) -> _Asked:
        answers: list[RouteVerdict] = []
        chosen: list[_Chosen] = []
        for number, route in enumerate(self._routes.routes):
            wanted, because = patterns.verdict(route.events, event_type)
            key = (number, source, because)
            answer = self._shared.get(key)
            if answer is None:
                answer = self._shared[key] = self._answer(number, route, source, wanted, because)
            if isinstance(answer, _Chosen):
                chosen.append(answer)
                answer = answer.met
            answers.append(answer)
        return _Asked(tuple(answers), tuple(chosen))

    def _answer(self, number: int, route: Route, source: str, wanted: bool, because: str) -> RouteVerdict | _Chosen:
        verdicts = (
            Verdict("enabled", route.enabled, "" if route.enabled else "enabled = false"),
            Verdict("source", not route.source or source in route.source, _about_source(route.source, source)),
            Verdict("events", wanted, because),
        )
        if not all(verdict.met for verdict in verdicts):
            return RouteVerdict(route.name, False, verdicts)
        said = route.when.source if route.when is not None else ""
        if_met = (*verdicts, Verdict("when", True, said)) if route.when is not None else verdicts
        ordinary = tuple(Planned(name, route.name, route.template) for name in dict.fromkeys(route.channels))
        return _Chosen(
            number=number,
            name=route.name,
            when=route.when,
            stop=route.stop,
            before=verdicts,
            met=RouteVerdict(route.name, True, if_met),
            unmet=RouteVerdict(route.name, False, (*verdicts, Verdict("when", False, said))),
            ordinary=ordinary,
            confidential=tuple(self._kept_private(planned) for planned in ordinary),
        )

    def _kept_private(self, planned: Planned) -> Planned:
        """What becomes of a delivery of a confidential event."""
        if self._routes.channel(planned.channel).private:
            return planned
        return replace(
            planned, state="skipped", reason=f"the event is confidential and {planned.channel} is not private"
        )


@lru_cache(maxsize=8)
def _index(routes: Routes) -> _Index:
    """The index of one routes.toml: by identity, so that what a reload reads gets its own."""
    return _Index(routes)


def _about_source(sources: tuple[str, ...], source: str) -> str:
    if not sources:
        return "any source"
    return f"is {source}" if source in sources else f"{source} is not {' or '.join(sources)}"
