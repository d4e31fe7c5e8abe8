"""The emoji that Slack knows by name, such as ``:white_check_mark:``.

The names are those of https://github.com/iamcal/emoji-data, which Slack uses, as the npm package emojibase-data 17.0.0
lists them (en/shortcodes/iamcal.json; MIT licence, copyright (c) 2017-2019 Miles Johnson). A workspace's own emoji are
not among them.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r":([a-z0-9_+'-]+):")


@cache
def emoji_names() -> Mapping[str, str]:
    """Every name, without its colons, and the characters that it stands for."""
    known: Mapping[str, str] = json.loads((files("bridge.messages") / "emoji.json").read_text("utf-8"))
    return known


def with_emoji(text: str) -> str:
    """The text with the emoji that it names; what is no known name stays as it is."""
    if text.count(":") < 2:
        return text
    known = emoji_names()
    return _NAMED.sub(lambda name: known.get(name[1], name[0]), text)


def unknown_emoji(text: str) -> list[str]:
    """Names in the text that look like an emoji's and that Slack itself does not know, in order."""
    known = emoji_names()
    return [name for name in _NAMED.findall(text) if name not in known and re.search("[a-z]", name)]
