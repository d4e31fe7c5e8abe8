"""CPU, step and output limits for templates and conditions, and safe versions of ``* ** + %``."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from json import JSONEncoder
from time import thread_time

from jinja2 import Undefined
from markupsafe import Markup, escape

from bridge.templating.jinja_internals import Place

MAX_TEXT = 100_000
"""Characters that one operation or filter may produce: eight times the size of a message."""
MAX_ITEMS = 10_000
"""Items of a list that a filter reads, and of a sum of lists."""
MAX_BITS = 4096
"""Bits of an integer result; CPython prints no more than 14,000."""
MAX_OUTPUT = 20_000_000
"""Characters of all texts and bytes of all lists that one rendering may produce."""
MAX_DATA_TEXT = 4_000
"""Characters of an object or list printed as JSON."""
MAX_WIDTH = 200
"""Width in characters for filters and formats that pad."""
_ITEM_BYTES = 40

_FORMAT = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+)?)?")


class LimitExceededError(Exception):
    """A template or condition exceeded a limit. The text names the limit."""


class TimeLimitError(LimitExceededError):
    """A template or condition took too long and was cut off."""


class Meter:
    """The resources that one rendering used so far, and the paths of the payload that it found or missed.

    ``seconds`` count on ``clock``: this thread's CPU time, so that a busy machine cuts off no innocent template.
    """

    __slots__ = ("_clock", "_ends", "_output", "_steps", "found", "missing")

    def __init__(self, seconds: float, clock: Callable[[], float] = thread_time) -> None:
        self.found: set[Place] = set()
        self.missing: dict[Place, Undefined] = {}
        self._steps = 0
        self._output = 0
        self._clock = clock
        self._ends = clock() + seconds

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Take no time of the rendering for what runs inside the block."""
        began = self._clock()
        try:
            yield
        finally:
            self._ends += self._clock() - began

    def step(self) -> None:
        """Count one loop iteration, call or filter. Raises LimitExceededError once the time is up."""
        self._steps += 1
        if not self._steps & 31:  # reading the clock is a system call
            self.check()

    def count_output(self, value: object) -> None:
        """Count a new text or list. Raises LimitExceededError if all of them need too much memory."""
        if isinstance(value, str):
            self._output += len(value)
        elif isinstance(value, list):
            self._output += _ITEM_BYTES * len(value)
        if self._output > MAX_OUTPUT:
            raise LimitExceededError("the template makes too much")

    def check(self) -> None:
        """Raise LimitExceededError if the time is up."""
        if self._clock() > self._ends:
            raise TimeLimitError("the template took too long and was cut off")


_meter: ContextVar[Meter | None] = ContextVar("meter", default=None)
current = _meter.get
"""Return the meter of this thread's rendering, or None outside of one."""


def count_output(value: object) -> None:
    """Count a new text or list on the current meter, if there is one. Raises LimitExceededError."""
    if (meter := _meter.get()) is not None:
        meter.count_output(value)


@contextmanager
def use_meter(meter: Meter) -> Iterator[None]:
    """Count everything inside the block on a meter."""
    token = _meter.set(meter)
    try:
        yield
    finally:
        _meter.reset(token)


def to_text(value: object) -> str:
    """Return any value as text of at most MAX_TEXT characters: "" for null and missing values, JSON for objects."""
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    if value is None:
        return ""
    if isinstance(value, Undefined):
        return str(value)  # notes the use on the meter
    if isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if value.bit_length() <= 10_000 else ""
    if isinstance(value, Mapping | list | tuple):
        return json_text(value)
    if hasattr(value, "__html__"):
        return Markup(value.__html__())  # noqa: S704 - its owner declares it escaped
    return json_text(value) if isinstance(value, Iterator) else str(value)[:MAX_TEXT]


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON, cut after MAX_DATA_TEXT characters.

    Written in pieces, because two names for one list, nested a hundred times, would print as 2**100 lists.
    """
    if (meter := _meter.get()) is not None:
        meter.check()  # a long text is written as one piece
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
    return to_list(value) if isinstance(value, Iterator) else to_text(value)


def to_list(value: object) -> list[object]:
    """Return any value as a list of at most MAX_ITEMS items: an object's keys, a text as one item, [] for a number."""
    if value is None or isinstance(value, bool | int | float):
        return []
    if isinstance(value, str):
        return [value] if value else []
    try:
        return list(islice(iter(value), MAX_ITEMS))  # type: ignore[call-overload]  # no other test is certain
    except TypeError:
        return []


def multiply(left: object, right: object) -> object:
    """Return ``left * right``. Raises LimitExceededError for a long text or list or a large number."""
    if isinstance(right, str | list | tuple):
        left, right = right, left
    if isinstance(left, str | list | tuple) and isinstance(right, int):
        if len(left) * right > (MAX_TEXT if isinstance(left, str) else MAX_ITEMS):
            raise LimitExceededError("repeating this would make it too long")
    elif isinstance(left, int) and isinstance(right, int) and left.bit_length() + right.bit_length() > MAX_BITS:
        raise LimitExceededError("the number would be too large")
    result = left * right  # type: ignore[operator]  # the template author sees the TypeError
    count_output(result)
    return result


def power(left: object, right: object) -> object:
    """Return ``left ** right``. Raises LimitExceededError for a large result."""
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        raise LimitExceededError("the number would be too large")
    return left**right  # type: ignore[operator]  # as for `*`


def add(left: object, right: object) -> object:
    """Return ``left + right``. Raises LimitExceededError for a long text or list."""
    if isinstance(left, str) and isinstance(right, str) and len(left) + len(right) > MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    if isinstance(left, list | tuple) and isinstance(right, list | tuple) and len(left) + len(right) > MAX_ITEMS:
        raise LimitExceededError("the list would be too long")
    result = left + right  # type: ignore[operator]  # as for `*`
    count_output(result)
    return result


def modulo(left: object, right: object) -> object:
    """Return ``left % right``, which formats a text."""
    if not isinstance(left, str):
        return left % right  # type: ignore[operator]  # as for `*`
    if isinstance(right, dict):
        return format_text(left, (), right)
    return format_text(left, right if isinstance(right, tuple) else (right,), {})


def format_text(pattern: str, args: tuple[object, ...], named: Mapping[str, object]) -> str:
    """Return ``pattern % args`` with limited widths and length. Markup escapes its arguments."""
    for match in _FORMAT.finditer(pattern):
        for width in match.groups():
            if width and (width == "*" or int(width[:9]) > MAX_WIDTH):
                raise LimitExceededError(f"a width of more than {MAX_WIDTH}")
    # Checked before conversion: a thousand references to one long text would become a thousand copies.
    if sum(min(len(value), MAX_TEXT) for value in args if isinstance(value, str)) > 4 * MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    values = tuple(value if isinstance(value, int | float) else to_text(value) for value in args)
    names = {name: value if isinstance(value, int | float) else to_text(value) for name, value in named.items()}
    longest = max((len(v) for v in (*values, *names.values()) if isinstance(v, str)), default=0)
    if pattern.count("%") * longest + len(pattern) > 4 * MAX_TEXT:
        raise LimitExceededError("the text would be too long")
    if any(isinstance(value, Markup) for value in (*values, *names.values())):
        pattern = escape(pattern)
    return pattern % (names or values)


OPERATORS: Mapping[str, Callable[[object, object], object]] = {
    "*": multiply,
    "**": power,
    "+": add,
    "%": modulo,
}
"""Limited versions of the operators with large results from small operands."""
