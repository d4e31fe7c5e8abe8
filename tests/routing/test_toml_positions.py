"""Tests of the position of every value in a TOML file."""

import tomllib
from pathlib import Path as File

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.routing.toml_positions import Path, Position, find_positions, position_of

SAMPLE = '''# a comment with = and [brackets]
top = 1

[sources.stripe-eu]  # [not.this]
provider = "stripe"
"quoted key" . 'and more' = 1979-05-27 07:32:00

[people]
ada = "U1" # x = 1
text = """
[[routes]]
name = "no \\""" table"
"""
after = \'\'\'it's''\'\'\'

[[routes]]
name = "one"
channels = [ # first
  "a",

  "b", ["c"]
]
[[routes]]
events = []
inline = { a.b = 1, c = { d = [1, 2] } }
  [routes.below]
  deep = true
[last.of.all]
'''


def test_the_lines_of_a_sample() -> None:
    assert {path: position.line for path, position in find_positions(SAMPLE).items()} == {
        ("top",): 2,
        ("sources",): 4,
        ("sources", "stripe-eu"): 4,
        ("sources", "stripe-eu", "provider"): 5,
        ("sources", "stripe-eu", "quoted key"): 6,
        ("sources", "stripe-eu", "quoted key", "and more"): 6,
        ("people",): 8,
        ("people", "ada"): 9,
        ("people", "text"): 10,
        ("people", "after"): 14,
        ("routes",): 16,
        ("routes", 0): 16,
        ("routes", 0, "name"): 17,
        ("routes", 0, "channels"): 18,
        ("routes", 0, "channels", 0): 19,
        ("routes", 0, "channels", 1): 21,
        ("routes", 0, "channels", 2): 21,
        ("routes", 0, "channels", 2, 0): 21,
        ("routes", 1): 23,
        ("routes", 1, "events"): 24,
        ("routes", 1, "inline"): 25,
        ("routes", 1, "inline", "a"): 25,
        ("routes", 1, "inline", "a", "b"): 25,
        ("routes", 1, "inline", "c"): 25,
        ("routes", 1, "inline", "c", "d"): 25,
        ("routes", 1, "inline", "c", "d", 0): 25,
        ("routes", 1, "inline", "c", "d", 1): 25,
        ("routes", 1, "below"): 26,
        ("routes", 1, "below", "deep"): 27,
        ("last",): 28,
        ("last", "of"): 28,
        ("last", "of", "all"): 28,
    }
    assert set(find_positions(SAMPLE)) == paths(tomllib.loads(SAMPLE))


def test_lines_end_in_any_way() -> None:
    assert find_positions("a = 1\r\nb = 2") == {("a",): (1, 1), ("b",): (2, 1)}


def test_a_missing_path_has_the_position_of_the_table_around_it() -> None:
    positions = find_positions("\n[[routes]]\nname = 'x'\n")
    assert position_of(positions, ("routes", 0, "channels")) == Position(2, 1)
    assert position_of(positions, ("sources", "x")) == Position(1, 1)


def test_columns_are_those_of_keys_elements_and_headers() -> None:
    positions = find_positions("  [a]\r\n\t b . c = [1,\r\n  {d = 2}]\n [[ e ]]\n")
    assert positions["a",] == (1, 3)
    assert positions["a", "b", "c"] == (2, 3)
    assert positions["a", "b", "c", 0] == (2, 12)
    assert positions["a", "b", "c", 1, "d"] == (3, 4)
    assert positions["e",] == (4, 2)


def paths(data: object, path: Path = ()) -> set[Path]:
    """Return every path in the result of tomllib: the reference."""
    steps: list[tuple[str | int, object]] = []
    if isinstance(data, dict):
        steps = list(data.items())
    elif isinstance(data, list):
        steps = list(enumerate(data))
    found = {path} if path else set()
    return found.union(*(paths(value, (*path, step)) for step, value in steps))


_texts = st.sampled_from(
    ['"a"', "'b'", '"\\" # ]"', '"""x\n"y" = 1\n\\""""', "'''\n[t]\n'''", "'''q''''", '"""""""', '""', "''", '"\\\\"']
)
_bare = st.sampled_from(["1", "-0.5", "true", "1979-05-27 07:32:00Z", "inf", "0x1F"])
_keys = st.sampled_from(["a", "b-1", '"c d"', "'e.f'", "g . h", '"\\u00e9\\""', '"]"'])
_gaps = st.sampled_from(["", " ", "\n", " # c ] }\n", "\n\n\t"])
_values = st.recursive(
    _texts | _bare,
    lambda inner: (
        st.lists(st.tuples(_gaps, inner, _gaps), max_size=3).map(
            lambda rows: "[" + ",".join(a + v + b for a, v, b in rows) + "]"
        )
        | st.lists(st.tuples(_keys, inner), max_size=2).map(
            lambda rows: "{ " + ", ".join(f"{k} = {v}" for k, v in rows) + " }"
        )
    ),
    max_leaves=6,
)
_lines = (
    st.tuples(_keys, _values).map(lambda pair: f"{pair[0]} = {pair[1]}")
    | _keys.map(lambda key: f"[{key}]")
    | _keys.map(lambda key: f"[[ {key} ]]  # c")
    | st.just("# [x]\n")
)


@pytest.mark.thorough
@given(st.lists(_lines, max_size=8), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=600)
def test_every_value_that_tomllib_reads_has_its_position(statements: list[str], end: str) -> None:
    text = "\n".join(statements).replace("\n", end)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    positions = find_positions(text)
    assert set(positions) == paths(data)
    lines = text.split("\n")
    for path, (line, column) in positions.items():
        assert 1 <= column <= len(lines[line - 1])
        if isinstance(path[-1], str) and path[-1].isalnum() and path[-1].isascii():
            assert path[-1] in lines[line - 1][column - 1 :]


def test_the_positions_of_the_shipped_file() -> None:
    text = File(__file__).parents[2].joinpath("routes.toml").read_text("utf-8")
    assert set(find_positions(text)) == paths(tomllib.loads(text))


@pytest.mark.parametrize("text", ["a = " + "[" * 150 + "]" * 150, "a.b.c.d.e.f = 1", "", "\n\n", "# only"])
def test_odd_files(text: str) -> None:
    assert set(find_positions(text)) == paths(tomllib.loads(text))
