"""The sandboxed Jinja of conditions and templates: payload keys come before methods, and missing paths are no error."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import NoReturn

from jinja2 import ChainableUndefined, nodes

from bridge.events import Event
from bridge.templating import limits
from bridge.templating.filters import FILTERS
from bridge.templating.jinja_internals import Context, HookedEnvironment, Place, missing_from, missing_name
from bridge.templating.limits import to_text

_DATA_METHODS: Mapping[type, frozenset[str]] = {
    dict: frozenset({"get", "items", "keys", "values"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    str: frozenset(
        {"capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal"}
        | {"isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip", "partition", "rfind"}
        | {"removeprefix", "removesuffix", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines"}
        | {"startswith", "strip", "swapcase", "title", "upper"}
    ),
}
"""Methods whose results stay small. For the others there are filters."""


parsed: ContextVar[MutableMapping[tuple[str, str], nodes.Template] | None] = ContextVar("parsed", default=None)
"""Keeps parsed templates by name and text while set, so that checks need not parse them again."""


class Missing(ChainableUndefined):
    """Undefined value for a missing path: falsy, empty, every comparison is False, and so is any attribute of it.

    Using it as a value (printing it, passing it to a filter) is noted on the meter. Testing for it is not.
    """

    __slots__ = ("_location",)
    _location: Place | None

    def _used(self) -> None:
        meter = limits.current()
        if meter is not None and (location := getattr(self, "_location", None)):
            meter.missing[location] = self

    def first_missing(self) -> tuple[object, str]:
        """Return the last existing object of the path, and the name that it lacks."""
        first = self
        while isinstance(parent := missing_from(first), Missing):
            first = parent
        return missing_from(first), missing_name(first)

    def of_null(self) -> bool:
        """Return whether its parent is null or missing too. The parent of a misspelt method is a text."""
        parent = missing_from(self)
        return parent is None or isinstance(parent, Missing)

    def __str__(self) -> str:
        self._used()
        return ""

    def __html__(self) -> str:
        self._used()
        return ""

    def __len__(self) -> int:
        self._used()
        return 0

    def __iter__(self) -> "Missing":
        self._used()
        return self

    def __next__(self) -> NoReturn:
        raise StopIteration

    def _itself(self, *_: object) -> "Missing":
        return self

    def _false(self, _: object) -> bool:
        return False

    def _refuse_number(self) -> NoReturn:
        raise TypeError("a missing value is no number")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _itself  # type: ignore[assignment]  # Jinja raises here
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _itself  # type: ignore[assignment]  # Jinja raises here
    __pow__ = __rpow__ = __pos__ = __neg__ = _itself  # type: ignore[assignment]  # Jinja raises here
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _false  # type: ignore[assignment]  # Jinja raises here
    __int__ = __float__ = __complex__ = _refuse_number


class Sandbox(HookedEnvironment):
    """A Jinja environment for untrusted templates: limited in CPU time and output, payload keys before methods.

    ``{{ payload.items }}`` is the payload's own ``items``, not Python's method (Stripe and Shopify send such keys).
    """

    intercepted_binops = frozenset(limits.OPERATORS)
    open_types: tuple[type, ...] = (Event,)
    """Types besides plain data with readable public attributes."""

    def __init__(self) -> None:
        # Not optimized: Jinja would evaluate `none ~ "a"` by its own rules while it compiles.
        super().__init__(
            undefined=Missing, autoescape=self.escaping, trim_blocks=True, lstrip_blocks=True, optimized=False
        )
        self.binop_table.update(limits.OPERATORS)
        self.globals.clear()
        self.filters = dict(FILTERS)

    escaping = False

    def on_parsed(self, name: str, source: str, tree: nodes.Template) -> None:
        """Keep a parsed template for checks."""
        if (kept := parsed.get()) is not None:
            kept[name, source] = tree

    def make_globals(self, d: MutableMapping[str, object] | None) -> MutableMapping[str, object]:
        """Return a template's globals. Jinja's own ChainMap makes each import compare all names, in Python."""
        return super().make_globals(d) if d else self.globals

    def attribute(self, obj: object, name: str, location: Place | None) -> object:
        """Return ``obj.name`` for a template. ``location`` is its place in the source."""
        if isinstance(obj, Mapping):
            if name in obj:
                return _found(obj[name], location)
        elif isinstance(obj, self.open_types) and not name.startswith("_"):
            value = super().getattr(obj, name)
            if not isinstance(value, Missing):
                return value
        return self._method(obj, name) or self._missing(obj, name, location)

    def item(self, obj: object, key: object, location: Place | None) -> object:
        """Return ``obj[key]`` for a template. ``location`` is its place in the source."""
        if isinstance(obj, str | list | tuple | Mapping | range):
            try:
                return _found(obj[key], location)  # type: ignore[index,call-overload]  # a wrong key is a missing one
            except (TypeError, LookupError):
                return self._missing(obj, key, location)
        if isinstance(key, str):
            return self.attribute(obj, key, location)
        return self._missing(obj, key, location)

    def getattr(self, obj: object, attribute: str) -> object:
        """Return an attribute for Jinja's own helpers."""
        return self.attribute(obj, attribute, None)

    def getitem(self, obj: object, argument: object) -> object:
        """Return an item for Jinja's own filters (``map(attribute=…)``)."""
        return self.item(obj, argument, None)

    def cut(self, obj: object, part: slice) -> object:
        """Return ``obj[a:b]``; Missing if it is null, missing or a number."""
        try:
            result = obj[part] if isinstance(obj, str | list | tuple | range) else self._missing(obj, "[:]", None)
        except (TypeError, ValueError):
            return self._missing(obj, "[:]", None)
        limits.count_output(result)
        return result

    def loop_items(self, value: object) -> "_LoopItems":
        """Return the items for a ``for`` loop; none unless the value is a list or object."""
        return _LoopItems(value)

    def join_texts(self, parts: Sequence[object]) -> str:
        """Return ``a ~ b``."""
        return self.within_limit("".join(map(to_text, parts)))

    def within_limit(self, text: str) -> str:
        """Count a text and return it. Raises LimitExceededError if it is longer than any message could use."""
        if len(text) > 2 * limits.MAX_TEXT:
            raise limits.LimitExceededError("the text would be too long")
        limits.count_output(text)
        return text

    def call(self, context: Context, obj: Callable[..., object], /, *args: object, **named: object) -> object:
        """Count and run every call in a template, so that a macro that calls itself ends."""
        if isinstance(obj, Missing) and obj.of_null():
            return obj  # `payload.ref.startswith('x')` without a ref
        meter = limits.current()
        if meter is None:
            return super().call(context, obj, *args, **named)
        meter.step()
        result = super().call(context, obj, *args, **named)
        meter.count_output(result)
        return result

    def _method(self, obj: object, name: str) -> object:
        for kind, methods in _DATA_METHODS.items():
            if isinstance(obj, kind) and name in methods:
                return getattr(obj, name)
        return None

    def _missing(self, obj: object, name: object, location: Place | None) -> Missing:
        hint = None
        if isinstance(obj, str) and isinstance(name, str) and hasattr(str, name):
            hint = f"a text has no .{name}() here; look for a filter"
        missing = Missing(hint, obj, to_text(name))
        missing._location = location
        return missing


def _found(value: object, location: Place | None) -> object:
    meter = limits.current()
    if meter is not None and location is not None:
        meter.found.add(location)
    return value


class _LoopItems:
    """A list for a loop that counts each iteration. Its length is the list's, for ``loop.length``."""

    __slots__ = ("_items",)

    def __init__(self, value: object) -> None:
        self._items = value if isinstance(value, range) else limits.to_list(value)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        meter = limits.current()
        for item in self._items:
            if meter is not None:
                meter.step()
            yield item
