"""Find undefined template variables, also those set by another block alone."""

from collections.abc import Callable, Collection, Iterator

from jinja2 import nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.lint.template_ast import Scope, Tree, Use, sets_at_top
from bridge.messages.environment import TEMPLATE_VARIABLES, SlackEnvironment
from bridge.templating.unknown_names import unknown_name

Report = Callable[[int, Code, str, str], Diagnostic]
"""Makes a diagnostic of one template from line, code, message and hint."""
_BY_JINJA = ("self", "super", "loop", "caller", "varargs", "kwargs", "true", "false", "none")


def misused_names(
    report: Report, name: str, tree: Tree, environment: SlackEnvironment, ancestors: list[Tree]
) -> Iterator[Diagnostic]:
    """Find undefined filters, tests and variables, and variables whose value is lost before its use."""
    for node in tree.all(nodes.Filter):
        if node.name not in environment.filters:
            yield _unknown(report, "filter", node.name, node.lineno, environment.filters)
    for test in tree.all(nodes.Test):
        if test.name not in environment.tests:
            yield _unknown(report, "test", test.name, test.lineno, environment.tests)
    at_top = {one for each in (tree, *ancestors) for one in sets_at_top(each.root)}
    known = {*TEMPLATE_VARIABLES, *environment.globals, *_BY_JINJA, *at_top}
    part = name.rpartition("/")[2].startswith("_")
    for scope in (tree.top, *tree.scopes):
        yield from _lost_after_loops(report, scope, known)
        yield from _not_in_scope(report, scope, tree, known, part)


def _not_in_scope(report: Report, scope: Scope, tree: Tree, known: Collection[str], part: bool) -> Iterator[Diagnostic]:
    reported: set[str] = set()
    for use in scope.uses:
        if use.how != "load" or use.name in known or use.name in reported or scope.sets(use.name):
            continue
        reported.add(use.name)
        elsewhere = next((other.block for other in tree.scopes if other.block and other.sets(use.name)), "")
        if elsewhere:
            message = f"{use.name!r} is set in block {elsewhere!r} only, and empty here"
            yield report(
                use.line, Code.TEMPLATE_LOST_VALUE, message, "set it at the top of the file, outside of blocks"
            )
        elif not part:  # a partial sees the variables of the template that includes it
            yield _unknown(report, "name", use.name, use.line, known)


def _lost_after_loops(report: Report, scope: Scope, known: Collection[str]) -> Iterator[Diagnostic]:
    """Find variables set in a loop and read after it: Jinja forgets them at the end of each turn."""
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
        message = f"{use.name!r} is set in a loop, which forgets it at the end of each turn"
        hint = "make it a `namespace(…)` before the loop, and set its attribute"
        yield report(before.line, Code.TEMPLATE_LOST_VALUE, message, hint)


def _set_outside(scope: Scope, inner: Use) -> bool:
    return any(use.name == inner.name and use.how != "load" and len(use.loops) < len(inner.loops) for use in scope.uses)


def _unknown(report: Report, kind: str, name: str, line: int, known: Collection[str]) -> Diagnostic:
    found = unknown_name(kind, name, line, known)
    return report(line, found.code, found.message, found.hint)
