"""Links and mentions: the only ways in which payload text gets between ``<`` and ``>``."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from bridge.core.payload import clean
from bridge.messages.mrkdwn import cut, escaped, markup, plain_text, says, seen, units, unquote

MAX_URL = 3000
_MAX_LABEL = 500
_ADDRESS = re.compile(r"(?:https?://(?:[^\W_]|\[)[^/?#\s]*|mailto:[^\s@]+@[^\s@])", re.IGNORECASE)
_UNSAFE = re.compile('[\x00-\x20\x7f-\xa0<>|"`\\\\^{}\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]')
_MEMBER = re.compile(r"[UW][A-Z0-9]{2,20}\Z")


def address(value: object) -> str:
    """A value as an address that may be linked, not escaped for Slack; "" unless it is http, https or mailto.

    What could end the link or hide where it goes (``< > |``, spaces, control characters) is percent-encoded.
    """
    text = plain_text(value).strip()
    if len(text) > MAX_URL or not _ADDRESS.match(text):
        return ""
    url = _UNSAFE.sub(lambda unsafe: quote(unsafe[0].encode("utf-8", "replace"), ""), text)
    return url if _ADDRESS.match(url) and units(escaped(url)) <= MAX_URL else ""


def link(url: object, text: object = "") -> Markup:
    """``<url|text>``, where the address may be linked; else the text alone. Without a text the address shows."""
    target = address(url)
    label = escaped(text)
    if "<" in label:  # a link within a link is none
        label = escaped(plain_text(label))
    words = " ".join(seen(label).split())
    if not target:
        return markup(words or escaped(clean(plain_text(url), 300)))
    shown = cut((words if says(words) else escaped(target)).replace("|", "¦"), _MAX_LABEL)
    return markup(f"<{unquote(escaped(target))}|{shown}>")


def member(name: object, people: Mapping[str, str]) -> Markup:
    """The mention of a person whom ``[people]`` names, by the provider's user name; anybody else is a plain name."""
    known = plain_text(name).strip().removeprefix("@")
    member_id = people.get(known) or people.get(known.lower()) or ""
    return markup(f"<@{member_id}>") if _MEMBER.match(member_id) else escaped(name)
