"""Names in a condition or template that nothing stands behind, found without running it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from jinja2 import Environment, meta, nodes

from bridge.config.errors import nearest


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that nothing stands behind, at a line of the source. ``what`` says so, ``mend`` what to do."""

    line: int
    what: str
    hint: str


def unknown_names(parsed: nodes.Template, environment: Environment, given: Collection[str]) -> list[Unknown]:
    """Variables, filters and tests of a template that do not exist. ``given`` are the variables that it will have."""
    kinds: list[tuple[str, type[nodes.Filter] | type[nodes.Test], Collection[str]]] = [
        ("filter", nodes.Filter, environment.filters),
        ("test", nodes.Test, environment.tests),
    ]
    found: list[Unknown] = []
    for kind, node_type, known in kinds:
        used = parsed.find_all(node_type)
        found.extend(_unknown(kind, node.name, node.lineno, known) for node in used if node.name not in known)
    if not found:  # Jinja finds variables by compiling, which stops at the first unknown filter
        known = [*given, *environment.globals]
        # A name that is set inside an `if` counts as undeclared for Jinja, since it may stay unset.
        stored = {name.name for name in parsed.find_all(nodes.Name) if name.ctx != "load"}
        undeclared = meta.find_undeclared_variables(parsed).difference(known, stored)
        first = {name.name: name.lineno for name in reversed([*parsed.find_all(nodes.Name)]) if name.name in undeclared}
        found.extend(_unknown("name", name, line, known) for name, line in first.items())
    return sorted(found, key=lambda unknown: unknown.line)


def _unknown(kind: str, name: str, line: int, known: Iterable[str]) -> Unknown:
    return Unknown(line, f"there is no {kind} {name!r}", nearest_known(name, known))


def nearest_known(name: str, known: Iterable[str]) -> str:
    """The mend for a name that nothing stands behind."""
    return f"the nearest known is {nearest(name, known)!r}"
