"""What an expression or a template may cost in time, steps and text, and the operators that could take without end."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from json import JSONEncoder
from time import thread_time

from jinja2 import Undefined
from markupsafe import Markup, escape

MAX_TEXT = 100_000
"""Characters that one operation or filter may make: eight times what a message can hold."""
MAX_ITEMS = 10_000
"""Items of a list that a filter looks at, and that adding lists may come to."""
MAX_BITS = 4096
"""Bits of a whole number that arithmetic may make; CPython prints no more than 14,000."""
MAX_MADE = 20_000_000
"""Characters of all texts together, and bytes of lists, that one rendering may make."""
MAX_DATA_TEXT = 4_000
"""Characters of an object or list that is printed as it is."""
MAX_WIDTH = 200
TOO_LONG = "the template took too long and was cut off"
_ITEM = 40

_FORMAT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+)?)?")


class LimitExceededError(Exception):
    """A template or expression asked for more than it may have. The text says of what."""


class Meter:
    """What one rendering has used so far, and which paths of the payload it found or missed.

    ``seconds`` are of this thread's own CPU time, so that a busy machine does not cut off an innocent template.
    """

    __slots__ = ("_ends", "_made", "_steps", "found", "missing")

    def __init__(self, seconds: float) -> None:
        self.found: set[str] = set()
        self.missing: dict[str, Undefined] = {}
        self._steps = 0
        self._made = 0
        self._ends = thread_time() + seconds

    def step(self) -> None:
        """Count one turn of a loop, call or filter. Raises LimitExceededError once the time is up."""
        self._steps += 1
        if not self._steps & 31:  # asking for the time is a system call
            self.check()

    def made(self, value: object) -> None:
        """Count a text or list that was made. Raises LimitExceededError when all of them would crowd the memory."""
        if isinstance(value, str):
            self._made += len(value)
        elif isinstance(value, list):
            self._made += _ITEM * len(value)
        if self._made > MAX_MADE:
            raise LimitExceededError("the template makes too much")

    def check(self) -> None:
        """Raise LimitExceededError if the time is up."""
        if thread_time() > self._ends:
            raise LimitExceededError(TOO_LONG)


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)
current = _meter.get
"""The meter of the rendering that runs in this thread, or None outside of one."""


def weigh(value: object) -> None:
    """Count a text or list that was made on the meter that runs, if one does. Raises LimitExceededError."""
    if (meter := _meter.get()) is not None:
        meter.made(value)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """Count what happens inside on a meter."""
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


def text(value: object) -> str:
    """Any value as text, at most MAX_TEXT characters: nothing for null and for what is missing, objects as JSON."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    if value is None:
        return ""
    if isinstance(value, Undefined):
        return str(value)  # notes on the meter that it was used
    if isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 10_000 else ""
    if isinstance(value, Mapping | list | tuple):
        return json_text(value)
    if hasattr(value, "__html__"):
        return Markup(value.__html__())  # noqa: S704 - it says itself that it is escaped
    return json_text(value) if isinstance(value, Iterator) else str(value)[:MAX_TEXT]


def json_text(value: object, indent: int | None = None) -> str:
    """JSON, cut after MAX_DATA_TEXT characters.

    It is written in pieces, because two names for one list, nested a hundred times, would print as 2**100 lists.
    """
    if (meter := _meter.get()) is not None:
        meter.check()  # a long text in it is written as one piece
    spaces = min(indent, 8) if indent else None
    encoder = JSONEncoder(ensure_ascii=False, indent=spaces, default=_plain_value)
    written: list[str] = []
    length = 0
    try:
        for piece in encoder.iterencode(_plain_value(value) if isinstance(value, Undefined | Iterator) else value):
            written.append(piece)
            length += len(piece)
            if length > MAX_DATA_TEXT:
                break
        else:
            return "".join(written)
    except (RecursionError, ValueError, TypeError):
        pass
    return "".join(written)[:MAX_DATA_TEXT] + "…"


def _plain_value(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return items(value) if isinstance(value, Iterator) else text(value)


def items(value: object) -> list[object]:
    """Any value as a list of at most MAX_ITEMS items: an object's keys; a text is one item; nothing where none are."""
    if value is None or isinstance(value, bool | int | float):
        return []
    if isinstance(value, str):
        return [value] if value else []
    try:
        return list(islice(iter(value), MAX_ITEMS))  # type: ignore[call-overload]  # asking is the only way to know
    except TypeError:
        return []


def product(left: object, right: object) -> object:
    """``left * right``, where a text or list is not repeated past the limits."""
    if isinstance(right, str | list | tuple):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        if len(left) * right > (MAX_TEXT if isinstance(left, str) else MAX_ITEMS):
            raise LimitExceededError("repeating this would make it too long")
    elif isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise LimitExceededError("the number would be too large")
    made = left * right  # type: ignore[operator]  # a template's author learns of a TypeError
    weigh(made)
    return made


def power(left: object, right: object) -> object:
    """``left ** right`` for numbers that are not absurd."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        raise LimitExceededError("the number would be too large")
    return left**right  # type: ignore[operator]  # as for `*`


def total(left: object, right: object) -> object:
    """``left + right``, where texts and lists do not grow past the limits."""
    if isinstance(left, str) and isinstance(right, str) and len(left) + len(right) > MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) + len(right) > MAX_ITEMS:
        raise LimitExceededError("the list would be too long")
    made = left + right  # type: ignore[operator]  # as for `*`
    weigh(made)
    return made


def remainder(left: object, right: object) -> object:
    """``left % right``: for a text it is formatting."""
    if not isinstance(left, str):
        return left % right  # type: ignore[operator]  # as for `*`
    if isinstance(right, dict):
        return formatted(left, (), right)
    return formatted(left, right if isinstance(right, tuple) else (right,), {})


def formatted(pattern: str, args: tuple[object, ...], named: Mapping[str, object]) -> str:
    """``pattern % args`` with widths and results within bounds. Markup escapes its arguments."""
    for match in _FORMAT.finditer(pattern):
        for width in match.groups():
            if width and (width == "*" or int(width[:9]) > MAX_WIDTH):
                raise LimitExceededError(f"a width of more than {MAX_WIDTH}")
    # Asked before they are texts: a thousand names for one long text would be a thousand copies of it.
    if sum(min(len(value), MAX_TEXT) for value in args if isinstance(value, str)) > 4 * MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    values = tuple(value if isinstance(value, int | float) else text(value) for value in args)
    names = {name: value if isinstance(value, int | float) else text(value) for name, value in named.items()}
    longest = max((len(v) for v in (*values, *names.values()) if isinstance(v, str)), default=0)
    if pattern.count("%") * longest + len(pattern) > 4 * MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    if any(isinstance(value, Markup) for value in (*values, *names.values())):
        pattern = escape(pattern)
    return pattern % (names or values)


OPERATORS: Mapping[str, Callable[[object, object], object]] = {
    "*": product,
    "**": power,
    "+": total,
    "%": remainder,
}
"""What stands in for the operators that can make much of little."""
