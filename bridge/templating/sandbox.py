"""The sandboxed Jinja of conditions and templates: payload keys first, and what is missing is no error."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from typing import NoReturn

from jinja2 import ChainableUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bridge.events import Event
from bridge.templating import limits
from bridge.templating.filters import FILTERS
from bridge.templating.limits import text

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
"""The methods that cannot make much of little; a filter does what the others would."""


parsed: ContextVar[MutableMapping[tuple[str, str], nodes.Template] | None] = ContextVar("parsed", default=None)
"""Where to keep what is parsed, by name and text, for who wants to look at it without parsing it again."""


class Missing(ChainableUndefined):
    """Stands for a path that is not there: false, empty, smaller and larger than nothing, missing further down too.

    Using it as a value (printing it, handing it to a filter) is noted on the meter; asking whether it is there is not.
    """

    __slots__ = ("_where",)
    _where: str

    def _used(self) -> None:
        meter = limits.current()
        if meter is not None and (where := getattr(self, "_where", "")):
            meter.missing[where] = self

    def sought(self) -> tuple[object, str]:
        """The last object that was there on the way to it, and the name that was looked for in that."""
        first = self
        while isinstance(first._undefined_obj, Missing):
            first = first._undefined_obj
        return first._undefined_obj, first._undefined_name or ""

    def of_nothing(self) -> bool:
        """Whether it was looked for in what is missing or null itself. A misspelt method of a text was not."""
        return self._undefined_obj is None or isinstance(self._undefined_obj, Missing)

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

    def _same(self, *_: object) -> "Missing":
        return self

    def _never(self, _: object) -> bool:
        return False

    def _no_number(self) -> NoReturn:
        raise TypeError("a missing value is no number")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same  # type: ignore[assignment]  # Jinja raises here
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _same  # type: ignore[assignment]  # Jinja raises here
    __pow__ = __rpow__ = __pos__ = __neg__ = _same  # type: ignore[assignment]  # Jinja raises here
    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _never  # type: ignore[assignment]  # Jinja raises here
    __int__ = __float__ = __complex__ = _no_number


class _Code(CodeGenerator):
    """Compiles looks along a path so that each knows its place in the source, and joins and slices so that they bear
    any value. Jinja, Extending, https://jinja.palletsprojects.com/en/stable/extensions/ names the nodes."""

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        self.write("environment.look(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}, {self._place(node)!r})")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        sliced = isinstance(node.arg, nodes.Slice)
        self.write("environment.cut(" if sliced else "environment.pick(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")" if sliced else f", {self._place(node)!r})")

    def visit_Slice(self, node: nodes.Slice, frame: Frame) -> None:  # noqa: N802
        self.write("slice(")
        for part in (node.start, node.stop, node.step):
            if part is None:
                self.write("None, ")
            else:
                self.visit(part, frame)
                self.write(", ")
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        self.write("environment.join_texts((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802
        turns = nodes.EnvironmentAttribute("turns", lineno=node.lineno)
        counted = nodes.Call(turns, [node.iter], [], None, None, lineno=node.iter.lineno)
        # Another node, since `check` looks at the tree that is compiled.
        super().visit_For(
            nodes.For(node.target, counted, node.body, node.else_, node.test, node.recursive, lineno=node.lineno), frame
        )

    def visit_ScopedEvalContextModifier(self, node: nodes.ScopedEvalContextModifier, _: Frame) -> None:  # noqa: N802
        self.fail("escaping cannot be switched off", node.lineno)

    def _place(self, node: nodes.Expr) -> str:
        return f"{self.name or 'when'}:{node.lineno}: {_written(node)}"


def _written(node: nodes.Node) -> str:
    """A path as its author wrote it."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_written(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        step = node.arg.value if isinstance(node.arg, nodes.Const) else "…"
        return f"{_written(node.node)}[{step!r}]" if step != "…" else f"{_written(node.node)}[…]"
    return "(…)"


class Sandbox(ImmutableSandboxedEnvironment):
    """A Jinja environment for text from outside: bounded in what it costs, payload keys before methods.

    ``{{ payload.items }}`` is the payload's own ``items``, not Python's method (Stripe and Shopify send such keys).
    """

    code_generator_class = _Code
    intercepted_binops = frozenset(limits.OPERATORS)
    open_types: tuple[type, ...] = (Event,)
    """Types beside plain data whose public attributes may be read."""

    def __init__(self) -> None:
        # Not optimized: Jinja would work out `none ~ "a"` by its own rules while it compiles.
        super().__init__(
            undefined=Missing, autoescape=self.escaping, trim_blocks=True, lstrip_blocks=True, optimized=False
        )
        self.binop_table.update(limits.OPERATORS)
        self.globals.clear()
        self.filters = dict(FILTERS)

    escaping = False

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if (kept := parsed.get()) is not None and name is not None:
            kept[name, source] = tree
        return tree

    def look(self, obj: object, name: str, where: str) -> object:
        """``obj.name`` in a template, at a place that is known."""
        if isinstance(obj, Mapping):
            if name in obj:
                return _found(obj[name], where)
        elif isinstance(obj, self.open_types) and not name.startswith("_"):
            value = super().getattr(obj, name)
            if not isinstance(value, Missing):
                return value
        return self._method(obj, name) or self._missing(obj, name, where)

    def pick(self, obj: object, key: object, where: str) -> object:
        """``obj[key]`` in a template."""
        if isinstance(obj, str | list | tuple | Mapping | range):
            try:
                return _found(obj[key], where)  # type: ignore[index,call-overload]  # a wrong key is a missing one
            except (TypeError, LookupError):
                return self._missing(obj, key, where)
        return self.look(obj, key, where) if isinstance(key, str) else self._missing(obj, key, where)

    def getattr(self, obj: object, attribute: str) -> object:
        """As Jinja's own helpers ask."""
        return self.look(obj, attribute, "")

    def getitem(self, obj: object, argument: object) -> object:
        """As Jinja's own filters ask (``map(attribute=…)``)."""
        return self.pick(obj, argument, "")

    def cut(self, obj: object, part: slice) -> object:
        """``obj[a:b]``: nothing of what is null, missing or a number."""
        try:
            made = obj[part] if isinstance(obj, str | list | tuple | range) else self._missing(obj, "[:]", "")
        except (TypeError, ValueError):
            return self._missing(obj, "[:]", "")
        limits.weigh(made)
        return made

    def turns(self, value: object) -> "_Turns":
        """What a ``for`` goes over: nothing where there is no list or object."""
        return _Turns(value)

    def join_texts(self, parts: Sequence[object]) -> str:
        """``a ~ b``."""
        return self.within("".join(map(text, parts)))

    def within(self, made: str) -> str:
        """The text, unless it is longer than any message could use. Raises LimitExceededError."""
        if len(made) > 2 * limits.MAX_TEXT:
            raise limits.LimitExceededError("the text would be too long")
        limits.weigh(made)
        return made

    def call(self, context: Context, obj: Callable[..., object], /, *args: object, **named: object) -> object:
        """Every call in a template: counted, so that a macro that calls itself ends."""
        if isinstance(obj, Missing) and obj.of_nothing():
            return obj  # `payload.ref.startswith('x')` where there is no ref
        meter = limits.current()
        if meter is None:
            return super().call(context, obj, *args, **named)
        meter.step()
        result = super().call(context, obj, *args, **named)
        meter.made(result)
        return result

    def handle_exception(self, source: str | None = None) -> NoReturn:  # noqa: ARG002 - Jinja calls this
        """Errors stay as they are: their traceback still names the template, and nothing is compiled to show it."""
        raise

    def _method(self, obj: object, name: str) -> object:
        for kind, methods in _DATA_METHODS.items():
            if isinstance(obj, kind) and name in methods:
                return getattr(obj, name)
        return None

    def _missing(self, obj: object, name: object, where: str) -> Missing:
        hint = None
        if isinstance(obj, str) and isinstance(name, str) and hasattr(str, name):
            hint = f"a text has no .{name}() here; look for a filter"
        missing = Missing(hint, obj, text(name))
        missing._where = where
        return missing


def _found(value: object, where: str) -> object:
    meter = limits.current()
    if meter is not None and where:
        meter.found.add(where)
    return value


class _Turns:
    """A list for a loop, counted turn by turn. It knows its length where the list does, as ``loop.length`` asks."""

    __slots__ = ("_items",)

    def __init__(self, value: object) -> None:
        self._items = value if isinstance(value, range) else limits.items(value)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[object]:
        meter = limits.current()
        for item in self._items:
            if meter is not None:
                meter.step()
            yield item
