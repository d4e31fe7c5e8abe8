"""Tests of the reader for every time format of the providers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.times import written_time


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2013-12-03T17:15:43Z", 1386090943.0),
        ("2016-08-12 15:23:28 UTC", 1471015408.0),
        ("2021-04-28 21:50:00 +0200", 1619639400.0),
        ("2026-08-02T10:41:35.000+00:00", 1785667295.0),
        ("2015-04-08T21: 00:25-07:00", 1428552025.0),
        ("2026-11-30", 1795996800.0),
        ("2026-11-20 11:06:05", 1795172765.0),
        ("Mon, 23 Nov 2026 09:41:00 +0000", 1795426860.0),
        ("Mon, 99 Nov 2026", None),
        ("", None),
        ("yesterday at noon", None),
        ("2026-13-45T99:99:99Z", None),
        ("0001-01-01T00:00:00+14:00", -62135647200.0),
        ("9" * 90_000, None),
        ("２０２６-11-20 11:06:05", None),
    ],
)
def test_every_time_format_of_providers(text: str, seconds: float | None) -> None:
    assert written_time(text) == seconds


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    st.text(st.characters(), max_size=45) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.{0,8}", fullmatch=True)
)
def test_no_date_breaks_anything(text: str) -> None:
    assert isinstance(written_time(text), float | None)
