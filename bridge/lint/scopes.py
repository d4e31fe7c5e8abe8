"""Names in templates that nothing stands behind where they are read, though they may be set elsewhere."""

from collections.abc import Collection, Iterator

from jinja2 import nodes

from bridge.lint.template_ast import Scope, Tree, Use, sets_at_top
from bridge.messages.environment import GIVEN, SlackEnvironment
from bridge.templating.unknown_names import Unknown, nearest_known

_BY_JINJA = ("self", "super", "loop", "caller", "varargs", "kwargs", "true", "false", "none")


def misused_names(name: str, tree: Tree, environment: SlackEnvironment, ancestors: list[Tree]) -> Iterator[Unknown]:
    """Filters, tests and variables that do not exist, and variables that are lost before they are read."""
    for node in tree.all(nodes.Filter):
        if node.name not in environment.filters:
            yield _unknown("filter", node.name, node.lineno, environment.filters)
    for test in tree.all(nodes.Test):
        if test.name not in environment.tests:
            yield _unknown("test", test.name, test.lineno, environment.tests)
    at_top = {one for each in (tree, *ancestors) for one in sets_at_top(each.root)}
    known = {*GIVEN, *environment.globals, *_BY_JINJA, *at_top}
    part = name.rpartition("/")[2].startswith("_")
    for scope in (tree.top, *tree.scopes):
        yield from _lost_after_loops(scope, known)
        yield from _not_in_scope(scope, tree, known, part)


def _not_in_scope(scope: Scope, tree: Tree, known: Collection[str], part: bool) -> Iterator[Unknown]:
    told: set[str] = set()
    for use in scope.uses:
        if use.how != "load" or use.name in known or use.name in told or scope.sets(use.name):
            continue
        told.add(use.name)
        elsewhere = next((other.block for other in tree.scopes if other.block and other.sets(use.name)), "")
        if elsewhere:
            what = f"{use.name!r} is set in block {elsewhere!r} only, and empty here"
            yield Unknown(use.line, what, "set it at the top of the file, outside of blocks")
        elif not part:  # which sees the variables of whatever includes it
            yield _unknown("name", use.name, use.line, known)


def _lost_after_loops(scope: Scope, known: Collection[str]) -> Iterator[Unknown]:
    """Variables that are read after the loop that set them: Jinja forgets them at the end of each turn."""
    last: dict[str, Use] = {}
    for use in scope.uses:
        if use.how != "load":
            last[use.name] = use
            continue
        before = last.get(use.name)
        if before is None or before.loops == use.loops[: len(before.loops)]:
            continue
        if before.how == "target" and (use.name in known or _set_outside(scope, before)):
            continue  # the loop's own variable, which hides another for as long as the loop lasts
        what = f"{use.name!r} is set in a loop, which forgets it at the end of each turn"
        yield Unknown(before.line, what, "make it a `namespace(…)` before the loop, and set its attribute")


def _set_outside(scope: Scope, inner: Use) -> bool:
    return any(use.name == inner.name and use.how != "load" and len(use.loops) < len(inner.loops) for use in scope.uses)


def _unknown(kind: str, name: str, line: int, known: Collection[str]) -> Unknown:
    return Unknown(line, f"there is no {kind} {name!r}", nearest_known(name, known))
