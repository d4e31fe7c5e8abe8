"""Errors of Jinja and of what templates call, in the words of whoever writes templates."""

import pytest
from jinja2 import Environment, TemplateSyntaxError

from bridge.lint.hints import said


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (
            "TypeError: SlackEnvironment.__init__.<locals>.mention() missing 1 required positional argument: 'name'",
            ("mention() missing 1 required positional argument: 'name'", "docs/templates.md tells what it takes"),
        ),
        (
            "TypeError: button() takes from 2 to 3 positional arguments but 4 were given",
            (
                "button() takes from 2 to 3 positional arguments but 4 were given",
                "docs/templates.md tells what it takes",
            ),
        ),
        (
            "TypeError: 'int' object is not iterable",
            (
                "TypeError: 'int' object is not iterable",
                "ask first what kind of value it is, or let a filter take care of that",
            ),
        ),
    ],
)
def test_a_call_gone_wrong_is_named_as_it_was_written(what: str, expected: tuple[str, str]) -> None:
    assert said(what) == expected


WRONG = """{{ "abc }}|{{ a ! b }}|{% %}|{{ a. }}|{% for in x %}{% endfor %}|{% for x of y %}{% endfor %}|{% set 1 = 2 %}
{% raw %}x|{{ a[1 }}|{{ f(a=1, 2) }}|{% else %}|{% include %}|{% from x import %}|{% block %}{% endblock %}|{{ a is }}
{% block a b %}{% endblock %}|{% macro %}{% endmacro %}|{% if a %}x{% elseif b %}y{% endif %}|{{ 1 if }}|{{ }}|{{ a ~ }}
{{ {"a" 1} }}|{% import "x" %}|{{ a && b }}|{{ a = 1 }}|{% endfor %}|{% filter %}x{% endfilter %}|{# x|{% if a %}|{{ a
{% call x %}{% endcall %}|{% extends %}|{{ "a" "b" c }}|{{ 'it's' }}|{{ a ? b : c }}|{{ @a }}|{{ a$b }}|{% fro a %}"""


@pytest.mark.parametrize("text", [*WRONG.replace("\n", "|").split("|"), "{{ a | }}"])
def test_every_syntax_error_has_its_mend(text: str) -> None:
    with pytest.raises(TemplateSyntaxError) as error:
        Environment(autoescape=True).parse(text)
    what, hint = said(error.value.message or "")
    assert what
    assert hint
    assert "the nearest known is 'else'" not in hint
