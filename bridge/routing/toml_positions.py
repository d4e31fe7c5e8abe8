"""Where in a TOML file a value stands: `tomllib` gives the values, this their lines, so that errors can name them."""

import tomllib
from bisect import bisect_right
from collections.abc import Mapping

Path = tuple[str | int, ...]
"""Keys, and positions in lists, from the top of the file."""


def find_lines(text: str) -> Mapping[Path, int]:
    """The line (from 1) of every table, key and list element in a text that `tomllib` has accepted.

    A table that is only implied (``a`` in ``[a.b]``) gets the line where it is first named.
    """
    return _Scan(text).document()


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """The line of what a path names, or of the nearest thing around it that is in the file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


class _Scan:
    """A walk over the text. The text is known to be TOML, so that nothing here has to say what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n") + "\n"
        self.at = 0
        self.lines: dict[Path, int] = {}
        self._ends = [position for position, c in enumerate(self.text) if c == "\n"]
        self._last: dict[Path, int] = {}  # the position of the latest table of each [[array of tables]]

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip_blank():
            if self._here("[["):
                table = self._array_header()
            elif self._here("["):
                self.at += 1
                table = self._named(self._key(), self._line())
            else:
                self._pair(table)
        return self.lines

    def _array_header(self) -> Path:
        self.at += 2
        line = self._line()
        *parents, name = self._key()
        array = (*self._named(parents, line), name)
        self._note(array, line)
        self._last[array] = self._last.get(array, -1) + 1
        table = (*array, self._last[array])
        self._note(table, line)
        return table

    def _named(self, keys: list[str], line: int) -> Path:
        """The table that a header names; a key of an array of tables stands for the latest table of it."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self._note(path, line)
            if path in self._last:
                path = (*path, self._last[path])
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self._note(path, line)
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key, and past the `=` or the brackets behind it."""
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
        position = 0
        while self._skip_blank() and self.text[self.at] != "]":
            self._note((*path, position), self._line())
            self._value((*path, position))
            position += 1
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
        """Past spaces, line ends and comments; False at the end of the text."""
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

    def _line(self) -> int:
        return bisect_right(self._ends, self.at - 1) + 1

    def _note(self, path: Path, line: int) -> None:
        self.lines.setdefault(path, line)
