"""Tests of emoji by Slack's names."""

import re

from bridge.config.packaged import packaged_templates
from bridge.messages.emoji import emoji_names, unknown_emoji, with_emoji


def test_names_become_emoji_and_other_texts_stay() -> None:
    assert with_emoji(":x: :+1: :flag-de: :large_green_circle:") == "❌ 👍 🇩🇪 🟢"
    assert with_emoji(":no_such_emoji: 10:30:00 a::b") == ":no_such_emoji: 10:30:00 a::b"


def test_slacks_own_names_are_known_and_others_are_reported() -> None:
    assert unknown_emoji(":white_check_mark: :white_chek_mark: at 10:30:00") == ["white_chek_mark"]


def test_every_name_is_one_that_is_found_in_text() -> None:
    assert len(emoji_names()) > 1900
    assert [name for name in emoji_names() if with_emoji(f":{name}:") == f":{name}:"] == []


def test_the_packaged_templates_use_only_known_emoji() -> None:
    for path in packaged_templates().rglob("*.j2"):
        text = re.sub(r"\{#.*?#\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert unknown_emoji(text) == [], path
