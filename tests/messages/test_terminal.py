"""Tests of a message on a terminal: it reads as in Slack, and cannot control the terminal."""

import io
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bridge.messages import Message
from bridge.messages.terminal import framed, mrkdwn, show


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*Ada* opened <https://e.example/?a=1&amp;b=2|!7 Fix>", "Ada opened !7 Fix"),
        ("&lt;!channel&gt; &amp;amp;", "<!channel> &amp;"),
        ("`a*b*c` and ~gone~ _soft_", "a*b*c and gone soft"),
        ("snake_case_name 2*3*4", "snake_case_name 2*3*4"),
        ("&gt; said", "▎said"),
        ("<@U1> <!here> <#C1|general>", "@U1 @here #general"),
        ("<!date^zzz^{date}|long ago>", "long ago"),
        (":x: no", "❌ no"),
        ("a\x1b[31mb\x9bc", "a[31mbc"),
    ],
)
def test_mrkdwn_reads_as_in_slack(text: str, expected: str) -> None:
    assert mrkdwn(text).plain == expected


def test_a_date_is_shown_in_the_readers_own_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert mrkdwn("<!date^1795392000^{date}|x>").plain == "November 22nd, 2026"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_blocks_and_the_coloured_bar_are_drawn() -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Body*"}}
    fields = {"type": "section", "fields": [{"type": "mrkdwn", "text": f"*F{n}*\nv{n}"} for n in range(3)]}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.example/x"}
    actions = {"type": "actions", "elements": [button]}
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": "small"}]}
    attachment = {"color": "danger", "blocks": [fields, context, {"type": "divider"}, actions]}
    header = {"type": "header", "text": {"type": "plain_text", "text": "Title"}}
    stream = io.StringIO()
    Console(file=stream, width=60, color_system=None).print(
        framed(Message("t", [header, section], [attachment]), "ops")
    )
    written = stream.getvalue()
    for piece in ("#ops", "Title", "Body", "▌ F0", "F2", "small", "[ Open ]"):
        assert piece in written


def test_the_address_of_a_button_cannot_steer_the_terminal() -> None:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": "Open"},
        "url": "https://e.example/\x1b]0;owned\x07",
    }
    stream = io.StringIO()
    Console(file=stream, force_terminal=True, color_system="truecolor").print(
        show(Message("t", [{"type": "actions", "elements": [button]}]))
    )
    assert ";https://e.example/]0;owned\x1b" in stream.getvalue()


@settings(max_examples=80)
@given(st.text(st.sampled_from("<>|*_~`&;!@#^{} \n\x1b\x9babc:1"), max_size=60))
def test_no_text_breaks_it_or_lets_control_characters_through(text: str) -> None:
    stream = io.StringIO()
    Console(file=stream, width=60, color_system=None, emoji=False, markup=False).print(show(Message(text)))
    assert "\x1b" not in stream.getvalue()
    assert "\x9b" not in stream.getvalue()
