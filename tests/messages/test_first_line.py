"""Tests of a message's first line: the event log shows it as Slack does, as plain text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.payload import clean
from bridge.messages.first_line import MAX_LINE, plain_line
from bridge.messages.mrkdwn import escaped, sanitize, unformatted
from bridge.messages.render import render
from bridge.messages.templates import read_templates
from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples
from tests.messages.rendering import first_shown, one
from tests.walks import for_each

TEMPLATES = read_templates(None, {})


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("*Ada* pushed to <https://e.example/?a=1&amp;b=2|main>", "Ada pushed to main"),
        ("_a_ ~b~ `c` a_b_c 2*3*4", "a b c a_b_c 2*3*4"),
        ("Fix &amp; &lt;things&gt;", "Fix & <things>"),
        (":x: failed :no-such-emoji:", "❌ failed :no-such-emoji:"),
        ("at <!date^1700000000^{date_num} {time}|then>", "at 2023-11-14 22:13"),
        ("<@U012ABC> and <https://e.example>", "@U012ABC and https://e.example"),
        ("a  b\tc\x00d", "a b cd"),
        ("&gt; quoted", "quoted"),
        ("x" * 400, "x" * (MAX_LINE - 1) + "…"),
        ("", ""),
    ],
)
def test_a_plain_line_is_what_slack_shows_without_its_look(line: str, plain: str) -> None:
    assert plain_line(line) == plain


@pytest.mark.thorough
@given(st.lists(st.sampled_from([*"ab *_~`<>&|@:-0", "@here", ":100:", ":x:", "`c`"]), max_size=60).map("".join))
def test_a_payloads_text_comes_back_as_it_was_written(text: str) -> None:
    """Look-alikes and word joiners keep Slack from formatting it; the event log needs none of them."""
    shown = plain_line(f"x {escaped(unformatted(sanitize(text)))} x")
    assert shown == clean(f"x {text} x")


@given(st.text("ab *_~`<>&|@:\n\r\u2028\x00\x1b\u202e\ud800!^#", max_size=900))
def test_a_plain_line_is_one_short_printable_line_for_any_text(text: str) -> None:
    line = plain_line(text)
    assert len(line) <= MAX_LINE
    assert line == clean(line, MAX_LINE)


@pytest.mark.parametrize(
    ("template", "line", "linked"),
    [
        ("Only a body\nof two lines", "Only a body", "Only a body · <https://gitlab.example.com/x/12|open>"),
        ("```\ncode\n```", "code", "code · <https://gitlab.example.com/x/12|open>"),
        (
            '{% extends "message.j2" %}{% block title %}{{ link(event.url, "A *b* c") }} d{% endblock %}',
            "A *b* c d",
            "<https://gitlab.example.com/x/12|A *b* c> d",
        ),
    ],
)
def test_the_first_line_is_the_title_or_the_bodys(tmp_path: Path, template: str, line: str, linked: str) -> None:
    rendered = one(tmp_path, template)
    assert (rendered.line.replace("*", ""), rendered.linked_line) == (line.replace("*", ""), linked)


@pytest.mark.thorough
@for_each(samples().values(), name=lambda sample: sample.name)
def test_the_line_of_every_sample_is_the_first_that_its_message_shows(sample: Sample) -> None:
    rendered = render(sample_event(sample, sample.provider, SAMPLE_TIME), TEMPLATES)
    if rendered.message is None:
        assert (rendered.line, rendered.linked_line) == ("", "")
    else:
        assert rendered.line == first_shown(rendered.message.body())
