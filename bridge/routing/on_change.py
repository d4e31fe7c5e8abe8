"""Routes with ``notify = "on_change"``: read the state of an event, and compare it with the last one shown.

The state is read when the event is accepted, and compared by the channel's worker, in order. Both parts are pure.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from jinja2 import Undefined

from bridge.core.payload import clean
from bridge.events import Event
from bridge.routing.conditions import ConditionFailedError, Expression
from bridge.routing.schema import Route
from bridge.sources import PROVIDERS

MAX_STATE = 100
"""Characters of a state. A digest stands for the end of a longer one."""
MAX_GROUP = 200
"""Characters of a group."""
_PARTS = 20
"""Parts of a list that names a group."""
_DIGEST = 16


Key = Literal["state", "group_by"]


@dataclass(frozen=True, slots=True)
class GroupState:
    """The state of a group after one event, as plain and bounded values."""

    group: str
    """Events of one route, channel, source and group are compared."""
    state: str
    good: bool = False
    """True if it is no news while no other state of the group was shown."""
    kind: str = ""
    """The kind of run; the orders of one kind can be compared."""
    order: tuple[int, ...] = ()
    """Greater for a later run; () if it is unknown."""
    at: float | None = None
    """The event's own time, in Unix seconds."""

    @property
    def run(self) -> str:
        """The run in words: ``pipeline 90211``."""
        return f"{self.kind} {self.order[-1]}" if self.order else "this run"


@dataclass(frozen=True, slots=True)
class LastState:
    """The last state of a group that a channel was shown, and the last run that was compared with it."""

    state: str
    """"" if a digest may have shown another one."""
    kind: str = ""
    order: tuple[int, ...] = ()
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of an event for one route: a state to compare, or the reason why there is none."""

    state: GroupState | None = None
    no_result: str = ""
    """The event's state, if it is one that does not count: it is skipped."""
    missing: Key | None = None
    """The missing part: an event without it is always shown."""
    failed: tuple[Key, str] | None = None
    """The expression that failed, and its error: the event is shown."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a state is shown, the reason if it is not, and whether it is remembered as the last one."""

    shown: bool
    reason: str = ""
    remembered: bool = True


def read_state(event: Event, route: Route) -> Reading:
    """Return the state of an event for a route. What the route does not say comes from the provider."""
    provider = PROVIDERS.get(event.provider)
    run = provider.run_state(event) if provider else None
    if run is not None and not run.counts and route.state is None:
        return Reading(no_result=run.state)
    parts: tuple[tuple[Key, Expression | None, str, int], ...] = (
        ("state", route.state, run.state if run else "", MAX_STATE),
        ("group_by", route.group_by, run.group if run else "", MAX_GROUP),
    )
    values: dict[Key, str] = {}
    for name, own, known, limit in parts:
        try:
            value = _value(own, event) if own is not None else known
        except ConditionFailedError as error:
            return Reading(failed=(name, f"{own.source if own else ''}: {error}"))
        if not value:
            return Reading(missing=name)
        values[name] = _bounded(value, limit)
    if run is None:
        return Reading(GroupState(values["group_by"], values["state"], at=event.occurred_at))
    return Reading(
        GroupState(values["group_by"], values["state"], run.good, run.kind, run.order[:3], event.occurred_at)
    )


def compare(new: GroupState, last: LastState | None, *, replayed: bool = False) -> Comparison:
    """Compare a state with the last one of its group. A person who replays a delivery wants to see it."""
    older = last is not None and _is_older(new, last)
    if replayed:
        return Comparison(shown=True, remembered=not older)
    if last is None:
        # Nobody has heard of the group, so nobody waits to hear that all is well.
        return Comparison(shown=not new.good, reason=f"the first known state is {new.state}" if new.good else "")
    if older:
        return Comparison(False, f"{new.run} is older than the last one compared", remembered=False)
    if new.state == last.state:
        return Comparison(False, f"state is unchanged: {new.state}")
    return Comparison(shown=True)


def _is_older(new: GroupState, last: LastState) -> bool:
    """Return whether a run is older than the last compared one. Without a number or time, it is taken for newer."""
    if new.kind == last.kind and new.order and last.order and new.order != last.order:
        return new.order < last.order
    return new.at is not None and last.at is not None and new.at < last.at


def _value(expression: Expression, event: Event) -> str:
    return expression.evaluated(event, event.payload, _as_text)


def _as_text(value: object) -> str:
    """Return a text, number or boolean, or a list of them, as text; "" if it is missing or empty."""
    if value is None or isinstance(value, Undefined):
        return ""
    if isinstance(value, list | tuple | Iterator):
        parts = list(islice(value, _PARTS + 1))
        if len(parts) > _PARTS:
            raise TypeError(f"gives a list of more than {_PARTS} parts")
        texts = [_as_text(part) for part in parts if not isinstance(part, list | tuple | Iterator)]
        if len(texts) < len(parts):
            raise TypeError("gives a list within a list")
        return json.dumps(texts, ensure_ascii=False) if texts and all(texts) else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value).strip()
    if isinstance(value, int | float):
        return str(value)
    kind = "an object" if isinstance(value, Mapping) else type(value).__name__
    raise TypeError(f"gives {kind}, and not a text, number or boolean, or a list of them")


def _bounded(text: str, limit: int) -> str:
    """Return a text on one line, with a digest in place of the end if it is long: different ones stay different."""
    if len(text) <= limit and (plain := clean(text, limit)):
        return plain
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{clean(text, limit - _DIGEST - 1)}…{digest}"
