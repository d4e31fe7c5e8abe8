"""Jinja's own filters, made to bear any value and to stay small: nothing of a payload makes one of them fail.

Left out are those that make markup (urlize, xmlattr), look inside objects (attr, pprint) or give another answer each
time (random).
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from itertools import islice
from urllib.parse import quote

from jinja2 import Undefined
from jinja2.filters import FILTERS as JINJA
from markupsafe import Markup

from bridge.templating import limits
from bridge.templating.limits import MAX_WIDTH, LimitExceededError, items, text

MAX_PARTS = 1_000
"""Columns and lines that `slice` and `batch` make."""
_MAX_WRAPPED = 20_000


def counted(name: str, function: Callable[..., object]) -> Callable[..., object]:
    """A filter that counts on the meter. Attributes by which Jinja passes it a context are kept."""

    @wraps(function)
    def filtered(*args: object, **named: object) -> object:
        meter = limits.current()
        if meter is None:
            return function(*args, **named)
        meter.step()
        result = function(*args, **named)
        meter.made(result)
        return result

    filtered.__name__ = name
    return filtered


def _over_items(name: str) -> Callable[..., object]:
    """Jinja's filter over lists, for which anything else is an empty list, and what cannot be compared stays as is."""
    function: Callable[..., object] = JINJA[name]
    position = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def over(*args: object, **named: object) -> object:
        value = args[position]
        given = [*args[:position], items(value), *args[position + 1 :]]
        try:
            result = function(*given, **named)
            # Lists instead of generators: an error then shows here, and not where the template reads on.
            return result if isinstance(result, Undefined | str | Mapping | int | float) else items(result)
        except (TypeError, ValueError, AttributeError):
            return given[position]

    return over


def _one_of(name: str) -> Callable[..., object]:
    """Jinja's filter that picks one item; nothing where items cannot be compared."""
    function: Callable[..., object] = JINJA[name]

    @wraps(function)
    def picked(passed: object, value: object, *args: object, **named: object) -> object:
        try:
            return function(passed, value if isinstance(value, str) else items(value), *args, **named)
        except TypeError:
            return None

    return picked


def default(value: object, default_value: object = "", boolean: bool = False) -> object:
    """The value, or another where it is missing or null (or, with ``boolean``, empty)."""
    return default_value if value is None or isinstance(value, Undefined) or (boolean and not value) else value


def length(value: object) -> int:
    """How many characters or items; 0 of nothing."""
    return len(value) if isinstance(value, str | Sequence | Mapping) else len(items(value))


def as_list(value: object) -> list[object]:
    """As a list: an object's keys; a text is one item."""
    return items(value)


def pairs(value: object) -> list[tuple[object, object]]:
    """Keys and values of an object."""
    return list(islice(value.items(), limits.MAX_ITEMS)) if isinstance(value, Mapping) else []


def sorted_pairs(value: object, case_sensitive: bool = False, by: str = "key", reverse: bool = False) -> object:
    """Keys and values of an object, in order of either."""
    side = 1 if by == "value" else 0
    return sorted(pairs(value), key=lambda pair: _sortable(pair[side], case_sensitive), reverse=reverse)


def _sortable(value: object, case_sensitive: bool) -> str:
    return text(value) if case_sensitive else text(value).lower()


def whole(value: object, default: int = 0, base: int = 10) -> object:
    """As a whole number, or the default."""
    try:
        return JINJA["int"](text(value) if isinstance(value, str | Undefined) else value, default, base)
    except (TypeError, ValueError, OverflowError):
        return default


def number(value: object, default: float = 0.0) -> object:
    """As a number with a fraction, or the default."""
    try:
        return float(text(value) if isinstance(value, str | Undefined) else value)  # type: ignore[arg-type]  # asked
    except (TypeError, ValueError, OverflowError):
        return default


def absolute(value: object) -> object:
    """Without its sign; what is no number stays as it is."""
    return abs(value) if isinstance(value, int | float) else value


def rounded(value: object, precision: int = 0, method: str = "common") -> object:
    """To so many decimals (`common`, `ceil` or `floor`); what is no number stays as it is."""
    if not isinstance(value, int | float) or not math.isfinite(value) or not -15 <= precision <= 15:
        return value
    try:
        return JINJA["round"](value, precision, method)
    except OverflowError:
        return value


def summed(value: object, attribute: str | None = None, start: float = 0) -> object:
    """The sum of the numbers in a list; the rest is passed over."""
    found = [item.get(attribute) if isinstance(item, Mapping) else None for item in items(value)]
    numbers = found if attribute is not None else items(value)
    return sum((n for n in numbers if isinstance(n, int | float) and not isinstance(n, bool)), start)


def file_size(value: object, binary: bool = False) -> str:
    """Bytes in words; "" for what is no number."""
    size = number(value, math.nan)
    return str(JINJA["filesizeformat"](size, binary)) if isinstance(size, float) and math.isfinite(size) else ""


def joined(value: object, d: str = "", attribute: str | int | None = None) -> str:
    """The items of a list with a text between; null and empty ones leave no gap."""
    found = items(value)
    if attribute is not None:
        found = [step_into(item, attribute) for item in found]
    separator = text(d)
    return separator.join(fitting([part for item in found if (part := text(item))], separator))


def fitting(parts: list[str], separator: str) -> list[str]:
    """The first of some texts, as many as make no more than MAX_TEXT characters when joined."""
    room = limits.MAX_TEXT
    for number, part in enumerate(parts):
        room -= len(part) + len(separator)
        if room < 0:
            return [*parts[:number], "…"]
    return parts


def step_into(item: object, path: str | int) -> object:
    """What lies at a dotted path of an item, or None."""
    for step in str(path).split("."):
        if isinstance(item, Mapping):
            item = item.get(step)
        elif isinstance(item, list | tuple) and step.isdigit() and int(step) < len(item):
            item = item[int(step)]
        else:
            return None
    return item


def replaced(value: object, old: object, new: object, count: int | None = None) -> str:
    """A text with every (or the first ``count``) of one text swapped for another."""
    source, before, after = text(value), text(old), text(new)
    if not before:
        return source
    if source.count(before) * len(after) + len(source) > 2 * limits.MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    return source.replace(before, after, -1 if count is None else count)


def centered(value: object, width: int = 80) -> str:
    """In the middle of so many characters, at most MAX_WIDTH."""
    return text(value).center(_width(width))


def indented(value: object, width: int | str = 4, first: bool = False, blank: bool = False) -> object:
    """Lines moved to the right, by at most MAX_WIDTH."""
    by = width[:MAX_WIDTH] if isinstance(width, str) else _width(width)
    source = text(value)
    if source.count("\n") * (by if isinstance(by, int) else len(by)) > limits.MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    return JINJA["indent"](source, by, first, blank)


def wrapped(
    value: object, width: int = 79, break_long_words: bool = True, wrapstring: str = "\n", break_on_hyphens: bool = True
) -> str:
    """Lines of at most so many characters."""
    source = text(value)
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
    """``"%s of %s" | format(a, b)``."""
    return limits.formatted(text(value), args, named)


def truncated(value: object, length: int = 255, killwords: bool = False, end: str = "…", leeway: int = 0) -> str:
    """At most so many characters, cut at a space where there is one."""
    source = text(value)
    if len(source) <= length + leeway:
        return source
    kept = source[: max(length - len(end), 0)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + end


def batches(value: object, linecount: int, fill_with: object = None) -> object:
    """A list in rows of so many items."""
    return list(JINJA["batch"](items(value), _parts(linecount), fill_with))


def columns(value: object, slices: int, fill_with: object = None) -> object:
    """A list in so many columns."""
    found, number = items(value), _parts(slices)
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
    """Percent-encoded for a URL; an object becomes a query."""
    if isinstance(value, Mapping):
        return "&".join(f"{quote(text(k), '')}={quote(text(v), '')}" for k, v in pairs(value))
    return quote(text(value).encode("utf-8", "replace"), "/")


def _of_text(change: Callable[[str], object]) -> Callable[[object], object]:
    return lambda value: change(text(value))


_FILTERS: Mapping[str, Callable[..., object]] = {
    **{name: _over_items(name) for name in ("groupby", "map", "sort", "unique")},
    **{name: _over_items(name) for name in ("reject", "rejectattr", "select", "selectattr")},
    **{name: _one_of(name) for name in ("first", "max", "min")},
    "abs": absolute,
    "batch": batches,
    "capitalize": _of_text(str.capitalize),
    "center": centered,
    "count": length,
    "d": default,
    "default": default,
    "dictsort": sorted_pairs,
    "filesizeformat": file_size,
    "float": number,
    "format": with_values,
    "indent": indented,
    "int": whole,
    "items": pairs,
    "join": joined,
    "last": lambda value: (value if isinstance(value, str) else items(value) or [None])[-1] if value else None,
    "length": length,
    "list": as_list,
    "lower": _of_text(str.lower),
    "replace": replaced,
    "reverse": lambda value: text(value)[::-1] if isinstance(value, str) else items(value)[::-1],
    "round": rounded,
    "slice": columns,
    "string": text,
    "sum": summed,
    "title": _of_text(JINJA["title"]),
    "trim": lambda value, chars=None: text(value).strip(chars),
    "truncate": truncated,
    "upper": _of_text(str.upper),
    "urlencode": url_encoded,
    "wordcount": lambda value: len(text(value).split()),
    "wordwrap": wrapped,
}

FILTERS: dict[str, Callable[..., object]] = {name: counted(name, made) for name, made in sorted(_FILTERS.items())}
"""Every filter that a condition may use; templates add Slack's to them."""
