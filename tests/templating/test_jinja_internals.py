"""Tests that the undocumented names of Jinja in use exist as expected, and that only one module uses them."""

import inspect
import re
from pathlib import Path

import jinja2
import pytest
from jinja2 import ChainableUndefined, DictLoader, Environment, nodes
from jinja2.compiler import CodeGenerator
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

import bridge
from bridge.templating import jinja_internals
from bridge.templating.jinja_internals import HookedEnvironment, block_line, parse_expression, template_line

HINT = f"Jinja {jinja2.__version__} changed a name that we use: adapt bridge/templating/jinja_internals.py"
MODULES = ("compiler", "environment", "filters", "lexer", "parser", "runtime", "utils", "sandbox", "visitor")
"""Modules of Jinja that its documentation does not offer for import."""
PRIVATE = [
    *(rf"from jinja2\.{module}\b" for module in MODULES),
    *map(re.escape, ("_undefined_", "__jinja_template__", "jinja_pass_arg", "def _parse(self", "code_generator_class")),
    *map(re.escape, (".get_corresponding_lineno", "template.blocks", "def handle_exception", "set_environment")),
]


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        *(
            (CodeGenerator, f"visit_{kind}", ["self", "node", "frame"])
            for kind in ("Getattr", "Getitem", "Slice", "Concat", "For", "ScopedEvalContextModifier")
        ),
        (CodeGenerator, "write", ["self", "x"]),
        (CodeGenerator, "fail", ["self", "msg", "lineno"]),
        (Environment, "_parse", ["self", "source", "name", "filename"]),
        (Environment, "handle_exception", ["self", "source"]),
        (Environment, "getattr", ["self", "obj", "attribute"]),
        (Environment, "getitem", ["self", "obj", "argument"]),
        (ImmutableSandboxedEnvironment, "call", ["_SandboxedEnvironment__self", "_SandboxedEnvironment__context"]),
        (jinja2.Template, "get_corresponding_lineno", ["self", "lineno"]),
        (Parser, "parse_expression", ["self", "with_condexpr"]),
        (nodes.Node, "set_environment", ["self", "environment"]),
    ],
)
def test_the_methods_that_we_override_or_call_take_what_we_expect(
    owner: type, name: str, parameters: list[str]
) -> None:
    function = getattr(owner, name, None)
    assert callable(function), f"{owner.__name__}.{name} is gone. {HINT}"
    found = [
        name.replace("__SandboxedEnvironment", "_SandboxedEnvironment")
        for name in inspect.signature(function).parameters
    ]
    assert found[: len(parameters)] == parameters, f"{owner.__name__}.{name}({', '.join(found)}). {HINT}"


def test_every_name_that_we_pass_on_exists() -> None:
    assert [name for name in jinja_internals.__all__ if not hasattr(jinja_internals, name)] == [], HINT
    assert set(ImmutableSandboxedEnvironment.default_binop_table) >= {"*", "**", "+", "%"}, HINT
    assert callable(Environment.concat), HINT


def test_the_code_generator_writes_the_calls_that_the_environment_answers() -> None:
    source = HookedEnvironment().compile("{% for a in b %}{{ a.c ~ a[1] ~ a[1:2] }}{% endfor %}", "name.j2", raw=True)
    calls = {"environment.loop_items", "environment.attribute(", "environment.item(", "environment.cut("}
    calls |= {"environment.join_texts((", "('name.j2', 1, 'a.c')", "('name.j2', 1, 'a[1]')"}
    assert [call for call in calls if call not in source] == [], HINT


def test_an_environment_sees_what_it_parses() -> None:
    seen: list[tuple[str, str, type]] = []

    class Seeing(HookedEnvironment):
        def on_parsed(self, name: str, source: str, tree: nodes.Template) -> None:
            seen.append((name, source, type(tree)))

    Seeing(loader=DictLoader({"name.j2": "text"})).get_template("name.j2")
    assert seen == [("name.j2", "text", nodes.Template)], HINT


def test_an_undefined_value_names_the_missing_field() -> None:
    parent = {"a": 1}
    undefined = ChainableUndefined(None, parent, "b")
    assert jinja_internals.missing_from(undefined) is parent, HINT
    assert jinja_internals.missing_name(undefined) == "b", HINT
    assert jinja_internals.missing_from(ChainableUndefined(name="x")) is jinja_internals.missing, HINT


def test_an_expression_ends_where_its_source_ends() -> None:
    environment = HookedEnvironment()
    tree, extra = parse_expression(environment, "a.b == 1")
    assert (tree.environment is environment, extra) == (True, None), HINT
    assert parse_expression(environment, "a\n = b")[1] == ("assign", 2), HINT


def test_lines_of_errors_and_blocks_are_found() -> None:
    environment = Environment(loader=DictLoader({"name.j2": "one\n{% block body %}\n{{ 1 / 0 }}\n{% endblock %}"}))  # noqa: S701
    template = environment.get_template("name.j2")
    assert (block_line(template, "body"), block_line(template, "other")) == (2, None), HINT
    with pytest.raises(ZeroDivisionError) as raised:
        HookedEnvironment(loader=environment.loader).get_template("name.j2").render()
    assert template_line(raised.value.__traceback__) == ("name.j2", 3), HINT


def test_filters_declare_whether_they_take_a_context() -> None:
    passes = [
        name for name in ("map", "sort", "batch") if jinja_internals.passes_context(jinja_internals.FILTERS[name])
    ]
    assert passes == ["map", "sort"], HINT


def test_no_other_module_uses_them() -> None:
    names = re.compile("|".join(PRIVATE))
    used = {
        f"{path.name}:{number}: {line.strip()}"
        for path in Path(bridge.__file__).parent.rglob("*.py")
        if path.name != "jinja_internals.py" and "jinja" in (text := path.read_text("utf-8"))
        for number, line in enumerate(text.splitlines(), 1)
        if names.search(line)
    }
    assert used == set(), "use bridge/templating/jinja_internals.py"
