"""Slack's mrkdwn as text: escape, measure, and cut without breaking links, mentions, dates and entities.

Text of payloads makes no emoji either: see bridge/messages/emoji.py.

Slack docs, Formatting message text, https://docs.slack.dev/messaging/formatting-message-text/: only ``&``, ``<`` and
``>`` are escaped; ``<…>`` holds a link, a mention or a date.
"""

import json
import re
from collections.abc import Callable, Iterator

from markupsafe import Markup

from bridge.messages.emoji import broken, mended
from bridge.templating import limits

Measure = Callable[[str], int]
"""Measures a text. It must be additive: the measure of two joined texts is the sum of theirs."""

MAX_ESCAPED = 12_000
"""Limit for one value, in characters: a message holds 12,000 bytes, and a payload's text may hold a million."""
_TOKEN = re.compile(r"<[^<>\n]*>")
_HALF_ENTITY = re.compile(r"&[a-z]{0,3}\Z")
_ENTITY = re.compile(r"&(amp|lt|gt|#34|#39);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "#34": '"', "#39": "'"}
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_ATOM = re.compile(
    r"<[^<>\n]*>|&(?:amp|lt|gt|#34|#39);|[\U0001f1e6-\U0001f1ff]{2}"
    # A letter and its combining marks stay together, as do the parts of an emoji: but no more than 30 of them.
    rf"|(?s:.)(?:[{_MARKS}]|\u200d[^<&\n]){{0,30}}"
)
_UNSEEN = {
    **dict.fromkeys([*range(32), *range(127, 160)]),  # control characters
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF]),  # bidirectional control characters
    **dict.fromkeys(range(0xD800, 0xE000)),  # lone surrogates: UTF-8 cannot encode them
    ord("\n"): "\n",
    ord("\t"): " ",
    0x2028: "\n",
    0x2029: "\n",
}
_BROADCAST = re.compile(r"(<[^<>|\n]*(?=[|>]))|@(?=(?:here|channel|everyone|group)\b)", re.IGNORECASE)
_LOOK_ALIKES = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
_ORIGINALS = {shown: original for original, shown in _LOOK_ALIKES.items()}
_GUARDS = re.compile(f"[{''.join(_ORIGINALS)}]|\u00ad(?=>)|(?<=@)\u2060")
# Formatting needs a word boundary, so the underscores of snake_case may stay.
_MARKER = re.compile(r"(?<![^\W_])[*_~]|[*_~](?![^\W_])|`")
_QUOTE_MARK = re.compile(r"^([^\S\n]*)>", re.MULTILINE)


def utf16_length(text: str) -> int:
    """Count UTF-16 units: Slack does not define a character, and this is the strictest count reported."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def json_bytes(text: str) -> int:
    """Return the length in bytes as part of UTF-8 JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")) - 2


def visible(text: str) -> int:
    """Return the length as a reader sees it: an entity is one character, a link is its label."""
    return len(_ENTITY.sub("x", _TOKEN.sub(lambda token: _label(token[0]), text)))


def unquote(text: str) -> str:
    """Replace ``&#34;`` and ``&#39;``, markupsafe's quotes, by the quotes that Slack expects.

    This is lossless: an ampersand of the payload is already ``&amp;``, so these entities come only from quotes.
    """
    return text.replace("&#34;", '"').replace("&#39;", "'") if "&#" in text else text


def escaped(value: object) -> Markup:
    """Return a value as mrkdwn without emoji, its first MAX_ESCAPED characters; markup stays unchanged."""
    text = limits.to_text(value)
    if isinstance(text, Markup):
        return Markup(unquote(str(text))) if "&#" in text else text  # noqa: S704 - it was markup
    return escaped_verbatim(broken(text[:MAX_ESCAPED]))


def escaped_verbatim(text: str) -> Markup:
    """Return plain text as mrkdwn for code and addresses, where Slack draws no emoji, and for words of the author."""
    shown = text[:MAX_ESCAPED].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if len(shown) > MAX_ESCAPED:
        shown = _HALF_ENTITY.sub("", shown[:MAX_ESCAPED])
    return Markup(shown)  # noqa: S704 - it is escaped


def markup(text: str) -> Markup:
    """Mark text made of escaped parts as markup."""
    return Markup(text)  # noqa: S704 - for the callers to keep


def plain_text(value: object) -> str:
    """Return a value as a reader sees it, without markup and escaping."""
    text = limits.to_text(value)
    return mended(unescaped(without_tokens(text))) if isinstance(text, Markup) else text


def plain_words(value: object) -> str:
    """Return plain text in which only the author's words make emoji."""
    text = limits.to_text(value)
    return unescaped(without_tokens(text)) if isinstance(text, Markup) else broken(text)


def without_tokens(text: str) -> str:
    """Replace links, mentions and dates by their labels."""
    return _TOKEN.sub(lambda token: _label(token[0]), str(text))


def unescaped(text: str) -> str:
    """Return mrkdwn without tokens as plain text."""
    return _ENTITY.sub(lambda entity: _ENTITIES[entity[1]], str(text))


def map_words(value: object, change: Callable[[str], str]) -> Markup:
    """Apply a change to the words of markup, but not to its links and mentions; escape the result.

    A change sees at most MAX_ESCAPED characters of a value.
    """
    text = limits.to_text(value)
    if not isinstance(text, Markup):
        return escaped(change(text[:MAX_ESCAPED]))  # cut first: a change may look at each character
    parts, end = [], 0
    for token in _TOKEN.finditer(text):
        parts += [escaped_verbatim(change(unescaped(text[end : token.start()]))), token[0]]
        end = token.end()
    parts.append(escaped_verbatim(change(unescaped(text[end:]))))
    return markup("".join(parts))


def unformatted(text: str) -> str:
    """Return text (not yet escaped) without formatting: look-alikes for ``* _ ~ ` ``, no ``>`` at a line's start.

    Slack has no escape for these characters; a backslash shows (https://github.com/slackapi/slack-api-docs/issues/34).
    """
    return _QUOTE_MARK.sub("\\1\u00ad>", _MARKER.sub(lambda marker: _LOOK_ALIKES[marker[0]], text))


def formatted(text: str) -> str:
    """Return text as it was before ``unformatted`` and ``sanitize`` kept Slack from formatting it."""
    return text if text.isascii() else _GUARDS.sub(lambda guard: _ORIGINALS.get(guard[0], ""), text)


def sanitize(text: str) -> str:
    """Remove unsafe characters: control characters, bidirectional controls, lone surrogates, broadcasts.

    In blocks ``verbatim`` keeps ``@here`` from becoming a mention; the word joiner does so everywhere.
    """
    text = str(text).replace("|>", ">")
    if not (text.isascii() and text.isprintable()):
        text = text.replace("\r\n", "\n").translate(_UNSEEN)
    return _BROADCAST.sub(lambda found: found[1] or "@\u2060", text) if "@" in text else text


def has_visible_text(text: str) -> bool:
    """Return whether the text has a visible character."""
    return any(c.isprintable() and c != " " for c in text)


def _label(token: str) -> str:
    inner, bar, label = token[1:-1].partition("|")
    return label if bar else "" if inner.startswith("!") else inner


def cut(text: str, limit: int, measure: Measure = utf16_length, *, end: str = "…", words: bool = True) -> str:
    """Cut the text to ``limit`` and add ``end``; every token stays whole. A shorter text is unchanged.

    A link that does not fit gets a shorter label. With ``words`` the cut is at a nearby space.
    """
    text, end = str(text), str(end)  # Markup would escape the added text
    if measure(text) <= limit:
        return text
    at, room = _prefix(text, limit - measure(end), measure)
    kept = text[:at]
    token = _TOKEN.match(text, at)
    if token is not None and (shorter := _shorter(token[0], room, measure)):
        return kept + shorter + end
    space = max(kept.rfind(" "), kept.rfind("\n"))
    if words and space * 2 > at and not _within_token(kept, space):
        kept = kept[:space]
    return kept.rstrip() + end if limit >= measure(end) else ""


def _prefix(text: str, limit: int, measure: Measure) -> tuple[int, int]:
    """Return the number of characters that fit, and the room that is left."""
    at = 0
    for atom in _ATOM.finditer(text):
        size = measure(atom[0])
        if size > limit:
            break
        limit -= size
        at = atom.end()
    return at, limit


def _shorter(token: str, room: int, measure: Measure) -> str:
    address, bar, label = token[1:-1].partition("|")
    room -= measure(token) - measure(label)
    if not bar or address.startswith("!") or room < 1:
        return ""
    at, _ = _prefix(label, room, measure)
    return f"<{address}|{label[:at]}>" if at else ""


def split_text(text: str, limit: int) -> Iterator[str]:
    """Split the text into pieces of at most ``limit`` units, at lines, else at words, never within a token.

    A split code block is closed and opened again.
    """
    fence = "```"
    while utf16_length(text) > limit:
        at, _ = _prefix(text, limit - 2 * len(fence), utf16_length)
        if not at:  # one token longer than the limit: browsers accept no such link
            at = _TOKEN.match(text).end()  # type: ignore[union-attr]  # only a token is longer than 60 units
            text = text[at:]
            continue
        for mark in ("\n", " "):
            found = text.rfind(mark, at // 2, at)
            if found > 0 and not _within_token(text, found):
                at = found + 1
                break
        head, text = text[:at].rstrip(), text[at:]
        if head.count(fence) % 2:
            head, text = f"{head}\n{fence}", f"{fence}\n{text}"
        if head:
            yield head
    if text.strip():
        yield text


def _within_token(text: str, at: int) -> bool:
    start = text.rfind("<", 0, at)
    return start >= 0 and (token := _TOKEN.match(text, start)) is not None and token.end() > at
