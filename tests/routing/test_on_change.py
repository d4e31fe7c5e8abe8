"""Tests of ``notify = "on_change"``: the state of an event, and when it is news."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.states import DeliveryState
from bridge.events import Event
from bridge.routing.decide import Decision, Planned, decide
from bridge.routing.on_change import MAX_GROUP, MAX_STATE, GroupState, LastState, compare
from bridge.routing.routes_file import parse_routes

PASSED = GroupState("7/pipeline/main", "success", True, "pipeline", (11,), 100.0)
FAILED = replace(PASSED, state="failed", good=False)


def last(state: GroupState, **fields: object) -> LastState:
    return replace(LastState(state.state, state.kind, state.order, state.at), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("new", "before", "shown", "remembered", "reason"),
    [
        (FAILED, None, True, True, ""),
        (PASSED, None, False, True, "the first known state is success"),
        (FAILED, last(PASSED), True, True, ""),
        (PASSED, last(FAILED), True, True, ""),
        (FAILED, last(FAILED), False, True, "state is unchanged: failed"),
        (PASSED, last(PASSED), False, True, "state is unchanged: success"),
        (FAILED, last(PASSED, order=(12,)), False, False, "pipeline 11 is older than the last one compared"),
        (PASSED, last(PASSED, order=(12,)), False, False, "pipeline 11 is older than the last one compared"),
        (FAILED, last(PASSED, order=(10,), at=200.0), True, True, ""),
        (FAILED, last(PASSED, at=101.0), False, False, "pipeline 11 is older than the last one compared"),
        (FAILED, last(PASSED, kind="job", order=(12,)), True, True, ""),
        (FAILED, last(PASSED, kind="job", at=101.0), False, False, "pipeline 11 is older than the last one compared"),
        (replace(FAILED, order=()), last(PASSED, order=(12,)), True, True, ""),
        (replace(FAILED, order=(), at=None), last(PASSED, order=(12,)), True, True, ""),
        (
            replace(FAILED, order=(), at=99.0),
            last(PASSED),
            False,
            False,
            "this run is older than the last one compared",
        ),
        (PASSED, LastState("", "pipeline", (10,)), True, True, ""),
        (PASSED, LastState(""), True, True, ""),
    ],
    ids=[
        *("first failure", "first success", "broken", "fixed", "still broken", "still fine"),
        *("late result of an older run", "late equal result", "newer run that ended earlier", "same run, earlier time"),
        *("another kind of run", "another kind, earlier", "no number", "neither number nor time", "earlier time"),
        *("after a digest", "after a digest, first"),
    ],
)
def test_what_is_news(new: GroupState, before: LastState | None, shown: bool, remembered: bool, reason: str) -> None:
    found = compare(new, before)
    assert (found.shown, found.remembered, found.reason) == (shown, remembered, reason)


@pytest.mark.parametrize("before", [None, last(FAILED), last(PASSED), last(PASSED, order=(12,))])
def test_what_a_person_replays_is_shown_and_never_replaces_a_newer_run(before: LastState | None) -> None:
    found = compare(FAILED, before, replayed=True)
    assert (found.shown, found.remembered) == (True, before is None or before.order <= FAILED.order)


Run = tuple[int, bool]
"""The number of a run, and whether it passed."""


def slow_reference(runs: Sequence[Run]) -> list[Run]:
    """Return the runs that are news: look back over the whole history for each."""
    shown: list[Run] = []
    for index, (number, passed) in enumerate(runs):
        if any(earlier > number for earlier, _ in runs[:index]):
            continue
        in_order = [
            result
            for place, (one, result) in enumerate(runs[:index])
            if not any(earlier > one for earlier, _ in runs[:place])
        ]
        if passed != (in_order[-1] if in_order else True):
            shown.append((number, passed))
    return shown


@pytest.mark.thorough
@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=12))
@settings(max_examples=300)
def test_any_sequence_of_runs_is_shown_exactly_at_its_changes(runs: list[Run]) -> None:
    shown: list[Run] = []
    before: LastState | None = None
    for number, passed in runs:
        new = replace(PASSED if passed else FAILED, order=(number,), at=None)
        found = compare(new, before)
        if found.shown:
            shown.append((number, passed))
        if found.remembered:
            before = last(new)
    assert shown == slow_reference(runs)
    assert all(one[1] != other[1] for one, other in pairwise(shown))


def event(
    event_type: str = "pipeline.failed",
    payload: Mapping[str, object] | None = None,
    *,
    provider: str = "gitlab",
    confidential: bool = False,
) -> Event:
    run = {"id": 11, "ref": "main", "status": event_type.rpartition(".")[2], "source": "push"}
    return Event(
        id="0" * 26,
        source=provider,
        provider=provider,
        type=event_type,
        keys=("id:1",),
        payload=payload if payload is not None else {"object_attributes": run, "project": {"id": 7}},
        subject="7/pipelines/11",
        name="Pipeline",
        url="",
        actor="",
        occurred_at=100.0,
        received_at=200.0,
        confidential=confidential,
        test=False,
    )


def decided(one: Event, keys: str = "") -> Decision:
    return decide(
        one,
        parse_routes(
            dedent("""\
            [channels.general]
            private = true
            [[routes]]
            name = "main"
            notify = "on_change"
            channels = ["deploys", "general"]
            """)
            + keys
        ),
    )


def group_state(one: Event, keys: str) -> GroupState:
    found = decided(one, keys).deliveries[0].group_state
    assert found is not None
    return found


def notice(decision: Decision) -> str:
    return decision.routes[0].verdicts[-1].detail


def test_a_delivery_carries_the_providers_state_for_each_channel() -> None:
    decision = decided(event())
    assert decision.deliveries == tuple(
        Planned(channel, "main", None, group_state=FAILED) for channel in ("deploys", "general")
    )
    assert notice(decision) == "on_change: failed in the group 7/pipeline/main"
    assert (decision.errors, decision.stateless) == ((), ())


def test_a_route_without_on_change_carries_none() -> None:
    always = parse_routes('[[routes]]\nchannels = ["deploys"]')
    assert decide(event(), always).deliveries[0].group_state is None


@pytest.mark.parametrize("status", ["canceled", "skipped", "running"])
def test_a_run_without_a_result_is_skipped_at_once(status: str) -> None:
    decision = decided(event(f"pipeline.{status}"))
    assert {(planned.state, planned.reason, planned.group_state) for planned in decision.deliveries} == {
        (DeliveryState.SKIPPED, f"{status} is no result to compare", None)
    }
    assert notice(decision) == f"on_change: {status} does not count"


def test_with_a_state_of_its_own_a_route_decides_itself_what_counts() -> None:
    keys = "state = 'payload.object_attributes.status'"
    assert group_state(event("pipeline.canceled"), keys).state == "canceled"


def test_own_expressions_replace_one_or_both_of_the_providers_values() -> None:
    found = group_state(event(), "group_by = 'payload.project.id'")
    assert found == replace(FAILED, group="7")
    found = group_state(event(), "state = 'payload.object_attributes.ref'")
    assert found == replace(FAILED, state="main")


def test_any_provider_can_be_compared_by_own_expressions() -> None:
    payload = {"data": {"object": {"status": "past_due", "customer": "cus_1"}}}
    keys = "state = 'payload.data.object.status'\ngroup_by = 'payload.data.object.customer'"
    found = group_state(event("customer.subscription.updated", payload, provider="stripe"), keys)
    assert found == GroupState("cus_1", "past_due", at=100.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("main", "main"),
        (12, "12"),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        ([7, "main"], '["7", "main"]'),
        (["a", "b, c"], '["a", "b, c"]'),
        ("  two\nlines ", "two lines"),
    ],
)
def test_texts_numbers_and_lists_of_them_are_values(value: object, text: str) -> None:
    assert group_state(event(payload={"a": value}), "state = 'payload.a'\ngroup_by = 'payload.a'").group == text


def test_a_list_in_the_expression_is_a_group_of_several_parts() -> None:
    keys = "group_by = '[payload.project.id, payload.object_attributes.ref]'"
    assert group_state(event(), keys).group == '["7", "main"]'
    assert group_state(
        event(payload={"labels": [{"t": "x"}]}), "state = '1'\ngroup_by = 'payload.labels | map(attribute=\"t\")'"
    )


@pytest.mark.parametrize("payload", [{}, {"a": None}, {"a": ""}, {"a": []}, {"a": {"b": None}}, {"a": [None, "x"]}])
@pytest.mark.parametrize("key", ["state", "group_by"])
def test_an_event_without_state_or_group_is_shown_in_any_case(key: str, payload: Mapping[str, object]) -> None:
    other = {"state": "group_by", "group_by": "state"}[key]
    path = "payload.a.b" if isinstance(payload.get("a"), dict) else "payload.a"
    decision = decided(event(payload=payload), f"{key} = '{path}'\n{other} = '\"x\"'")
    assert [(planned.state, planned.group_state) for planned in decision.deliveries] == [("waiting", None)] * 2
    assert notice(decision) == f"on_change: shown in any case, it has no `{key}`"
    assert (decision.stateless, decision.errors) == (("main",), ())


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("payload.a", "gives an object"),
        ("payload.list", "gives a list within a list"),
        ("payload.n / 0", "ZeroDivisionError"),
        ("payload.many", "gives a list of more than 20 parts"),
        ("event", "gives Event"),
    ],
)
def test_an_expression_that_fails_shows_the_event_and_is_reported(expression: str, says: str) -> None:
    payload = {"a": {"b": 1}, "list": [[1]], "n": 1, "many": list(range(21))}
    decision = decided(event(payload=payload), f"state = '\"x\"'\ngroup_by = '{expression}'")
    assert [(planned.state, planned.group_state) for planned in decision.deliveries] == [("waiting", None)] * 2
    [(route, verdict)] = decision.errors
    assert (route, verdict.condition, verdict.met, verdict.error) == ("main", "group_by", True, True)
    assert verdict.detail.startswith(f"shown in any case, it fails: {expression}: ")
    assert says in verdict.detail
    assert decision.stateless == ()


def test_a_confidential_event_stays_skipped_in_an_open_channel() -> None:
    open_one, private = decided(event(confidential=True)).deliveries
    assert (open_one.state, open_one.group_state) == (DeliveryState.SKIPPED, None)
    assert (private.state, private.group_state) == (DeliveryState.WAITING, FAILED)


@pytest.mark.thorough
@given(st.text(max_size=20), st.integers(0, 600))
def test_values_are_short_and_printable(text: str, length: int) -> None:
    one = event(payload={"a": "x" * length + text})
    for planned in decided(one, "state = 'payload.a'\ngroup_by = 'payload.a'").deliveries:
        if found := planned.group_state:
            assert len(found.group) <= MAX_GROUP
            assert len(found.state) <= MAX_STATE
            assert (found.group + found.state).isprintable()


def test_long_values_that_differ_at_their_ends_stay_different() -> None:
    keys = "state = 'payload.a'\ngroup_by = 'payload.a'"
    one, other = (group_state(event(payload={"a": "x" * 5000 + end}), keys) for end in "ab")
    assert one.group != other.group
    assert one.state != other.state
