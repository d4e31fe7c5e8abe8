"""Tests that mrkdwn is shown as in Slack."""

from datetime import UTC

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages.mrkdwn_parser import Line, Span, parse, to_plain_text


def spans(text: str) -> list[Span]:
    return [span for line in parse(text, UTC) for span in line.spans]


def plain(text: str) -> list[tuple[str, str]]:
    return [(line.kind, "".join(span.text for span in line.spans)) for line in parse(text, UTC)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*bold*", [Span("bold", bold=True)]),
        ("_*both*_", [Span("both", bold=True, italic=True)]),
        ("~gone~", [Span("gone", strike=True)]),
        ("`a*b*c`", [Span("a*b*c", code=True)]),
        ("snake_case_name", [Span("snake_case_name")]),
        ("2 * 3 * 4", [Span("2 * 3 * 4")]),
        ("&lt;!channel&gt; &amp;amp;", [Span("<!channel> &amp;")]),
        ("<https://e.example/?a=1&amp;b=2|!7>", [Span("!7", url="https://e.example/?a=1&b=2")]),
        ("*<https://e.example|x>*", [Span("x", bold=True, url="https://e.example")]),
        ("<mailto:a@e.example|Ada>", [Span("Ada", url="mailto:a@e.example")]),
        ("<javascript:alert(1)|x>", [Span("x")]),
        ("*<https://e.example/a*b|x>*", [Span("x", bold=True, url="https://e.example/a*b")]),
        (
            "_a <https://e.example/_|x> b_",
            [Span("a ", italic=True), Span("x", italic=True, url="https://e.example/_"), Span(" b", italic=True)],
        ),
        ("<#C1|general>", [Span("#general", mention=True)]),
        ("<@U1|@ada>", [Span("@ada", mention=True)]),
        ("<!here>", [Span("@here", mention=True)]),
        ("<@U1>", [Span("@U1", mention=True)]),
        ("<!subteam^S1|@team>", [Span("@team", mention=True)]),
        (":white_check_mark: done", [Span("✅ done")]),
        ("at 10:30:00", [Span("at 10:30:00")]),
        ("<!date^1795392000^{date_num} {time}|then>", [Span("2026-11-23 00:00")]),
        ("<!date^99999999999999^{date}|then>", [Span("then")]),
        ("", []),
    ],
)
def test_spans(text: str, expected: list[Span]) -> None:
    assert spans(text) == expected


def test_lines_know_whether_they_are_quoted_or_code() -> None:
    assert plain("said\n> *so*\n&gt; too\n```\na &lt; b\n  c\n```\nafter") == [
        ("text", "said"),
        ("quote", "so"),
        ("quote", "too"),
        ("code", "a < b"),
        ("code", "  c"),
        ("text", "after"),
    ]


def test_a_block_of_code_that_is_not_closed_is_text() -> None:
    assert plain("```a") == [("text", "```a")]


def test_an_empty_line_stays_a_line() -> None:
    assert list(parse("a\n\nb")) == [Line("text", (Span("a"),)), Line("text", ()), Line("text", (Span("b"),))]


def test_a_notification_is_words_and_emoji() -> None:
    assert to_plain_text(":x: *Fish* &amp; <https://e.example|chips>\n<@U1>") == "❌ Fish & chips\n@U1"


@pytest.mark.thorough
@settings(max_examples=200)
@given(st.text(st.sampled_from("<>|*_~`&;!@#^{} \n\x1b\x9babc:1/h"), max_size=80))
def test_no_text_breaks_it_and_no_control_character_comes_through(text: str) -> None:
    for span in spans(text):
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in span.text)
        assert span.url == "" or span.url.lower().startswith(("http://", "https://", "mailto:"))
