from pathlib import Path

import pytest

from bridge.lint.template_checks import template_errors
from bridge.messages.compiling import load_templates
from tests.diagnostics import plain, plain_all
from tests.messages.rendering import templates

CHILD = '{% extends "message.j2" %}\n'


@pytest.mark.thorough
def test_the_packaged_templates_have_no_errors() -> None:
    assert template_errors(load_templates(None, {})) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            CHILD + "\n\nhello",
            "one.j2:4: text outside of blocks, which is never shown (move it into a block)",
        ),
        (CHILD + "\n\n{{ payload.x }}", "one.j2:4: text outside of blocks"),
        (CHILD + "{% if payload.x %}hello{% endif %}", "one.j2:2: text outside of blocks"),
        ("hello " + CHILD, "one.j2:1: text outside of blocks"),
        (
            CHILD + "{% if payload.x %}\n{% block title %}x{% endblock %}\n{% endif %}",
            "one.j2:3: block 'title' inside `if`",
        ),
        (
            CHILD + "{% for x in payload %}{% block body %}{% endblock %}{% endfor %}",
            "one.j2:2: block 'body' inside",
        ),
        (
            CHILD + "{% block titel %}{% endblock %}",
            "one.j2:2: there is no block 'titel' (did you mean `title`?)",
        ),
        (
            CHILD + "{% block color %}purple{% endblock %}",
            "one.j2:2: there is no color 'purple' (use good, warn, bad",
        ),
        (
            CHILD + '{% block color %}\n{{ {"a": "good"}[payload.x] or "gud" if payload.y else "bad" }}{% endblock %}',
            "one.j2:3: there is no color 'gud' (use good, warn, bad",
        ),
        (
            CHILD + '{% block actions %}{{ button("a", payload.url, "primry") }}{% endblock %}',
            "one.j2:2: there is no style 'primry' of buttons (did you mean `primary`?)",
        ),
        (CHILD + "{% block fields %}x{{ field('a', 1) }}{% endblock %}", "one.j2:2: text in block 'fields'"),
        (
            CHILD + "{% block actions %}{% if 1 %}x{% endif %}{% endblock %}",
            "one.j2:2: text in block 'actions'",
        ),
        (
            "{% block title %}{% endblock %}",
            "one.j2:1: block 'title' in a template that extends nothing (start the file",
        ),
        (
            "{{ payload.x | safe }}",
            "one.j2:1: marks data `safe`, so that it is not escaped (remove `| safe`)",
        ),
        ("{% if 1 %}{{ (payload.x | upper | safe) ~ 'a' }}{% endif %}", "one.j2:1: marks data `safe`"),
        (
            "<{{ payload.url }}|x>",
            "one.j2:1: data right after `<` can become a mention (use link() or mention())",
        ),
        ("\n{{ payload.x | lenght }}", "one.j2:2: there is no filter 'lenght' (did you mean `length`?)"),
        (
            "{% if x is definde %}{% endif %}",
            "one.j2:1: there is no test 'definde' (did you mean `defined`?)",
        ),
        ("{{ payload.x if payload.y | nope }}", "one.j2:1: there is no filter 'nope'"),
        ("\n{{ pyload.x }}", "one.j2:2: there is no name 'pyload' (did you mean `payload`?)"),
        ("{{ feild('a', 1) }}", "one.j2:1: there is no name 'feild' (did you mean `field`?)"),
        (
            "{% include 'default.j' %}",
            "one.j2:1: there is no template 'default.j' (did you mean `default.j2`",
        ),
        ("{% from 'nope.j2' import x %}", "one.j2:1: there is no template 'nope.j2'"),
        (
            '{% extends "mesage.j2" %}',
            "one.j2:1: there is no template 'mesage.j2' (did you mean `message.j2`",
        ),
        ('{% extends "one.j2" %}', "one.j2:1: extends itself in a circle"),
        (
            "\n{% if %}",
            "one.j2:2: Expected an expression, got 'end of statement block' (write a value",
        ),
        (
            "{% if payload.x = 1 %}{% endif %}",
            "one.j2:1: expected token 'end of statement block', got '=' (compare with",
        ),
        (
            "\n{{ payload.x",
            "one.j2:2: unexpected end of template, expected 'end of print statement'. (close",
        ),
        (
            "{{ payload.x payload.y }}",
            "one.j2:1: expected token 'end of print statement', got 'payload' (end it",
        ),
        (
            CHILD + "{% block title %}x\n",
            "one.j2:2: {% endblock %} is missing (close the `block` that is open at the end",
        ),
        (
            CHILD + "{% block title %}x{% endblok %}",
            "one.j2:2: there is no tag 'endblok' here (close the open `block` with",
        ),
        (
            CHILD + "{% blok title %}x{% endblock %}",
            "one.j2:2: there is no tag 'blok' (did you mean `block`?)",
        ),
        (
            CHILD + "{% block title %}x{% endblock %}\n{% block title %}y{% endblock %}",
            "one.j2:3: block 'title' is defined twice (merge both into one)",
        ),
        (
            CHILD + "{% with a = 1 %}{% block title %}{{ a }}{% endblock %}{% endwith %}",
            "one.j2:2: block 'title' inside",
        ),
        (
            CHILD + "{% block title %}x{% block body %}y{% endblock %}{% endblock %}",
            "one.j2:2: block 'body' inside another block counts always (end the outer block first)",
        ),
        (
            CHILD
            + "{% block title %}{% set who = 1 %}{{ who }}{% endblock %}\n{% block body %}{{ who }}{% endblock %}",
            "one.j2:3: 'who' is set in block 'title' only, and empty here (set it at the top of the file",
        ),
        (
            CHILD
            + "{% block title %}{% from 'default.j2' import x as who %}{% endblock %}\n"
            + "{% block body %}{{ who() }}{% endblock %}",
            "one.j2:3: 'who' is set in block 'title' only",
        ),
        (
            "{% set n = 0 %}\n{% for x in payload.x %}\n{% set n = n + 1 %}{% endfor %}{{ n }}",
            "one.j2:3: 'n' is set in a loop, which forgets it at the end of each turn (make it a `namespace(…)`",
        ),
        ("{% for x in payload.x %}{% set y = x %}{% endfor %}\n{{ y }}", "one.j2:1: 'y' is set in a loop"),
        ("{% for x in payload.x %}{{ x }}{% endfor %}\n{{ x }}", "one.j2:1: 'x' is set in a loop"),
        ("{% from 'default.j2' import who %}", "one.j2:1: default.j2 has no 'who'"),
        ("{% import 'default.j2' as parts %}\n{{ parts.who() }}", "one.j2:2: default.j2 has no 'who'"),
        (
            CHILD + "{% block title %}x{% endblock %}{% block text %}\n{{ self.titel() }}{% endblock %}",
            "one.j2:3: there is no block 'titel' (did you mean `title`?)",
        ),
        ("a\n{ payload.x }}", "one.j2:2: `}}` without its `{{` is text, and would be posted (write `{{`)"),
        ("{ if payload.x %}x", "one.j2:1: `%}` without its `{%` is text"),
        (
            "{% block title %}x{% endblock %}\n" + CHILD,
            "one.j2:2: `extends` after a block, which then shows twice (put it first in the file)",
        ),
        ("{% autoescape false %}{% endautoescape %}", "one.j2:1: escaping cannot be switched off"),
    ],
)
def test_a_mistake_that_jinja_ignores_is_an_error_with_line_and_hint(tmp_path: Path, text: str, expected: str) -> None:
    found = [line.removeprefix("templates/") for line in plain_all(template_errors(templates(tmp_path, one=text)))]
    assert any(line.startswith(expected) for line in found), found


@pytest.mark.parametrize(
    "text",
    [
        CHILD + "\n{# a comment #}\n{% set a = payload.x %}{% block title %}{{ a }}{{ super() }}{% endblock %}\n",
        CHILD + "{% from '_parts.j2' import m %}{% block body %}{{ m(payload.x) }}{{ self.title() }}{% endblock %}",
        CHILD + "{% import '_parts.j2' as p %}{% block body %}{{ p.m(1) }}{% include '_parts.j2' %}{% endblock %}",
        CHILD + "{% block color %}{{ 'good' if payload.x else 'bad' }}{% endblock %}{% block text %}{% endblock %}",
        CHILD + "{% block color %}#a1b2c3{% endblock %}{% block fields %}\n {{ field('a', 1) }}\n{% endblock %}",
        "{% for x in payload.x %}{% if x %}{% set y = x %}{{ y }}{{ loop.index }}{% endif %}{% endfor %}",
        "{% macro m(a, b=1) %}{{ caller() }}{{ varargs }}{% endmacro %}{% call m(1) %}{{ payload }}{% endcall %}",
        "{{ '<@U1>' | safe }} <@U1> <https://example.com|x> a < b {{ payload.x }}",
        "{% include 'nope.j2' ignore missing %}{% include payload.x ignore missing %}",
        "{% set x = 1 %}{% for x in payload.x %}{{ x }}{% endfor %}{{ x }}",
        "{% for x in payload.x %}{% for x in x %}{{ x }}{% endfor %}{{ x }}{% else %}{{ payload }}{% endfor %}",
        "{% for x in payload.x %}{% set y = x %}{{ y }}{% endfor %}{% set y = 1 %}{{ y }}",
        "{% if payload.x %}{% set y = 1 %}{% endif %}{{ y }}{% macro m(y) %}{{ y }}{% endmacro %}{{ m(y) }}",
        CHILD + "{% macro m(a) %}{% set b = a %}{{ b }}{% endmacro %}{% block title %}{{ m(1) }}{% endblock %}",
        CHILD
        + "{% block title %}{% set x = 1 %}{{ x }}{% endblock %}{% block body %}{% set x = 2 %}{{ x }}{% endblock %}",
        "{% set n = namespace(a=1) %}{% set n.a = 2 %}{{ n.a }}{{ range(3) | join }}{{ cycler(1).next() }}",
    ],
)
def test_a_good_template_has_no_errors(tmp_path: Path, text: str) -> None:
    parts = "{% macro m(a) %}{{ a }}{{ from_outside }}{% endmacro %}"
    assert template_errors(templates(tmp_path, one=text, _parts=parts)) == []


def test_a_variable_that_the_parent_sets_again_is_an_error(tmp_path: Path) -> None:
    made = templates(
        tmp_path,
        base=CHILD + "{% set bar = 'good' %}{% block color %}{{ bar }}{% endblock %}",
        one='{% extends "base.j2" %}\n{% set bar = "bad" %}{% block title %}{{ bar }}{% endblock %}',
    )
    what = "base.j2 sets 'bar' after this, so this value is never used"
    assert plain_all(template_errors(made)) == [f"templates/one.j2:2: {what} (choose another name, or fill a block)"]


def test_names_of_the_parent_are_known_in_the_child(tmp_path: Path) -> None:
    made = templates(
        tmp_path,
        base=CHILD + "{% set bar = 'good' %}{% block more %}{% endblock %}",
        one='{% extends "base.j2" %}{% block more %}{{ bar }}{% endblock %}',
    )
    assert [error.message for error in template_errors(made)] == ["there is no block 'more'"]


def test_files_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    (tmp_path / "one.j2").write_bytes(b"\xff")
    (error,) = template_errors(templates(tmp_path))
    assert plain(error) == "templates/one.j2:1: cannot be read: not UTF-8 (save it as UTF-8)"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{% if payload.never %}{{ event.tpye }}{% endif %}", ["event.tpye is in no sample (did you mean `type`?)"]),
        ("{% if event['tpye'] %}x{% endif %}", ["event.tpye is in no sample (did you mean `type`?)"]),
        (
            "{{ link(event.url, event.title) }}",
            ["event.title is in no sample (`event.title` is gone: use `event.name`, or words of your own)"],
        ),
        ("{% for event in payload.events %}{{ event.title }}{% endfor %}", []),
        ("{% macro told(event) %}{{ event.told }}{% endmacro %}{{ told(payload) }}", []),
        ("{{ event.type }}{{ event.name }}{{ payload.event.tpye }}", []),
    ],
)
def test_a_field_that_no_event_has_is_found_where_nothing_renders_it(
    tmp_path: Path, text: str, found: list[str]
) -> None:
    assert plain_all(template_errors(templates(tmp_path, one=text))) == [f"templates/one.j2:1: {one}" for one in found]
