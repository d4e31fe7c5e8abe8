"""Named counters: one registry for everything that Bridge counts since its start.

Each counter is declared here, in Prometheus style. A service owns one ``Counters`` and passes it on; it is used on the
event loop only. Labels may hold names of sources, channels and routes, so only ``totals`` are for public pages.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.core.states import OutcomeKind

MAX_SERIES = 1000
"""Combinations of label values that one counter keeps. Further ones count as OTHER."""
OTHER = "other"
"""The label value for values that are not declared, or are too many."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label of a counter. ``values`` are all that it may have; empty for names from the configuration."""

    name: str
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class CounterDef:
    """The declaration of a counter."""

    name: str
    help: str
    labels: tuple[Label, ...] = ()


def _label(name: str, *values: str) -> Label:
    return Label(name, frozenset(values))


_SOURCE, _CHANNEL, _ROUTE = Label("source"), Label("channel"), Label("route")

REQUESTS = CounterDef(
    "bridge_requests_total",
    "Webhook requests by the HTTP status of the response. The source is empty if it is unknown.",
    (_SOURCE, _label("status", "200", "400", "401", "404", "405", "413", "415", "500", "503")),
)
EVENTS = CounterDef(
    "bridge_events_total",
    "Verified events by result.",
    (_SOURCE, _label("result", "accepted", "duplicate", "ignored")),
)
STORE_ACCEPTS = CounterDef(
    "bridge_store_accepts_total",
    "Requests that the store kept or refused.",
    (_label("result", "stored", "refused"),),
)
CONDITION_ERRORS = CounterDef(
    "bridge_condition_errors_total", "Expressions of routes that failed to evaluate.", (_ROUTE,)
)
CONNECTIONS_DROPPED = CounterDef(
    "bridge_connections_dropped_total",
    "Connections that were closed to keep the limits.",
    (_label("reason", "too_many", "no_body", "unread", "head_timeout", "idle"),),
)
LOOP_STALLS = CounterDef("bridge_loop_stalls_total", "Times that the event loop stood still for more than a second.")
LOG_LINES_DROPPED = CounterDef(
    "bridge_log_lines_dropped_total",
    "Log lines that were left out: about requests and events because there were too many, others because nobody read.",
    (_label("log", "accepted", "rejected", "unread"),),
)
POSTS = CounterDef("bridge_posts_total", "Posts to Slack by outcome.", (_CHANNEL, _label("outcome", *OutcomeKind)))
TEMPLATE_ERRORS = CounterDef(
    "bridge_template_errors_total", "Messages that were replaced by a plain one because a template failed.", (_CHANNEL,)
)
EVENTS_PRUNED = CounterDef("bridge_events_pruned_total", "Events deleted from the store at the end of their retention.")

COUNTERS = (
    REQUESTS,
    EVENTS,
    STORE_ACCEPTS,
    CONDITION_ERRORS,
    CONNECTIONS_DROPPED,
    LOOP_STALLS,
    LOG_LINES_DROPPED,
    POSTS,
    TEMPLATE_ERRORS,
    EVENTS_PRUNED,
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A counter's value for one combination of label values."""

    counter: CounterDef
    labels: Mapping[str, str]
    value: int


class Counters:
    """The values of all declared counters."""

    def __init__(self, declared: Iterable[CounterDef] = COUNTERS) -> None:
        self._series: dict[CounterDef, dict[tuple[str, ...], int]] = {
            counter: {} if counter.labels else {(): 0} for counter in declared
        }

    def inc(self, counter: CounterDef, *values: str, by: int = 1) -> None:
        """Increase a counter. ``values`` are those of its labels, in their order."""
        series = self._series[counter]
        if values not in series:
            values = _bounded(counter, values, len(series))
            series.setdefault(values, 0)
        series[values] += by

    def total(self, counter: CounterDef) -> int:
        """Return the sum of a counter over all its labels."""
        return sum(self._series[counter].values())

    def totals(self) -> dict[str, int]:
        """Return the sum of each counter by name. It holds no names from the configuration."""
        return {counter.name: self.total(counter) for counter in self._series}

    def by_label(self, counter: CounterDef, label: str) -> dict[str, int]:
        """Return the sums of a counter by the values of one label."""
        position = [one.name for one in counter.labels].index(label)
        sums: dict[str, int] = {}
        for values, number in self._series[counter].items():
            sums[values[position]] = sums.get(values[position], 0) + number
        return sums

    def snapshot(self) -> list[Sample]:
        """Return every value with its labels, for pages that are not public."""
        return [
            Sample(counter, dict(zip((label.name for label in counter.labels), values, strict=True)), number)
            for counter, series in self._series.items()
            for values, number in series.items()
        ]


def _bounded(counter: CounterDef, values: tuple[str, ...], series: int) -> tuple[str, ...]:
    """Return label values with OTHER for those that are not declared, or are too many."""
    if len(values) != len(counter.labels):
        raise ValueError(f"{counter.name} has {len(counter.labels)} labels, not {len(values)}")
    return tuple(
        OTHER if (value not in label.values if label.values else series >= MAX_SERIES) else value
        for label, value in zip(counter.labels, values, strict=True)
    )
