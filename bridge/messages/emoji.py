"""The emoji that Slack knows by name, such as ``:white_check_mark:``.

Slack uses the names of https://github.com/iamcal/emoji-data; these are from the npm package emojibase-data 17.0.0
(en/shortcodes/iamcal.json; MIT licence, copyright (c) 2017-2019 Miles Johnson). A workspace's own emoji are not
included.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r":([a-z0-9_+'-]+):")


@cache
def emoji_names() -> Mapping[str, str]:
    """Return every name, without its colons, and its characters."""
    known: Mapping[str, str] = json.loads((files("bridge.messages") / "emoji.json").read_text("utf-8"))
    return known


def with_emoji(text: str) -> str:
    """Replace the emoji names in the text; an unknown name stays unchanged."""
    if text.count(":") < 2:
        return text
    known = emoji_names()
    return _NAMED.sub(lambda name: known.get(name[1], name[0]), text)


def unknown_emoji(text: str) -> list[str]:
    """Return the names in the text that look like emoji but are unknown to Slack, in order."""
    known = emoji_names()
    return [name for name in _NAMED.findall(text) if name not in known and re.search("[a-z]", name)]
