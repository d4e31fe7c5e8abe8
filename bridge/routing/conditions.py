"""Compile and evaluate a route's expressions over ``event`` and ``payload``: ``when``, ``state``, ``group_by``."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from jinja2 import TemplateSyntaxError

from bridge.config.diagnostic_codes import Code
from bridge.config.errors import InvalidValueError
from bridge.core.payload import clean
from bridge.events import Event
from bridge.templating.event_fields import event_field_hint, unknown_event_fields
from bridge.templating.hints import explained
from bridge.templating.jinja_internals import TemplateExpression, parse_expression
from bridge.templating.sandbox import Sandbox
from bridge.templating.unknown_names import unknown_names

T = TypeVar("T")


class ConditionError(InvalidValueError):
    """An expression cannot be compiled. ``line`` is the line within the expression."""


class ConditionFailedError(Exception):
    """An expression failed for this event. The text is one line, and may hold text of the payload."""


class Expression:
    """An expression of a route, compiled once. Equal expressions have equal sources."""

    __slots__ = ("_evaluate", "source")

    def __init__(self, source: str, evaluate: TemplateExpression) -> None:
        self.source = source
        self._evaluate = evaluate

    def evaluated(
        self, event: Event | Mapping[str, object], payload: Mapping[str, object], read: Callable[[object], T]
    ) -> T:
        """Return what ``read`` makes of the value for an event (or its fields). Raises ConditionFailedError."""
        try:
            return read(self._evaluate(event=event, payload=payload))
        except Exception as error:  # noqa: BLE001 - an expression over outside data may raise anything
            raise ConditionFailedError(clean(f"{type(error).__name__}: {error}", 200)) from None

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.source!r})"


class Condition(Expression):
    """A route's ``when``."""

    __slots__ = ()

    def __call__(self, event: Event | Mapping[str, object], payload: Mapping[str, object]) -> bool:
        """Return whether an event (or its fields) meets the condition. Raises ConditionFailedError."""
        return self.evaluated(event, payload, bool)


_NAMES = ("event", "payload")
_MAX_SOURCE = 4_000
_sandbox = Sandbox()


def compile_condition(source: str) -> Condition:
    """Compile a ``when`` expression. Raises ConditionError."""
    return Condition(source, _compiled(source))


def compile_expression(source: str) -> Expression:
    """Compile an expression that gives a value. Raises ConditionError."""
    return Expression(source, _compiled(source))


def _compiled(source: str) -> TemplateExpression:
    if not source.strip():
        raise _syntax("is empty", "write an expression, or leave the key out")
    if len(source) > _MAX_SOURCE:
        raise _syntax(f"is longer than {_MAX_SOURCE} characters", "shorten it, or split the route")
    try:
        parsed, extra = parse_expression(_sandbox, source)
        if extra is not None:
            kind, line = extra
            hint = "compare with `==`" if kind == "assign" else "join parts with `and` or `or`"
            raise _syntax("has text after the expression", hint, line)
        for unknown in unknown_names(parsed, _sandbox, _NAMES):
            raise ConditionError(
                f"uses a name that does not exist: {unknown.message}",
                unknown.hint,
                code=Code.CONDITION_UNKNOWN_NAME,
                line=unknown.line or 1,
            )
        for name, line in unknown_event_fields(parsed):
            raise ConditionError(
                f"uses a field that does not exist: event.{name}",
                event_field_hint(name),
                code=Code.CONDITION_UNKNOWN_FIELD,
                line=line,
            )
        return _sandbox.compile_expression(source, undefined_to_none=False)
    except TemplateSyntaxError as error:
        message, hint = explained(clean(error.message or "", 200))
        if _END in message:
            message, hint = message.replace(_END, "end of the expression"), "complete it"
        raise _syntax(f"is not an expression: {message}", hint or _LOOK, error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError):
        raise _syntax("nests too deep", "use fewer brackets") from None


_LOOK = "docs/routes.md shows expressions"
_END = "end of template"
"""Jinja's words for the end of an expression, too."""


def _syntax(message: str, hint: str, line: int = 1) -> ConditionError:
    return ConditionError(message, hint, code=Code.CONDITION_SYNTAX, line=line)
