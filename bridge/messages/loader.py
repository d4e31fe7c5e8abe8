"""Reading template files: the packaged ones, and an operator's over them."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from jinja2 import BaseLoader, BytecodeCache, Environment, Template, TemplateNotFound
from jinja2.bccache import Bucket

from bridge.config.diagnostics import Diagnostic, Problem
from bridge.messages.words import FILE, WordFile, is_words, read_words
from bridge.templating import limits

_LARGEST = 256 * 1024
_TOO_LARGE = Problem(f"cannot be read: larger than {_LARGEST} bytes", "split it, and include the parts")

Compiling = Callable[[str], AbstractContextManager[object]]
"""Returns what is entered while the template of a name is compiled."""


@dataclass(frozen=True, slots=True)
class Files:
    """The template files: name -> text, and name -> problem for those that cannot be read."""

    texts: Mapping[str, str]
    unreadable: Mapping[str, Problem]
    packaged: frozenset[str]
    """The names that no file of the operator replaces."""
    words: Mapping[str, WordFile]
    """The files of words; ``texts`` holds each as the source of a template."""


class BrokenTemplateError(Exception):
    """The template cannot be used."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(str(diagnostic))


class Sources(BaseLoader):
    """Templates from texts in memory, each known to Jinja by its name. One with an error is not compiled again.

    ``compiling`` is entered with the name of each template that is compiled.
    """

    def __init__(
        self,
        texts: Mapping[str, str],
        errors: Mapping[str, Diagnostic],
        compiling: Compiling = nullcontext,
    ) -> None:
        self._texts = texts
        self._errors = errors
        self._compiling = compiling

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:  # noqa: ARG002 - Jinja's signature
        """Return a template's text, its name as the file's, and that it never changes."""
        if template not in self._texts:
            raise TemplateNotFound(template)
        if template in self._errors:
            raise BrokenTemplateError(self._errors[template])
        return self._texts[template], template, lambda: True

    def load(
        self,
        environment: Environment,
        name: str,
        globals: MutableMapping[str, object] | None = None,  # noqa: A002 - Jinja's signature
    ) -> Template:
        """Compile a template at its first use, in no time of the message that needs it.

        The first messages after a start would else be cut off, because compiling takes longer than rendering may.
        """
        meter = limits.current()
        with self._compiling(name), meter.paused() if meter else nullcontext():
            return super().load(environment, name, globals)


class Compiled(BytecodeCache):
    """The latest compiled form of each template by its name, so that a reload compiles only what has changed."""

    def __init__(self) -> None:
        self._latest: dict[str, tuple[str, CodeType | None]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill in the compiled form of a template, if its text is still the same."""
        checksum, code = self._latest.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the compiled form of a template."""
        self._latest[bucket.key] = (bucket.checksum, bucket.code)


def template_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of every ``*.j2`` and ``words.toml`` below a folder, in order of their names."""
    # A link to nothing is found by a pattern only, not by a plain name.
    words = (path for path in folder.rglob("*.toml") if path.name == FILE)
    for path in sorted([*folder.rglob("*.j2"), *words]):
        name = path.relative_to(folder).as_posix()
        if not any(part.startswith(".") for part in name.split("/")):  # Kubernetes keeps its mounts' old versions there
            yield name, path


def read_sources(packaged: Path, overlay: Path | None) -> Files:
    """Read every file below two folders.

    A template of the second folder replaces the one of the same name in the first; words are laid over key by key.
    """
    texts: dict[str, str] = {}
    unreadable: dict[str, Problem] = {}
    own: set[str] = set()
    words: dict[str, WordFile] = {}
    for folder in (packaged, overlay) if overlay is not None else (packaged,):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a folder of templates")
        for name, path in template_files(folder):
            if folder is overlay:
                own.add(name)
            read = _text(path)
            if is_words(name):
                read = _laid_over(words, name, read)
            else:
                texts.pop(name, None)
            unreadable.pop(name, None)
            if isinstance(read, Problem):
                unreadable[name] = read
            else:
                texts[name] = read
    return Files(texts, unreadable, frozenset({*texts, *unreadable} - own), words)


def _laid_over(words: dict[str, WordFile], name: str, text: str | Problem) -> str | Problem:
    """Lay a file of words over the one before, and return the result as a template; or the problem of the file."""
    if isinstance(text, Problem):
        return text
    before = words.get(name)
    tables = read_words(text, before.packaged if before else None)
    if isinstance(tables, Problem):
        return tables
    words[name] = WordFile(before.packaged, tables, text) if before else WordFile(tables, {}, "")
    return words[name].source()


def _text(path: Path) -> str | Problem:
    try:
        if not path.is_file():  # reading from a pipe or a device would hold up the start
            return Problem("cannot be read: not a file", "put a file there, or remove it")
        return _TOO_LARGE if path.stat().st_size > _LARGEST else path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return Problem("cannot be read: not UTF-8", "save it as UTF-8")
    except OSError as failure:
        return Problem(f"cannot be read: {failure.strerror or failure}", "let the user that runs Bridge read it")


def text_problem(text: str) -> Problem | None:
    """Return why a file with this text could not be read as a template; None if it could."""
    return _TOO_LARGE if len(text.encode("utf-8", "replace")) > _LARGEST else None
