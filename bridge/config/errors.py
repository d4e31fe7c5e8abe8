"""Errors of a configuration, and hints with the nearest known name."""

import difflib
from collections.abc import Callable, Collection, Iterable

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic

FEW = 12
"""A hint lists the known names if there are at most this many."""


class ConfigurationError(Exception):
    """The configuration cannot work, for the reasons in ``diagnostics``."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


class InvalidValueError(ValueError):
    """A value cannot be used. ``line`` is the line within the value; ``code`` None leaves the code to the caller."""

    def __init__(self, message: str, hint: str, *, code: Code | None = None, line: int = 1) -> None:
        self.message, self.hint, self.code, self.line = message, hint, code, line
        super().__init__(f"{message}: {hint}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name; "" if none is near.

    The ending .j2 does not count: all templates have it, so that short names would be near to any.
    """
    by_stem = {one.removesuffix(".j2"): one for one in known}
    near = difflib.get_close_matches(name[:100].removesuffix(".j2"), sorted(by_stem), n=1, cutoff=0.6)
    return by_stem[near[0]] if near else ""


def either(hint: str, other: str) -> str:
    """Return a hint with a second way to fix the problem."""
    return f"{hint} Or {other}" if hint.endswith("?") else f"{hint}; or {other}"


def suggestion(name: str, known: Collection[str], look: str, show: Callable[[str], str] = "`{}`".format) -> str:
    """Return a hint for an unknown name: the nearest known one, all of them if they are few, else ``look``.

    ``show`` formats a known name.
    """
    if near := nearest(name, known):
        return f"did you mean {show(near)}?"
    return f"use one of {', '.join(map(show, sorted(known)))}" if 0 < len(known) <= FEW else look
