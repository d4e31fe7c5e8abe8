"""Every undocumented name of Jinja that Bridge uses; no other module touches them.

``tests/templating/test_jinja_internals.py`` checks that they exist in the installed version.
"""

from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from jinja2 import Environment, Template, Undefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import TemplateExpression, TemplateModule
from jinja2.filters import FILTERS
from jinja2.nodes import EvalContext
from jinja2.parser import Parser
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Cycler, Joiner, Namespace, missing

__all__ = [
    "FILTERS",
    "BlockReference",
    "Context",
    "Cycler",
    "EvalContext",
    "HookedEnvironment",
    "Joiner",
    "LoopContext",
    "Macro",
    "Namespace",
    "PathCodeGenerator",
    "Place",
    "TemplateExpression",
    "TemplateModule",
    "TemplateReference",
    "block_line",
    "missing",
    "missing_from",
    "missing_name",
    "parse_expression",
    "passes_context",
    "safe_range",
    "template_line",
]

Place = tuple[str, int, str]
"""A path as a template reads it: the template's name, the line, the path."""


class PathCodeGenerator(CodeGenerator):
    """Compile templates to code that asks the environment for each attribute, item, slice, loop and join.

    So an attribute knows its line in the source, and joins and slices accept any value. Jinja names the nodes in
    https://jinja.palletsprojects.com/en/stable/extensions/
    """

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802 - Jinja's name
        """Write ``a.b`` as ``environment.attribute(a, "b", location)``."""
        self.write("environment.attribute(")
        self.visit(node.node, frame)
        self.write(f", {node.attr!r}, {self._location(node)!r})")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802
        """Write ``a[b]`` as ``environment.item(a, b, location)``, and ``a[b:c]`` as ``environment.cut(a, slice)``."""
        sliced = isinstance(node.arg, nodes.Slice)
        self.write("environment.cut(" if sliced else "environment.item(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")" if sliced else f", {self._location(node)!r})")

    def visit_Slice(self, node: nodes.Slice, frame: Frame) -> None:  # noqa: N802
        """Write ``b:c`` as a slice object."""
        self.write("slice(")
        for part in (node.start, node.stop, node.step):
            if part is None:
                self.write("None, ")
            else:
                self.visit(part, frame)
                self.write(", ")
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802
        """Write ``a ~ b`` as ``environment.join_texts((a, b))``."""
        self.write("environment.join_texts((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:  # noqa: N802
        """Write a constant as ``environment.constant`` returns it."""
        assert isinstance(self.environment, HookedEnvironment)
        value = self.environment.constant(node.value)
        # Another node, since `check` looks at the tree that is compiled.
        super().visit_Const(nodes.Const(value, lineno=node.lineno), frame)

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802
        """Write a loop over ``environment.loop_items(items)``."""
        loop_items = nodes.EnvironmentAttribute("loop_items", lineno=node.lineno)
        counted = nodes.Call(loop_items, [node.iter], [], None, None, lineno=node.iter.lineno)
        # Another node, since `check` looks at the tree that is compiled.
        super().visit_For(
            nodes.For(node.target, counted, node.body, node.else_, node.test, node.recursive, lineno=node.lineno), frame
        )

    def visit_ScopedEvalContextModifier(self, node: nodes.ScopedEvalContextModifier, _: Frame) -> None:  # noqa: N802
        """Refuse ``{% autoescape %}``."""
        self.fail("escaping cannot be switched off", node.lineno)

    def _location(self, node: nodes.Expr) -> Place:
        return self.name or "when", node.lineno, _path(node)


def _path(node: nodes.Node) -> str:
    """Return a path as its author wrote it."""
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        return f"{_path(node.node)}.{node.attr}"
    if isinstance(node, nodes.Getitem):
        step = node.arg.value if isinstance(node.arg, nodes.Const) else "…"
        return f"{_path(node.node)}[{step!r}]" if step != "…" else f"{_path(node.node)}[…]"
    return "(…)"


class HookedEnvironment(ImmutableSandboxedEnvironment):
    """A sandboxed environment that compiles by PathCodeGenerator, shows parsed templates and keeps errors as they are.

    A subclass has the methods that PathCodeGenerator writes calls of.
    """

    code_generator_class = PathCodeGenerator

    def constant(self, value: object) -> object:
        """Return the value of a constant in a template. For subclasses."""
        return value

    def on_parsed(self, name: str, source: str, tree: nodes.Template) -> None:
        """Receive each parsed template. For subclasses."""

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        if name is not None:
            self.on_parsed(name, source, tree)
        return tree

    def handle_exception(self, source: str | None = None) -> NoReturn:  # noqa: ARG002 - Jinja calls this
        """Raise the error as it is: its traceback still names the template, and nothing is compiled to show it."""
        raise


def parse_expression(environment: Environment, source: str) -> tuple[nodes.Template, tuple[str, int] | None]:
    """Parse an expression as a template that prints it, and return the kind and line of any token after it."""
    parser = Parser(environment, source, state="variable")
    tree = nodes.Template([nodes.Output([parser.parse_expression()])])
    tree.set_environment(environment)
    token = parser.stream.current
    return tree, None if parser.stream.eos else (token.type, token.lineno)


def missing_from(undefined: Undefined) -> object:
    """Return the object that lacks the name; ``missing`` if a variable is undefined."""
    return undefined._undefined_obj


def missing_name(undefined: Undefined) -> str:
    """Return the name that was not found, or ""."""
    return undefined._undefined_name or ""


def passes_context(function: Callable[..., object]) -> bool:
    """Return whether Jinja passes a filter its context, environment or evaluation context as first argument."""
    return hasattr(function, "jinja_pass_arg")


def template_line(traceback: TracebackType | None) -> tuple[str | None, int] | None:
    """Return the template's name and line in which a traceback ends, or None if it is in no template."""
    found = None
    while traceback is not None:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            found = template.name, template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def block_line(template: Template, name: str) -> int | None:
    """Return the line on which the template's block starts, or None if the template has no such block."""
    block = template.blocks.get(name)
    return None if block is None else template.get_corresponding_lineno(block.__code__.co_firstlineno + 1)
