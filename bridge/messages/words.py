"""Words of templates as data: ``templates/<provider>/words.toml``, an operator's file laid over the packaged one.

Jinja sees each file as a template whose variables are the file's tables, so a template imports them:
``{% from "stripe/words.toml" import titles %}``.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.config.diagnostics import Problem

FILE = "words.toml"
"""The name of such a file in a provider's folder."""
Tables = Mapping[str, object]
"""Texts, or tables of texts, by their keys."""
_IDENTIFIER = re.compile(r"(?!(?:true|false|none)\Z)[a-z][a-z0-9_]*\Z")
"""Names that a template can import: all but the constants of Jinja."""
_DEEPEST = 5
"""Tables within each other. Jinja compiles them by recursion."""


@dataclass(frozen=True, slots=True)
class WordFile:
    """A packaged file of words and the operator's one over it."""

    packaged: Tables
    own: Tables
    own_text: str
    """The text of the operator's file, "" without one."""

    def unknown(self) -> list[tuple[str, ...]]:
        """Return the keys of the operator's file that the packaged one does not have."""
        return list(_unknown(self.packaged, self.own, ()))

    def line_of(self, text: str) -> int | None:
        """Return the line of the operator's file with the key of a text; None if no key there has it."""
        key = next(_keys_of(text, self.own), None)
        if key is None:
            return None
        written = re.compile(rf"""^[^#]*(?<![\w-]){re.escape(key)}["']?[ \t]*=""", re.MULTILINE)
        found = written.search(self.own_text)
        return self.own_text.count("\n", 0, found.end()) + 1 if found else 1

    def source(self) -> str:
        """Return the words as the source of a Jinja template that sets each table."""
        tables = _merged(self.packaged, self.own)
        return "\n".join(f"{{% set {name} = {_literal(value)} %}}" for name, value in tables.items()) + "\n"


def is_words(name: str) -> bool:
    """Return whether a template's name is that of a file of words."""
    return name.rpartition("/")[2] == FILE


def read_words(text: str, packaged: Tables | None = None) -> Tables | Problem:
    """Return the tables of a file; or its problem, also where a value is of another kind than the packaged one."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        return Problem(f"is not TOML: {error}", 'write `key = "text"`; https://toml.io shows the format')
    if wrong := next(_wrong(tables, packaged or {}, ()), None):
        return Problem(f"{'.'.join(wrong[0])} must be {wrong[1]}", "compare it with the packaged file")
    return tables


def _wrong(tables: Tables, packaged: Tables, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in tables.items():
        if not path and not _IDENTIFIER.match(key):
            yield (key,), "a name of small letters, digits and _, and not true, false or none"
        known = packaged.get(key)
        if isinstance(value, Mapping):
            if isinstance(known, str):
                yield (*path, key), "a text"
            elif len(path) >= _DEEPEST:
                yield (*path, key), "a text: it is too deep in tables"
                continue
            yield from _wrong(value, known if isinstance(known, Mapping) else {}, (*path, key))
        elif not isinstance(value, str) or isinstance(known, Mapping):
            yield (*path, key), "a table" if isinstance(known, Mapping) else "a text in quotes"


def _unknown(packaged: Tables, own: Tables, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for key, value in own.items():
        known = packaged.get(key)
        if known is None:
            yield (*path, key)
        elif isinstance(value, Mapping) and isinstance(known, Mapping):
            yield from _unknown(known, value, (*path, key))


def _keys_of(text: str, tables: Tables) -> Iterator[str]:
    for key, value in tables.items():
        if isinstance(value, Mapping):
            yield from _keys_of(text, value)
        elif value == text:
            yield key


def _merged(packaged: Tables, own: Tables) -> Tables:
    merged = dict(packaged)
    for key, value in own.items():
        known = merged.get(key)
        merged[key] = _merged(known, value) if isinstance(known, Mapping) and isinstance(value, Mapping) else value
    return merged


def _literal(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(one)}" for key, one in value.items()) + "}"
    return json.dumps(str(value), ensure_ascii=False)
