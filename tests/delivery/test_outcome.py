"""Tests of the mapping from Slack's answers to outcomes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.core.states import OutcomeKind
from bridge.delivery.outcome import GONE_CODES, MAX_WAIT, REJECTED_CODES, classify, wait_seconds

NOW = 1_800_000_000.0
HTML = "<!DOCTYPE html><html><body>Sorry</body></html>"


def kind(status: int, body: str) -> OutcomeKind:
    return classify(status, {}, body, NOW).kind


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "ok", "ok"),
        (200, "ok\n", "ok"),
        (200, "", "unavailable"),
        (200, HTML, "unavailable"),
        (200, "OK", "unavailable"),
        (200, '{"ok":true}', "unavailable"),
        (200, '{"ok":false,"error":"invalid_blocks"}', "rejected"),
        (201, "ok", "unavailable"),
        (302, "", "unavailable"),
        (400, "invalid_payload", "rejected"),
        (400, "no_text", "rejected"),
        (400, "a_word_that_is_new", "rejected"),
        (400, HTML, "rejected"),
        (400, "{broken", "rejected"),
        (401, "", "destination_gone"),
        (403, "invalid_token", "destination_gone"),
        (403, HTML, "destination_gone"),
        (404, "no_active_hooks", "destination_gone"),
        (404, "404: Not Found", "destination_gone"),
        (407, "", "unavailable"),
        (408, "", "unavailable"),
        (410, "channel_is_archived", "destination_gone"),
        (413, HTML, "rejected"),
        (425, "", "unavailable"),
        (429, "", "rate_limited"),
        (429, HTML, "rate_limited"),
        (429, "no_service", "destination_gone"),
        (200, '{"ok":false,"error":"ratelimited"}', "rate_limited"),
        (500, "", "unavailable"),
        (500, "rollup_error", "unavailable"),
        (400, "rollup_error", "unavailable"),
        (500, "missing_text_or_fallback_or_attachments", "rejected"),
        (502, HTML, "unavailable"),
        (503, "ok", "unavailable"),
        (599, "a_word_that_is_new", "unavailable"),
    ],
)
def test_the_word_counts_first_the_status_second(status: int, body: str, expected: OutcomeKind) -> None:
    assert kind(status, body) == expected


@pytest.mark.parametrize("status", [200, 400, 403, 404, 410, 500])
def test_a_known_word_counts_with_any_status(status: int) -> None:
    assert {kind(status, word) for word in GONE_CODES} == {"destination_gone"}
    assert {kind(status, word) for word in REJECTED_CODES} == {"rejected"}


@pytest.mark.parametrize(
    ("outcome", "lives"),
    [
        ((400, "no_text"), True),
        ((200, "ok"), True),
        ((500, "missing_text_or_fallback_or_attachments"), True),
        ((404, "no_service"), False),
        ((500, ""), False),
        ((429, ""), False),
        ((200, HTML), False),
        ((400, "invalid_team"), False),
        ((400, HTML), False),
        ((413, ""), False),
    ],
)
def test_a_webhook_is_live_if_slack_has_read_the_post(outcome: tuple[int, str], lives: bool) -> None:
    assert classify(outcome[0], {}, outcome[1], NOW).webhook_alive is lives


@pytest.mark.parametrize(
    ("header", "body", "seconds"),
    [
        ("30", "", 30),
        (" 7 ", "", 7),
        ("2.5", "", 2.5),
        ("0", "", 1),
        ("0.2", "", 1),
        ("999999", "", MAX_WAIT),
        ("Fri, 15 Jan 2027 08:01:00 GMT", "", 60),
        ("Fri, 15 Jan 2027 07:00:00 GMT", "", 1),
        ("Fri, 15 Jan 2027 09:01:00 +0100", "", 60),
        ("Fri, 15 Jan 2038 08:00:00 GMT", "", MAX_WAIT),
        (None, "", None),
        ("soon", "", None),
        ("1e3", "", None),
        ("inf", "", None),
        ("-5", "", None),
        ("٣", "", None),
        (None, '{"retry_after":12,"error":"rate_limited"}', 12),
        ("3", '{"retry_after":12}', 3),
        (None, '{"retry_after":"12"}', None),
        (None, '{"retry_after":-1}', None),
        (None, '{"retry_after":1e999}', MAX_WAIT),
        (None, "[]", None),
    ],
)
def test_how_long_an_answer_asks_to_wait(header: str | None, body: str, seconds: float | None) -> None:
    assert wait_seconds(header, body, NOW) == seconds


@pytest.mark.parametrize(
    ("status", "body", "by_slack"),
    [
        (200, "ok", True),
        (400, "invalid_blocks", True),
        (400, "a_word_that_is_new", True),
        (400, HTML, True),
        (403, HTML, True),
        (404, "no_service", True),
        (413, "", True),
        (429, "", True),
        (500, "", True),
        (500, "rollup_error", True),
        (500, "a_word_that_is_new", True),
        (500, "missing_text_or_fallback_or_attachments", True),
        (502, "no_service", True),
        (500, HTML, False),
        (500, "Internal Server Error", False),
        (502, "", False),
        (502, HTML, False),
        (503, "", False),
        (504, "a_word_that_is_new", False),
        (200, HTML, False),
        (200, "", False),
        (204, "", False),
        (302, "", False),
        (407, HTML, False),
        (408, "", False),
        (425, "", False),
    ],
)
def test_only_what_slack_or_a_4xx_says_may_condemn_a_message(status: int, body: str, by_slack: bool) -> None:
    assert classify(status, {}, body, NOW).by_slack is by_slack


@pytest.mark.parametrize(("status", "seconds"), [(429, 7.0), (503, 7.0), (502, None), (500, None), (404, None)])
def test_a_429_and_a_503_may_ask_to_wait(status: int, seconds: float | None) -> None:
    assert classify(status, {"Retry-After": "7"}, "", NOW).retry_after == seconds
    assert classify(status, {}, "", NOW).retry_after is None


def test_the_header_is_found_in_any_case() -> None:
    assert classify(429, CIMultiDict({"retry-after": "9"}), "", NOW).retry_after == 9


@given(st.text(max_size=60), st.text(max_size=200), st.integers(100, 599))
@settings(max_examples=300, deadline=None)
def test_any_answer_has_a_kind_and_a_sane_wait(header: str, body: str, status: int) -> None:
    outcome = classify(status, {"Retry-After": header}, body, NOW)
    assert outcome.kind in ("ok", "rate_limited", "unavailable", "rejected", "destination_gone")
    assert (outcome.kind == "ok") == (status == 200 and body.strip() == "ok")
    assert "\n" not in outcome.answer
    if outcome.kind == "rate_limited":
        assert outcome.retry_after is None or 1 <= outcome.retry_after <= MAX_WAIT


@given(
    st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,3} [A-Z][a-z]{2} [0-9]{1,9} [0-9]{1,3}:[0-9]{2}:[0-9]{2} [-+A-Z0-9]{1,6}")
)
@settings(max_examples=200, deadline=None)
def test_dates_that_are_none_are_survived(header: str) -> None:
    seconds = wait_seconds(header, "", NOW)
    assert seconds is None or 1 <= seconds <= MAX_WAIT
