"""What the page works with: the configuration as it is on disk, and the events that a template can be tried with.

No HTTP in here: each answer is plain data that can be written as JSON.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

from jinja2 import TemplateSyntaxError, nodes

from bridge.config.errors import ConfigurationError, nearest
from bridge.events import Event
from bridge.lint.check import Finding, check_templates, finding_of
from bridge.lint.source_locations import origin
from bridge.live.snapshot import Snapshot
from bridge.live.template_choice import template_for
from bridge.messages import Rendered
from bridge.messages.html import draw
from bridge.messages.limits import problems
from bridge.messages.mrkdwn_parser import plainly
from bridge.messages.render import Templates, candidates, load_templates, render, with_text
from bridge.preview.files import Files, NotTextError, fingerprint
from bridge.preview.limit_usage import measures
from bridge.routing.decide import decide
from bridge.samples import Sample, sample_event, samples
from bridge.samples.recorded import UnreadableBodyError, recorded_body
from bridge.sources import Malformed

Json = dict[str, object]


class RefusedError(Exception):
    """What was asked for cannot be shown. The text says why, and the mend."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page asks to see. ``file`` and ``text`` are what stands in its editor, where that is not the disk's."""

    event: str
    payload: str = ""
    """A body to stand in for the sample's; "" for the sample's own."""
    file: str = ""
    """"" for the template that serves the event."""
    text: str | None = None

    @classmethod
    def of(cls, data: Mapping[str, object]) -> "Asked":
        """What a JSON object asks. Raises RefusedError."""
        texts = {name: data.get(name) or "" for name in ("event", "payload", "file")}
        text = data.get("text")
        if not all(isinstance(value, str) for value in (*texts.values(), text or "")):
            raise RefusedError("event, payload, file and text are texts")
        return cls(**{name: str(value) for name, value in texts.items()}, text=None if text is None else str(text))


def listed(snapshot: Snapshot) -> list[Json]:
    """Every event that can be tried: its name, what happened in it, and the template that serves it."""
    return [
        {
            "name": name,
            "title": (event := _sample_event(sample, snapshot, 0.0)).title,
            "file": template_for(event, snapshot),
        }
        for name, sample in samples().items()
    ]


def look(asked: Asked, snapshot: Snapshot, files: Files, now: float) -> Json:
    """The message of an event, drawn and as JSON, with the file that makes it. Raises RefusedError."""
    snapshot = _with_editor(asked, snapshot)
    event = _event(asked, snapshot, now)
    file = asked.file or template_for(event, snapshot)
    saved, on_disk = "", ""
    with suppress(NotTextError):  # then the template is at fault, which is told below
        text = files.text(file)
        saved, on_disk = fingerprint(text), text or ""
    rendered = render(
        event, snapshot.templates, file if file in _own(event, snapshot) else template_for(event, snapshot)
    )
    message = rendered.message
    return {
        "event": {"type": event.type, "title": event.title, "url": event.url, "subject": event.subject},
        "payload": asked.payload or json.dumps(samples()[asked.event].body, indent=2, ensure_ascii=False),
        "goes": _goes(event, snapshot),
        "template": rendered.template,
        "file": file,
        "files": _files(event, snapshot, file),
        "text": on_disk,
        "saved": saved,
        "path": files.shown(file),
        "skip": rendered.skip,
        "fault": rendered.fault,
        "html": draw(message) if message else "",
        "notification": plainly(message.text) if message else "",
        "json": json.dumps(message.body(), indent=2, ensure_ascii=False) if message else "",
        "measures": [asdict(measure) for measure in measures(message)] if message else [],
        "problems": _problems(rendered, snapshot.templates, recorded=bool(asked.payload)),
    }


def examine(asked: Asked, snapshot: Snapshot) -> list[Finding]:
    """What the contract check says of the file in the editor, and of all that use it. Raises RefusedError."""
    if not asked.file:
        raise RefusedError("name the file that is to be checked")
    return list(check_templates(_with_editor(asked, snapshot), [asked.file]).findings)


def new_errors(asked: Asked, snapshot: Snapshot) -> list[Finding]:
    """The errors that saving would bring: those of the file itself, and those elsewhere that are not there already."""
    errors = [finding for finding in examine(asked, snapshot) if finding.level == "error"]
    place = f"templates/{asked.file}"
    if all(finding.where == place for finding in errors):
        return errors
    known = set(check_templates(snapshot, [asked.file]).findings)
    return [finding for finding in errors if finding.where == place or finding not in known]


def told(findings: Sequence[Finding]) -> list[Json]:
    """Findings as JSON."""
    return [asdict(finding) for finding in findings]


def _with_editor(asked: Asked, snapshot: Snapshot) -> Snapshot:
    if asked.text is None or not asked.file:
        return snapshot
    return replace(snapshot, templates=with_text(snapshot.templates, asked.file, asked.text))


def _event(asked: Asked, snapshot: Snapshot, now: float) -> Event:
    sample = samples().get(asked.event)
    if sample is None:
        raise RefusedError(
            f"there is no event {asked.event[:100]!r}; the nearest is {nearest(asked.event, samples())!r}"
        )
    try:
        body = recorded_body(asked.payload.encode("utf-8", "replace"), sample.provider) if asked.payload else None
        return _sample_event(sample, snapshot, now, body)
    except UnreadableBodyError as error:
        raise RefusedError(f"the payload {error}") from None
    except (Malformed, IndexError) as error:
        raise RefusedError(f"the payload is no body that {sample.provider} would send: {error}") from None


def _sample_event(sample: Sample, snapshot: Snapshot, now: float, body: object | None = None) -> Event:
    sources = snapshot.routes.sources_of(sample.provider)
    return sample_event(sample, sources[0] if sources else sample.provider, now, body)


def _own(event: Event, snapshot: Snapshot) -> list[str]:
    """The templates that could serve an event, and that are there."""
    named = [planned.template for planned in decide(event, snapshot.routes).deliveries if planned.template]
    there = {*snapshot.templates.names()}
    return [name for name in dict.fromkeys([*named, *candidates(event)]) if name in there]


def _goes(event: Event, snapshot: Snapshot) -> list[str]:
    """Where an event would go, in words."""
    planned = decide(event, snapshot.routes).deliveries
    return [
        f"#{one.channel} by the route {one.route!r}" + (f" ({one.state}: {one.reason})" if one.reason else "")
        for one in planned
    ]


def _files(event: Event, snapshot: Snapshot, file: str) -> list[Json]:
    """The files that may be edited for an event: what serves it, what that uses, and what could be made for it."""
    templates = snapshot.templates
    own = _own(event, snapshot)
    used = [name for first in own[:1] for name in _uses(first, templates)]
    new = [name for name in candidates(event) if name not in own]
    names = dict.fromkeys([*own, *used, *new, file])
    return [{"name": name, "new": name not in templates.sources and name not in templates.faults} for name in names]


def _uses(name: str, templates: Templates) -> Iterator[str]:
    """What a template extends, includes and imports, and what that does."""
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
    """What is wrong with this one message. Of a recorded body it is also told what it lacks."""
    found = [replace(f, where=f"templates/{f.where}") for f in [finding_of(rendered.fault)] if rendered.fault]
    if message := rendered.message:
        for problem in problems(message):
            file, line = origin(templates, rendered.template, message, problem)
            found.append(Finding("error", f"templates/{file}", line, f"breaks a limit of Slack: {problem}"))
    if recorded:
        for missing in rendered.missing:
            place = finding_of(missing, "note")
            found.append(replace(place, where=f"templates/{place.where}", what=f"{place.what} is not in this payload"))
    return told(found)


def reload(files: Files, last: Snapshot) -> tuple[Snapshot, list[Json]]:
    """The configuration as it is on disk now, and what is wrong with it: then the last routes serve the templates."""
    try:
        return files.snapshot(), []
    except ConfigurationError as error:
        faults = told([finding_of(fault) for fault in error.faults])
    with suppress(OSError):
        folder = files.folder if files.folder.is_dir() else None
        last = replace(last, templates=load_templates(folder, last.routes.people))
    return last, faults
