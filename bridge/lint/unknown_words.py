"""Find keys of an operator's words.toml that the packaged file does not have: notes of `check`."""

from collections.abc import Collection, Iterator

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity
from bridge.config.errors import suggestion
from bridge.messages.render import Templates
from bridge.messages.words import Tables, WordFile
from bridge.routing.toml_positions import find_positions, position_of


def unknown_words(templates: Templates, names: Collection[str] | None = None) -> Iterator[Diagnostic]:
    """Yield a note on each unknown key of every file of words, or of those with these names."""
    for name, words in templates.words.items():
        if words.own_text and (names is None or name in names):
            yield from _of_file(name, words, templates)


def _of_file(name: str, words: WordFile, templates: Templates) -> Iterator[Diagnostic]:
    positions = find_positions(words.own_text)
    for path in words.unknown():
        table: object = words.packaged
        for key in path[:-1]:
            table = table[key] if isinstance(table, dict) else {}
        known: Tables = table if isinstance(table, dict) else {}
        hint = suggestion(path[-1], known, "keep it if a template of yours reads it")
        message = f"the packaged file has no {'.'.join(path)!r}"
        line = position_of(positions, path).line
        yield templates.diagnostic(name, line, Code.TEMPLATE_UNKNOWN_WORD, message, hint, Severity.NOTE)
