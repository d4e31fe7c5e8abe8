"""Which template an event gets, and what comes of it: a message, a reason for none, or the fallback. Never an error."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError

from bridge.config.packaged import packaged_templates
from bridge.core.payload import clean
from bridge.events import Event
from bridge.messages import template_blocks
from bridge.messages.compact import fingerprint, packed
from bridge.messages.environment import SlackEnvironment
from bridge.messages.layout import lay_out
from bridge.messages.links import link
from bridge.messages.loader import Compiled, Sources, read_sources, text_fault
from bridge.messages.message import Rendered
from bridge.messages.mrkdwn import escaped
from bridge.messages.normalize import normalize
from bridge.messages.template_blocks import SkippedError, TemplateBlocks
from bridge.templating import limits
from bridge.templating.jinja_internals import block_line, template_line
from bridge.templating.limits import Meter
from bridge.templating.unknown_names import nearest_known

SECONDS = 0.3
"""CPU time that one template may take. An ordinary one takes less than a thousandth."""
_LONGEST_TYPE = 200
_FRAME = "message.j2"
_BLOCK = re.compile(r"\bblock (\w+)")
_compiled = Compiled()


@dataclass(frozen=True, slots=True)
class Templates:
    """Every template, read, and compiled once. Broken ones have a fault instead, and cost no other anything."""

    sources: Mapping[str, str] = field(repr=False)
    """Template name -> its text; names are paths below the templates' folder, such as ``gitlab/push.j2``."""
    faults: Mapping[str, str]
    """Template name -> ``name:line: what`` for those that could not be read or, where that was tried, compiled."""
    environment: SlackEnvironment = field(repr=False, compare=False)
    """Compiles what it is asked for, and keeps it."""

    def names(self) -> list[str]:
        """All templates that an event can get: not message.j2, and no parts to be included, which start with ``_``."""
        return sorted(name for name in {*self.sources, *self.faults} if is_choice(name))


def is_choice(name: str) -> bool:
    """Whether an event can get this template: it is not the frame, and no part that is to be included."""
    return name != _FRAME and not name.rpartition("/")[2].startswith("_")


def load_templates(overlay: Path | None, people: Mapping[str, str], *, packaged: Path | None = None) -> Templates:
    """As ``read_templates``, and compiled: what cannot be is a fault, too."""
    return compiled(read_templates(overlay, people, packaged=packaged))


def read_templates(overlay: Path | None, people: Mapping[str, str], *, packaged: Path | None = None) -> Templates:
    """The packaged templates with an operator's folder laid over them, file by file. Each is compiled at its first use.

    ``people`` are those who may be mentioned: the provider's user name -> Slack member id. ``packaged`` stands in for
    the folder that comes with the program. A file that cannot be read is a fault and never an exception.
    Raises FileNotFoundError for a folder that is not there.
    """
    files = read_sources(packaged or packaged_templates(), overlay)
    return _templates(files.texts, files.faults, SlackEnvironment(MappingProxyType(dict(people))))


def compiled(templates: Templates, names: Collection[str] | None = None) -> Templates:
    """The same templates once those with these names, or all, were compiled. What cannot be is a fault and never an
    exception."""
    faults = dict(templates.faults)
    for name in templates.sources if names is None else names:
        if name in templates.sources and name not in faults and (fault := compile_fault(templates, name)):
            faults[name] = fault
    return replace(templates, faults=MappingProxyType(faults))


def with_text(templates: Templates, name: str, text: str) -> Templates:
    """The same templates with one file's text replaced or added, as if it had been saved. Only that one is compiled.

    Text that cannot be a template is a fault and never an exception.
    """
    texts = {other: known for other, known in templates.sources.items() if other != name}
    faults = {other: fault for other, fault in templates.faults.items() if other != name}
    if fault := text_fault(text):
        return _templates(
            texts, {**faults, name: f"{name}:1: cannot be read: {fault}"}, templates.environment.overlay()
        )
    # An environment of its own, since templates find what they extend and include through theirs.
    changed = _templates({**texts, name: text}, faults, templates.environment.overlay())
    fault = compile_fault(changed, name)
    return replace(changed, faults=MappingProxyType({**faults, name: fault})) if fault else changed


def _templates(texts: Mapping[str, str], faults: Mapping[str, str], environment: SlackEnvironment) -> Templates:
    environment.loader = Sources(texts)
    environment.bytecode_cache = _compiled
    return Templates(MappingProxyType(dict(texts)), MappingProxyType(dict(faults)), environment)


def compile_fault(templates: Templates, name: str) -> str:
    """Compile a template, and keep it. What keeps it from being compiled; "" if it is."""
    try:
        templates.environment.get_template(name)
    except Exception as error:  # noqa: BLE001 - one broken file must not stop the others
        return fault_of(error, name)
    return ""


class Typed(Protocol):
    """An event, or what will be one, such as a sample."""

    @property
    def provider(self) -> str:
        """The provider's name."""

    @property
    def type(self) -> str:
        """The type, in the provider's own words."""


def choose(event: Typed, templates: Templates) -> str:
    """The most specific template for an event's type: ``gitlab/merge_request.open.j2``, ``gitlab/merge_request.j2``,
    ``gitlab/default.j2``, ``default.j2``."""
    return next(name for name in candidates(event) if name in templates.sources or name in templates.faults)


def candidates(event: Typed) -> Iterator[str]:
    """The names that are looked for, the most specific first, whether they are there or not."""
    # The type is text from outside: it only ever picks among names that exist, and no part that is to be included.
    event_type = event.type.replace("/", ".")
    while event_type and len(event_type) <= _LONGEST_TYPE and not event_type.startswith("_"):
        yield f"{event.provider}/{event_type}.j2"
        event_type = event_type.rpartition(".")[0]
    yield f"{event.provider}/default.j2"
    yield "default.j2"


def render(
    event: Event,
    templates: Templates,
    template: str | None = None,
    *,
    notes: Sequence[str] = (),
    meter: Meter | None = None,
) -> Rendered:
    """What a template makes of an event; ``template`` instead of the most specific one. Raises nothing.

    A template that fails, takes too long or writes too much gives the plain fallback, with ``fault`` saying where.
    ``notes`` are plain lines for the message's context, such as "Posted 3 hours late". ``meter`` is for who wants to
    know more of what the template looked for than its paths.
    """
    name = template or choose(event, templates)
    meter = meter or Meter(SECONDS)
    try:
        filled = _fill(event, templates, name, meter)
        bare = normalize(filled, event.title)
        message = lay_out(normalize(filled, event.title, notes) if notes else bare)
    except SkippedError as skipped:
        return Rendered(name, None, clean(str(skipped), 300), "", *_reads(meter))
    except Exception as error:  # noqa: BLE001 - whatever a template does, the event is still told
        fault = _blamed(fault_of(error, name), templates, name)
        plainly = _fallback(event, fault)
        shown = lay_out(normalize(plainly, event.title, notes))
        bare = normalize(plainly, event.title)
        return Rendered(name, shown, "", fault, *_reads(meter), packed(bare, event.url), fingerprint(bare))
    return Rendered(name, message, "", "", *_reads(meter), packed(bare, event.url), fingerprint(bare))


def _fill(event: Event, templates: Templates, name: str, meter: Meter) -> TemplateBlocks:
    filled = TemplateBlocks()
    with limits.use_meter(meter), template_blocks.collecting(filled):
        output = _template(templates, name).render(event=event, payload=event.payload)
    if output.strip():  # no parent that would take it: the template is its body
        filled.body = f"{output}\n{filled.body}" if filled.body else output
    return filled


class _BrokenTemplateError(Exception):
    """The template could not be used; the text is its fault, ``name:line: what``."""


def _template(templates: Templates, name: str) -> Template:
    if name in templates.faults:
        raise _BrokenTemplateError(templates.faults[name])
    if name not in templates.sources:
        raise _BrokenTemplateError(f"{clean(name, 200)}:1: no such template; {nearest_known(name, templates.names())}")
    return templates.environment.get_template(name)


def _reads(meter: Meter) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(meter.missing), tuple(meter.found)


def _fallback(event: Event, fault: str) -> TemplateBlocks:
    """The plain message: title, type, link, and which template failed where."""
    where, _, what = fault.partition(": ")
    told = escaped(f"Template {where} failed: {what}")
    return TemplateBlocks(
        title=link(event.url, event.title),
        color="muted",
        context=f"{told}\n{escaped(event.source)} · {escaped(event.type)}",
    )


def fault_of(error: BaseException, name: str) -> str:
    """``file:line: what went wrong`` of a template's error, in one printable line of at most 300 characters."""
    if isinstance(error, _BrokenTemplateError):
        return str(error)
    if isinstance(error, TemplateSyntaxError):
        place = f"{error.name or name}:{error.lineno}"
    else:
        file, number = template_line(error.__traceback__) or (name, 1)
        place = f"{file}:{number}"
    if isinstance(error, TemplateNotFound):
        return clean(f"{place}: there is no template {error.name!r}", 300)
    if isinstance(error, TemplateSyntaxError):
        return clean(f"{place}: {error.message}", 300)  # its str() would name file and line once more
    what = str(error) if isinstance(error, limits.LimitExceededError) else f"{type(error).__name__}: {error}"
    return clean(f"{place}: {what}", 300)


def _blamed(fault: str, templates: Templates, name: str) -> str:
    """The fault with the place of the block that is at fault, where the frame is that only asked for its text: of a
    text that is too long it is the frame that finds out."""
    place, _, what = fault.partition(": ")
    file, _, line = place.rpartition(":")
    if file != _FRAME or name == _FRAME or not line.isdigit():
        return fault
    asked = _BLOCK.search("".join(templates.sources.get(_FRAME, "").splitlines()[int(line) - 1 : int(line)]))
    started = block_line(_template(templates, name), asked[1]) if asked else None  # it has just been rendered
    if started is None:  # the frame's own doing
        return fault
    return f"{name}:{started}: {what}"
