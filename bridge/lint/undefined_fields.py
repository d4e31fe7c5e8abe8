"""Find fields read by templates and missing in every payload, by rendering every sample."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from jinja2 import Undefined

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import either, suggestion
from bridge.events import Event
from bridge.messages.templates import Templates
from bridge.templating.event_fields import event_field_hint
from bridge.templating.jinja_internals import Place, TemplateModule, missing
from bridge.templating.limits import Meter
from bridge.templating.sandbox import Missing


def undefined_fields(templates: Templates, meters: Iterable[Meter]) -> Mapping[str, list[Diagnostic]]:
    """Return the fields used by templates and missing in every event, by template, in the order of lines.

    A field missing in some events alone is no error.
    """
    unmet: dict[Place, list[Undefined]] = defaultdict(list)
    found: set[Place] = set()
    for meter in meters:
        found |= meter.found
        for place, one in meter.missing.items():
            unmet[place].append(one)
    errors: dict[str, list[Diagnostic]] = {}
    for place in sorted(unmet.keys() - found):
        name, line, path = place
        sought = [one.first_missing() for one in unmet[place] if isinstance(one, Missing)]
        error = templates.diagnostic(
            name, line, Code.TEMPLATE_UNDEFINED_FIELD, f"{path} is in no sample", _hint(path, sought)
        )
        errors.setdefault(name, []).append(error)
    return errors


def _hint(path: str, sought: Iterable[tuple[object, str]]) -> str:
    objects = [looked_in for looked_in, _ in sought]
    name = next((name for _, name in sought), "")
    if any(isinstance(looked_in, Event) for looked_in in objects):
        return event_field_hint(name)
    if any(looked_in is missing for looked_in in objects):
        return f"pass {name!r} to the imported macro as an argument: it does not see the variable"
    if keys := {key for looked_in in objects for key in _keys(looked_in)}:
        hint = suggestion(name, keys, "compare it with the payload that `bridge preview` shows")
        hint = hint if path.endswith(f".{name}") else f"{name!r}: {hint}"
        return either(hint, "ask `is defined` first")
    if any(isinstance(looked_in, list | tuple) for looked_in in objects):
        return "take one item of the list, or loop over it"
    if objects and all(looked_in is None for looked_in in objects):
        return f"ask `is defined` first: the object of {name!r} is null in every sample"
    return "correct the name, or ask `is defined` first"


def _keys(looked_in: object) -> Iterator[str]:
    """Return the keys or attributes of an object."""
    if isinstance(looked_in, Mapping):
        yield from (key for key in looked_in if isinstance(key, str))
    elif is_dataclass(looked_in):
        yield from (field.name for field in fields(looked_in))
    elif isinstance(looked_in, TemplateModule):
        yield from (name for name in vars(looked_in) if not name.startswith("_"))
