"""The templates as texts: read them from files, or replace one."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from types import MappingProxyType

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import PACKAGED, Diagnostic, Problem, Severity, editing
from bridge.config.packaged import packaged_templates
from bridge.messages.environment import SlackEnvironment
from bridge.messages.loader import Compiled, Compiling, Sources, read_sources, text_problem
from bridge.messages.words import WordFile, is_words

FRAME = "message.j2"
"""The template that all others extend."""
_compiled = Compiled()


@dataclass(frozen=True, slots=True)
class Templates:
    """Every template, read, and compiled once. A broken one has an error instead, and does not affect the others."""

    sources: Mapping[str, str] = field(repr=False)
    """Template name -> its text; names are paths below the templates' folder, such as ``gitlab/push.j2``."""
    errors: Mapping[str, Diagnostic]
    """Template name -> error for those that cannot be read or, where that was tried, compiled."""
    environment: SlackEnvironment = field(repr=False, compare=False)
    """Compiles templates on demand, and keeps them."""
    packaged: frozenset[str] = field(default=frozenset(), compare=False)
    """Names of templates that come with the program: their files are not for editing."""
    words: Mapping[str, WordFile] = field(default_factory=dict, repr=False, compare=False)
    """The files of words, by their names."""
    version: int = field(init=False, repr=False, compare=False, default_factory=count(1).__next__)
    """Another number for each value, by which a render process knows it."""

    @property
    def link_buttons(self) -> bool:
        """Whether a message's links are real buttons."""
        return self.environment.link_buttons

    def names(self) -> list[str]:
        """Return all templates that an event can get: not message.j2, no words, no partials, which start with ``_``."""
        return sorted(name for name in {*self.sources, *self.errors} if is_choice(name))

    def file(self, name: str) -> str:
        """Return a template's file as diagnostics show it."""
        return f"{PACKAGED}templates/{name}" if name in self.packaged else f"templates/{name}"

    def diagnostic(
        self, name: str, line: int | None, code: Code, message: str, hint: str, severity: Severity = Severity.ERROR
    ) -> Diagnostic:
        """Return a diagnostic at a line of a template."""
        file = self.file(name)
        return Diagnostic(severity, file, line, None, message, editing(file, hint), code)


def is_choice(name: str) -> bool:
    """Return whether an event can get this template: neither the frame, nor words, nor a partial."""
    return name != FRAME and not is_words(name) and not name.rpartition("/")[2].startswith("_")


def read_templates(
    overlay: Path | None, people: Mapping[str, str], *, link_buttons: bool = False, packaged: Path | None = None
) -> Templates:
    """Read the packaged templates with an operator's folder laid over them, file by file. Each compiles at first use.

    ``people`` may be mentioned: the provider's user name -> Slack member id. With ``link_buttons`` a message's links
    are real buttons. ``packaged`` replaces the folder that comes with the program. A file that cannot be read is an
    entry of ``errors``, never an exception.
    Raises FileNotFoundError if a folder does not exist.
    """
    files = read_sources(packaged or packaged_templates(), overlay)
    templates = templates_of_texts(files.texts, {}, files.packaged, files.words, people, link_buttons=link_buttons)
    errors = {name: _unreadable(templates, name, problem) for name, problem in files.unreadable.items()}
    return replace(templates, errors=MappingProxyType(errors))


def _unreadable(templates: Templates, name: str, problem: Problem) -> Diagnostic:
    return templates.diagnostic(name, 1, Code.TEMPLATE_UNREADABLE, *problem)


def with_text(templates: Templates, name: str, text: str) -> Templates:
    """Return the templates with one file's text replaced or added, as if it had been saved.

    A text that is too long for a file is an entry of ``errors``, never an exception.
    """
    texts = {other: known for other, known in templates.sources.items() if other != name}
    errors = {other: error for other, error in templates.errors.items() if other != name}
    # An environment of its own, since templates find what they extend and include through theirs.
    environment, packaged = templates.environment.overlay(), templates.packaged - {name}
    problem = text_problem(text)
    if problem is None:
        texts[name] = text
    changed = replace(_templates(texts, errors, environment, packaged), words=templates.words)
    if problem is None:
        return changed
    return replace(changed, errors=MappingProxyType({**errors, name: _unreadable(changed, name, problem)}))


def templates_of_texts(
    texts: Mapping[str, str],
    errors: Mapping[str, Diagnostic],
    packaged: frozenset[str],
    words: Mapping[str, WordFile],
    people: Mapping[str, str],
    *,
    link_buttons: bool,
    compiling: Compiling = nullcontext,
) -> Templates:
    """Return templates of texts that are read. ``compiling`` is entered with the name of each that is compiled."""
    environment = SlackEnvironment(MappingProxyType(dict(people)), link_buttons=link_buttons)
    templates = _templates(texts, errors, environment, packaged, compiling)
    return replace(templates, words=MappingProxyType(dict(words)))


def _templates(
    texts: Mapping[str, str],
    errors: Mapping[str, Diagnostic],
    environment: SlackEnvironment,
    packaged: frozenset[str],
    compiling: Compiling = nullcontext,
) -> Templates:
    environment.loader = Sources(texts, errors, compiling)
    environment.bytecode_cache = _compiled
    return Templates(MappingProxyType(dict(texts)), MappingProxyType(dict(errors)), environment, packaged)
