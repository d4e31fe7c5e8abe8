"""Tests of durations, sizes and paces as people write them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.units import duration, pace, size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("72h", 259_200), ("7d", 604_800), (" 1.5 h ", 5400), ("3650d", 315_360_000)],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1048576", 2**20), ("32MiB", 2**25), ("2GiB", 2**31), ("2gib", 2**31), ("1 MB", 10**6), ("1.5KiB", 1536)],
)
def test_sizes(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize(
    ("text", "a_second"), [("1/s", 1.0), ("2/s", 2.0), ("0.5/s", 0.5), ("30/m", 0.5), ("36/h", 0.01)]
)
def test_paces(text: str, a_second: float) -> None:
    assert pace(text) == pytest.approx(a_second)


@pytest.mark.parametrize(
    "text", ["", "7", "d", "7w", "7 days", "-1d", "0d", "1e3s", "4000d", "1..5h", ".h", "٣d", "inf", "9" * 400]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a duration: write .*7d"):
        duration(text)


@pytest.mark.parametrize("text", ["", "0", "-1", "2G", "MiB", "1e9", "2GiBs", "9" * 400, "inf"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a size: write .*2GiB"):
        size(text)


@pytest.mark.parametrize("text", ["", "1", "/s", "0/s", "1/d/s", "1 per s", "1/w", "1000/s", "1s/s", "-1/s"])
def test_no_paces(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a pace: write .*1/s"):
        pace(text)


@pytest.mark.thorough
@given(st.text(max_size=30) | st.text("0123456789.smhdbkig/ ", max_size=12))
@settings(max_examples=300)
def test_any_text_is_a_finite_amount_or_a_value_error(text: str) -> None:
    for read in (duration, size, pace):
        try:
            amount = read(text)
        except ValueError:
            continue
        assert amount > 0
        assert math.isfinite(amount)
