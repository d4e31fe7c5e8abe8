"""Describe the undefined values that a template used, as plain data that leaves the process that renders."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from typing import Literal

from jinja2 import Undefined

from bridge.events import Event
from bridge.templating.jinja_internals import Place, TemplateModule, missing
from bridge.templating.sandbox import Missing

_MOST_KEYS = 200
"""Keys of an object that a hint may name."""


@dataclass(frozen=True, slots=True)
class MissingField:
    """A path that a template used and that was not there."""

    place: Place
    name: str = ""
    """The first name of the path that was not there."""
    looked_in: Literal["event", "variables", "list", "null", "object", "value"] = "value"
    """What lacks the name."""
    keys: tuple[str, ...] = ()
    """The names that it has."""


def missing_field(place: Place, undefined: Undefined) -> MissingField:
    """Describe an undefined value."""
    if not isinstance(undefined, Missing):
        return MissingField(place)
    parent, name = undefined.first_missing()
    keys = tuple(islice(_keys(parent), _MOST_KEYS))
    if isinstance(parent, Event):
        return MissingField(place, name, "event", keys)
    if parent is missing:
        return MissingField(place, name, "variables")
    if isinstance(parent, list | tuple):
        return MissingField(place, name, "list")
    return MissingField(place, name, "null" if parent is None else "object" if keys else "value", keys)


def _keys(looked_in: object) -> Iterator[str]:
    """Return the keys or attributes of an object."""
    if isinstance(looked_in, Mapping):
        yield from (key for key in looked_in if isinstance(key, str))
    elif is_dataclass(looked_in):
        yield from (field.name for field in fields(looked_in))
    elif isinstance(looked_in, TemplateModule):
        yield from (name for name in vars(looked_in) if not name.startswith("_"))
