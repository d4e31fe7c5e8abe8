"""Tests of rendering: the chosen template, the fallback for broken or endless ones, and no raised error."""

import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from bridge.messages.choice import choose
from bridge.messages.compiling import load_templates
from bridge.messages.limits import limit_violations
from bridge.messages.loader import Sources
from bridge.messages.render import SECONDS, render
from bridge.messages.templates import Templates, read_templates
from bridge.samples import SAMPLE_TIME, sample_event, samples
from bridge.sources import line_of
from bridge.templating.limits import Meter
from tests.diagnostics import plain
from tests.messages.rendering import event, message_of, one, shown, templates

NAMES = {
    "gitlab__merge_request.open": "open",
    "gitlab__merge_request": "any",
    "gitlab__default": "gitlab",
    "gitlab___parts": "{% macro m() %}{% endmacro %}",
    "stripe__charge.dispute.created": "created",
    "stripe__charge.dispute": "dispute",
    "stripe__charge": "charge",
    "fresh__orders.create": "order",
}

_CHILD = '{% extends "message.j2" %}'


@pytest.mark.parametrize(
    ("provider", "event_type", "name"),
    [
        ("gitlab", "merge_request.open", "gitlab/merge_request.open.j2"),
        ("gitlab", "merge_request.close", "gitlab/merge_request.j2"),
        ("gitlab", "merge_request", "gitlab/merge_request.j2"),
        ("gitlab", "Merge_Request", "gitlab/default.j2"),
        ("gitlab", "nothing.known", "gitlab/default.j2"),
        ("stripe", "charge.dispute.created", "stripe/charge.dispute.created.j2"),
        ("stripe", "charge.dispute.closed", "stripe/charge.dispute.j2"),
        ("stripe", "charge.failed.again.and.again", "stripe/charge.j2"),
        ("fresh", "orders/create", "fresh/orders.create.j2"),
        ("fresh", "orders/paid", "default.j2"),
        ("gitlab", "", "gitlab/default.j2"),
        ("gitlab", "_parts", "gitlab/default.j2"),
        ("gitlab", "../stripe/charge", "gitlab/default.j2"),
        ("gitlab", "../../message", "gitlab/default.j2"),
        ("fresh", "../message", "default.j2"),
        ("gitlab", "a[b]*?\x00", "gitlab/default.j2"),
        ("gitlab", "a." * 5_000, "gitlab/default.j2"),
        ("gitlab", "merge_request" + ".a" * 50, "gitlab/merge_request.j2"),
        ("gitlab", "...", "gitlab/default.j2"),
    ],
)
def test_the_most_specific_template_is_chosen(tmp_path: Path, provider: str, event_type: str, name: str) -> None:
    assert choose(event(event_type=event_type, provider=provider), templates(tmp_path, **NAMES)) == name


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["..", "/", ".", "gitlab", "message", "_", "\\", "j2"])).map("".join)
)
@settings(max_examples=100, deadline=None)
def test_no_type_from_outside_leaves_the_folder(event_type: str) -> None:
    assert choose(event(event_type=event_type, provider="gitlab"), PACKAGED) in PACKAGED.names()


PACKAGED = read_templates(None, {})


def test_an_operators_folder_lies_over_the_packaged_one_file_by_file(tmp_path: Path) -> None:
    for name, text in (("default.j2", "mine"), ("extra/new.j2", "new")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    over = load_templates(tmp_path, {})
    assert set(PACKAGED.names()) < set(over.names())
    assert over.sources["default.j2"] == "mine"
    assert over.sources["message.j2"] == PACKAGED.sources["message.j2"]
    assert "message.j2" not in over.names()
    assert shown(message_of(render(event(event_type="unheard.of", provider="extra"), over))).startswith("mine")


def test_a_template_without_extends_is_its_body(tmp_path: Path) -> None:
    rendered = one(tmp_path, 'Hello *{{ payload.name }}*{{ field("a", "b") }}', {"name": "<Ada>"})
    message = message_of(rendered)
    assert message.text == "Hello &lt;Ada&gt;"
    assert "Hello *&lt;Ada&gt;*" in shown(message)
    assert "*a*\nb" in shown(message)


def test_skip_sends_nothing_and_keeps_the_reason(tmp_path: Path) -> None:
    text = (
        '{% extends "message.j2" %}'
        "{% block skip %} {% if payload.draft %}a draft\n of {{ event.actor }}{% endif %} {% endblock %}"
        "{% block title %}{{ 1 // 0 if payload.draft else 't' }}{% endblock %}"
    )
    skipped = one(tmp_path, text, {"draft": True})
    assert (skipped.message, skipped.skip, skipped.error) == (None, "a draft of Ada", None)
    assert message_of(one(tmp_path, text, {"draft": False})).text == "t"


def test_variables_set_at_the_top_are_seen_by_every_block(tmp_path: Path) -> None:
    text = (
        '{% extends "message.j2" %}{% set mr = payload.object_attributes %}'
        "{% block title %}{{ mr.title }}{% endblock %}{% block context %}{{ mr.iid }}{% endblock %}"
    )
    assert shown(message_of(one(tmp_path, text, {"object_attributes": {"title": "T", "iid": 7}}))) == "T\nT\nT\n7"


def test_a_template_that_fills_nothing_still_states_the_plain_line(tmp_path: Path) -> None:
    message = message_of(one(tmp_path, '{% extends "message.j2" %}'))
    line = line_of(event())
    assert "Add a cache" in line
    assert shown(message) == f"{line}\n<https://gitlab.example.com/x/12|{line}>"


def test_notes_are_in_the_context(tmp_path: Path) -> None:
    rendered = render(event(), templates(tmp_path, one="hi"), "one.j2", notes=["Delayed: <3 h>", "Test message"])
    assert shown(message_of(rendered)).endswith("Delayed: &lt;3 h&gt;\nTest message")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n{{ 1 // 0 }}", "one.j2:2: ZeroDivisionError"),
        ("\n\n{% if %}", "one.j2:3: Expected an expression"),
        ("{{ payload.x | nope }}", "one.j2:1: there is no filter 'nope'"),
        ("{{ nope() }}", "one.j2:1: UndefinedError: 'nope' is undefined"),
        ("\n{{ payload.text + 1 }}", "one.j2:2: TypeError"),
        ("{% include 'nope.j2' %}", "one.j2:1: there is no template 'nope.j2'"),
        ('{% extends "message.j2" %}\n{% block body %}\n{{ 1 // 0 }}{% endblock %}', "one.j2:3: ZeroDivisionError"),
        ("{% macro m() %}\n{{ 1 // 0 }}{% endmacro %}\n{{ m() }}", "one.j2:2: ZeroDivisionError"),
        ("{{ payload.text | int(base='x') // 0 }}", "one.j2:1: ZeroDivisionError"),
        ("{% extends 'one.j2' %}", "one.j2:1: RecursionError"),
        ("{% include 'one.j2' %}", "one.j2:1: RecursionError"),
    ],
)
def test_an_error_gives_the_fallback_which_names_template_and_line(tmp_path: Path, text: str, expected: str) -> None:
    rendered = render(event({"text": "x"}), templates(tmp_path, one=text), "one.j2", notes=["Delayed"])
    message = message_of(rendered)
    assert plain(rendered.error).startswith(f"templates/{expected}")
    assert limit_violations(message) == []
    seen = shown(message)
    assert f"<https://gitlab.example.com/x/12|{line_of(event())}>" in seen
    assert "gitlab · merge_request.open" in seen
    assert "Delayed" in seen
    assert f"Template {expected.partition(': ')[0]} failed" in seen


def test_an_event_whose_body_is_lost_is_told_by_its_facts(tmp_path: Path) -> None:
    made = templates(tmp_path, gitlab__merge_request="{{ payload.user.name }} opened {{ payload.title }}")
    assert render(event({"title": "x"}), made).template == "gitlab/merge_request.j2"
    lost = render(event({}), made)
    assert (lost.template, lost.error, lost.line) == ("default.j2", None, line_of(event()))


def test_a_template_may_show_the_plain_line(tmp_path: Path) -> None:
    assert one(tmp_path, "*{{ line | upper }}*").line == line_of(event()).upper()


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("{{ event.title }}", "GitLab merge request"),
        (_CHILD + "{% block title %}{{ event.title }}{% endblock %}", "GitLab merge request"),
        (
            _CHILD + "{% block title %}{{ link(event.url, event.title) }}{% endblock %}",
            "https://gitlab.example.com/x/12",
        ),
        (_CHILD + "{% block title %}{{ event.title }}{% endblock %}{% block body %}Told{% endblock %}", "Told"),
        (_CHILD + "{% block title %}{{ event.title | upper | truncate(9) }} told{% endblock %}", "told"),
    ],
)
def test_a_template_that_still_reads_the_events_title_loses_no_message(tmp_path: Path, text: str, seen: str) -> None:
    rendered = one(tmp_path, text)
    assert rendered.error is None
    assert seen in shown(message_of(rendered))
    assert seen in rendered.line


def test_one_broken_file_does_not_affect_the_others(tmp_path: Path) -> None:
    (tmp_path / "gitlab").mkdir()
    (tmp_path / "gitlab" / "push.j2").write_bytes(b"\xff\xfe")
    (tmp_path / "huge.j2").write_text("x" * 300_000)
    (tmp_path / "deep.j2").write_text("{{ " + "(" * 5000 + " }}")
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "old.j2").write_text("an old version, as Kubernetes keeps them")
    made = templates(tmp_path, bad="{% block %}", good="fine")
    assert {"gitlab/push.j2", "huge.j2", "deep.j2", "bad.j2"} == set(made.errors)
    assert not any(name.endswith("old.j2") for name in made.names())
    assert message_of(render(event(), made, "good.j2")).text == "fine"
    broken = render(event({"ref": "main"}, "push"), made)
    assert broken.template == "gitlab/push.j2"
    assert plain(broken.error) == "templates/gitlab/push.j2:1: cannot be read: not UTF-8 (save it as UTF-8)"
    assert limit_violations(message_of(broken)) == []


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="not a folder of templates"):
        load_templates(tmp_path / "nope", {})


def test_a_template_that_does_not_exist_gives_the_fallback_and_the_nearest_name(tmp_path: Path) -> None:
    rendered = render(event(), templates(tmp_path, **NAMES), "gitlab/merge_requst.j2")
    assert plain(rendered.error).startswith(
        "templates/gitlab/merge_requst.j2: there is no such template (did you mean `gitlab/merge_request"
    )
    assert limit_violations(message_of(rendered)) == []


def test_payload_text_in_an_error_steers_neither_log_nor_message(tmp_path: Path) -> None:
    hostile = "\x1b[31m<!channel>\n\u202e" * 500
    rendered = one(tmp_path, "{{ {}[payload.a]() }}{{ payload.a % 3 }}{{ payload[payload.a]() }}", {"a": hostile})
    assert rendered.error is not None
    assert str(rendered.error).isprintable()
    assert len(rendered.error.message) <= 300
    assert "<!" not in shown(message_of(rendered))
    assert limit_violations(message_of(rendered)) == []


def growing(start: str, grown: str, turns: int = 99) -> str:
    """Return a template in which ``n.x`` grows with each iteration."""
    return (
        f"{{% set n = namespace(x={start}) %}}{{% for i in range({turns}) %}}"
        f"{{% set n.x = {grown} %}}{{% endfor %}}{{{{ n.x }}}}{{{{ 1 // 0 }}}}"
    )


def repeated(body: str) -> str:
    return "{% for i in range(99999) %}" + body + "{% endfor %}"


ENDLESS = {
    "nested loops": repeated(repeated("")),
    "10 MB of constants": repeated("x" * 200),
    "10 MB of payload": repeated("{{ payload.big }}"),
    "a wide centre": "{{ 'x' | center(10**9) }}",
    "a constant wide centre": "{{ 'x' | center(1000000000) }}",
    "repeated text": "{{ 'x' * 10**9 }}",
    "repeated list": "{{ [1] * 10**9 }}",
    "a huge power": "{{ 2 ** (10**9) }}",
    "a wide format": "{{ '%1000000000d' % 1 }}",
    "str.format": "{{ '{:1000000000}'.format(1) }}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a tree of macros": "{% macro m(n) %}{% if n < 60 %}{{ m(n+1) }}{{ m(n+1) }}{% endif %}{% endmacro %}{{ m(0) }}",
    "doubling by ~": growing("'xx'", "n.x ~ n.x"),
    "doubling by +": growing("'xx'", "n.x + n.x"),
    "doubling lists": growing("[1]", "n.x + n.x"),
    "doubling by %": growing("'x'", "'%s%s' % (n.x, n.x)"),
    "doubling by replace": growing("'x'", "n.x | replace('x', 'xx')"),
    "doubling by set": "{% set n = namespace(x='x') %}"
    + repeated("{% set z %}{{ n.x }}{{ n.x }}{% endset %}{% set n.x = z %}"),
    "a growing list": growing("[]", "n.x + ['y' * 99999 ~ i]", 99999),
    "lists in lists": growing("[]", "[n.x, range(9999) | list]", 99999),
    "lists of text": repeated("{% set z = payload.big.split('x') %}"),
    "Markdown in a loop": repeated("{{ payload.md | md }}"),
    "Markdown by map": "{{ payload.many | map('md') | join }}",
    "fields without end": repeated("{{ field('a' * 9999, 'x' * 9999) }}"),
    "buttons without end": repeated("{{ button('a' * 9999, 'https://example.com/' ~ 'x' * 999) }}"),
    "wide rows": "{{ [1] | batch(10**9, 'x') | list }}",
    "many columns": "{{ [1] | slice(10**9) | list }}",
}


READINGS = 300
"""Readings of the clock until the time is up: at least one in 32 steps, so that ten thousand steps are left."""


@pytest.mark.thorough
@pytest.mark.parametrize("name", ENDLESS)
def test_a_template_without_end_is_cut_off_with_the_fallback(tmp_path: Path, name: str) -> None:
    payload = {"big": "x<b*`" * 20_000, "md": "[a](" * 1000, "many": ["*a* [x](" * 500] * 900}
    ticks = count()
    readings = 10 if "Markdown" in name else READINGS  # each Markdown text of this size is read for a long time
    meter = Meter(readings, lambda: float(next(ticks)))  # a second passes with each reading
    rendered = render(event(payload), templates(tmp_path, one=ENDLESS[name]), "one.j2", meter=meter)
    assert next(ticks) <= readings + 2, "nothing went on after the time was up"
    assert plain(rendered.error).startswith("templates/one.j2:1: ")
    assert rendered.error is not None
    assert rendered.error.code in ("limit-exceeded", "time-limit-exceeded", "template-failed")
    assert limit_violations(message_of(rendered)) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{% block title %}x{% endblock %}\n\n{% block body %}" + repeated("x" * 200) + "{% endblock %}", "one.j2:4"),
        ("{% block title %}x{% endblock %}\n{% macro m() %}\n" + repeated("y" * 200) + "{% endmacro %}", "one.j2:4"),
    ],
)
def test_a_block_that_writes_too_much_is_named_and_not_the_frame(tmp_path: Path, text: str, place: str) -> None:
    text = f'{{% extends "message.j2" %}}\n{text}' + (
        "{% block text %}{{ m() }}{% endblock %}" if "macro" in text else ""
    )
    rendered = render(event(), templates(tmp_path, one=text), "one.j2")
    assert plain(rendered.error).startswith(f"templates/{place}: the template writes too much (")


BOUNDED = [
    "{{ payload.fat | plain }}{{ payload.fat | replace('x', 'y') }}{{ payload.fat }}{{ payload.fat ~ link('', 'x') }}",
    "{{ 'On ' ~ payload.fat ~ ': ' ~ payload.fat ~ payload.fat }}{{ payload.fat | code ~ payload.fat }}",
    "{{ range(99999) | join('x' * 9999) }}",
    "{{ 1.5 | round(10**9, 'ceil') }}",
    "{{ payload.big | truncate(10**9) }}{{ payload.big | upper | quote }}",
    "{{ payload.lists | sum(start=[]) }}",
    "{{ payload.big | wordwrap(10) }}{{ ('-' * 99999) | wordwrap(9) }}",
    "{{ ('<!--' * 20000) | striptags }}{{ ('<a ' * 30000) | striptags }}",
    growing("[1]", "[n.x, n.x]").replace("1 // 0", "n.x | tojson ~ n.x | string"),
    "{% for x in payload.big.split('b') %}{{ x | code }}{% endfor %}",
]


@pytest.mark.thorough
@pytest.mark.parametrize("text", BOUNDED)
def test_large_values_render_quickly_and_within_the_limits(tmp_path: Path, text: str) -> None:
    payload = {"big": "x<b*` " * 15_000, "fat": "<&" * 45_000, "lists": [[1] * 100] * 20_000}
    slow_machine = Meter(10 * SECONDS)  # far below what quadratic time would take
    rendered = render(event(payload), templates(tmp_path, one=text), "one.j2", meter=slow_machine)
    assert rendered.error is None
    assert limit_violations(message_of(rendered)) == []


def test_missing_fields_are_reported_with_their_place_and_found_ones_too(tmp_path: Path) -> None:
    text = (
        "{% set mr = payload.object_attributes %}\n"
        "{{ mr.titel }} {{ mr.title }}\n"
        "{{ field('Asked', 'x' if mr.maybe) }}{{ mr.other or mr.title }}{{ mr.third | default('x') }}\n"
        "{{ payload.labels[0].name | upper }}"
    )
    rendered = one(tmp_path, text, {"object_attributes": {"title": "T"}})
    assert rendered.missing == (("one.j2", 2, "mr.titel"), ("one.j2", 4, "payload.labels[0].name"))
    assert {("one.j2", 1, "payload.object_attributes"), ("one.j2", 2, "mr.title")} <= set(rendered.found)


def test_one_render_leaves_nothing_for_the_next(tmp_path: Path) -> None:
    made = templates(tmp_path, one="{{ field('a', 'b') }}{{ 1 // 0 }}", two="two")
    assert render(event(), made, "one.j2").error
    assert shown(message_of(render(event(), made, "two.j2"))) == "two\ntwo"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(["<!channel>", "<@U1>", "x" * 90_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4),
    max_leaves=12,
)
ALL_KINDS = """{% extends "message.j2" %}
{% block color %}{{ payload.f }}{% endblock %}
{% block title %}{{ link(payload.a, payload.b) }} {{ payload.c | plain }} {{ mention(payload.d) }}{% endblock %}
{% block body %}{{ payload.a | md }}
{% for x in payload.b %}
• {{ x }} {{ x.a.b | date }}
{% endfor %}
{{ payload.c | quote }} {{ payload.a | money(payload.b) }} {{ payload | tojson }} {{ payload.a[:5] }}{% endblock %}
{% block fields %}{{ field(payload.a, payload.b) }}
{{ field("x", payload.c | map(attribute="a") | map("code") | join(" ")) }}
{{ field("t", payload.d | duration) }}{% endblock %}
{% block context %}{{ payload.d | date }} · {{ payload.e | truncate(50) }}{% endblock %}
{% block actions %}{{ button(payload.a, "https://example.com/" ~ payload.b, payload.c) }}{% endblock %}
"""


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return templates(tmp_path_factory.mktemp("all"), all=ALL_KINDS)


@pytest.mark.thorough
@settings(max_examples=120, deadline=None)
@given(payload=st.dictionaries(st.sampled_from("abcdef"), JSON, max_size=6))
def test_any_payload_makes_a_message_within_the_limits(all_kinds: Templates, payload: dict[str, object]) -> None:
    rendered = render(event(payload), all_kinds, "all.j2")
    message = message_of(rendered)
    assert rendered.error is None
    assert limit_violations(message) == []
    raw = json.dumps(message.body(), ensure_ascii=False)
    assert not any(control in raw.replace("<!date^", "") for control in ("<!", "<@", "<#"))


def test_threads_render_beside_each_other(tmp_path: Path) -> None:
    made = templates(
        tmp_path, one="{{ field(payload.n, payload.n) }}{% for i in range(200) %}{{ payload.n }}{% endfor %}"
    )
    with ThreadPoolExecutor(4) as pool:
        rendered = list(pool.map(lambda n: render(event({"n": f"n{n}"}), made, "one.j2"), range(40)))
    for number, one_rendered in enumerate(rendered):
        assert set(re.findall(r"n\d+", shown(message_of(one_rendered)).replace("n", " n"))) == {f"n{number}"}


def test_a_pipe_in_place_of_a_template_is_an_error_and_blocks_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.j2")
    assert "not a file" in load_templates(tmp_path, {}).errors["one.j2"].message


def test_the_time_to_compile_a_template_is_not_that_of_the_message_that_needs_it_first() -> None:
    """After a start, the first messages may wait for the templates that theirs include."""
    spent = 0.0

    class Slow(Sources):
        def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
            nonlocal spent
            spent += SECONDS
            return super().get_source(environment, template)

    shipped = read_templates(None, {})
    shipped.environment.loader = Slow(shipped.sources, {})
    invoice = sample_event(samples()["stripe/invoice.paid"], "stripe", SAMPLE_TIME)
    made = render(invoice, shipped, meter=Meter(SECONDS, lambda: spent))
    assert made.error is None
    assert spent > 3 * SECONDS
