"""What is wrong with templates, and what Jinja passes over in silence: found without rendering, for `check`."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import nodes

from bridge.lint.hints import said
from bridge.lint.scopes import misused_names
from bridge.lint.template_ast import Tree, at_top, sets_at_top, tree_of
from bridge.messages import template_blocks
from bridge.messages.normalize import COLORS, is_color
from bridge.messages.render import Templates
from bridge.templating.unknown_names import nearest_known


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong at a line of a template: what it is, and what to do about it."""

    file: str
    line: int
    what: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" + (f" ({self.hint})" if self.hint else "")


def faults(templates: Templates, names: Collection[str] | None = None) -> list[Fault]:
    """Every fault of every template, or of those with these names, in order of file and line."""
    wanted = templates.sources.keys() | templates.faults.keys()
    wanted = wanted if names is None else wanted & {*names}
    found: set[Fault] = set()
    for name in wanted:
        tree = tree_in(templates, name)
        told = set(_in_file(name, tree, templates)) if tree else set()
        if name in templates.faults and not _told_better(templates.faults[name], tree):
            found.add(_broken(name, templates.faults[name]))
        found |= told
    return sorted(found)


def tree_in(templates: Templates, name: str) -> Tree | None:
    """The template with this name as it was parsed; None if it is not there or cannot be."""
    text = templates.sources.get(name)
    return None if text is None else tree_of(name, text)


def ancestors_of(templates: Templates, name: str) -> dict[str, Tree]:
    """What a template extends, what that extends, and so on. A circle ends where it closes."""
    found: dict[str, Tree] = {}
    tree = tree_in(templates, name)
    while tree and (parent := _constant_name(tree.extends())):
        tree = None if parent in found or parent == name else tree_in(templates, parent)
        if tree:
            found[parent] = tree
    return found


def _constant_name(node: nodes.Node | None) -> str:
    """The name of the template that a tag extends, includes or imports; "" where only rendering can tell."""
    name = getattr(node, "template", None)
    return name.value if isinstance(name, nodes.Const) and isinstance(name.value, str) else ""


def _told_better(fault: str, tree: Tree | None) -> bool:
    """Whether the tree tells the same, with the nearest known name."""
    return tree is not None and re.search(r"No (filter|test) named", fault) is not None


def _broken(name: str, fault: str) -> Fault:
    where, _, what = fault.partition(": ")
    line = where.rpartition(":")[2]
    return Fault(name, int(line) if line.isdigit() else 1, *said(what))


def _in_file(name: str, tree: Tree, templates: Templates) -> Iterator[Fault]:
    ancestors = ancestors_of(templates, name)
    yield from _references(name, tree, templates, ancestors)
    for misused in misused_names(name, tree, templates.environment, list(ancestors.values())):
        yield Fault(name, misused.line, misused.what, misused.hint)
    yield from _unsafe(name, tree)
    yield from _strays(name, tree)
    yield from _buttons(name, tree)
    if tree.extends() is None:
        if name != "message.j2":
            for block in tree.blocks:
                what = f"block {block.node.name!r} in a template that extends nothing"
                yield Fault(name, block.node.lineno, what, _EXTEND)
        return
    yield from _outside_blocks(name, tree)
    yield from _blocks(name, tree, list(ancestors.values()))
    yield from _overridden(name, tree, ancestors)


_EXTEND = 'start the file with {% extends "message.j2" %}'


def _references(name: str, tree: Tree, templates: Templates, ancestors: Mapping[str, Tree]) -> Iterator[Fault]:
    known = templates.sources.keys() | templates.faults.keys()
    for node in (
        *tree.all(nodes.Extends),
        *tree.all(nodes.Include),
        *tree.all(nodes.Import),
        *tree.all(nodes.FromImport),
    ):
        wanted = _constant_name(node)
        optional = isinstance(node, nodes.Include) and node.ignore_missing
        if wanted and wanted not in known and not optional:
            yield Fault(name, node.lineno, f"there is no template {wanted!r}", nearest_known(wanted, known))
        elif part := tree_in(templates, wanted):
            yield from _not_offered(name, node, tree, [n for n in sets_at_top(part.root) if not n.startswith("_")])
    last = list(ancestors.values())[-1] if ancestors else tree
    if _constant_name(last.extends()) in {name, *ancestors}:
        yield Fault(name, 1, "extends itself in a circle", _EXTEND)


def _not_offered(name: str, node: nodes.Node, tree: Tree, offered: list[str]) -> Iterator[Fault]:
    """Names that an imported file does not have: `{% from … import name %}`, and `alias.name`."""
    asked: list[tuple[str, int]] = []
    if isinstance(node, nodes.FromImport):
        asked = [(one if isinstance(one, str) else one[0], node.lineno) for one in node.names]
    elif isinstance(node, nodes.Import):
        asked = [(look.attr, look.lineno) for look in _looks_into(node.target, tree)]
    for one, line in asked:
        if one not in offered:
            yield Fault(name, line, f"{_constant_name(node)} has no {one!r}", nearest_known(one, offered))


def _looks_into(variable: str, tree: Tree) -> Iterator[nodes.Getattr]:
    for look in tree.all(nodes.Getattr):
        if isinstance(look.node, nodes.Name) and look.node.name == variable:
            yield look


def _unsafe(name: str, tree: Tree) -> Iterator[Fault]:
    for node in tree.all(nodes.Filter):
        if node.name == "safe" and not isinstance(node.node, nodes.Const):
            yield Fault(name, node.lineno, "marks data `safe`, so that it is not escaped", "leave `| safe` out")
    for output in tree.all(nodes.Output):
        for before, after in zip(output.nodes, output.nodes[1:], strict=False):
            opens = isinstance(before, nodes.TemplateData) and before.data.endswith("<")
            if opens and not isinstance(after, nodes.TemplateData):
                yield Fault(name, after.lineno, "data right after `<` can become a mention", "use link() or mention()")


_CLOSING = {"}}": "{{", "%}": "{%", "#}": "{#"}


def _strays(name: str, tree: Tree) -> Iterator[Fault]:
    """Ends of tags that nothing begins: Jinja takes them for text, and they would be posted."""
    for data in tree.all(nodes.TemplateData):
        for end, start in _CLOSING.items():
            if (at := data.data.find(end)) >= 0:
                line = data.lineno + data.data.count("\n", 0, at)
                yield Fault(
                    name, line, f"`{end}` without its `{start}` is text, and would be posted", f"write `{start}`"
                )


def _outside_blocks(name: str, tree: Tree) -> Iterator[Fault]:
    extends = tree.extends()
    if extends and any(placed.node.lineno < extends.lineno for placed in tree.blocks):
        yield Fault(name, extends.lineno, "`extends` after a block, which then shows twice", "put it first in the file")
    for node in at_top(tree.root):
        if isinstance(node, nodes.Output):
            for line in _lines_with_text(node):
                yield Fault(name, line, "text outside of blocks, which is never shown", "move it into a block")
                break


def _lines_with_text(output: nodes.Output) -> Iterator[int]:
    for part in output.nodes:
        if not isinstance(part, nodes.TemplateData):
            yield part.lineno
        elif part.data.strip():
            blank = part.data[: len(part.data) - len(part.data.lstrip())]
            yield part.lineno + blank.count("\n")


def _blocks(name: str, tree: Tree, ancestors: list[Tree]) -> Iterator[Fault]:
    known = [block.node.name for ancestor in ancestors for block in ancestor.blocks] or list(template_blocks.NAMES)
    for look in _looks_into("self", tree):
        if look.attr not in known:
            yield Fault(name, look.lineno, f"there is no block {look.attr!r}", nearest_known(look.attr, known))
    for placed in tree.blocks:
        block = placed.node
        if block.name not in known:
            yield Fault(name, block.lineno, f"there is no block {block.name!r}", nearest_known(block.name, known))
        elif placed.inside:
            what = f"block {block.name!r} inside {_tags(placed.inside)} counts always"
            hint = (
                "end the outer block first"
                if "block" in placed.inside
                else f"put the `{placed.inside[-1]}` inside the block"
            )
            yield Fault(name, block.lineno, what, hint)
        if block.name == "color":
            for text, line in _colors(block):
                if not is_color(text):
                    yield Fault(name, line, f"there is no color {text!r}", f"{', '.join(COLORS)} or #rrggbb")
        if block.name in ("fields", "actions") and any(
            data.data.strip() for output in block.body for data in output.find_all(nodes.TemplateData)
        ):
            helper = "field(…)" if block.name == "fields" else "button(…)"
            yield Fault(name, block.lineno, f"text in block {block.name!r}, which shows in the body", f"use {helper}")


def _tags(inside: tuple[str, ...]) -> str:
    return "another block" if "block" in inside else f"`{inside[-1]}`"


def _colors(block: nodes.Block) -> Iterator[tuple[str, int]]:
    """The texts that a block may come to, with their lines, as far as that is plain to see."""
    if text := _constant(block):
        yield text, block.lineno
    for output in block.find_all(nodes.Output):
        if len(output.nodes) == 1:
            yield from ((one.value, one.lineno) for one in _outcomes(output.nodes[0]) if one.value)


def _outcomes(expression: nodes.Node) -> Iterator[nodes.Const]:
    """The constant texts that an expression may come to: `"good" if x else "bad"`, `{"a": "warn"}[x] or "info"`."""
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


def _buttons(name: str, tree: Tree) -> Iterator[Fault]:
    for call in tree.all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "button":
            styles = [*call.args[2:3], *(given.value for given in call.kwargs if given.key == "style")]
            for style in (one for given in styles for one in _outcomes(given)):
                if style.value not in ("", *template_blocks.STYLES):
                    hint = nearest_known(style.value, template_blocks.STYLES)
                    yield Fault(name, style.lineno, f"there is no style {style.value!r} of buttons", hint)


def _constant(block: nodes.Block) -> str:
    """The text of a block that holds nothing else."""
    data = [part for output in block.body if isinstance(output, nodes.Output) for part in output.nodes]
    if len(block.body) != 1 or not all(isinstance(part, nodes.TemplateData) for part in data):
        return ""
    return "".join(part.data for part in data if isinstance(part, nodes.TemplateData)).strip()


def _overridden(name: str, tree: Tree, ancestors: Mapping[str, Tree]) -> Iterator[Fault]:
    own = sets_at_top(tree.root)
    for ancestor, parent in ancestors.items():
        for variable in own.keys() & sets_at_top(parent.root).keys():
            what = f"{ancestor} sets {variable!r} after this, so that this one never counts"
            yield Fault(name, own[variable], what, "choose another name, or fill a block")
