"""Jinja's own filters, changed to accept any value and to limit their results: no payload makes one fail.

Left out are filters that produce markup (urlize, xmlattr), read Python attributes (attr, pprint) or are random
(random).
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import islice
from urllib.parse import quote

from jinja2 import Undefined
from markupsafe import Markup

from bridge.templating import limits
from bridge.templating.jinja_internals import FILTERS as JINJA
from bridge.templating.jinja_internals import passes_context
from bridge.templating.limits import MAX_WIDTH, LimitExceededError, to_list, to_text

MAX_PARTS = 1_000
"""Columns of `slice` and items in a row of `batch`."""
_MAX_WRAPPED = 20_000


def metered(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """Return a filter that counts on the meter. It keeps the attributes by which Jinja passes a context."""

    @wraps(function)
    def filtered(*args: object, **named: object) -> object:
        meter = limits.current()
        if meter is None:
            return function(*args, **named)
        meter.step()
        result = function(*args, **named)
        meter.count_output(result)
        return result

    filtered.__name__ = name
    return filtered


def _list_filter(name: str) -> Callable[..., object]:
    """Return Jinja's list filter: other values count as an empty list, and incomparable items stay as they are."""
    function: Callable[..., object] = JINJA[name]
    position = 1 if passes_context(function) else 0

    @wraps(function)
    def filter_list(*args: object, **named: object) -> object:
        value = args[position]
        given = [*args[:position], to_list(value), *args[position + 1 :]]
        try:
            result = function(*given, **named)
            # Lists instead of generators, so that errors are raised here and not later in the template.
            return result if isinstance(result, Undefined | str | Mapping | int | float) else to_list(result)
        except (TypeError, ValueError, AttributeError):
            return given[position]

    return filter_list


def _item_filter(name: str) -> Callable[..., object]:
    """Return Jinja's filter that selects one item; null if items cannot be compared."""
    function: Callable[..., object] = JINJA[name]

    @wraps(function)
    def select_item(passed: object, value: object, *args: object, **named: object) -> object:
        try:
            return function(passed, value if isinstance(value, str) else to_list(value), *args, **named)
        except TypeError:
            return None

    return select_item


def default(value: object, default_value: object = "", boolean: bool = False) -> object:
    """Return the value, or the default if it is missing or null (or, with ``boolean``, empty)."""
    return default_value if value is None or isinstance(value, Undefined) or (boolean and not value) else value


def length(value: object) -> int:
    """Return the number of characters or items; 0 for other values."""
    return len(value) if isinstance(value, str | Sequence | Mapping) else len(to_list(value))


def as_list(value: object) -> list[object]:
    """Return a value as a list: an object's keys, a text as one item."""
    return to_list(value)


def pairs(value: object) -> list[tuple[object, object]]:
    """Return the keys and values of an object."""
    return list(islice(value.items(), limits.MAX_ITEMS)) if isinstance(value, Mapping) else []


def sorted_pairs(value: object, case_sensitive: bool = False, by: str = "key", reverse: bool = False) -> object:
    """Return the keys and values of an object, sorted by key or value."""
    side = 1 if by == "value" else 0
    return sorted(pairs(value), key=lambda pair: _sort_key(pair[side], case_sensitive), reverse=reverse)


def _sort_key(value: object, case_sensitive: bool) -> str:
    return to_text(value) if case_sensitive else to_text(value).lower()


def to_int(value: object, default: int = 0, base: int = 10) -> object:
    """Return a value as an integer, or the default."""
    try:
        return JINJA["int"](to_text(value) if isinstance(value, str | Undefined) else value, default, base)
    except (TypeError, ValueError, OverflowError):
        return default


def to_float(value: object, default: float = 0.0) -> object:
    """Return a value as a float, or the default."""
    try:
        return float(to_text(value) if isinstance(value, str | Undefined) else value)  # type: ignore[arg-type]  # caught
    except (TypeError, ValueError, OverflowError):
        return default


def absolute(value: object) -> object:
    """Return a number without its sign; other values stay as they are."""
    return abs(value) if isinstance(value, int | float) else value


def rounded(value: object, precision: int = 0, method: str = "common") -> object:
    """Round a number to some decimals (`common`, `ceil` or `floor`); other values stay as they are."""
    if not isinstance(value, int | float) or not math.isfinite(value) or not -15 <= precision <= 15:
        return value
    try:
        return JINJA["round"](value, precision, method)
    except OverflowError:
        return value


def summed(value: object, attribute: str | None = None, start: float = 0) -> object:
    """Return the sum of the numbers in a list; ignore other items."""
    found = [item.get(attribute) if isinstance(item, Mapping) else None for item in to_list(value)]
    numbers = found if attribute is not None else to_list(value)
    return sum((n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)), start)


def file_size(value: object, binary: bool = False) -> str:
    """Return a number of bytes in words; "" for other values."""
    size = to_float(value, math.nan)
    return str(JINJA["filesizeformat"](size, binary)) if isinstance(size, float) and math.isfinite(size) else ""


def joined(value: object, d: str = "", attribute: str | int | None = None) -> str:
    """Join the items of a list; ignore null and empty items."""
    found = to_list(value)
    if attribute is not None:
        found = [value_at(item, attribute) for item in found]
    separator = to_text(d)
    return separator.join(within_limit([part for item in found if (part := to_text(item))], separator))


def within_limit(parts: list[str], separator: str) -> list[str]:
    """Return the first texts, as many as fit into MAX_TEXT characters when joined."""
    room = limits.MAX_TEXT
    for number, part in enumerate(parts):
        room -= len(part) + len(separator)
        if room < 0:
            return [*parts[:number], "…"]
    return parts


def value_at(item: object, path: str | int) -> object:
    """Return the value at a dotted path of an item, or None."""
    for step in str(path).split("."):
        if isinstance(item, Mapping):
            item = item.get(step)
        elif isinstance(item, list | tuple) and step.isdigit() and int(step) < len(item):
            item = item[int(step)]
        else:
            return None
    return item


def replaced(value: object, old: object, new: object, count: int | None = None) -> str:
    """Replace every (or the first ``count``) occurrence of a text."""
    source, before, after = to_text(value), to_text(old), to_text(new)
    if not before:
        return source
    if source.count(before) * len(after) + len(source) > 2 * limits.MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    return source.replace(before, after, -1 if count is None else count)


def centered(value: object, width: int = 80) -> str:
    """Center a text in a width of at most MAX_WIDTH."""
    return to_text(value).center(_width(width))


def indented(value: object, width: int | str = 4, first: bool = False, blank: bool = False) -> object:
    """Indent lines by at most MAX_WIDTH."""
    by = width[:MAX_WIDTH] if isinstance(width, str) else _width(width)
    source = to_text(value)
    if source.count("\n") * (by if isinstance(by, int) else len(by)) > limits.MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    return JINJA["indent"](source, by, first, blank)


def wrapped(
    value: object, width: int = 79, break_long_words: bool = True, wrapstring: str = "\n", break_on_hyphens: bool = True
) -> str:
    """Wrap a text into lines of at most ``width`` characters."""
    source = to_text(value)
    if isinstance(source, Markup):  # a line break inside a link would break it, and Slack wraps by itself
        return source
    lines = source[:_MAX_WRAPPED].splitlines()
    size = max(_width(width), 8)
    return wrapstring[:20].join(
        part
        for line in lines
        for part in textwrap.wrap(
            line, size, break_long_words=break_long_words, break_on_hyphens=break_on_hyphens, replace_whitespace=False
        )
        or [""]
    )


def _width(width: object) -> int:
    if not isinstance(width, int) or width > MAX_WIDTH:
        raise LimitExceededError(f"a width of more than {MAX_WIDTH}")
    return width


def with_values(value: object, *args: object, **named: object) -> str:
    """Format ``"%s of %s" | format(a, b)``."""
    return limits.format_text(to_text(value), args, named)


def truncated(value: object, length: int = 255, killwords: bool = False, end: str = "…", leeway: int = 0) -> str:
    """Return at most ``length`` characters, cut at a space if there is one."""
    source = to_text(value)
    if len(source) <= length + leeway:
        return source
    kept = source[: max(length - len(end), 0)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def batches(value: object, linecount: int, fill_with: object = None) -> object:
    """Split a list into rows of ``linecount`` items."""
    return list(JINJA["batch"](to_list(value), _parts(linecount), fill_with))


def columns(value: object, slices: int, fill_with: object = None) -> object:
    """Split a list into ``slices`` columns."""
    found, number = to_list(value), _parts(slices)
    short, longer = divmod(len(found), number)
    rows, at = [], 0
    for column in range(number):
        size = short + (column < longer)
        filler = [fill_with] if fill_with is not None and longer and column >= longer else []
        rows.append(found[at : at + size] + filler)
        at += size
    return rows


def _parts(count: object) -> int:
    if not isinstance(count, int) or not 1 <= count <= MAX_PARTS:
        raise LimitExceededError(f"parts of a list number 1 to {MAX_PARTS}")
    return count


def url_encoded(value: object) -> str:
    """Percent-encode a text for a URL; an object becomes a query."""
    if isinstance(value, Mapping):
        return "&".join(f"{quote(to_text(k), '')}={quote(to_text(v), '')}" for k, v in pairs(value))
    return quote(to_text(value).encode("utf-8", "replace"), "/")


def _text_filter(change: Callable[[str], object]) -> Callable[[object], object]:
    return lambda value: change(to_text(value))


_FILTERS: Mapping[str, Callable[..., object]] = {
    **{name: _list_filter(name) for name in ("groupby", "map", "sort", "unique")},
    **{name: _list_filter(name) for name in ("reject", "rejectattr", "select", "selectattr")},
    **{name: _item_filter(name) for name in ("first", "max", "min")},
    "abs": absolute,
    "batch": batches,
    "capitalize": _text_filter(str.capitalize),
    "center": centered,
    "count": length,
    "d": default,
    "default": default,
    "dictsort": sorted_pairs,
    "filesizeformat": file_size,
    "float": to_float,
    "format": with_values,
    "indent": indented,
    "int": to_int,
    "items": pairs,
    "join": joined,
    "last": lambda value: (value if isinstance(value, str) else to_list(value) or [None])[-1] if value else None,
    "length": length,
    "list": as_list,
    "lower": _text_filter(str.lower),
    "replace": replaced,
    "reverse": lambda value: to_text(value)[::-1] if isinstance(value, str) else to_list(value)[::-1],
    "round": rounded,
    "slice": columns,
    "string": to_text,
    "sum": summed,
    "title": _text_filter(JINJA["title"]),
    "trim": lambda value, chars=None: to_text(value).strip(chars),
    "truncate": truncated,
    "upper": _text_filter(str.upper),
    "urlencode": url_encoded,
    "wordcount": lambda value: len(to_text(value).split()),
    "wordwrap": wrapped,
}

FILTERS: dict[str, Callable[..., object]] = {
    name: metered(name, function) for name, function in sorted(_FILTERS.items())
}
"""Every filter for conditions; templates have Slack's too."""
