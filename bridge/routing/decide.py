"""Decide the deliveries of an event, with reasons: one pure function for server, explain, check and tests."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from bridge.config.names import RESERVED_SOURCE
from bridge.core.states import DeliveryState
from bridge.events import Event
from bridge.routing import patterns
from bridge.routing.conditions import Condition, ConditionFailedError
from bridge.routing.on_change import GroupState, Reading, read_state
from bridge.routing.routes_file import Routes
from bridge.routing.schema import Route


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one condition of a route. ``detail`` is the comparison, or the error."""

    condition: Literal["enabled", "source", "events", "when", "stop", "notify", "state", "group_by"]
    met: bool
    detail: str
    error: bool = False
    """Whether the expression failed. Then ``when`` is not met; without a state or group the event is shown."""


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """The result of one route. Conditions after the first unmet one are listed if they cost nothing."""

    route: str
    matched: bool
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A planned delivery: one event for one channel."""

    channel: str
    route: str
    template: str | None
    """The route's own template; None: the most specific one by the event's type."""
    state: DeliveryState = DeliveryState.WAITING
    """``waiting`` or ``skipped``."""
    reason: str = ""
    """Why it is skipped at once: the channel is not private enough, or the event's state does not count."""
    group_state: GroupState | None = None
    """The state to compare before it is shown; None: it is shown without."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Every route with the verdict of each condition, and the resulting deliveries."""

    routes: tuple[RouteVerdict, ...]
    deliveries: tuple[Planned, ...]
    errors: tuple[tuple[str, Verdict], ...] = ()
    """The failed expressions, each with its route's name."""
    stateless: tuple[str, ...] = ()
    """Routes with ``notify = "on_change"`` that show the event in any case, because it has no state."""


def alert_to(channel: str) -> Planned:
    """Return the planned delivery of an alert. `[alerts]` alone decides on it, so its route is called alerts."""
    return Planned(channel, "alerts", None)


def decide(event: Event, routes: Routes) -> Decision:
    """Decide the deliveries of an event. Pure: the same event and routes always give the same decision.

    Conditions run only for the routes chosen by source and type.
    """
    asked = _index(routes).asked(event.source, event.type)
    answers = list(asked.answers)
    deliveries: dict[str, Planned] = {}
    if event.source == RESERVED_SOURCE and routes.alerts:
        deliveries[routes.alerts] = alert_to(routes.alerts)
    errors: list[tuple[str, Verdict]] = []
    stateless: list[str] = []
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
        its_deliveries = chosen.confidential if event.confidential else chosen.ordinary
        if chosen.on_change is not None:
            reading = read_state(event, chosen.on_change)
            its_deliveries = tuple(_with_state(planned, reading) for planned in its_deliveries)
            about_state = _about_state(reading)
            answers[chosen.number] = RouteVerdict(chosen.name, True, (*chosen.met.verdicts, about_state))
            if about_state.error:
                errors.append((chosen.name, about_state))
            elif reading.missing:
                stateless.append(chosen.name)
        for planned in its_deliveries:
            deliveries.setdefault(planned.channel, planned)
        if chosen.stop:
            answers[chosen.number + 1 :] = asked.not_asked(chosen)
            break
    return Decision(tuple(answers), tuple(deliveries.values()), tuple(errors), tuple(stateless))


def _with_state(planned: Planned, reading: Reading) -> Planned:
    """Return a delivery with its state, or skipped if the state does not count."""
    if planned.state != DeliveryState.WAITING:
        return planned
    if reading.no_result:
        return replace(planned, state=DeliveryState.SKIPPED, reason=f"{reading.no_result} is no result to compare")
    return replace(planned, group_state=reading.state)


def _about_state(reading: Reading) -> Verdict:
    if reading.state is not None:
        return Verdict("notify", True, f"on_change: {reading.state.state} in the group {reading.state.group}")
    if reading.no_result:
        return Verdict("notify", True, f"on_change: {reading.no_result} does not count")
    if reading.failed is not None:
        key, failure = reading.failed
        return Verdict(key, True, f"shown in any case, it fails: {failure}", error=True)
    return Verdict("notify", True, f"on_change: shown in any case, it has no `{reading.missing}`")


REMEMBERED = 1024
"""Cached pairs of source and type. Types come from outside, so the cache is limited."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A route chosen by an event's source and type, with its prepared verdicts."""

    number: int
    name: str
    when: Condition | None
    stop: bool
    on_change: Route | None
    """The route itself, if it shows only changes of a state."""
    before: tuple[Verdict, ...]
    """The verdicts on all but ``when``."""
    met: RouteVerdict
    unmet: RouteVerdict
    ordinary: tuple[Planned, ...]
    confidential: tuple[Planned, ...]


class _Asked:
    """The verdicts on every route by source and type alone."""

    __slots__ = ("_not_asked", "answers", "chosen")

    def __init__(self, answers: tuple[RouteVerdict, ...], chosen: tuple[_Chosen, ...]) -> None:
        self.answers = answers
        """One verdict for each route; for the chosen ones, as if their ``when`` is met."""
        self.chosen = chosen
        self._not_asked: dict[int, tuple[RouteVerdict, ...]] = {}

    def not_asked(self, stopper: _Chosen) -> tuple[RouteVerdict, ...]:
        """Return the verdicts of the routes after one with `stop`."""
        if stopper.number not in self._not_asked:
            stopped = Verdict("stop", met=False, detail=f"not asked: {stopper.name!r} matched and stops")
            self._not_asked[stopper.number] = tuple(
                RouteVerdict(answer.route, False, (*(v for v in answer.verdicts if v.condition != "when"), stopped))
                for answer in self.answers[stopper.number + 1 :]
            )
        return self._not_asked[stopper.number]


class _Index:
    """The routes by source and type. Equal verdicts are one object, so that caching them costs little."""

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
            Verdict("source", _takes(route.source, source), _about_source(route.source, source)),
            Verdict("events", wanted, because),
        )
        if not all(verdict.met for verdict in verdicts):
            return RouteVerdict(route.name, False, verdicts)
        condition = route.when.source if route.when is not None else ""
        if_met = (*verdicts, Verdict("when", True, condition)) if route.when is not None else verdicts
        ordinary = tuple(Planned(name, route.name, route.template) for name in dict.fromkeys(route.channels))
        return _Chosen(
            number=number,
            name=route.name,
            when=route.when,
            stop=route.stop,
            on_change=route if route.notify == "on_change" else None,
            before=verdicts,
            met=RouteVerdict(route.name, True, if_met),
            unmet=RouteVerdict(route.name, False, (*verdicts, Verdict("when", False, condition))),
            ordinary=ordinary,
            confidential=tuple(self._kept_private(planned) for planned in ordinary),
        )

    def _kept_private(self, planned: Planned) -> Planned:
        """Return the delivery of a confidential event: skipped unless the channel is private."""
        if self._routes.channel(planned.channel).private:
            return planned
        return replace(
            planned,
            state=DeliveryState.SKIPPED,
            reason=f"the event is confidential and {planned.channel} is not private",
        )


@lru_cache(maxsize=8)
def _index(routes: Routes) -> _Index:
    """Return the index of one routes.toml, by identity: each reload gets its own."""
    return _Index(routes)


def _takes(sources: tuple[str, ...], source: str) -> bool:
    return source != RESERVED_SOURCE and (not sources or source in sources)


def _about_source(sources: tuple[str, ...], source: str) -> str:
    if source == RESERVED_SOURCE:
        return "no route takes alerts: [alerts] names their channel"
    if not sources:
        return "any source"
    return f"is {source}" if source in sources else f"{source} is not {' or '.join(sources)}"
