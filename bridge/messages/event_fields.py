"""Find templates of an operator that read a field which events do not have, such as one of an earlier version."""

from jinja2 import TemplateSyntaxError

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.messages.templates import Templates
from bridge.templating.event_fields import event_field_hint, unknown_event_fields


def event_field_errors(templates: Templates, name: str) -> list[Diagnostic]:
    """Return an error for each such field in a template; none for a packaged one, or one that cannot be parsed."""
    text = templates.sources.get(name, "")
    if name in templates.packaged or "event" not in text:
        return []
    try:
        found = unknown_event_fields(templates.environment.parse(text))
        return [event_field_error(templates, name, line, field) for field, line in found]
    except (TemplateSyntaxError, RecursionError):
        return []


def event_field_error(templates: Templates, name: str, line: int, field: str) -> Diagnostic:
    """Return the error for a field that no event has."""
    message = f"event.{field} is in no sample"
    return templates.diagnostic(name, line, Code.TEMPLATE_UNDEFINED_FIELD, message, event_field_hint(field))
