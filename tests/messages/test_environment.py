"""Tests of escaping on every path of a value into a message, and of the sandbox of templates."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from jinja2 import DictLoader, TemplateAssertionError, UndefinedError
from markupsafe import Markup

from bridge.messages.environment import SlackEnvironment
from tests.messages.rendering import message_of, one, shown

VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "escaping.json"
HOSTILE = "<!channel> <@U1> <https://evil.example|x> & \"q\" 'a'"
SAFE = "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example|x&gt; &amp; \"q\" 'a'"


def written(source: str, **variables: object) -> str:
    return SlackEnvironment({}).from_string(source).render(variables)


@pytest.mark.skipif(not VECTORS.is_file(), reason="the shared escaping cases are not beside this checkout")
def test_every_shared_escaping_case_renders_as_slack_expects() -> None:
    vectors = json.loads(VECTORS.read_text("utf-8"))
    environment = SlackEnvironment({})
    environment.loader = DictLoader(vectors["partials"])
    wrong = {}
    for case in vectors["cases"]:
        got = environment.from_string(case["template"]).render(v=vectors["value"], payload={})
        if got != case["expected"]:
            wrong[case["name"]] = got
    assert len(vectors["cases"]) >= 38
    assert wrong == {}


@pytest.mark.parametrize(
    "source",
    [
        "{{ v }}",
        "{{ v ~ '' }}",
        "{{ '' ~ v }}",
        "{{ '' + v }}",
        "{{ '%s' % v }}",
        "{{ '%s' | format(v) }}",
        "{{ v | upper | lower | replace('u1', 'U1') }}",
        "{% set x %}{{ v }}{% endset %}{{ x }}",
        "{% set x %}{{ v }}{% endset %}{{ x | join }}",
        "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(m(v)) }}",
        "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ v }}{% endcall %}",
        "{% filter trim %}{{ v }}{% endfilter %}",
        "{% for c in [v] %}{{ c }}{% endfor %}",
        "{{ [v] | join(', ') }}",
        "{{ [v] | map('string') | first }}",
        "{{ {'a': v}.a }}",
        "{{ nope | default(v) }}",
        "{{ v if v else '' }}",
        "{{ v | e | e }}",
        "{{ v | replace('zzz', '<') }}",
        "{{ v | wordwrap(200) }}",
        "{{ v | indent }}",
        "{{ v | trim }}",
        "{{ (v ~ link('', '')) }}",
        "{{ link('javascript:alert(1)', v) }}",
        "{{ mention(v) }}",
    ],
)
def test_payload_text_is_escaped_once_whichever_way_it_takes(source: str) -> None:
    assert written(source, v=HOSTILE).lower().replace("u1", "U1") == SAFE.lower().replace("u1", "U1")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ {'a': v} }}", '{"a": "&lt;@U1&gt;"}'),
        ("{{ [v, none, 1.5, true] }}", '["&lt;@U1&gt;", null, 1.5, true]'),
        ("{{ {'a': v} | tojson }}", '{"a": "\\u003c@U1\\u003e"}'),
        ("{{ v | tojson }}", '"\\u003c@U1\\u003e"'),
        ("{{ none ~ 'a' ~ none }}{{ none | upper }}{{ [none, 'b'] | join(', ') }}", "ab"),
        ("{{ v[1:] }}{{ (v | e)[1:] }}", "@U1&gt;@U1&gt;"),
        ("{{ none }}|{{ nope }}|{{ nope.further[0] }}", "||"),
        ("{{ 10 ** 500 }}", str(10**500)),
        ("it's \"his\" & <@U1> 'hers'", "it's \"his\" & <@U1> 'hers'"),
    ],
)
def test_printed_values_are_readable(source: str, expected: str) -> None:
    assert written(source, v="<@U1>") == expected


def test_a_whole_number_too_long_to_print_prints_nothing() -> None:
    assert written("a{{ v }}b", v=10**5000) == "ab"


def test_payload_keys_take_precedence_over_methods() -> None:
    payload = {"items": {"data": [1]}, "keys": "k", "get": "g", "count": 3}
    assert written("{{ p.items.data[0] }}{{ p.keys }}{{ p.get }}{{ p.count }}", p=payload) == "1kg3"
    assert written("{% for k, v in p.items() %}{{ k }}{{ v }}{% endfor %}", p={"a": 1}) == "a1"


@pytest.mark.parametrize(
    "source",
    [
        "{{ v.__class__ }}",
        "{{ v['__class__'] }}",
        "{{ v | attr('__class__') }}",
        "{{ field.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ [v] | map(attribute='__class__') | first }}",
        "{{ namespace.__mro__ }}",
        "{% macro m() %}{% endmacro %}{{ m._func }}{{ m.__call__ }}",
    ],
)
def test_nothing_behind_the_values_can_be_reached(source: str) -> None:
    with suppress(UndefinedError, TemplateAssertionError):  # a refusal is as good as an empty result
        assert written(source, v="x").strip() == ""


def test_escaping_cannot_be_switched_off() -> None:
    with pytest.raises(Exception, match="cannot be switched off"):
        written("{% autoescape false %}{{ v }}{% endautoescape %}", v="<!here>")


def test_a_loop_over_a_value_that_is_not_a_list_has_no_iterations() -> None:
    assert written("{% for x in v %}{{ x }}{% else %}none{% endfor %}", v=None) == "none"
    assert written("{% for x in v %}{{ x }}{% else %}none{% endfor %}", v=7) == "none"
    assert written("{% for x in v.a.b %}{{ x }}{% else %}none{% endfor %}", v={}) == "none"
    assert written("{% for x in v %}{{ loop.index }}/{{ loop.length }} {% endfor %}", v=[1, 2]) == "1/2 2/2 "


def test_fields_and_buttons_vanish_without_their_value(tmp_path: Path) -> None:
    rendered = one(
        tmp_path,
        '{% extends "message.j2" %}'
        '{% block fields %}{{ field("Kept", 0) }}{{ field("Gone", none) }}{{ field("Gone", payload.x) }}'
        '{{ field("Gone", "  ") }}{{ field("Gone", []|join) }}{% endblock %}'
        '{% block actions %}{{ button("Kept", "https://example.com", "primary") }}{{ button("Gone", payload.x) }}'
        '{{ button("Gone", "javascript:alert(1)") }}{{ button("", "https://example.com") }}{% endblock %}',
    )
    seen = shown(message_of(rendered))
    assert rendered.error is None
    assert seen.count("Kept") == 2
    assert "*Kept*\n0" in seen
    assert "Gone" not in seen


def test_only_people_of_the_configuration_are_mentioned(tmp_path: Path) -> None:
    source = "{{ mention(payload.a) }} {{ mention(payload.b) }} {{ mention('@ada') }} {{ mention(payload.c.d) }}"
    rendered = one(tmp_path, source, {"a": "ada", "b": "<@U999>"}, {"ada": "U012AB3CD", "eve": "<!channel>"})
    assert shown(message_of(rendered)).splitlines()[0] == "<@U012AB3CD> &lt;@U999&gt; <@U012AB3CD>"
    assert "<!" not in shown(message_of(one(tmp_path, "{{ mention('eve') }}", {}, {"eve": "!channel"})))


def test_markup_that_a_helper_made_is_not_escaped_again() -> None:
    assert written("{{ link('https://e.example/?a=1&b=2', v) | upper }}", v="a<b") == (
        "<https://e.example/?a=1&amp;b=2|a&lt;b>"
    )
    assert written("{{ '%s!' | format(link('https://e.example', 'x')) }}") == "<https://e.example|x>!"
    assert isinstance(SlackEnvironment({}).join_texts([Markup("<b>"), "<"]), Markup)
