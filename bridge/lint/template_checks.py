"""Find mistakes in templates without rendering them, also those ignored by Jinja."""

from collections.abc import Collection, Iterator, Mapping

from jinja2 import nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import suggestion
from bridge.lint.scopes import Report, misused_names
from bridge.lint.template_ast import Tree, at_top, sets_at_top, tree_of
from bridge.messages import template_blocks
from bridge.messages.event_fields import event_field_error
from bridge.messages.normalize import COLORS, is_color
from bridge.messages.templates import Templates
from bridge.templating.event_fields import unknown_event_fields


def template_errors(templates: Templates, names: Collection[str] | None = None) -> list[Diagnostic]:
    """Return every error of every template, or of those with these names, in order of file and line."""
    wanted = templates.sources.keys() | templates.errors.keys()
    wanted = wanted if names is None else wanted & {*names}
    found: set[Diagnostic] = set()
    for name in wanted:
        if name in templates.errors:
            found.add(templates.errors[name])
        if tree := tree_in(templates, name):
            found.update(_in_file(name, tree, templates))
    return sorted(found)


def tree_in(templates: Templates, name: str) -> Tree | None:
    """Return the parsed template with this name; None if it does not exist or cannot be parsed."""
    text = templates.sources.get(name)
    return None if text is None else tree_of(name, text)


def ancestors_of(templates: Templates, name: str) -> dict[str, Tree]:
    """Return the parents of a template, nearest first. A circle ends at its first repetition."""
    found: dict[str, Tree] = {}
    tree = tree_in(templates, name)
    while tree and (parent := _constant_name(tree.extends())):
        tree = None if parent in found or parent == name else tree_in(templates, parent)
        if tree:
            found[parent] = tree
    return found


def _constant_name(node: nodes.Node | None) -> str:
    """Return the template name in a tag; "" if it is not constant."""
    name = getattr(node, "template", None)
    return name.value if isinstance(name, nodes.Const) and isinstance(name.value, str) else ""


def _in_file(name: str, tree: Tree, templates: Templates) -> Iterator[Diagnostic]:
    def report(line: int, code: Code, message: str, hint: str) -> Diagnostic:
        return templates.diagnostic(name, line, code, message, hint)

    ancestors = ancestors_of(templates, name)
    yield from _references(report, name, tree, templates, ancestors)
    yield from misused_names(report, name, tree, templates.environment, list(ancestors.values()))
    for field, line in unknown_event_fields(tree.root):
        yield event_field_error(templates, name, line, field)
    yield from _unsafe(report, tree)
    yield from _strays(report, tree)
    yield from _buttons(report, tree)
    if tree.extends() is None:
        if name != "message.j2":
            for block in tree.blocks:
                message = f"block {block.node.name!r} in a template that extends nothing"
                yield report(block.node.lineno, Code.TEMPLATE_EXTENDS, message, _EXTEND)
        return
    yield from _outside_blocks(report, tree)
    yield from _blocks(report, tree, list(ancestors.values()))
    yield from _overridden(report, tree, ancestors)


_EXTEND = 'start the file with {% extends "message.j2" %}'


def _references(
    report: Report, name: str, tree: Tree, templates: Templates, ancestors: Mapping[str, Tree]
) -> Iterator[Diagnostic]:
    known = templates.sources.keys() | templates.errors.keys()
    for node in (
        *tree.all(nodes.Extends),
        *tree.all(nodes.Include),
        *tree.all(nodes.Import),
        *tree.all(nodes.FromImport),
    ):
        wanted = _constant_name(node)
        optional = isinstance(node, nodes.Include) and node.ignore_missing
        if wanted and wanted not in known and not optional:
            hint = suggestion(wanted, known, "create it, or name another one")
            yield report(node.lineno, Code.TEMPLATE_UNKNOWN_TEMPLATE, f"there is no template {wanted!r}", hint)
        elif part := tree_in(templates, wanted):
            yield from _not_offered(report, node, tree, [n for n in sets_at_top(part.root) if not n.startswith("_")])
    last = list(ancestors.values())[-1] if ancestors else tree
    if _constant_name(last.extends()) in {name, *ancestors}:
        yield report(1, Code.TEMPLATE_EXTENDS, "extends itself in a circle", _EXTEND)


def _not_offered(report: Report, node: nodes.Node, tree: Tree, offered: list[str]) -> Iterator[Diagnostic]:
    """Find names missing in an imported file: `{% from … import name %}`, and `alias.name`."""
    asked: list[tuple[str, int]] = []
    if isinstance(node, nodes.FromImport):
        asked = [(one if isinstance(one, str) else one[0], node.lineno) for one in node.names]
    elif isinstance(node, nodes.Import):
        asked = [(look.attr, look.lineno) for look in _looks_into(node.target, tree)]
    for one, line in asked:
        if one not in offered:
            hint = suggestion(one, offered, f"define it in {_constant_name(node)}")
            yield report(line, Code.TEMPLATE_UNKNOWN_NAME, f"{_constant_name(node)} has no {one!r}", hint)


def _looks_into(variable: str, tree: Tree) -> Iterator[nodes.Getattr]:
    for look in tree.all(nodes.Getattr):
        if isinstance(look.node, nodes.Name) and look.node.name == variable:
            yield look


def _unsafe(report: Report, tree: Tree) -> Iterator[Diagnostic]:
    for node in tree.all(nodes.Filter):
        if node.name == "safe" and not isinstance(node.node, nodes.Const):
            message = "marks data `safe`, so that it is not escaped"
            yield report(node.lineno, Code.TEMPLATE_UNSAFE, message, "remove `| safe`")
    for output in tree.all(nodes.Output):
        for before, after in zip(output.nodes, output.nodes[1:], strict=False):
            opens = isinstance(before, nodes.TemplateData) and before.data.endswith("<")
            if opens and not isinstance(after, nodes.TemplateData):
                message = "data right after `<` can become a mention"
                yield report(after.lineno, Code.TEMPLATE_UNSAFE, message, "use link() or mention()")


_CLOSING = {"}}": "{{", "%}": "{%", "#}": "{#"}


def _strays(report: Report, tree: Tree) -> Iterator[Diagnostic]:
    """Find ends of tags without a beginning: Jinja takes them for text, and they would be posted."""
    for data in tree.all(nodes.TemplateData):
        for end, start in _CLOSING.items():
            if (at := data.data.find(end)) >= 0:
                line = data.lineno + data.data.count("\n", 0, at)
                message = f"`{end}` without its `{start}` is text, and would be posted"
                yield report(line, Code.TEMPLATE_STRAY_TAG, message, f"write `{start}`")


def _outside_blocks(report: Report, tree: Tree) -> Iterator[Diagnostic]:
    extends = tree.extends()
    if extends and any(placed.node.lineno < extends.lineno for placed in tree.blocks):
        message = "`extends` after a block, which then shows twice"
        yield report(extends.lineno, Code.TEMPLATE_EXTENDS, message, "put it first in the file")
    for node in at_top(tree.root):
        if isinstance(node, nodes.Output):
            for line in _lines_with_text(node):
                message = "text outside of blocks, which is never shown"
                yield report(line, Code.TEMPLATE_LOST_TEXT, message, "move it into a block")
                break


def _lines_with_text(output: nodes.Output) -> Iterator[int]:
    for part in output.nodes:
        if not isinstance(part, nodes.TemplateData):
            yield part.lineno
        elif part.data.strip():
            blank = part.data[: len(part.data) - len(part.data.lstrip())]
            yield part.lineno + blank.count("\n")


def _blocks(report: Report, tree: Tree, ancestors: list[Tree]) -> Iterator[Diagnostic]:
    known = [block.node.name for ancestor in ancestors for block in ancestor.blocks] or list(template_blocks.NAMES)
    for look in _looks_into("self", tree):
        if look.attr not in known:
            yield _unknown_block(report, look.attr, look.lineno, known)
    for placed in tree.blocks:
        block = placed.node
        if block.name not in known:
            yield _unknown_block(report, block.name, block.lineno, known)
        elif placed.inside:
            message = f"block {block.name!r} inside {_tags(placed.inside)} counts always"
            hint = (
                "end the outer block first"
                if "block" in placed.inside
                else f"put the `{placed.inside[-1]}` inside the block"
            )
            yield report(block.lineno, Code.TEMPLATE_MISPLACED_BLOCK, message, hint)
        if block.name == "color":
            for text, line in _colors(block):
                if not is_color(text):
                    hint = f"use {', '.join(COLORS)} or #rrggbb"
                    yield report(line, Code.TEMPLATE_UNKNOWN_COLOR, f"there is no color {text!r}", hint)
        if block.name in ("fields", "actions") and any(
            data.data.strip() for output in block.body for data in output.find_all(nodes.TemplateData)
        ):
            helper = "field(…)" if block.name == "fields" else "button(…)"
            message = f"text in block {block.name!r}, which shows in the body"
            yield report(block.lineno, Code.TEMPLATE_LOST_TEXT, message, f"use {helper}")


def _unknown_block(report: Report, name: str, line: int, known: list[str]) -> Diagnostic:
    hint = suggestion(name, set(known), "docs/templates.md lists the blocks")
    return report(line, Code.TEMPLATE_UNKNOWN_BLOCK, f"there is no block {name!r}", hint)


def _tags(inside: tuple[str, ...]) -> str:
    return "another block" if "block" in inside else f"`{inside[-1]}`"


def _colors(block: nodes.Block) -> Iterator[tuple[str, int]]:
    """Return the visible constant texts of a block, with their lines."""
    if text := _constant(block):
        yield text, block.lineno
    for output in block.find_all(nodes.Output):
        if len(output.nodes) == 1:
            yield from ((one.value, one.lineno) for one in _outcomes(output.nodes[0]) if one.value)


def _outcomes(expression: nodes.Node) -> Iterator[nodes.Const]:
    """Return the constant texts of an expression: `"good" if x else "bad"`, `{"a": "warn"}[x] or "info"`."""
    match expression:
        case nodes.Const(value=str()):
            yield expression
        case nodes.CondExpr(expr1=first, expr2=second) | nodes.Or(left=first, right=second):
            yield from _outcomes(first)
            if second is not None:
                yield from _outcomes(second)
        case nodes.Getitem(node=nodes.Dict(items=pairs)):
            for pair in pairs:
                yield from _outcomes(pair.value)


def _buttons(report: Report, tree: Tree) -> Iterator[Diagnostic]:
    for call in tree.all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "button":
            styles = [*call.args[2:3], *(given.value for given in call.kwargs if given.key == "style")]
            for style in (one for given in styles for one in _outcomes(given)):
                if style.value not in ("", *template_blocks.STYLES):
                    hint = suggestion(style.value, template_blocks.STYLES, "leave it out")
                    message = f"there is no style {style.value!r} of buttons"
                    yield report(style.lineno, Code.TEMPLATE_UNKNOWN_STYLE, message, hint)


def _constant(block: nodes.Block) -> str:
    """Return the text of a block of text alone; else ""."""
    data = [part for output in block.body if isinstance(output, nodes.Output) for part in output.nodes]
    if len(block.body) != 1 or not all(isinstance(part, nodes.TemplateData) for part in data):
        return ""
    return "".join(part.data for part in data if isinstance(part, nodes.TemplateData)).strip()


def _overridden(report: Report, tree: Tree, ancestors: Mapping[str, Tree]) -> Iterator[Diagnostic]:
    own = sets_at_top(tree.root)
    for ancestor, parent in ancestors.items():
        for variable in own.keys() & sets_at_top(parent.root).keys():
            message = f"{ancestor} sets {variable!r} after this, so this value is never used"
            yield report(own[variable], Code.TEMPLATE_LOST_VALUE, message, "choose another name, or fill a block")
