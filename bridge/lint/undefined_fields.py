"""Fields that templates read and that no payload has: misspelt, or gone. Found by rendering, for `check`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass

from jinja2 import Undefined

from bridge.config.errors import nearest
from bridge.lint.template_checks import Fault
from bridge.templating.jinja_internals import TemplateModule, missing
from bridge.templating.limits import Meter
from bridge.templating.sandbox import Missing


def undefined_fields(meters: Iterable[Meter]) -> list[Fault]:
    """What templates used and no event had, over all that was rendered, with the nearest key that is there.

    A field that some events lack is found in others, and is no fault.
    """
    unmet: dict[str, list[Undefined]] = defaultdict(list)
    found: set[str] = set()
    for meter in meters:
        found |= meter.found
        for place, one in meter.missing.items():
            unmet[place].append(one)
    return sorted(_fault(place, unmet[place]) for place in unmet.keys() - found)


def _fault(place: str, unmet: Iterable[Undefined]) -> Fault:
    where, _, path = place.partition(": ")
    file, _, line = where.rpartition(":")
    sought = [one.first_missing() for one in unmet if isinstance(one, Missing)]
    return Fault(file, int(line), f"{path} is in no sample", _hint(path, sought))


def _hint(path: str, sought: Iterable[tuple[object, str]]) -> str:
    objects = [looked_in for looked_in, _ in sought]
    name = next((name for _, name in sought), "")
    if any(looked_in is missing for looked_in in objects):
        return f"an imported macro has no {name!r}: hand it over as an argument"
    keys = {key for looked_in in objects for key in _keys(looked_in)}
    if keys:
        step = "" if path.endswith(f".{name}") else f" to {name!r}"
        return f"the nearest key{step} there is {nearest(name, keys)!r}; or ask `is defined` first"
    if any(isinstance(looked_in, list | tuple) for looked_in in objects):
        return "a list is there: take one of it, or loop over it"
    if objects and all(looked_in is None for looked_in in objects):
        return f"{name!r} is looked for in what is null in every sample; ask `is defined` first"
    return "correct the name, or ask `is defined` first"


def _keys(looked_in: object) -> Iterator[str]:
    """The names that could have been asked for."""
    if isinstance(looked_in, Mapping):
        yield from (key for key in looked_in if isinstance(key, str))
    elif is_dataclass(looked_in):
        yield from (field.name for field in fields(looked_in))
    elif isinstance(looked_in, TemplateModule):
        yield from (name for name in vars(looked_in) if not name.startswith("_"))
