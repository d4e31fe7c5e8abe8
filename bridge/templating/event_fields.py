"""Find fields of ``event`` that do not exist, in a condition or template, without running it."""

from collections.abc import Iterator
from dataclasses import fields

from jinja2 import nodes

from bridge.config.errors import suggestion
from bridge.events import Event

EVENT_FIELDS = frozenset(field.name for field in fields(Event))
"""What a condition or template can read of an event."""
_GONE = {"title": "`event.title` is gone: use `event.name`, or words of your own"}


def unknown_event_fields(parsed: nodes.Template) -> Iterator[tuple[str, int]]:
    """Yield the fields that are read of ``event`` and do not exist, with their lines."""
    if any(name.name == "event" and name.ctx != "load" for name in parsed.find_all(nodes.Name)):
        return  # it is another thing there, such as an item of a loop
    reads: list[tuple[nodes.Node, object, int]] = [
        *((node.node, node.attr, node.lineno) for node in parsed.find_all(nodes.Getattr)),
        *((node.node, getattr(node.arg, "value", None), node.lineno) for node in parsed.find_all(nodes.Getitem)),
    ]
    for read, name, line in reads:
        if isinstance(read, nodes.Name) and read.name == "event" and isinstance(name, str) and name not in EVENT_FIELDS:
            yield name, line


def event_field_hint(name: str) -> str:
    """Return the hint for a field that events do not have."""
    return _GONE.get(name) or suggestion(name, EVENT_FIELDS, "docs/templates.md lists the fields of `event`")
