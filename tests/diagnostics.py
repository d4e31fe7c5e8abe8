"""Text forms of diagnostics for assertions."""

from collections.abc import Iterable

from bridge.config.diagnostics import Diagnostic


def plain(one: Diagnostic | None) -> str:
    """Return a diagnostic as people see it, without column and code: ``routes.toml:3: message (hint)``."""
    assert one is not None
    assert one.message
    assert one.hint
    assert str(one).isprintable()
    assert len(str(one)) < 1_600
    place = f"{one.file}:{one.line}" if one.line is not None else one.file
    return f"{place}: {one.message} ({one.hint})" if place else f"{one.message} ({one.hint})"


def plain_all(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Return the plain lines of several diagnostics."""
    return [plain(one) for one in diagnostics]
