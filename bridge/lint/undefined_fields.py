"""Find fields read by templates and missing in every payload, by rendering every sample."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import either, suggestion
from bridge.messages import Rendered
from bridge.messages.missing_fields import MissingField
from bridge.messages.templates import Templates
from bridge.templating.event_fields import event_field_hint
from bridge.templating.jinja_internals import Place


def undefined_fields(templates: Templates, renderings: Iterable[Rendered]) -> Mapping[str, list[Diagnostic]]:
    """Return the fields used by templates and missing in every event, by template, in the order of lines.

    A field missing in some events alone is no error.
    """
    unmet: dict[Place, list[MissingField]] = defaultdict(list)
    found: set[Place] = set()
    for rendered in renderings:
        found.update(rendered.found)
        for one in rendered.undefined:
            unmet[one.place].append(one)
    errors: dict[str, list[Diagnostic]] = {}
    for place in sorted(unmet.keys() - found):
        name, line, path = place
        error = templates.diagnostic(
            name, line, Code.TEMPLATE_UNDEFINED_FIELD, f"{path} is in no sample", _hint(path, unmet[place])
        )
        errors.setdefault(name, []).append(error)
    return errors


def _hint(path: str, sought: list[MissingField]) -> str:
    name = next((one.name for one in sought), "")
    kinds = {one.looked_in for one in sought}
    if "event" in kinds:
        return event_field_hint(name)
    if "variables" in kinds:
        return f"pass {name!r} to the imported macro as an argument: it does not see the variable"
    if keys := {key for one in sought for key in one.keys}:
        hint = suggestion(name, keys, "compare it with the payload that `bridge preview` shows")
        hint = hint if path.endswith(f".{name}") else f"{name!r}: {hint}"
        return either(hint, "ask `is defined` first")
    if "list" in kinds:
        return "take one item of the list, or loop over it"
    if kinds == {"null"}:
        return f"ask `is defined` first: the object of {name!r} is null in every sample"
    return "correct the name, or ask `is defined` first"
