"""The filters of templates: Slack's own, and replacements for Jinja's that keep escaped text whole."""

from collections.abc import Callable, Mapping

from markupsafe import Markup

from bridge.core import money
from bridge.core.display_names import country_name, language_name
from bridge.messages.emoji import broken
from bridge.messages.markdown import render_markdown
from bridge.messages.mrkdwn import (
    cut,
    escaped,
    escaped_verbatim,
    map_words,
    markup,
    plain_text,
    plain_words,
    unformatted,
    visible,
)
from bridge.messages.times import date, duration
from bridge.templating import filters
from bridge.templating.filters import metered
from bridge.templating.jinja_internals import FILTERS as JINJA
from bridge.templating.limits import format_text, json_text, to_list, to_text

_MAX_CODE = 1_000
_MAX_QUOTE = 3_000


def code(value: object) -> Markup:
    """Return a code span: no formatting inside, and copied unchanged. Backticks become look-alikes."""
    words = " ".join(plain_text(value).replace("`", "\u02cb").split())
    return markup(f"`{cut(escaped_verbatim(words), _MAX_CODE)}`" if words else "")


def plain(value: object) -> Markup:
    """Return text without formatting: no bold, no strike, no quote. Links from helpers stay."""
    return map_words(value, unformatted)


def quote(value: object) -> Markup:
    """Quote each line; return nothing for nothing. Code blocks stay unchanged: inside one, Slack shows ``>``."""
    quoted, code = [], False
    for line in cut(escaped(value).strip(), _MAX_QUOTE).splitlines():
        fences = line.count("```")
        quoted.append(line if code or fences else f"> {line.strip()}")
        code ^= bool(fences % 2)
    return markup("\n".join([*quoted, "```"] if code else quoted))


def amount(value: object, currency: object = "", minor: bool = False) -> str:
    """Format money: whole numbers are in the smallest unit (Stripe's 1250 is 12.50), other values in whole units.

    With ``minor`` every value is in the smallest unit, also a fraction of it (Stripe's `unit_amount_decimal`).
    """
    written = to_text(currency).strip()
    if minor or (isinstance(value, int) and not isinstance(value, bool)):
        return money.format_minor(plain_text(value) if isinstance(value, str) else value, written)
    return money.format_major(plain_text(value) if isinstance(value, str) else value, written)


def country(value: object) -> str:
    """Return the name of a country from its code of two letters; an unknown code stays."""
    return country_name(plain_text(value))


def language(value: object) -> str:
    """Return the name of a language from its code; an unknown code stays."""
    written = plain_text(value)
    return language_name(written.lower() if written.isupper() else written)


def truncate(value: object, length: int = 255, killwords: bool = False, end: str = "…", leeway: int = 0) -> Markup:
    """Cut to a number of visible characters, at a space. Links and escapes stay whole."""
    source = escaped(value)
    if visible(source) <= length + leeway:
        return source
    return markup(cut(source, max(length, 1), visible, end=escaped(end), words=not killwords))


def length(value: object) -> int:
    """Count the visible characters, or the items."""
    return visible(value) if isinstance(value, Markup) else filters.length(value)


def replace(value: object, old: object, new: object, count: int | None = None) -> Markup:
    """Replace words, and never a part of a link or an escape."""
    before, after = plain_text(old), plain_words(new) if isinstance(value, Markup) else plain_text(new)
    return map_words(value, lambda source: filters.replaced(source, before, after, count))


def join(value: object, d: object = "", attribute: str | int | None = None) -> Markup:
    """Join the items of a list, escaped, with a separator; null and empty items leave no gap."""
    found = to_list(value)
    if attribute is not None:
        found = [filters.value_at(item, attribute) for item in found]
    separator = str(escaped(d))
    return markup(separator.join(filters.within_limit([part for i in found if (part := str(escaped(i)))], separator)))


def strip_tags(value: object) -> str:
    """Remove HTML tags, or Slack's tags from markup."""
    source = to_text(value)
    return plain_text(source) if isinstance(source, Markup) else str(JINJA["striptags"](source[:20_000]))


def _changing(change: Callable[[str], str]) -> Callable[[object], Markup]:
    return lambda value: map_words(value, change)


def to_json(value: object, indent: int | None = None) -> Markup:
    """Return JSON with ``< > & '`` written as in ``\u003c``, safe anywhere."""
    written = json_text(plain_text(value) if isinstance(value, str) else value, indent)
    for unsafe in "<>&'":
        written = written.replace(unsafe, f"\\u{ord(unsafe):04x}")
    return markup(broken(written))


def with_values(value: object, /, *args: object, **named: object) -> str:
    """Format ``"%s of %s" | format(a, b)``; the values are escaped if any part is markup."""
    pattern = to_text(value)
    if not any(isinstance(part, Markup) for part in (pattern, *args, *named.values())):
        return format_text(pattern, args, named)
    values = tuple(map(_in_markup, args))
    return format_text(escaped(pattern), values, {name: _in_markup(part) for name, part in named.items()})


def _in_markup(value: object) -> object:
    return value if isinstance(value, int | float) else escaped(value)


_FILTERS: Mapping[str, Callable[..., object]] = {
    "capitalize": _changing(str.capitalize),
    "code": code,
    "count": length,
    "country": country,
    "date": date,
    "duration": duration,
    "e": escaped,
    "escape": escaped,
    "format": with_values,
    "forceescape": lambda value: escaped(str(to_text(value))),
    "join": join,
    "language": language,
    "length": length,
    "lower": _changing(str.lower),
    "md": render_markdown,
    "money": amount,
    "plain": plain,
    "quote": quote,
    "replace": replace,
    "reverse": lambda value: plain_text(value)[::-1] if isinstance(value, str) else to_list(value)[::-1],
    "safe": lambda value: markup(to_text(value)),
    "striptags": strip_tags,
    "title": _changing(JINJA["title"]),
    "tojson": to_json,
    "truncate": truncate,
    "upper": _changing(str.upper),
}

FILTERS: Mapping[str, Callable[..., object]] = filters.FILTERS | {
    name: metered(name, made) for name, made in _FILTERS.items()
}
"""Every filter of templates by its name."""
