"""Find what an operator's words.toml gets wrong, also where no sample shows it: keys, and parts of phrases."""

from collections.abc import Collection, Iterator, Mapping

from jinja2 import nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity
from bridge.config.errors import suggestion
from bridge.lint.template_ast import tree_of
from bridge.messages.phrases import PhraseError, parts_of
from bridge.messages.templates import Templates
from bridge.messages.words import Tables, WordFile
from bridge.routing.toml_positions import find_positions, position_of


def unknown_words(templates: Templates, names: Collection[str] | None = None) -> Iterator[Diagnostic]:
    """Yield a note on each unknown key and part of every file of words, or of those with these names."""
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
    given = _given_parts(name, templates)
    for path, text in _texts(words.own, ()):
        if problem := _problem(text, given):
            line = position_of(positions, path).line
            hint = "correct the phrase: docs/templates.md shows the format"
            yield templates.diagnostic(name, line, Code.TEMPLATE_WRONG_PHRASE, problem, hint, Severity.NOTE)


def _texts(tables: Tables, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _texts(value, (*path, key))
        else:
            yield (*path, key), str(value)


def _problem(text: str, given: frozenset[str] | None) -> str:
    try:
        parts = parts_of(text)
    except PhraseError as error:
        return str(error)
    if given is None or parts <= given:
        return ""
    unknown = ", ".join(f"{{{part}}}" for part in sorted(parts - given))
    return f"the phrase {text[:100]!r} names {unknown}, which no template here gives"


def _given_parts(words: str, templates: Templates) -> frozenset[str] | None:
    """Return the parts that templates of the folder give to phrases; None if they cannot be known."""
    folder = words.rpartition("/")[0]
    given: set[str] = set()
    for name, text in templates.sources.items():
        if name.rpartition("/")[0] not in (folder, "") or name == words:
            continue
        tree = tree_of(name, text)
        for call in tree.all(nodes.Call) if tree else ():
            if isinstance(call.node, nodes.Name) and call.node.name == "phrase":
                if call.dyn_kwargs is not None:
                    return None
                given.update(keyword.key for keyword in call.kwargs)
    return frozenset(given)
