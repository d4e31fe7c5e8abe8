"""Tests of payload readers: they never raise, and their results fit into a line of text."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.payload import InvalidJsonError, clean, int_at, list_at, map_at, parse_json, text_at, true_at


def test_json_is_read_as_it_is_with_integers_whole() -> None:
    assert parse_json(b'{"id": 820982911946154508123456789}') == {"id": 820982911946154508123456789}
    assert parse_json(b"[1.5, null, true]") == [1.5, None, True]


@pytest.mark.parametrize(
    ("raw", "data"),
    [
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": "\\ud800x"}', {"a": "?x"}),
        (b'{"\\udfff": 1e999}', {"?": float("inf")}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
    ],
)
def test_lenient_json_that_strict_parsers_refuse_is_read(raw: bytes, data: object) -> None:
    assert parse_json(raw) == data


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"{", b"nope", b"\xff", b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5000, b'{"a":1}{"b":2}', b"'a'"],
)
def test_anything_else_is_not_json(raw: bytes) -> None:
    with pytest.raises(InvalidJsonError):
        parse_json(raw)


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.text(st.sampled_from('{}[]",:\\ud8019eE+-.ntf'), max_size=60).map(str.encode))
def test_bytes_are_json_or_not_json(raw: bytes) -> None:
    with contextlib.suppress(InvalidJsonError):
        str(parse_json(raw)).encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text", "text"),
        (12, "12"),
        (0, "0"),
        (1.5, "1.5"),
        (None, ""),
        (True, ""),
        (["a"], ""),
        ({"a": 1}, ""),
        (float("inf"), ""),
        (float("-inf"), ""),
        (float("nan"), ""),
        pytest.param(10**9000, "", id="9000 digits"),
    ],
)
def test_text_is_a_text_or_a_number_and_nothing_else(value: object, text: str) -> None:
    assert text_at({"a": value}, "a") == text


def test_a_path_that_breaks_off_is_nothing() -> None:
    data = {"a": [{"b": "c"}], "s": "text"}
    assert text_at(data, "a", 0, "b") == "c"
    assert text_at(data, "a", -1, "b") == "c"
    assert text_at(data, "a", 1, "b") == text_at(data, "a", "b") == text_at(data, "s", 0) == text_at(None, "a") == ""
    assert (map_at(data, "a"), list_at(data, "s"), int_at(data, "s"), true_at({"a": 1}, "a")) == ({}, (), None, False)
    assert int_at({"a": "12"}, "a") == 12
    assert int_at({"a": "１２"}, "a") is int_at({"a": True}, "a") is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain", "plain"),
        ("  blanks around  ", "blanks around"),
        ("   ", ""),
        ("two\nlines\x00 and\ta tab", "two lines and a tab"),
        ("caf\u00e9 \u202eturned", "caf\u00e9 turned"),
        ("\ud800", ""),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
    ],
)
def test_a_clean_text_is_one_line_without_blanks_around_it(text: str, line: str) -> None:
    assert clean(text) == line


@pytest.mark.parametrize("text", ["x" * 90_000, "é" * 90_000, "ab " * 40_000, "\n" * 90_000, "é " * 40_000])
def test_a_clean_text_is_short_and_ends_in_no_blank(text: str) -> None:
    assert len(clean(text, 30)) <= 30
    assert clean(text, 30) == clean(text, 30).strip()
