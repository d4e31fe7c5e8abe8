"""Find undefined names in a condition or template, without running it."""

from collections.abc import Collection

from jinja2 import Environment, meta, nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, error
from bridge.config.errors import suggestion

_CODES = {
    "filter": Code.TEMPLATE_UNKNOWN_FILTER,
    "test": Code.TEMPLATE_UNKNOWN_TEST,
    "name": Code.TEMPLATE_UNKNOWN_NAME,
}


def unknown_names(parsed: nodes.Template, environment: Environment, given: Collection[str]) -> list[Diagnostic]:
    """Return an error for each undefined variable, filter and test; ``given`` are the variables that will be set."""
    kinds: list[tuple[str, type[nodes.Filter] | type[nodes.Test], Collection[str]]] = [
        ("filter", nodes.Filter, environment.filters),
        ("test", nodes.Test, environment.tests),
    ]
    found: list[Diagnostic] = []
    for kind, node_type, known in kinds:
        used = parsed.find_all(node_type)
        found.extend(unknown_name(kind, node.name, node.lineno, known) for node in used if node.name not in known)
    if not found:  # Jinja finds variables by compiling, which stops at the first unknown filter
        known = [*given, *environment.globals]
        # A name that is set inside an `if` counts as undeclared for Jinja, since it may stay unset.
        stored = {name.name for name in parsed.find_all(nodes.Name) if name.ctx != "load"}
        undeclared = meta.find_undeclared_variables(parsed).difference(known, stored)
        first = {name.name: name.lineno for name in reversed([*parsed.find_all(nodes.Name)]) if name.name in undeclared}
        found.extend(unknown_name("name", name, line, known) for name, line in first.items())
    return sorted(found)


def unknown_name(kind: str, name: str, line: int, known: Collection[str], file: str = "") -> Diagnostic:
    """Return the error for an undefined "name", "filter" or "test"."""
    hint = suggestion(name, known, f"docs/templates.md lists every {kind}")
    return error(_CODES[kind], f"there is no {kind} {name!r}", hint, file=file, line=line)
