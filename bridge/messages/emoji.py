"""The emoji that Slack knows by name, such as ``:white_check_mark:``.

Slack uses the names of https://github.com/iamcal/emoji-data; these are from the npm package emojibase-data 17.0.0
(en/shortcodes/iamcal.json; MIT licence, copyright (c) 2017-2019 Miles Johnson). A workspace's own emoji are not
included: nobody but the workspace knows them.

Slack draws ``:name:`` as an emoji in any mrkdwn text, whoever wrote it, but not in code, nor in an address. So
``2001:db8:100::1`` and a customer called ``:x:`` need a word joiner after the first colon, which nobody sees.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_NAMED = re.compile(r":([a-z0-9_+'-]+):")
_ALONE = re.compile(r"(?<![\w:]):([a-z0-9_+'-]+):(?![\w:])")
_READ = re.compile(r":(?=([\w+'-]+)(:|\Z))")
"""A colon that starts an emoji, or would if the template goes on with a colon. Other scripts name emoji too."""
JOINER = "\u2060"
"""WORD JOINER: takes no room, and allows no line break."""


@cache
def emoji_names() -> Mapping[str, str]:
    """Return every name, without its colons, and its characters."""
    known: Mapping[str, str] = json.loads((files("bridge.messages") / "emoji.json").read_text("utf-8"))
    return known


def with_emoji(text: str) -> str:
    """Replace the emoji names in the text; an unknown name stays unchanged. Broken ones are shown as they were."""
    if text.count(":") >= 2:
        known = emoji_names()
        text = _NAMED.sub(lambda name: known.get(name[1], name[0]), text)
    return mended(text)


def with_standalone_emoji(text: str) -> str:
    """Replace the names that stand alone, as GitLab does in Markdown: ``:tada:``, but not ``db8:100:1``."""
    if text.count(":") < 2:
        return text
    known = emoji_names()
    return _ALONE.sub(lambda name: known.get(name[1], name[0]), text)


def broken(text: str) -> str:
    """Break all that Slack would read as an emoji by a word joiner after its first colon.

    A name of digits alone is a part of a time, unless it is one of the emoji that Slack has for all.
    """
    return _READ.sub(_break, text) if ":" in text else text


def _break(colon: re.Match[str]) -> str:
    name, end = colon[1], colon[2]
    read = name in emoji_names() if name.isdigit() or not end else True
    return f":{JOINER}" if read else ":"


def mended(text: str) -> str:
    """Undo ``broken``."""
    return text.replace(f":{JOINER}", ":") if JOINER in text else text


def unknown_emoji(text: str) -> list[str]:
    """Return the names in the text that look like emoji but are unknown to Slack, in order."""
    known = emoji_names()
    return [name for name in _NAMED.findall(text) if name not in known and re.search("[a-z]", name)]
