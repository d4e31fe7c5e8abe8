from pathlib import Path

import pytest

from bridge.config.diagnostics import Severity
from bridge.lint.warnings import template_notes
from bridge.messages.compiling import load_templates
from tests.diagnostics import plain
from tests.messages.rendering import templates


@pytest.mark.thorough
def test_the_packaged_templates_have_no_notes() -> None:
    assert template_notes(load_templates(None, {})) == []


@pytest.mark.parametrize("text", ["a\n:white_chek_mark: done", '\n{{ ":white_chek_mark:" if payload.x }}'])
def test_an_emoji_that_slack_does_not_have_is_a_note_with_the_nearest(tmp_path: Path, text: str) -> None:
    (found,) = template_notes(templates(tmp_path, one=text))
    assert (found.severity, found.code) == (Severity.NOTE, "template-unknown-emoji")
    assert plain(found) == (
        "templates/one.j2:2: Slack has no emoji :white_chek_mark: of its own "
        "(did you mean :white_check_mark:? Ignore this if it is your workspace's)"
    )


def test_known_emoji_and_texts_that_only_look_like_emoji_are_not_reported(tmp_path: Path) -> None:
    assert (
        template_notes(
            templates(tmp_path, one=":x: :+1: at 10:00:00 a::b {{ payload.a[::2] }} https://x:80/:/", two="{% if")
        )
        == []
    )
