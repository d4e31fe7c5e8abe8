"""Conditions: a route's ``when``, an expression over ``event`` and ``payload``."""

from collections.abc import Mapping

from jinja2 import TemplateSyntaxError

from bridge.core.payload import clean
from bridge.events import Event
from bridge.templating.jinja_internals import TemplateExpression, parse_expression
from bridge.templating.sandbox import Sandbox
from bridge.templating.unknown_names import unknown_names


class ConditionError(ValueError):
    """A condition cannot be read. ``line`` is the line within the condition."""

    def __init__(self, what: str, line: int = 1) -> None:
        super().__init__(what)
        self.line = line


class ConditionFailedError(Exception):
    """A condition could not be evaluated for this event. The text is one line, and may hold text of the payload."""


class Condition:
    """A route's ``when``, compiled once. Equal conditions have equal sources."""

    __slots__ = ("_evaluate", "source")

    def __init__(self, source: str, evaluate: TemplateExpression) -> None:
        self.source = source
        self._evaluate = evaluate

    def __call__(self, event: Event | Mapping[str, object], payload: Mapping[str, object]) -> bool:
        """Whether the event meets the condition. ``event`` has the fields of an Event. Raises ConditionFailedError."""
        try:
            return bool(self._evaluate(event=event, payload=payload))
        except Exception as error:  # noqa: BLE001 - an expression over outside data may raise anything
            raise ConditionFailedError(clean(f"{type(error).__name__}: {error}", 200)) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def __repr__(self) -> str:
        return f"Condition({self.source!r})"


_NAMES = ("event", "payload")
_MAX_SOURCE = 4_000
_sandbox = Sandbox()


def compile_condition(source: str) -> Condition:
    """A ``when`` expression over ``event`` and ``payload``, ready to be called. Raises ConditionError."""
    if not source.strip():
        raise ConditionError("the condition is empty")
    if len(source) > _MAX_SOURCE:
        raise ConditionError(f"the condition is longer than {_MAX_SOURCE} characters")
    try:
        parsed, complete = parse_expression(_sandbox, source)
        if not complete:
            raise ConditionError("something follows the expression; join parts with `and` or `or`")
        for unknown in unknown_names(parsed, _sandbox, _NAMES):
            raise ConditionError(f"{unknown.what}; {unknown.hint}", unknown.line)
        return Condition(source, _sandbox.compile_expression(source, undefined_to_none=False))
    except TemplateSyntaxError as error:
        raise ConditionError(clean(error.message or "it is not an expression", 200), error.lineno) from None
    except (RecursionError, MemoryError, SyntaxError):
        raise ConditionError("the condition nests too deep") from None
