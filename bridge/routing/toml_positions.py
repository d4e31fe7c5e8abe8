"""Find the lines and columns of the keys and values of a TOML file, for errors: `tomllib` gives the values alone."""

import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import NamedTuple

Path = tuple[str | int, ...]
"""Keys, and positions in lists, from the top of the file."""


class Position(NamedTuple):
    """The place of a table, key or list element. Lines and columns count from 1."""

    line: int
    column: int


def find_positions(text: str) -> Mapping[Path, Position]:
    """Return the positions of every table, key and list element in valid TOML.

    An implied table (``a`` in ``[a.b]``) has the position of its first mention.
    """
    return _Scan(text).document()


def position_of(positions: Mapping[Path, Position], path: Path) -> Position:
    """Return the position of a path, or of the nearest existing table around it."""
    while path and path not in positions:
        path = path[:-1]
    return positions.get(path, Position(1, 1))


def text_line(text: str, position: Position, line: int) -> int:
    """Return the line in the file of a ``line`` within the text value of the key at a position."""
    lines = text.replace("\r\n", "\n").split("\n")
    first = lines[position.line - 1][position.column - 1 :].partition("=")[2].strip()
    if first[:3] not in ('"' * 3, "'" * 3):
        return position.line  # a value on one line; what it says of lines is escaped
    return min(position.line + line - (0 if first[3:] == "" else 1), len(lines))


class _Scan:
    """A walk over valid TOML, so without errors to report."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n") + "\n"
        self.at = 0
        self.positions: dict[Path, Position] = {}
        self._ends = [position for position, c in enumerate(self.text) if c == "\n"]
        self._last: dict[Path, int] = {}  # the number of the latest table of each [[array of tables]]

    def document(self) -> dict[Path, Position]:
        table: Path = ()
        while self._skip_blank():
            if self._here("[["):
                table = self._array_header()
            elif self._here("["):
                position = self._position()
                self.at += 1
                table = self._named(self._key(), position)
            else:
                self._pair(table)
        return self.positions

    def _array_header(self) -> Path:
        position = self._position()
        self.at += 2
        *parents, name = self._key()
        array = (*self._named(parents, position), name)
        self._note(array, position)
        self._last[array] = self._last.get(array, -1) + 1
        table = (*array, self._last[array])
        self._note(table, position)
        return table

    def _named(self, keys: list[str], position: Position) -> Path:
        """Return the table of a header; the name of an array of tables means its latest table."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self._note(path, position)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _pair(self, table: Path) -> None:
        position = self._position()
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, position)
        self._value(path)

    def _key(self) -> list[str]:
        """Read a dotted key, and move past the `=` or the brackets after it."""
        parts: list[str] = []
        while True:
            self._skip_spaces()
            start = self.at
            if self.text[start] in "\"'":
                self._string()
                parts.append(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])
            else:
                while self.text[self.at] not in " \t.=]\n":
                    self.at += 1
                parts.append(self.text[start : self.at])
            self._skip_spaces()
            if self.text[self.at] != ".":
                break
            self.at += 1
        while self.text[self.at] in "=]":
            self.at += 1
        return parts

    def _value(self, path: Path) -> None:
        self._skip_spaces()
        c = self.text[self.at]
        if c in "\"'":
            self._string()
        elif c == "[":
            self._list(path)
        elif c == "{":
            self._inline_table(path)
        else:
            while self.text[self.at] not in ",]}#\n":
                self.at += 1

    def _list(self, path: Path) -> None:
        self.at += 1
        number = 0
        while self._skip_blank() and self.text[self.at] != "]":
            self._note((*path, number), self._position())
            self._value((*path, number))
            number += 1
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self._skip_blank() and self.text[self.at] != "}":
            self._pair(path)
            self._skip_blank()
            if self.text[self.at] == ",":
                self.at += 1
        self.at += 1

    def _string(self) -> None:
        quote = self.text[self.at]
        end = quote * 3 if self._here(quote * 3) else quote
        self.at += len(end)
        while not self._here(end):
            self.at += 2 if self.text[self.at] == "\\" and quote == '"' else 1
        self.at += len(end)
        for _ in range(2 if len(end) == 3 else 0):  # a text in triple quotes may end in one or two quotes of its own
            self.at += self._here(quote)

    def _skip_blank(self) -> bool:
        """Move past spaces, line ends and comments; return False at the end of the text."""
        while self.at < len(self.text) and self.text[self.at] in " \t\n#":
            if self.text[self.at] == "#":
                self.at = self.text.index("\n", self.at)
            self.at += 1
        return self.at < len(self.text)

    def _skip_spaces(self) -> None:
        while self.text[self.at] in " \t":
            self.at += 1

    def _here(self, token: str) -> bool:
        return self.text.startswith(token, self.at)

    def _position(self) -> Position:
        number = bisect_right(self._ends, self.at - 1)
        return Position(number + 1, self.at - (self._ends[number - 1] if number else -1))

    def _note(self, path: Path, position: Position) -> None:
        self.positions.setdefault(path, position)
