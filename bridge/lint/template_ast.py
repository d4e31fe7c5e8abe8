"""Parsed templates: the nodes by kind, and the names of each scope."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from jinja2 import TemplateSyntaxError, nodes

from bridge.messages.environment import SlackEnvironment
from bridge.templating.sandbox import parsed

_Node = TypeVar("_Node", bound=nodes.Node)
_TAGS: Mapping[type[nodes.Node], str] = {
    nodes.If: "if",
    nodes.For: "for",
    nodes.With: "with",
    nodes.FilterBlock: "filter",
    nodes.CallBlock: "call",
    nodes.Macro: "macro",
    nodes.AssignBlock: "set",
    nodes.Block: "block",
}


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a name at a line; ``loops`` are the loops around it, from the outside in."""

    name: str
    line: int
    loops: tuple[int, ...]
    how: str
    """``load``, ``set`` or ``target``: set by a tag of its own, or by a loop, a macro's head or the like."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A block, a top-level macro, or the rest of the file.

    No scope sees the variables of another, except those of the top level. ``uses`` are in order of execution.
    """

    block: str
    """The block's name; "" for what is none."""
    uses: list[Use] = field(default_factory=list)

    def sets(self, name: str) -> bool:
        """Whether the name is set anywhere in it."""
        return any(use.name == name and use.how != "load" for use in self.uses)


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block and the tags around it, from the outside in."""

    node: nodes.Block
    inside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """One template's text, understood as far as Jinja's grammar goes."""

    root: nodes.Template
    top: Scope
    scopes: list[Scope] = field(default_factory=list)
    """All scopes but the top level."""
    blocks: list[PlacedBlock] = field(default_factory=list)
    _by_kind: dict[type[nodes.Node], list[nodes.Node]] = field(default_factory=dict)

    def all(self, kind: type[_Node]) -> Iterator[_Node]:
        """Every node of this kind."""
        for node in self._by_kind.get(kind, ()):
            assert isinstance(node, kind)
            yield node

    def extends(self) -> nodes.Extends | None:
        """Return the template's `extends` tag, or None."""
        return next(self.all(nodes.Extends), None)


@contextmanager
def sharing_trees() -> Iterator[None]:
    """Keep the parsed form of each compiled template. For a short-lived command."""
    token = parsed.set({})
    try:
        yield
    finally:
        parsed.reset(token)


@lru_cache(maxsize=512)  # 0.1 MB each, and an author who types makes many
def tree_of(name: str, text: str) -> Tree | None:
    """Parse a template's text; None if it is not a template."""
    try:
        root = (parsed.get() or {}).get((name, text)) or _environment.parse(text, name)
        tree = Tree(root, Scope(""))
        _Walk(tree).go(root, tree.top, (), ())
    except (TemplateSyntaxError, RecursionError):
        return None
    return tree


_environment = SlackEnvironment({})


class _Walk:
    """A single walk through a tree to collect its nodes and names."""

    __slots__ = ("_by_kind", "_loops", "_tree")

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._by_kind = tree._by_kind
        self._loops = 0

    def go(self, node: nodes.Node, scope: Scope, loops: tuple[int, ...], inside: tuple[str, ...]) -> None:
        kind = type(node)
        self._by_kind.setdefault(kind, []).append(node)
        match node:
            case nodes.TemplateData() | nodes.Const():
                return
            case nodes.Name():
                how = "load" if node.ctx == "load" else "target"
                scope.uses.append(Use(node.name, node.lineno, loops, how))
                return
            case nodes.Block():
                self._tree.blocks.append(PlacedBlock(node, inside))
                scope, loops = Scope(node.name), ()
                self._tree.scopes.append(scope)
            case nodes.Macro():
                scope.uses.append(Use(node.name, node.lineno, loops, "set"))
                if scope is self._tree.top:
                    scope, loops = Scope(""), ()
                    self._tree.scopes.append(scope)
            case nodes.Import() | nodes.FromImport():
                scope.uses.extend(Use(name, node.lineno, loops, "set") for name in _imported_names(node))
            case nodes.Assign():
                self.go(node.node, scope, loops, inside)
                self._set(node.target, scope, loops)
                return
            case nodes.AssignBlock():
                self._set(node.target, scope, loops)
            case nodes.For():
                self._for(node, scope, loops, (*inside, "for"))
                return
        if kind in _TAGS:
            inside = (*inside, _TAGS[kind])
        for child in node.iter_child_nodes():
            self.go(child, scope, loops, inside)

    def _set(self, target: nodes.Node, scope: Scope, loops: tuple[int, ...]) -> None:
        names = [target] if isinstance(target, nodes.Name) else target.find_all(nodes.Name)
        scope.uses.extend(Use(name.name, name.lineno, loops, "set") for name in names)

    def _for(self, node: nodes.For, scope: Scope, loops: tuple[int, ...], inside: tuple[str, ...]) -> None:
        self.go(node.iter, scope, loops, inside)
        self._loops += 1
        within = (*loops, self._loops)
        for child in (node.target, *([node.test] if node.test else []), *node.body):
            self.go(child, scope, within, inside)
        for child in node.else_:
            self.go(child, scope, loops, inside)


def _imported_names(node: nodes.Import | nodes.FromImport) -> list[str]:
    if isinstance(node, nodes.Import):
        return [node.target]
    return [name if isinstance(name, str) else name[1] for name in node.names]


def at_top(tree: nodes.Node) -> Iterator[nodes.Node]:
    """Yield the top-level nodes of a template, also those in conditions and loops, but not in blocks and macros."""
    for child in tree.iter_child_nodes():
        yield child
        if isinstance(child, nodes.If | nodes.For | nodes.With | nodes.Scope):
            yield from at_top(child)


def sets_at_top(tree: nodes.Template) -> dict[str, int]:
    """Return the top-level variables of a template, with their lines."""
    found: dict[str, int] = {}
    for node in at_top(tree):
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
