"""Choose an event's template and render it: to a message, a reason for none, or the fallback. Raise nothing."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import PACKAGED, Diagnostic, Problem, Severity, editing
from bridge.config.errors import suggestion
from bridge.config.packaged import packaged_templates
from bridge.core.payload import clean
from bridge.events import Event
from bridge.messages import template_blocks
from bridge.messages.compact import compact_blocks, fingerprint
from bridge.messages.environment import SlackEnvironment
from bridge.messages.first_line import MAX_LINE, first_line, linked_line, plain_line
from bridge.messages.layout import full_form
from bridge.messages.links import link
from bridge.messages.loader import Compiled, Sources, read_sources, text_problem
from bridge.messages.message import Rendered
from bridge.messages.mrkdwn import escaped
from bridge.messages.normalize import normalize
from bridge.messages.phrases import PhraseError
from bridge.messages.template_blocks import SkippedError, TemplateBlocks
from bridge.messages.words import WordFile, is_words
from bridge.sources import line_of
from bridge.templating import limits
from bridge.templating.hints import explained
from bridge.templating.jinja_internals import Place, block_line, template_line
from bridge.templating.limits import Meter
from bridge.templating.unknown_names import unknown_name

SECONDS = 0.3
"""CPU time that one template may take. An ordinary one takes less than a thousandth."""
_LONGEST_TYPE = 200
_FRAME = "message.j2"
_DEFAULT = "default.j2"
_BLOCK = re.compile(r"\bblock (\w+)")
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
    return name != _FRAME and not is_words(name) and not name.rpartition("/")[2].startswith("_")


def load_templates(
    overlay: Path | None, people: Mapping[str, str], *, link_buttons: bool = False, packaged: Path | None = None
) -> Templates:
    """Read the templates as ``read_templates`` does, and compile them."""
    return compiled(read_templates(overlay, people, link_buttons=link_buttons, packaged=packaged))


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
    environment = SlackEnvironment(MappingProxyType(dict(people)), link_buttons=link_buttons)
    templates = _templates(files.texts, {}, environment, files.packaged)
    errors = {name: _unreadable(templates, name, problem) for name, problem in files.unreadable.items()}
    return replace(templates, errors=MappingProxyType(errors), words=MappingProxyType(dict(files.words)))


def _unreadable(templates: Templates, name: str, problem: Problem) -> Diagnostic:
    return templates.diagnostic(name, 1, Code.TEMPLATE_UNREADABLE, *problem)


def compiled(templates: Templates, names: Collection[str] | None = None) -> Templates:
    """Compile the templates with these names, or all, and return them with the errors of those that cannot be."""
    errors = dict(templates.errors)
    for name in templates.sources if names is None else names:
        if name in templates.sources and name not in errors and (error := compile_error(templates, name)):
            errors[name] = error
    return replace(templates, errors=MappingProxyType(errors))


def with_text(templates: Templates, name: str, text: str) -> Templates:
    """Return the templates with one file's text replaced or added, as if it had been saved, and compile that one.

    A text that is not a template is an entry of ``errors``, never an exception.
    """
    texts = {other: known for other, known in templates.sources.items() if other != name}
    errors = {other: error for other, error in templates.errors.items() if other != name}
    # An environment of its own, since templates find what they extend and include through theirs.
    environment, packaged = templates.environment.overlay(), templates.packaged - {name}
    if problem := text_problem(text):
        changed = _templates(texts, errors, environment, packaged)
        error: Diagnostic | None = _unreadable(changed, name, problem)
    else:
        changed = _templates({**texts, name: text}, errors, environment, packaged)
        error = compile_error(changed, name)
    changed = replace(changed, words=templates.words)
    return replace(changed, errors=MappingProxyType({**errors, name: error})) if error else changed


def _templates(
    texts: Mapping[str, str],
    errors: Mapping[str, Diagnostic],
    environment: SlackEnvironment,
    packaged: frozenset[str],
) -> Templates:
    environment.loader = Sources(texts)
    environment.bytecode_cache = _compiled
    return Templates(MappingProxyType(dict(texts)), MappingProxyType(dict(errors)), environment, packaged)


def compile_error(templates: Templates, name: str) -> Diagnostic | None:
    """Compile a template and keep it; return the error if that fails."""
    try:
        templates.environment.get_template(name)
    except Exception as failure:  # noqa: BLE001 - one broken file must not stop the others
        return error_of(failure, name, templates)
    return None


class Typed(Protocol):
    """An event, or a sample of one."""

    @property
    def provider(self) -> str:
        """The provider's name."""

    @property
    def type(self) -> str:
        """The type, in the provider's own words."""


def choose(event: Typed, templates: Templates) -> str:
    """Return the most specific template for an event's type.

    That is the first of ``gitlab/merge_request.open.j2``, ``gitlab/merge_request.j2``, ``gitlab/default.j2``,
    ``default.j2`` that exists.
    """
    return next(name for name in candidates(event) if name in templates.sources or name in templates.errors)


def candidates(event: Typed) -> Iterator[str]:
    """Return the names to look for, the most specific first, whether they exist or not."""
    # The type is text from outside: it only ever picks among names that exist, and no partial.
    event_type = event.type.replace("/", ".")
    while event_type and len(event_type) <= _LONGEST_TYPE and not event_type.startswith("_"):
        yield f"{event.provider}/{event_type}.j2"
        event_type = event_type.rpartition(".")[0]
    yield f"{event.provider}/default.j2"
    yield _DEFAULT


def render(
    event: Event,
    templates: Templates,
    template: str | None = None,
    *,
    notes: Sequence[str] = (),
    meter: Meter | None = None,
) -> Rendered:
    """Render an event with ``template``, by default the most specific one. Raises nothing.

    Without a payload (the stored body is lost) the default is ``default.j2``, which needs only the event. A template
    that fails, takes too long or writes too much gives the plain fallback and an ``error``. ``notes`` are plain lines
    for the message's context, such as "Posted 3 hours late". A caller's own ``meter`` shows more than the paths that
    the template read.
    """
    name = template or (choose(event, templates) if event.payload else _DEFAULT)
    line = line_of(event)
    meter = meter or Meter(SECONDS)
    error = None
    try:
        filled = _fill(event, line, templates, name, meter)
        bare = normalize(filled, line)
        noted = normalize(filled, line, notes) if notes else bare
        message = full_form(noted, link_buttons=templates.link_buttons)
    except SkippedError as skipped:
        return Rendered(name, None, clean(str(skipped), 300), None, *_reads(meter))
    except Exception as failure:  # noqa: BLE001 - the event is posted after any failure of a template
        error = error_of(failure, name, templates)
        plainly = _fallback(event, line, error)
        bare = normalize(plainly, line)
        message = full_form(normalize(plainly, line, notes))
    return Rendered(
        name,
        message,
        "",
        error,
        *_reads(meter),
        compact=compact_blocks(bare, event.url),
        fingerprint=fingerprint(bare),
        line=plain_line(first_line(bare)),
        linked_line=linked_line(bare, event.url, MAX_LINE),
    )


def _fill(event: Event, line: str, templates: Templates, name: str, meter: Meter) -> TemplateBlocks:
    filled = TemplateBlocks()
    with limits.use_meter(meter), template_blocks.collecting(filled):
        output = _template(templates, name).render(event=event, payload=event.payload, line=line)
    if output.strip():  # no parent that would take it: the template is its body
        filled.body = f"{output}\n{filled.body}" if filled.body else output
    return filled


class _BrokenTemplateError(Exception):
    """The template cannot be used."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(str(diagnostic))


def _template(templates: Templates, name: str) -> Template:
    if name in templates.errors:
        raise _BrokenTemplateError(templates.errors[name])
    if name not in templates.sources:
        hint = suggestion(name, templates.names(), "create it, or name another one")
        raise _BrokenTemplateError(
            templates.diagnostic(name, None, Code.TEMPLATE_NOT_FOUND, "there is no such template", hint)
        )
    return templates.environment.get_template(name)


def _reads(meter: Meter) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    return tuple(meter.missing), tuple(meter.found)


def _fallback(event: Event, line: str, error: Diagnostic) -> TemplateBlocks:
    """Return the plain message: the provider's plain line, type, link, and the template's error."""
    template = error.place.removeprefix(PACKAGED).removeprefix("templates/")
    shown = escaped(f"Template {template} failed: {error.message}")
    return TemplateBlocks(
        title=link(event.url, line),
        color="muted",
        context=f"{shown}\n{escaped(event.source)} · {escaped(event.type)}",
    )


def error_of(failure: BaseException, name: str, templates: Templates) -> Diagnostic:
    """Return a template's exception as a diagnostic, at the line of the template that caused it."""
    if isinstance(failure, _BrokenTemplateError):
        return failure.diagnostic
    file, line = _blamed(*_place(failure, name), templates, name)
    if isinstance(failure, PhraseError):
        return _phrase_error(failure, file, line, templates)
    if isinstance(failure, TemplateNotFound):
        wanted, known = str(failure.name), [*templates.sources, *templates.errors]
        hint = suggestion(wanted, known, "create it, or name another one")
        message = f"there is no template {clean(wanted, 200)!r}"
        return templates.diagnostic(file, line, Code.TEMPLATE_UNKNOWN_TEMPLATE, message, hint)
    if isinstance(failure, TemplateSyntaxError):
        if unknown := _UNKNOWN.search(failure.message or ""):
            names: Collection[str] = (
                templates.environment.filters if unknown[1] == "filter" else templates.environment.tests
            )
            found = unknown_name(unknown[1], unknown[2], line, names)
            return templates.diagnostic(file, line, found.code, found.message, found.hint)
        code, message = Code.TEMPLATE_SYNTAX, failure.message or "is not a template"
    elif isinstance(failure, limits.LimitExceededError):
        timeout = isinstance(failure, limits.TimeLimitError)
        code, message = Code.TIME_LIMIT_EXCEEDED if timeout else Code.LIMIT_EXCEEDED, str(failure)
    else:
        code, message = Code.TEMPLATE_FAILED, f"{type(failure).__name__}: {failure}"
    message, hint = explained(clean(message, 300))
    return templates.diagnostic(file, line, code, message, hint or "correct the line, and try it with `bridge render`")


def _phrase_error(failure: PhraseError, file: str, line: int, templates: Templates) -> Diagnostic:
    """Return the error of a phrase, at its line of the operator's words.toml if it is there."""
    hint = "correct the phrase: docs/templates.md shows the format"
    for name, words in templates.words.items():
        if found := words.line_of(failure.phrase):
            file, line = name, found
    return templates.diagnostic(file, line, Code.TEMPLATE_FAILED, clean(f"PhraseError: {failure}", 300), hint)


_UNKNOWN = re.compile(r"No (filter|test) named '([^']*)'")


def _blamed(file: str, line: int, templates: Templates, name: str) -> tuple[str, int]:
    """Return the place of the block that caused an error in the frame.

    The frame only asks for the block's text, and is the first to see that a text is too long.
    """
    if file != _FRAME or name == _FRAME:
        return file, line
    asked = _BLOCK.search("".join(templates.sources.get(_FRAME, "").splitlines()[line - 1 : line]))
    start = block_line(_template(templates, name), asked[1]) if asked else None  # it has just been rendered
    return (file, line) if start is None else (name, start)  # without a block it is the frame's own error


def _place(failure: BaseException, name: str) -> tuple[str, int]:
    """Return the template and the line where an exception was raised."""
    if isinstance(failure, TemplateSyntaxError):
        return failure.name or name, failure.lineno
    file, line = template_line(failure.__traceback__) or (name, 1)
    return file or name, line
