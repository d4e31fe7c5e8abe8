"""Tests of hints for errors of Jinja and of template helpers."""

import pytest
from jinja2 import Environment, TemplateSyntaxError

from bridge.templating.hints import explained


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (
            "TypeError: SlackEnvironment.__init__.<locals>.mention() missing 1 required positional argument: 'name'",
            ("mention() missing 1 required positional argument: 'name'", "docs/templates.md lists its arguments"),
        ),
        (
            "TypeError: button() takes from 2 to 3 positional arguments but 4 were given",
            (
                "button() takes from 2 to 3 positional arguments but 4 were given",
                "docs/templates.md lists its arguments",
            ),
        ),
        (
            "TypeError: 'int' object is not iterable",
            (
                "TypeError: 'int' object is not iterable",
                "test the kind of the value first, or use a filter",
            ),
        ),
    ],
)
def test_a_wrong_call_is_named_as_it_was_written(what: str, expected: tuple[str, str]) -> None:
    assert explained(what) == expected


WRONG = """{{ "abc }}|{{ a ! b }}|{% %}|{{ a. }}|{% for in x %}{% endfor %}|{% for x of y %}{% endfor %}|{% set 1 = 2 %}
{% raw %}x|{{ a[1 }}|{{ f(a=1, 2) }}|{% else %}|{% include %}|{% from x import %}|{% block %}{% endblock %}|{{ a is }}
{% block a b %}{% endblock %}|{% macro %}{% endmacro %}|{% if a %}x{% elseif b %}y{% endif %}|{{ 1 if }}|{{ }}|{{ a ~ }}
{{ {"a" 1} }}|{% import "x" %}|{{ a && b }}|{{ a = 1 }}|{% endfor %}|{% filter %}x{% endfilter %}|{# x|{% if a %}|{{ a
{% call x %}{% endcall %}|{% extends %}|{{ "a" "b" c }}|{{ 'it's' }}|{{ a ? b : c }}|{{ @a }}|{{ a$b }}|{% fro a %}"""


@pytest.mark.parametrize("text", [*WRONG.replace("\n", "|").split("|"), "{{ a | }}"])
def test_every_syntax_error_has_a_hint(text: str) -> None:
    with pytest.raises(TemplateSyntaxError) as error:
        Environment(autoescape=True).parse(text)
    what, hint = explained(error.value.message or "")
    assert what
    assert hint
    assert "did you mean `else`" not in hint
