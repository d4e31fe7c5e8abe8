"""Diagnostics: each finding in settings, routes or templates, as one value from its birth to its print."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from bridge.config.diagnostic_codes import Code
from bridge.core.payload import clean

PACKAGED = "packaged:"
"""Prefix of a file that comes with the program. It is never offered for editing: see `editing`."""
_LONGEST = 600


class Severity(StrEnum):
    """How much a diagnostic matters."""

    ERROR = "error"
    """Must be fixed: `check` ends with 1, `serve` refuses to start."""
    NOTE = "note"
    """May be intended; an error only with `--strict`."""


class Problem(NamedTuple):
    """A problem of a value and its hint. The caller adds the place."""

    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message}: {self.hint}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: place, message and hint, printable and of bounded length."""

    severity: Severity
    file: str
    """The file as shown to people (``templates/gitlab/push.j2``, ``routes.toml``), a variable's name, or ""."""
    line: int | None
    column: int | None
    message: str
    hint: str
    code: Code

    def __post_init__(self) -> None:
        """Make all texts printable: file names and payloads may hold anything."""
        file = clean(self.file, 2 * _LONGEST)
        object.__setattr__(self, "file", file if len(file) <= 300 else f"…{file[-299:]}")
        object.__setattr__(self, "message", clean(self.message, _LONGEST))
        object.__setattr__(self, "hint", clean(self.hint, _LONGEST))

    @property
    def place(self) -> str:
        """The place: ``routes.toml:3:1``, ``BRIDGE_PORT``, or ""."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def __str__(self) -> str:
        """Return the one line for people."""
        place = f"{self.place}: " if self.file else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message}{hint} [{self.code}]"

    def __lt__(self, other: "Diagnostic") -> bool:
        return self._order() < other._order()

    def _order(self) -> tuple[str, str, int, int, str]:
        return self.severity, self.file, self.line or 0, self.column or 0, self.message

    def log_fields(self) -> Mapping[str, object]:
        """Return the keys and values for a log line."""
        return {key: value for key, value in asdict(self).items() if key != "severity" and value not in ("", None)}


def error(
    code: Code, message: str, hint: str, *, file: str = "", line: int | None = None, column: int | None = None
) -> Diagnostic:
    """Return an error."""
    return Diagnostic(Severity.ERROR, file, line, column, message, hint, code)


def note(
    code: Code, message: str, hint: str, *, file: str = "", line: int | None = None, column: int | None = None
) -> Diagnostic:
    """Return a note."""
    return Diagnostic(Severity.NOTE, file, line, column, message, hint, code)


def editing(file: str, hint: str) -> str:
    """Return a hint to edit a file. A packaged one has to be copied first."""
    if not file.startswith(PACKAGED):
        return hint
    return f"{hint}{'' if hint.endswith('?') else '.'} The file is packaged: copy it first with `bridge init`"
