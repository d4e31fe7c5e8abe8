from pathlib import Path

import pytest

from bridge.lint.warnings import doubts
from bridge.messages.render import load_templates
from tests.messages.rendering import templates


def test_the_packaged_templates_raise_no_doubts() -> None:
    assert doubts(load_templates(None, {})) == []


@pytest.mark.parametrize("text", ["a\n:white_chek_mark: done", '\n{{ ":white_chek_mark:" if payload.x }}'])
def test_an_emoji_that_slack_does_not_have_is_told_with_the_nearest(tmp_path: Path, text: str) -> None:
    (doubt,) = doubts(templates(tmp_path, one=text))
    assert str(doubt) == (
        "one.j2:2: Slack has no emoji :white_chek_mark: of its own "
        "(the nearest known is :white_check_mark:, unless it is your workspace's)"
    )


def test_emoji_that_slack_has_and_what_only_looks_like_one_are_not_told(tmp_path: Path) -> None:
    assert (
        doubts(templates(tmp_path, one=":x: :+1: at 10:00:00 a::b {{ payload.a[::2] }} https://x:80/:/", two="{% if"))
        == []
    )
