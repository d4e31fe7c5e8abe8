"""Tests of the parts of every signature scheme: secrets, headers, comparison, the time window."""

import math
from collections.abc import Sequence
from typing import cast

import pytest

from bridge.events import Request
from bridge.sources import PROVIDERS, Unverified
from bridge.sources.signatures import any_match, check_window, encoded_secrets, single_header

NOW = 1_795_392_000.0


def test_secrets_are_stripped_utf8_and_blank_ones_are_none() -> None:
    assert encoded_secrets([" old\n", "", "  ", "né"]) == [b"old", "né".encode()]


@pytest.mark.parametrize("secrets", [[], [""], [" ", "\n"], ""])
def test_no_secret_never_means_no_check(secrets: Sequence[str]) -> None:
    with pytest.raises(Unverified, match="no secret"):
        encoded_secrets(secrets)


def test_a_value_that_is_not_text_is_no_secret() -> None:
    odd = cast("Sequence[str]", [None, 7, b"bytes", object(), ["list"]])
    with pytest.raises(Unverified):
        encoded_secrets(odd)
    assert encoded_secrets([*odd, "right"]) == [b"right"]


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_a_value_that_is_not_text_is_no_secret_for_any_provider(provider: object) -> None:
    chosen = PROVIDERS[getattr(provider, "name", "")]
    request = chosen.request_for("push", {"object_kind": "push"}, "right", NOW)
    chosen.verify(request, cast("Sequence[str]", [None, 7, b"right", "right"]), NOW)
    with pytest.raises(Unverified):
        chosen.verify(request, cast("Sequence[str]", [None, 7, b"right", object()]), NOW)


def test_a_bare_string_is_one_secret_and_not_one_for_each_letter() -> None:
    assert encoded_secrets("abc") == [b"abc"]


def test_lone_surrogates_become_the_bytes_that_came_or_some_bytes() -> None:
    assert encoded_secrets(["caf\udcc3\udca9"]) == ["café".encode()]
    assert len(encoded_secrets(["\ud800"])) == 1
    assert single_header(Request("POST", "", {"x": " \udcff "}, b""), "x") == b"\xff"
    assert single_header(Request("POST", "", {"x": "\ud800a"}, b""), "x").endswith(b"a")


def test_every_pair_is_compared() -> None:
    assert any_match([b"a", b"b"], [b"x", b"b"])
    assert not any_match([b"a"], [])
    assert not any_match([], [b"a"])
    assert not any_match([b"a"], [b"A", b"a ", b""])


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_five_minutes_in_either_direction_are_within_the_tolerance(off: int) -> None:
    check_window(str(int(NOW) + off).encode(), NOW)


@pytest.mark.parametrize("off", [-301, 301, 31_536_000])
def test_more_is_outside(off: int) -> None:
    with pytest.raises(Unverified, match="off our clock"):
        check_window(str(int(NOW) + off).encode(), NOW)


@pytest.mark.parametrize(
    "timestamp",
    ["", " ", "+1795392000", "-1795392000", "1795392000.0", "1.795392e9", "0x6B038C00", "1_795_392_000",
     "１７９５３９２０００", "1795392000\x00", "17953 92000", "9" * 100_000],
)  # fmt: skip
def test_a_timestamp_is_ascii_digits_and_nothing_else(timestamp: str) -> None:
    with pytest.raises(Unverified, match="not a number"):
        check_window(timestamp.encode(), NOW)


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf])
def test_an_invalid_clock_accepts_nothing(now: float) -> None:
    with pytest.raises(Unverified):
        check_window(b"1795392000", now)
