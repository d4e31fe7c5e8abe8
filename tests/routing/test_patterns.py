"""Tests of patterns: `*` is any run of characters, a plain one also matches types below it, and `!` always wins."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.routing.patterns import matches, problem, verdict
from tests.work import calls_of


@pytest.mark.parametrize(
    ("pattern", "event_type"),
    [
        ("push", "push"),
        ("merge_request", "merge_request.open"),
        ("orders", "orders/create"),
        ("customer", "customer.tags_added"),
        ("com.twilio.messaging", "com.twilio.messaging.message.delivered"),
        ("*", "anything/at.all"),
        ("*", ""),
        ("pipeline.*", "pipeline.failed"),
        ("pipeline.*", "pipeline."),
        ("*.failed", "charge.failed"),
        ("*.failed", ".failed"),
        ("invoice.payment_*", "invoice.payment_failed"),
        ("*payment*failed*", "invoice.payment_failed"),
        ("a*a", "aa"),
        ("v2.core.account[*", "v2.core.account[configuration.merchant].updated"),
        ("**", "x"),
    ],
)
def test_matches(pattern: str, event_type: str) -> None:
    assert matches(pattern, event_type)


@pytest.mark.parametrize(
    ("pattern", "event_type"),
    [
        ("push", "tag_push"),
        ("push", "pushed"),
        ("merge_request", "merge_request_approval.open"),
        ("Push", "push"),
        ("product/create", "Product/create"),
        ("merge_request.open", "merge_request"),
        ("pipeline.*", "pipeline"),
        ("a*a", "a"),
        ("*ab*ba*", "aba"),
        ("order?", "orders"),
        ("[o]rders", "orders"),
        ("order.", "orders"),
        ("orders.create", "orders/create"),
    ],
)
def test_does_not_match(pattern: str, event_type: str) -> None:
    assert not matches(pattern, event_type)


@pytest.mark.parametrize(
    ("patterns", "event_type", "wanted", "because"),
    [
        ([], "push", True, "every type"),
        (["pipeline.failed", "build"], "build.failed", True, "matches build"),
        (["pipeline.failed", "build"], "push", False, "matches none of pipeline.failed, build"),
        (["pipeline", "!pipeline.running"], "pipeline.running", False, "kept out by !pipeline.running"),
        (["!pipeline.running", "pipeline"], "pipeline.running", False, "kept out by !pipeline.running"),
        (["!pipeline.running", "pipeline"], "pipeline.failed", True, "matches pipeline"),
        (["!pipeline.running", "!build"], "push", True, "every type but !pipeline.running, !build"),
        (["!pipeline.running", "!build"], "build.failed", False, "kept out by !build"),
        (["*", "!*"], "push", False, "kept out by !*"),
    ],
)
def test_a_list_of_patterns(patterns: list[str], event_type: str, wanted: bool, because: str) -> None:
    assert verdict(patterns, event_type) == (wanted, because)


@pytest.mark.parametrize("pattern", ["", "!", " ", "! ", " push", "push ", "!!push", "orders/", "pipeline.", "! push"])
def test_a_pattern_that_never_matches_is_a_problem(pattern: str) -> None:
    assert problem(pattern)


@pytest.mark.parametrize("pattern", ["push", "!push", "*", "!*", "orders/*", "v2.core.account[configuration.merchant]"])
def test_a_pattern_that_can_match_is_no_problem(pattern: str) -> None:
    assert problem(pattern) is None


def slow_reference(pattern: str, event_type: str) -> bool:
    """Match by a regular expression, which is correct but not linear."""
    source = ".*".join(re.escape(part) for part in pattern.split("*"))
    below = "" if "*" in pattern else "([./].*)?"
    return re.fullmatch(source + below, event_type, re.DOTALL) is not None


@pytest.mark.thorough
@given(st.text("ab*./", max_size=8), st.text("ab./\n", max_size=12))
@example("a*b*a", "aba")
@settings(max_examples=1500)
def test_it_agrees_with_a_slow_reference(pattern: str, event_type: str) -> None:
    assert matches(pattern, event_type) == slow_reference(pattern, event_type)


@pytest.mark.thorough
@given(st.lists(st.text("ab*!.", max_size=4), max_size=4), st.text("ab.", max_size=6))
@settings(max_examples=500)
def test_a_list_agrees_with_its_rule(patterns: list[str], event_type: str) -> None:
    asked = [p for p in patterns if not p.startswith("!")]
    refused = [p[1:] for p in patterns if p.startswith("!")]
    wanted = (not asked or any(slow_reference(p, event_type) for p in asked)) and not any(
        slow_reference(p, event_type) for p in refused
    )
    assert verdict(patterns, event_type)[0] == wanted


def test_a_long_type_is_searched_once_for_each_part_of_a_pattern() -> None:
    """A backtracking engine would not end."""
    assert not matches("*a" * 12 + "*b", "a" * 20_000)
    assert calls_of(lambda: matches("*a" * 12 + "*b", "a" * 20_000)) < 50
    assert calls_of(lambda: matches("*a" * 12 + "*a", "a" * 20_000)) < 50
