import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.messages.times import date, duration, unix_time


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_700_000_000, 1_700_000_000),
        (1_700_000_000.75, 1_700_000_000.75),
        (1_700_000_000_123, 1_700_000_000.123),
        ("1700000000", 1_700_000_000),
        (0, 0),
        ("2013-12-03T17:15:43Z", 1386090943),
        ("2016-08-12 15:23:28 UTC", 1471015408),
        ("2021-04-28 21:50:00 +0200", 1619639400),
        ("2026-08-02T10:41:35.000+00:00", 1785667295),
        ("2015-04-08T21: 00:25-07:00", 1428552025),
        ("Mon, 16 Aug 2010 03:45:01 +0000", 1281930301),
        ("2024-02-29", 1709164800),
        ("2024-02-29T12:00:00", 1709208000),
    ],
)
def test_every_time_format_of_providers_is_read(value: object, seconds: float) -> None:
    assert unix_time(value) == pytest.approx(seconds)
    assert date(value).startswith(f"<!date^{int(seconds)}^{{date_short_pretty}} at {{time}}|")


@pytest.mark.parametrize(
    "value", ["", "soon", "2024-13-45", "1e400", float("inf"), float("nan"), True, 10**30, "<!here>", [], {}, "12:00"]
)
def test_nonsense_stays_the_text_that_it_is(value: object) -> None:
    assert unix_time(value) is None
    assert "<" not in date(value)


def test_a_date_shows_in_utc_where_slack_cannot_write_it() -> None:
    assert date(1_700_000_000) == "<!date^1700000000^{date_short_pretty} at {time}|2023-11-14 22:13 UTC>"
    assert date(1_700_000_000, "{date_num}") == "<!date^1700000000^{date_num}|2023-11-14>"


@pytest.mark.parametrize("date_format", ["", "a|b", "a>b", "<b", "a^b", "x" * 200, "a\nb"])
def test_a_format_that_would_break_the_date_is_not_used(date_format: str) -> None:
    assert date(0, date_format) == "<!date^0^{date_short_pretty} at {time}|1970-01-01 00:00 UTC>"


@pytest.mark.thorough
@given(st.text() | st.floats() | st.integers() | st.datetimes().map(str))
def test_no_value_breaks_a_date_or_a_duration(value: object) -> None:
    made = date(value)
    assert made.count("<") == (1 if made.startswith("<!date^") else 0)
    assert "<" not in duration(value)
