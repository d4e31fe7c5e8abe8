"""What is wrong with templates, and what Jinja passes over in silence: found without rendering, for `check`."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from bridge.messages import slots
from bridge.messages.environment import GIVEN, SlackEnvironment
from bridge.messages.layout import COLORS, is_color
from bridge.messages.render import Templates
from bridge.unknown_names import nearest_known, unknown_names


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """Something wrong at a line of a template: what it is, and what to do about it."""

    file: str
    line: int
    what: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" + (f" ({self.mend})" if self.mend else "")


def faults(templates: Templates, names: Collection[str] | None = None) -> list[Fault]:
    """Every fault of every template, or of those with these names, in order of file and line."""
    parsed = dict(_parsed(templates))
    found = set(_broken(templates, parsed))
    for name, tree in parsed.items():
        if names is None or name in names:
            found.update(_in_file(name, tree, templates.environment, parsed))
    return sorted(fault for fault in found if names is None or fault.file in names)


def _parsed(templates: Templates) -> Iterator[tuple[str, nodes.Template]]:
    for name, source in templates.sources.items():
        try:
            yield name, templates.environment.parse(source, name)
        except (TemplateSyntaxError, RecursionError):
            continue  # its fault was recorded when it was compiled


def _broken(templates: Templates, parsed: Mapping[str, nodes.Template]) -> Iterator[Fault]:
    for name, fault in templates.faults.items():
        if name in parsed and unknown_names(parsed[name], templates.environment, GIVEN):
            continue  # told below, with the nearest known name
        where, _, what = fault.partition(": ")
        line = where.rpartition(":")[2]
        yield Fault(name, int(line) if line.isdigit() else 1, what)


def _in_file(
    name: str, tree: nodes.Template, environment: SlackEnvironment, all: Mapping[str, nodes.Template]
) -> Iterator[Fault]:
    ancestors = list(_ancestors(name, all))
    yield from _references(name, tree, all)
    yield from _names(name, tree, environment, [all[ancestor] for ancestor in ancestors])
    yield from _unsafe(name, tree)
    if tree.find(nodes.Extends) is None:
        if name != "message.j2":
            for block in tree.find_all(nodes.Block):
                yield Fault(name, block.lineno, f"block {block.name!r} in a template that extends nothing", _EXTEND)
        return
    yield from _outside_blocks(name, tree)
    yield from _blocks(name, tree, [all[ancestor] for ancestor in ancestors])
    yield from _overridden(name, tree, {ancestor: all[ancestor] for ancestor in ancestors})


_EXTEND = 'start the file with {% extends "message.j2" %}'


def _ancestors(name: str, all: Mapping[str, nodes.Template]) -> Iterator[str]:
    """What a template extends, and what that extends. A circle ends where it closes."""
    seen = {name}
    while (extends := all[name].find(nodes.Extends)) is not None and isinstance(extends.template, nodes.Const):
        name = str(extends.template.value)
        if name in seen or name not in all:
            return
        seen.add(name)
        yield name


def _references(name: str, tree: nodes.Template, all: Mapping[str, nodes.Template]) -> Iterator[Fault]:
    for node in tree.find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
        wanted = getattr(getattr(node, "template", None), "value", None)
        optional = isinstance(node, nodes.Include) and node.ignore_missing
        if isinstance(wanted, str) and wanted not in all and not optional:
            yield Fault(name, node.lineno, f"there is no template {wanted!r}", nearest_known(wanted, all))
    chain = [name, *_ancestors(name, all)]
    last = all[chain[-1]].find(nodes.Extends)
    if last is not None and isinstance(last.template, nodes.Const) and last.template.value in chain:
        yield Fault(name, 1, "extends itself in a circle", _EXTEND)


def _names(
    name: str, tree: nodes.Template, environment: SlackEnvironment, ancestors: list[nodes.Template]
) -> Iterator[Fault]:
    given = {*GIVEN, *(set_name for trees in (tree, *ancestors) for set_name in _sets(trees))}
    part = name.rpartition("/")[2].startswith("_")
    for unknown in unknown_names(tree, environment, given):
        # A part sees the variables of whatever includes it.
        if not (part and unknown.what.startswith("there is no name")):
            yield Fault(name, unknown.line, unknown.what, unknown.mend)


def _unsafe(name: str, tree: nodes.Template) -> Iterator[Fault]:
    for filter in tree.find_all(nodes.Filter):
        if filter.name == "safe" and not isinstance(filter.node, nodes.Const):
            yield Fault(name, filter.lineno, "marks data `safe`, so that it is not escaped", "leave `| safe` out")
    for output in tree.find_all(nodes.Output):
        for before, after in zip(output.nodes, output.nodes[1:], strict=False):
            opens = isinstance(before, nodes.TemplateData) and before.data.endswith("<")
            if opens and not isinstance(after, nodes.TemplateData):
                yield Fault(name, after.lineno, "data right after `<` can become a mention", "use link() or mention()")


def _outside_blocks(name: str, tree: nodes.Template) -> Iterator[Fault]:
    for node in _at_top(tree):
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


def _at_top(tree: nodes.Node) -> Iterator[nodes.Node]:
    """What runs at the top of a template, in its conditions and loops too, but in no block and no macro."""
    for child in tree.iter_child_nodes():
        yield child
        if isinstance(child, nodes.If | nodes.For | nodes.With | nodes.Scope):
            yield from _at_top(child)


def _blocks(name: str, tree: nodes.Template, ancestors: list[nodes.Template]) -> Iterator[Fault]:
    known = [block.name for ancestor in ancestors for block in ancestor.find_all(nodes.Block)] or list(slots.NAMES)
    inside = {id(block) for parent in tree.find_all((nodes.If, nodes.For)) for block in parent.find_all(nodes.Block)}
    for block in tree.find_all(nodes.Block):
        if block.name not in known:
            yield Fault(name, block.lineno, f"there is no block {block.name!r}", nearest_known(block.name, known))
        if id(block) in inside:
            mend = "put the condition inside the block"
            yield Fault(name, block.lineno, f"block {block.name!r} inside `if` or `for` counts always", mend)
        text = _constant(block)
        if block.name == "color" and text and not is_color(text):
            yield Fault(name, block.lineno, f"there is no color {text!r}", f"{', '.join(COLORS)} or #rrggbb")
        if block.name in ("fields", "actions") and any(
            data.data.strip() for output in block.body for data in output.find_all(nodes.TemplateData)
        ):
            helper = "field(…)" if block.name == "fields" else "button(…)"
            yield Fault(name, block.lineno, f"text in block {block.name!r}, which shows in the body", f"use {helper}")


def _constant(block: nodes.Block) -> str:
    """The text of a block that holds nothing else."""
    data = [part for output in block.body if isinstance(output, nodes.Output) for part in output.nodes]
    if len(block.body) != 1 or not all(isinstance(part, nodes.TemplateData) for part in data):
        return ""
    return "".join(part.data for part in data if isinstance(part, nodes.TemplateData)).strip()


def _overridden(name: str, tree: nodes.Template, ancestors: Mapping[str, nodes.Template]) -> Iterator[Fault]:
    own = _sets(tree)
    for ancestor, parent in ancestors.items():
        for variable in own.keys() & _sets(parent).keys():
            what = f"{ancestor} sets {variable!r} after this, so that this one never counts"
            yield Fault(name, own[variable], what, "choose another name, or fill a block")


def _sets(tree: nodes.Template) -> dict[str, int]:
    """Variables that a template sets at its top, with their lines."""
    found: dict[str, int] = {}
    for node in _at_top(tree):
        if isinstance(node, nodes.Assign | nodes.AssignBlock):
            targets = [node.target] if isinstance(node.target, nodes.Name) else node.target.find_all(nodes.Name)
            found.update((target.name, node.lineno) for target in targets)
        elif isinstance(node, nodes.Macro):
            found[node.name] = node.lineno
        elif isinstance(node, nodes.Import):
            found[node.target] = node.lineno
        elif isinstance(node, nodes.FromImport):
            found.update((n if isinstance(n, str) else n[1], node.lineno) for n in node.names)
    return found
