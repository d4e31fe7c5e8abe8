"""A template as Jinja parses it, walked once: what it holds by kind, and which names each of its scopes has."""

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
    """A name that is read or set at a line; ``loops`` are those around it, from the outside in."""

    name: str
    line: int
    loops: tuple[int, ...]
    how: str
    """``load``, ``set`` or ``target``: set by a tag of its own, or by a loop, a macro's head or the like."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A block, a macro at the top, or all that is in neither: none of them sees what another has set, except that all
    see what is set at the top. ``uses`` are in the order in which they happen."""

    block: str
    """The block's name; "" for what is none."""
    uses: list[Use] = field(default_factory=list)

    def sets(self, name: str) -> bool:
        """Whether the name is set anywhere in it."""
        return any(use.name == name and use.how != "load" for use in self.uses)


@dataclass(frozen=True, slots=True)
class PlacedBlock:
    """A block and the tags that it stands in, from the outside in."""

    node: nodes.Block
    inside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """One template's text, understood as far as Jinja's grammar goes."""

    root: nodes.Template
    top: Scope
    scopes: list[Scope] = field(default_factory=list)
    """All but the top's."""
    blocks: list[PlacedBlock] = field(default_factory=list)
    _by_kind: dict[type[nodes.Node], list[nodes.Node]] = field(default_factory=dict)

    def all(self, kind: type[_Node]) -> Iterator[_Node]:
        """Every node of this kind."""
        for node in self._by_kind.get(kind, ()):
            assert isinstance(node, kind)
            yield node

    def extends(self) -> nodes.Extends | None:
        """What the template extends, if it does."""
        return next(self.all(nodes.Extends), None)


@contextmanager
def sharing_trees() -> Iterator[None]:
    """Parse no template twice inside: what is compiled is kept to be looked at. For a command, which ends soon."""
    token = parsed.set({})
    try:
        yield
    finally:
        parsed.reset(token)


@lru_cache(maxsize=512)  # a tenth of a megabyte each, and somebody who types makes many
def tree_of(name: str, text: str) -> Tree | None:
    """A template's text, walked; None if it is none."""
    try:
        root = (parsed.get() or {}).get((name, text)) or _environment.parse(text, name)
        tree = Tree(root, Scope(""))
        _Walk(tree).go(root, tree.top, (), ())
    except (TemplateSyntaxError, RecursionError):
        return None
    return tree


_environment = SlackEnvironment({})


class _Walk:
    """One way through a tree, which notes what it meets."""

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
    """What runs at the top of a template, in its conditions and loops too, but in no block and no macro."""
    for child in tree.iter_child_nodes():
        yield child
        if isinstance(child, nodes.If | nodes.For | nodes.With | nodes.Scope):
            yield from at_top(child)


def sets_at_top(tree: nodes.Template) -> dict[str, int]:
    """Variables that a template sets at its top, with their lines."""
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
