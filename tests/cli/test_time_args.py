"""Tests of times as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.time_args import iso_time, local_time, parse_time

NOW = 1_795_600_000.0
BERLIN = timezone(timedelta(hours=1))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2h", NOW - 7200),
        (" 90s ", NOW - 90),
        ("1.5d", NOW - 129_600),
        ("2026-11-25T09:41:00Z", 1_795_599_660.0),
        ("2026-11-25T09:41:00+01:00", 1_795_596_060.0),
        ("2026-11-25 09:41", 1_795_596_060.0),
        ("2026-11-25", 1_795_561_200.0),
        ("20261125", 1_795_561_200.0),
    ],
)
def test_accepted_time_formats(written: str, expected: float) -> None:
    assert parse_time(written, NOW, zone=BERLIN) == expected


def test_a_date_alone_ends_with_its_day_and_a_midnight_does_not() -> None:
    day = parse_time("2026-11-25", NOW, zone=BERLIN)
    assert parse_time("2026-11-25", NOW, end=True, zone=BERLIN) == day + 86_400
    assert parse_time("2026-11-25T00:00", NOW, end=True, zone=BERLIN) == day
    assert parse_time("2h", NOW, end=True) == parse_time("2h", NOW)


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2900, 1, 1)), st.integers(-14, 14))  # noqa: DTZ001
def test_every_time_reads_back_in_every_zone(naive: datetime, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    aware = naive.replace(tzinfo=zone)
    assert parse_time(aware.isoformat(), NOW) == aware.timestamp()
    assert parse_time(naive.isoformat(), NOW, zone=zone) == aware.timestamp()
    assert parse_time(naive.isoformat(sep=" "), NOW, end=True, zone=zone) == aware.timestamp()
    shown = iso_time(aware.timestamp())
    assert shown is not None
    assert abs(parse_time(shown, NOW) - aware.timestamp()) <= 0.001


@given(st.integers(1, 3650 * 24), st.sampled_from("smhd"), st.floats(0, 4e9))
def test_a_duration_is_that_long_ago(number: int, unit: str, now: float) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]
    if seconds <= 3650 * 86_400:
        assert parse_time(f"{number}{unit}", now) == now - seconds


@given(st.text() | st.from_regex(r"[0-9]{1,5}-?[0-9]{0,2}-?W?[0-9]{0,2}[T ]?[0-9:.+Z-]{0,12}", fullmatch=True))
def test_any_text_is_parsed_as_a_time_or_rejected_with_a_hint(written: str) -> None:
    for end in (False, True):
        try:
            assert isinstance(parse_time(written, NOW, end=end), float)
        except ValueError as error:
            assert 'such as "2h"' in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    "written", ["", "2", "h", "-2h", "0h", "2026", "2026-13-01", "0001-01-01", "9999-12-31", "x" * 999]
)
def test_an_invalid_time_raises_no_other_error(written: str) -> None:
    try:
        parse_time(written, NOW, end=True)
    except ValueError as error:
        assert "2026-11-25" in str(error)  # noqa: PT017


def test_it_is_shown_in_a_time_zone_and_given_to_scripts_in_utc() -> None:
    assert local_time(1_795_599_660.0, BERLIN) == "2026-11-25 10:41:00"
    assert local_time(1_795_599_660.0, UTC) == "2026-11-25 09:41:00"
    assert iso_time(1_795_599_660.1234) == "2026-11-25T09:41:00.123Z"
    assert iso_time(None) is None
