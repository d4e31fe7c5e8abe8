from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.routing.conditions import ConditionError, ConditionFailedError, compile_condition
from tests.work import calls_of, peak_of

EVENT: Mapping[str, object] = {"type": "merge_request.open", "source": "gitlab"}
PAYLOAD: Mapping[str, object] = {
    "object_attributes": {"ref": "main", "iid": 12, "nothing": None},
    "items": [1, {"sku": "A-1"}],
    "keys": ["k"],
    "labels": [{"title": "bug"}, {"title": "urgent"}],
    "amount": 1250,
}


def met(source: str, payload: Mapping[str, object] = PAYLOAD) -> bool:
    return compile_condition(source)(EVENT, payload)


@pytest.mark.parametrize(
    "source",
    [
        "payload.object_attributes.ref == 'main'",
        "payload['object_attributes']['ref'] == 'main'",
        "event.type.startswith('merge_request') and event.source == 'gitlab'",
        "payload.items[1].sku == 'A-1'",
        "payload.keys == ['k']",
        "payload.labels | map(attribute='title') | join(' ') == 'bug urgent'",
        "'urgent' in payload.labels | map(attribute='title')",
        "payload.labels | selectattr('title', 'equalto', 'bug') | list | length == 1",
        "payload.amount > 1000 and payload.amount / 100 == 12.5",
        "payload.object_attributes.get('iid') == 12",
        "payload.object_attributes.ref[:2] == 'ma'",
        "payload.nope is not defined and payload.object_attributes is defined",
        "payload.object_attributes.nothing | default('x') == 'x'",
        "(payload.amount ~ '') == '1250'",
    ],
)
def test_a_condition_that_holds_is_met(source: str) -> None:
    assert met(source)


@pytest.mark.parametrize(
    "source",
    [
        "payload.a.b == 'x'",
        "payload.a.b.c[0]['d'].e",
        "payload.object_attributes.nothing.further == 'x'",
        "payload.object_attributes.ref.iid == 12",
        "payload.a > 5",
        "payload.a < 5",
        "payload.a + 1 >= 1",
        "payload.a in ['x', 'y']",
        "'x' in payload.a",
        "payload.a[:8] == 'abc'",
        "payload.a | length > 0",
        "payload.a | upper == 'NONE'",
        "payload.a.startswith('release/')",
        "payload.a.b.split('/')[0] == 'release'",
        "payload.a.upper() in ['X', 'Y']",
        "payload.items[7]",
        "payload.items['sku']",
    ],
)
def test_a_missing_path_is_false_and_never_an_error(source: str) -> None:
    assert not met(source)


@pytest.mark.parametrize(
    "source",
    [
        "payload.__class__",
        "''.__class__.__mro__[1].__subclasses__()",
        "payload.items.append(1)",
        "payload['__class__']",
        "payload.object_attributes.ref.__len__()",
        "(1).to_bytes(1000000000, 'big')",
        "'x'.format_map(payload)",
    ],
)
def test_nothing_behind_the_data_can_be_reached(source: str) -> None:
    condition = compile_condition(source)
    with suppress(ConditionFailedError):
        assert not condition(EVENT, PAYLOAD)
    assert PAYLOAD["items"] == [1, {"sku": "A-1"}]


@pytest.mark.parametrize(
    "source",
    [
        "'x' * 10**9",
        "10**9 * 'x'",
        "[1] * 10**9",
        "2 ** (10**9)",
        "(10**9) ** (10**9)",
        "(payload.amount ** 300) * (payload.amount ** 300) * (payload.amount ** 300)",
        "'%1000000000d' % 1",
        "'%.1000000000f' % 1.5",
        "'%*d' % (1000000000, 1)",
        "'%(a)1000000000d' % {'a': 1}",
        "'%1000000000d' | format(1)",
        "'x' | center(10**9)",
        "'x' | indent(10**9)",
        "'a\na' | indent(10**9, true)",
        "[1] | batch(10**9, 'x') | list",
        "[1] | slice(10**9) | list",
        "payload.labels | join('x') ~ ('y' * 99999) ~ ('z' * 99999) ~ ('w' * 99999)",
        "('a' * 99999) | replace('a', 'b' * 999)",
        "('x' * 99999) | wordwrap(10**9)",
        "'x'.center(10**9)",
        "'x'.ljust(10**9)",
        "'{:1000000000}'.format(1)",
        "'\t'.expandtabs(10**9)",
        "'x'.zfill(10**9)",
    ],
)
def test_an_expensive_condition_fails_before_it_makes_anything_large(source: str) -> None:
    def fail() -> None:
        with pytest.raises(ConditionFailedError):
            met(source)

    assert peak_of(fail) < 2_000_000


def test_rounding_to_a_billion_decimals_leaves_the_number() -> None:
    assert met("1.5 | round(10**9, 'ceil') == 1.5")


@pytest.mark.parametrize(
    ("source", "says", "line"),
    [
        ("payload.a ==", "unexpected 'end of the expression': complete it", 1),
        ("payload.a |", "unexpected end of the expression, expected 'name'.: complete it", 1),
        ("payload.a\n and\n ==", "unexpected", 3),
        ("evnt.type == 'x'", "did you mean `event`", 1),
        ("payload.a | lenght", "did you mean `length`", 1),
        ("payload.a is definde", "did you mean `defined`", 1),
        ("payload.a payload.b", "text after the expression: join parts with `and` or `or`", 1),
        ("event.type = 'push'", "text after the expression: compare with `==`", 1),
        ("payload.a == 1 and\n payload.b = 2", "text after the expression: compare with `==`", 2),
        ("payload.a }} {{ payload.b", "text after the expression", 1),
        ("payload.a %}{% for x in payload %}{% endfor", "text after the expression|unexpected", 1),
        ("range(3)", "no name 'range'", 1),
        ("payload.a\n and event.tpye == 'push'", "field that does not exist: event.tpye: did you mean `type`", 2),
        ("event['sorce'] == 'gitlab'", "field that does not exist: event.sorce: did you mean `source`", 1),
        ("'cache' in event.title", "event.title: `event.title` is gone: use `event.name`, or words of your own", 1),
        ("event._secret == 'x'", "field that does not exist: event._secret", 1),
        ("event.__class__", "field that does not exist: event.__class__", 1),
        ("", "empty", 1),
        ("(" * 3000, "too deep|unexpected", 1),
        ("x" * 5000, "longer", 1),
    ],
)
def test_an_invalid_expression_is_refused_at_load_with_its_line(source: str, says: str, line: int) -> None:
    with pytest.raises(ConditionError, match=says) as refused:
        compile_condition(source)
    assert refused.value.line == line


def test_a_failure_is_one_short_line_with_any_payload() -> None:
    with pytest.raises(ConditionFailedError) as failed:
        met("payload.bad < 3", {"bad": "x\ny\x1b[31m" * 1000})
    assert str(failed.value).isprintable()
    assert len(str(failed.value)) <= 200


def test_one_evaluation_makes_few_calls_and_compiles_nothing() -> None:
    """bench/decide.py measures the time: about ten microseconds."""
    condition = compile_condition("payload.object_attributes.ref == 'main' and payload.amount > 1000")
    assert calls_of(lambda: condition(EVENT, PAYLOAD)) < 80


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=10,
)
TRIED = [
    compile_condition(source)
    for source in (
        "payload.a.b == payload.c",
        "payload.a | map(attribute='b') | join(',')",
        "payload.a | sort | first",
        "payload.a | sum + payload.b | int",
        "payload.a | length and payload.b | list | last",
        "payload.a | unique | max",
        "payload.a | dictsort or payload.a | items",
        "payload.a | round(2) ~ payload.b | abs | string | upper | trim | title",
        "payload.a | selectattr('b') | rejectattr('c', 'equalto', 1) | groupby('d')",
        "payload.a | batch(2) | list ~ payload.b | slice(2) | list",
        "payload.a | filesizeformat ~ payload.b | wordcount ~ payload.c | urlencode ~ payload.d | reverse",
        "payload.a | replace('a', 'b') | truncate(5) | indent(2) | center(9) | wordwrap(9) | capitalize",
        "payload.a[:3] ~ payload.b[0] ~ payload.c['a']",
        "payload.a | float or payload.b | default(1, true) or payload.c | min",
    )
]


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4), st.sampled_from(TRIED))
def test_filters_bear_any_value(payload: dict[str, object], condition: object) -> None:
    assert callable(condition)
    assert condition(EVENT, payload) in (True, False)
