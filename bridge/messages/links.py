"""Links and mentions: the only ways for payload text to get between ``<`` and ``>``."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from markupsafe import Markup

from bridge.core.payload import clean
from bridge.messages.mrkdwn import (
    cut,
    escaped,
    escaped_verbatim,
    has_visible_text,
    markup,
    plain_text,
    sanitize,
    utf16_length,
    without_tokens,
)

MAX_URL = 3000
_MAX_LABEL = 500
_ADDRESS = re.compile(r"(?:https?://(?:[^\W_]|\[)[^/?#\s]*|mailto:[^\s@]+@[^\s@])", re.IGNORECASE)
_UNSAFE = re.compile('[\x00-\x20\x7f-\xa0<>|"`\\\\^{}\u2000-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ud800-\udfff]')
_MEMBER = re.compile(r"[UW][A-Z0-9]{2,20}\Z")


def address(value: object) -> str:
    """Return a value as a linkable address, not yet escaped for Slack; "" unless it is http, https or mailto.

    Characters that could end the link or hide its target (``< > |``, spaces, control characters) are percent-encoded.
    """
    text = plain_text(value).strip()
    if len(text) > MAX_URL or not _ADDRESS.match(text):
        return ""
    url = _UNSAFE.sub(lambda unsafe: quote(unsafe[0].encode("utf-8", "replace"), ""), text)
    return url if _ADDRESS.match(url) and utf16_length(escaped_verbatim(url)) <= MAX_URL else ""


def link(url: object, text: object = "") -> Markup:
    """Return ``<url|text>`` for a linkable address, else only the text. The default text is the address."""
    target = address(url)
    label = escaped(text)
    if "<" in label:  # Slack has no nested links
        label = markup(without_tokens(label))
    words = " ".join(sanitize(label).split())
    if not target:
        return markup(words or escaped(clean(plain_text(url), 300)))
    shown = cut((words if has_visible_text(words) else escaped(target)).replace("|", "¦"), _MAX_LABEL)
    return markup(f"<{escaped_verbatim(target)}|{shown}>")


def member(name: object, people: Mapping[str, str]) -> Markup:
    """Return the mention of a person in ``[people]``, by the provider's user name; other names stay plain text."""
    known = plain_text(name).strip().removeprefix("@")
    member_id = people.get(known) or people.get(known.lower()) or ""
    return markup(f"<@{member_id}>") if _MEMBER.match(member_id) else escaped(name)
