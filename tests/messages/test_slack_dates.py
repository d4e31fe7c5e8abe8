"""Tests of dates in Slack's format."""

from datetime import UTC, datetime

import pytest

from bridge.messages.slack_dates import shown_date

MOMENT = datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [
        ("{date_num}", "2026-11-03"),
        ("{date}", "November 3rd, 2026"),
        ("{date_short}", "Nov 3, 2026"),
        ("{date_long}", "Tuesday, November 3rd, 2026"),
        ("{date_short_pretty} at {time}", "Nov 3, 2026 at 09:05"),
        ("{time_secs}", "09:05:07"),
        ("{ago}", "Nov 3, 2026 at 09:05"),
        ("{nothing} {date_num", "{nothing} {date_num"),
    ],
)
def test_each_token_has_its_form(tokens: str, shown: str) -> None:
    assert shown_date(MOMENT, tokens) == shown


@pytest.mark.parametrize(
    ("day", "ordinal"), [(1, "1st"), (2, "2nd"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (30, "30th")]
)
def test_days_are_counted_as_in_english(day: int, ordinal: str) -> None:
    assert shown_date(MOMENT.replace(day=day), "{date}") == f"November {ordinal}, 2026"
