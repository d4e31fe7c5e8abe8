"""Recipes of the documentation: every piece of routes.toml that a page shows, read from the page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^( *)```toml\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
_HEADER = re.compile(r"^\[+([\w.-]+)\]+", re.MULTILINE)
_NAME = re.compile(r'^name = "(.+)"$', re.MULTILINE)
_SETTING = re.compile(r"(?:events|when|repeat) = .+")
_IN_TEXT = re.compile(r"`((?:events|when|repeat) = [^`]+)`")
_TABLES = ("routes", "sources", "channels", "alerts", "people")


@dataclass(frozen=True)
class Recipe:
    """A piece of routes.toml: its page, its name there, and the text of a whole file with it."""

    page: str
    name: str
    """The first route's name, else the first table, else the line itself."""
    toml: str

    @property
    def key(self) -> str:
        """Return page and name."""
        return f"{self.page}: {self.name}"


def recipes() -> dict[str, Recipe]:
    """Return every recipe by its key."""
    return {recipe.key: recipe for page in PAGES for recipe in _of(page, (ROOT / page).read_text("utf-8"))}


def _of(page: str, text: str) -> Iterator[Recipe]:
    text = text.partition("\n## Errors\n")[0]  # what follows shows mistakes
    for _, block in _BLOCK.findall(text):
        header = _HEADER.search(block)
        if header is None:
            for line in _SETTING.findall(block):
                yield _line(page, line)
        elif header[1].partition(".")[0] in _TABLES:
            name = _NAME.search(block)
            yield Recipe(page, name[1] if name else header[1], block)
    for line in _IN_TEXT.findall(text):
        yield _line(page, line)


def _line(page: str, line: str) -> Recipe:
    """Return a single setting of a route as a file with one route."""
    setting = line.partition(" #")[0].rstrip()
    return Recipe(page, setting, f'[[routes]]\nname = "the recipe"\n{setting}\nchannels = ["general"]\n')
