"""Turn a template's exception into a diagnostic, at the line of the template that caused it."""

import re
from collections.abc import Collection

from jinja2 import TemplateNotFound, TemplateSyntaxError

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import suggestion
from bridge.core.payload import clean
from bridge.messages.loader import BrokenTemplateError
from bridge.messages.phrases import PhraseError
from bridge.messages.render_limits import OutOfTimeError
from bridge.messages.templates import FRAME, Templates
from bridge.templating import limits
from bridge.templating.hints import explained
from bridge.templating.jinja_internals import block_line, template_line
from bridge.templating.unknown_names import unknown_name

TOOK_TOO_LONG = "the template took too long and was cut off"
NEEDS_TOO_MUCH_MEMORY = "the template needs too much memory"
_BLOCK = re.compile(r"\bblock (\w+)")
_UNKNOWN = re.compile(r"No (filter|test) named '([^']*)'")


def error_of(failure: BaseException, name: str, templates: Templates) -> Diagnostic:
    """Return a template's exception as a diagnostic, at the line of the template that caused it."""
    if isinstance(failure, BrokenTemplateError):
        return failure.diagnostic
    file, line = _blamed(*_place(failure, name), templates, name)
    if isinstance(failure, PhraseError):
        return _phrase_error(failure, file, line, templates)
    if isinstance(failure, TemplateNotFound):
        wanted, known = str(failure.name), [*templates.sources, *templates.errors]
        hint = suggestion(wanted, known, "create it, or name another one")
        message = f"there is no template {clean(wanted, 200)!r}"
        return templates.diagnostic(file, line, Code.TEMPLATE_UNKNOWN_TEMPLATE, message, hint)
    if isinstance(failure, TemplateSyntaxError):
        if unknown := _UNKNOWN.search(failure.message or ""):
            names: Collection[str] = (
                templates.environment.filters if unknown[1] == "filter" else templates.environment.tests
            )
            found = unknown_name(unknown[1], unknown[2], line, names)
            return templates.diagnostic(file, line, found.code, found.message, found.hint)
        code, message = Code.TEMPLATE_SYNTAX, failure.message or "is not a template"
    elif isinstance(failure, limits.LimitExceededError):
        timeout = isinstance(failure, limits.TimeLimitError)
        code, message = Code.TIME_LIMIT_EXCEEDED if timeout else Code.LIMIT_EXCEEDED, str(failure)
    elif isinstance(failure, OutOfTimeError):
        code, message = Code.TIME_LIMIT_EXCEEDED, TOOK_TOO_LONG
    elif isinstance(failure, MemoryError):
        code, message = Code.MEMORY_LIMIT_EXCEEDED, NEEDS_TOO_MUCH_MEMORY
    else:
        code, message = Code.TEMPLATE_FAILED, f"{type(failure).__name__}: {failure}"
    message, hint = explained(clean(message, 300))
    return templates.diagnostic(file, line, code, message, hint or "correct the line, and try it with `bridge render`")


def _phrase_error(failure: PhraseError, file: str, line: int, templates: Templates) -> Diagnostic:
    """Return the error of a phrase, at its line of the operator's words.toml if it is there."""
    hint = "correct the phrase: docs/templates.md shows the format"
    for name, words in templates.words.items():
        if found := words.line_of(failure.phrase):
            file, line = name, found
    return templates.diagnostic(file, line, Code.TEMPLATE_FAILED, clean(f"PhraseError: {failure}", 300), hint)


def _blamed(file: str, line: int, templates: Templates, name: str) -> tuple[str, int]:
    """Return the place of the block that caused an error in the frame.

    The frame only asks for the block's text, and is the first to see that a text is too long.
    """
    if file != FRAME or name == FRAME:
        return file, line
    asked = _BLOCK.search("".join(templates.sources.get(FRAME, "").splitlines()[line - 1 : line]))
    start = block_line(templates.environment.get_template(name), asked[1]) if asked else None
    return (file, line) if start is None else (name, start)  # without a block it is the frame's own error


def _place(failure: BaseException, name: str) -> tuple[str, int]:
    """Return the template and the line where an exception was raised."""
    if isinstance(failure, TemplateSyntaxError):
        return failure.name or name, failure.lineno
    file, line = template_line(failure.__traceback__) or (name, 1)
    return file or name, line
