"""The preview session: the configuration on disk, and the events to try a template with.

No HTTP here: each response is plain data for JSON.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from jinja2 import TemplateSyntaxError, nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity
from bridge.config.errors import ConfigurationError, suggestion
from bridge.events import Event
from bridge.lint.check import check_templates, slack_limit_error
from bridge.lint.source_locations import origin
from bridge.live.snapshot import Snapshot
from bridge.live.template_choice import template_for
from bridge.messages import Rendered
from bridge.messages.choice import candidates
from bridge.messages.html import to_html
from bridge.messages.limits import limit_violations
from bridge.messages.mrkdwn_parser import to_plain_text
from bridge.messages.shared_renderer import compiled, render
from bridge.messages.templates import Templates, read_templates, with_text
from bridge.messages.words import is_words
from bridge.preview.files import TemplateFiles, UnreadableTemplateError, fingerprint
from bridge.preview.limit_usage import limit_usage
from bridge.routing.decide import decide
from bridge.samples import Sample, sample_event, samples
from bridge.samples.recorded import UnreadableBodyError, recorded_body
from bridge.sources import Malformed, line_of

Json = dict[str, object]


class RefusedError(Exception):
    """A request cannot be answered. The text is the reason, with the hint."""


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """A request of the page. ``file`` and ``text`` are those of its editor, if they differ from the disk's."""

    event: str
    payload: str = ""
    """A body that replaces the sample's; "" for the sample's own."""
    file: str = ""
    """"" for the template that serves the event."""
    text: str | None = None

    @classmethod
    def of(cls, data: Mapping[str, object]) -> "PreviewRequest":
        """Read a request from a JSON object. Raises RefusedError."""
        texts = {name: data.get(name) or "" for name in ("event", "payload", "file")}
        text = data.get("text")
        if not all(isinstance(value, str) for value in (*texts.values(), text or "")):
            raise RefusedError("event, payload, file and text must be strings")
        return cls(**{name: str(value) for name, value in texts.items()}, text=None if text is None else str(text))


def list_events(snapshot: Snapshot) -> list[Json]:
    """List the sample events: name, generic line and template."""
    return [
        {
            "name": name,
            "line": line_of(event := _sample_event(sample, snapshot, 0.0)),
            "file": template_for(event, snapshot),
        }
        for name, sample in samples().items()
    ]


def render_message(request: PreviewRequest, snapshot: Snapshot, files: TemplateFiles, now: float) -> Json:
    """Return the message of an event, drawn and as JSON, with its template file. Raises RefusedError."""
    snapshot = _with_editor(request, snapshot)
    event = _event(request, snapshot, now)
    file = request.file or template_for(event, snapshot)
    saved, on_disk = "", ""
    with suppress(UnreadableTemplateError):  # then the template has an error, which is shown below
        text = files.text(file)
        saved, on_disk = fingerprint(text), text or ""
    rendered = render(
        event, snapshot.templates, file if file in _existing(event, snapshot) else template_for(event, snapshot)
    )
    message = rendered.message
    return {
        "event": {
            "type": event.type,
            "line": rendered.line or line_of(event),
            "name": event.name,
            "url": event.url,
            "subject": event.subject,
        },
        "payload": request.payload or json.dumps(samples()[request.event].body, indent=2, ensure_ascii=False),
        "channels": _channels(event, snapshot),
        "template": rendered.template,
        "file": file,
        "files": _files(event, snapshot, file),
        "text": on_disk,
        "saved": saved,
        "path": files.path_of(file),
        "skip": rendered.skip,
        "error": str(rendered.error or ""),
        "html": to_html(message) if message else "",
        "notification": to_plain_text(message.text) if message else "",
        "json": json.dumps(message.body(), indent=2, ensure_ascii=False) if message else "",
        "limits": [asdict(usage) for usage in limit_usage(message)] if message else [],
        "problems": _problems(rendered, snapshot.templates, recorded=bool(request.payload)),
    }


def check_file(request: PreviewRequest, snapshot: Snapshot) -> list[Diagnostic]:
    """Check the file in the editor and its dependents. Raises RefusedError."""
    if not request.file:
        raise RefusedError("name the file to check")
    return list(check_templates(_with_editor(request, snapshot), [request.file]).diagnostics)


def new_errors(request: PreviewRequest, snapshot: Snapshot) -> list[Diagnostic]:
    """Return the errors after a save: all of the file itself, and new ones in other files."""
    errors = [one for one in check_file(request, snapshot) if one.severity is Severity.ERROR]
    file = f"templates/{request.file}"
    if all(one.file == file for one in errors):
        return errors
    known = set(check_templates(_editable(snapshot), [request.file]).diagnostics)
    return [one for one in errors if one.file == file or one not in known]


def as_json(diagnostics: Iterable[Diagnostic]) -> list[Json]:
    """Return diagnostics as JSON."""
    return [asdict(one) for one in diagnostics]


def _with_editor(request: PreviewRequest, snapshot: Snapshot) -> Snapshot:
    snapshot = _editable(snapshot)
    if request.text is None or not request.file:
        return snapshot
    return replace(snapshot, templates=with_text(snapshot.templates, request.file, request.text))


def _editable(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with no template marked as packaged: saving on the page makes the copy."""
    return replace(snapshot, templates=replace(snapshot.templates, packaged=frozenset()))


def _event(request: PreviewRequest, snapshot: Snapshot, now: float) -> Event:
    sample = samples().get(request.event)
    if sample is None:
        hint = suggestion(request.event, samples(), "docs/events.md lists them")
        raise RefusedError(f"there is no event {request.event[:100]!r} ({hint})")
    try:
        body = recorded_body(request.payload.encode("utf-8", "replace"), sample.provider) if request.payload else None
        return _sample_event(sample, snapshot, now, body)
    except UnreadableBodyError as error:
        raise RefusedError(f"the payload {error}") from None
    except (Malformed, IndexError) as error:
        raise RefusedError(f"the payload is not a body that {sample.provider} sends: {error}") from None


def _sample_event(sample: Sample, snapshot: Snapshot, now: float, body: object | None = None) -> Event:
    sources = snapshot.routes.sources_of(sample.provider)
    return sample_event(sample, sources[0] if sources else sample.provider, now, body)


def _existing(event: Event, snapshot: Snapshot) -> list[str]:
    """Return the existing templates for an event: those of its routes, then the most specific first."""
    named = [planned.template for planned in decide(event, snapshot.routes).deliveries if planned.template]
    names = {*snapshot.templates.names()}
    return [name for name in dict.fromkeys([*named, *candidates(event)]) if name in names]


def _channels(event: Event, snapshot: Snapshot) -> list[str]:
    """Return the channels of an event, in words."""
    planned = decide(event, snapshot.routes).deliveries
    return [
        f"#{one.channel}, route {one.route!r}" + (f" ({one.state}: {one.reason})" if one.reason else "")
        for one in planned
    ]


def _files(event: Event, snapshot: Snapshot, file: str) -> list[Json]:
    """Return the files to edit for an event: its template, the files used by it, and possible new ones."""
    templates = snapshot.templates
    own = _existing(event, snapshot)
    used = [name for first in own[:1] for name in _dependencies(first, templates)]
    new = [name for name in candidates(event) if name not in own]
    names = dict.fromkeys([*own, *used, *new, file])
    return [{"name": name, "new": name not in templates.sources and name not in templates.errors} for name in names]


def _dependencies(name: str, templates: Templates) -> Iterator[str]:
    """Yield the templates that a template extends, includes or imports, also through others."""
    seen, left = {name}, [name]
    while left:
        text = templates.sources.get(left.pop(0), "")
        try:
            tree = templates.environment.parse(text)
        except (TemplateSyntaxError, RecursionError):
            continue
        for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
            used = getattr(getattr(node, "template", None), "value", None)
            if isinstance(used, str) and used in templates.sources and used not in seen:
                seen.add(used)
                left.append(used)
                yield used


def _problems(rendered: Rendered, templates: Templates, *, recorded: bool) -> list[Json]:
    """Return the diagnostics of this one message; for a recorded body also its missing fields."""
    found = [rendered.error] if rendered.error else []
    if message := rendered.message:
        for violation in limit_violations(message):
            name, line = origin(templates, rendered.template, message, violation)
            found.append(slack_limit_error(templates, name, line, violation))
    if recorded:
        hint = "ask `is defined` first if it may be missing"
        for name, line, path in rendered.missing:
            what = f"{path} is not in this payload"
            found.append(templates.diagnostic(name, line, Code.PAYLOAD_MISSING_FIELD, what, hint, Severity.NOTE))
    return as_json(found)


def reload(files: TemplateFiles, last: Snapshot) -> tuple[Snapshot, list[Json]]:
    """Read the configuration on disk, and its errors; while it has errors, the last routes stay in use."""
    errors: list[Json] = []
    try:
        last = files.snapshot()
    except ConfigurationError as wrong:
        errors = as_json(wrong.diagnostics)
        with suppress(OSError):
            folder = files.folder if files.folder.is_dir() else None
            templates = read_templates(folder, last.routes.people, link_buttons=last.templates.link_buttons)
            last = replace(last, templates=compiled(templates))
    return last, [*errors, *errors_of_words(last)]


def errors_of_words(snapshot: Snapshot) -> list[Json]:
    """Return the errors of files of words. The packaged words are shown, and no editor on the page has these files."""
    return as_json(error for name, error in snapshot.templates.errors.items() if is_words(name))
