"""Tests of the registry of counters: declared names, bounded labels, sums that are safe to show."""

import re
from pathlib import Path

import pytest

from bridge.core import counters
from bridge.core.counters import COUNTERS, EVENTS, EVENTS_PRUNED, MAX_SERIES, OTHER, CounterDef, Counters, Label

NAMED = CounterDef("bridge_named_total", "By name.", (Label("source"), Label("result", frozenset({"good", "bad"}))))


def test_every_declaration_is_registered_once_and_reads_like_prometheus() -> None:
    declared = [value for value in vars(counters).values() if isinstance(value, CounterDef)]
    assert list(COUNTERS) == declared
    assert len({counter.name for counter in COUNTERS}) == len(COUNTERS)
    for counter in COUNTERS:
        assert re.fullmatch(r"bridge_[a-z_]+_total", counter.name)
        assert re.fullmatch(r"[A-Z].*\.", counter.help)
        assert all(re.fullmatch("[a-z]+", label.name) for label in counter.labels)


def test_every_counter_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
    assert [counter.name for counter in COUNTERS if f"| `{counter.name}` | {counter.help} |" not in page] == []


def test_a_counter_adds_up_by_its_labels() -> None:
    registry = Counters([NAMED])
    for source, result in [("a", "good"), ("a", "good"), ("b", "bad"), ("b", "good")]:
        registry.inc(NAMED, source, result)
    registry.inc(NAMED, "a", "bad", by=5)
    assert registry.total(NAMED) == 9
    assert registry.by_label(NAMED, "result") == {"good": 3, "bad": 6}
    assert [(sample.labels["source"], sample.labels["result"], sample.value) for sample in registry.snapshot()] == [
        ("a", "good", 2),
        ("b", "bad", 1),
        ("b", "good", 1),
        ("a", "bad", 5),
    ]


def test_totals_hold_every_counter_and_no_label() -> None:
    registry = Counters()
    registry.inc(EVENTS, "a source", "accepted")
    registry.inc(EVENTS_PRUNED, by=3)
    totals = registry.totals()
    assert list(totals) == [counter.name for counter in COUNTERS]
    assert {name: value for name, value in totals.items() if value} == {
        "bridge_events_total": 1,
        "bridge_events_pruned_total": 3,
    }
    assert "a source" not in str(totals)


def test_label_values_are_bounded() -> None:
    registry = Counters([NAMED])
    registry.inc(NAMED, "a", "never declared")
    assert registry.by_label(NAMED, "result") == {OTHER: 1}
    for number in range(MAX_SERIES + 50):
        registry.inc(NAMED, str(number), "good")
    assert len(registry.snapshot()) == MAX_SERIES + 1
    assert registry.by_label(NAMED, "source")[OTHER] == 51
    assert registry.total(NAMED) == MAX_SERIES + 51


def test_a_wrong_number_of_labels_is_an_error() -> None:
    with pytest.raises(ValueError, match="bridge_named_total has 2 labels, not 1"):
        Counters([NAMED]).inc(NAMED, "a")


def test_registries_are_independent() -> None:
    first, second = Counters(), Counters()
    first.inc(EVENTS_PRUNED)
    assert (first.total(EVENTS_PRUNED), second.total(EVENTS_PRUNED)) == (1, 0)
