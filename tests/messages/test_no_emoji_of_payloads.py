"""Tests that text of a payload draws no emoji, whichever way it takes, and that an author's emoji stay.

Slack draws ``:name:`` as an emoji in mrkdwn, "whoever wrote it": Slack docs, Formatting message text, Emoji,
https://docs.slack.dev/messaging/formatting-message-text/#emoji.
"""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core.payload import list_at, text_at
from bridge.messages.compiling import load_templates
from bridge.messages.emoji import JOINER, broken, emoji_names, mended
from bridge.messages.environment import SlackEnvironment
from bridge.messages.html import to_html
from bridge.messages.mrkdwn_parser import to_plain_text
from bridge.messages.phrases import phrase
from bridge.messages.render import render
from bridge.messages.templates import read_templates
from bridge.messages.terminal import mrkdwn
from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples
from tests.messages.rendering import event, message_of, shown
from tests.messages.rendering import render as render_again
from tests.walks import for_each

SHIPPED = read_templates(None, {})
NAMED = re.compile(r":([a-z0-9_+'-]+):")
WHO = ":white_check_mark:"
BROKEN = f":{JOINER}white_check_mark:"


def written(source: str, **variables: object) -> str:
    return SlackEnvironment({}).from_string(source).render(variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":white_check_mark:", ":|white_check_mark:"),
        ("2001:db8:100:22::1", "2001:|db8:|100:22::1"),
        ("10:100:20", "10:|100:20"),
        ("a:b:c:d", "a:|b:|c:d"),
        (":wave::skin-tone-3:", ":|wave::|skin-tone-3:"),
        (":Party_Parrot: :лось:", ":|Party_Parrot: :|лось:"),
        ("Version 10:100", "Version 10:|100"),  # a template may go on with a colon
        # no emoji, so that what people copy stays as it was
        ("10:30:00", "10:30:00"),
        ("https://example.com:8080/a", "https://example.com:8080/a"),
        ("postgres:16", "postgres:16"),
        ("fix: no : here", "fix: no : here"),
        ("Foo::Bar", "Foo::Bar"),
        ("", ""),
    ],
)
def test_only_what_slack_would_read_as_an_emoji_is_broken(text: str, expected: str) -> None:
    assert broken(text).replace(JOINER, "|") == expected
    assert mended(broken(text)) == text
    assert broken(broken(text)) == broken(text)


@given(st.lists(st.sampled_from([*":::ab10_- /", "100", "x", "белка"]), max_size=30).map("".join))
def test_a_broken_text_names_no_emoji_and_is_the_same_to_a_reader(text: str) -> None:
    for whole in (broken(text), f"{broken(text)}:"):
        assert not any(name in emoji_names() for name in NAMED.findall(whole))
    assert to_plain_text(broken(text).replace(">", "")) == text.replace(">", "")


@pytest.mark.parametrize(
    "source",
    [
        "{{ v }}",
        "{{ v | e }}",
        "{{ v | plain }}",
        "{{ v | quote }}",
        "{{ v | truncate(30) }}",
        "{{ v | trim }}",
        "{{ v | default('x') }}",
        "{{ v | upper | lower }}",
        "{{ [v, v] | join(', ') }}",
        "{{ v | tojson }}",
        "{{ {'a': v} }}",
        "{{ v ~ '!' }}",
        "{{ ':x: ' ~ v }}",
        "{{ ':x: ' + v }}",
        "{{ v + ' :x:' }}",
        "{{ ':x: %s' % v }}",
        "{{ ':x: %(a)s' % {'a': v} }}",
        "{{ ':x: %s' | format(v) }}",
        "{{ (':x: ' ~ v) | plain }}",
        "{{ (':x: ' ~ v) | truncate(40) }}",
        "{{ (v | e) | replace('zz', 'y') }}",
        "{{ ':x:zz' | replace('zz', v) }}",
        "{{ link('https://example.com', v) }}",
        "{{ link('nowhere', v) }}",
        "{{ link('https://example.com', link('https://example.com', v)) }}",
        "{{ mention(v) }}",
        "{{ phrase('By {who}', who=v) }}",
        "{{ v | date }}",
        "{{ v | duration }}",
        "{% set x %}{{ v }}{% endset %}{{ x }}",
        "{% macro m(a) %}*{{ a }}*{% endmacro %}{{ m(v) }}",
        "{% filter upper %}{{ v | lower }}{% endfilter %}",
        "{{ ('a ' ~ v)[:40] }}",
        "{{ v }}:",
        "{{ '10:100' if v }}: {{ v }}",
    ],
)
def test_text_of_a_payload_draws_no_emoji(source: str) -> None:
    made = written(source, v=WHO)
    assert JOINER in made
    assert "✅" not in to_plain_text(made)
    assert WHO.casefold() in to_plain_text(made).casefold()
    assert to_plain_text(made).count("❌") == source.count(":x:")


@pytest.mark.parametrize(
    "source",
    [
        ":x: {{ v }}",
        "{{ ':x:' }} {{ v }}",
        "{{ {'bad': ':x: '}['bad'] }}",
        "{% set sign = ':x:' %}{{ sign }}",
        "{{ ':x:' if v else ':+1:' }}",
        "{{ nothing or ':x:' }}",
        "{{ [':x:', v] | join(' ') }}",
        "{{ ':x: R&D' }}",
        "{{ link('https://example.com', ':x: gone') }}",
        "{{ phrase(':x: [by {who}]', who=v) }}",
        ":{{ 'x' }}: for an emoji named by a payload",
    ],
)
def test_the_authors_emoji_stay(source: str) -> None:
    assert to_plain_text(written(source, v="Ada")).count("❌") == 1


def test_a_text_with_an_emoji_is_escaped_like_any_other_text_of_the_author() -> None:
    assert written("{{ ':x: R&D <b>' }}") == ":x: R&amp;D &lt;b&gt;"
    assert written("{{ 'same' if v == ':x:' }}", v=":x:") == "same"
    assert written("{{ {':x:': 'found'}[v] }}", v=":x:") == "found"
    assert phrase("R&D :x: {who}", who="Ada") == "R&amp;D :x: Ada"


@pytest.mark.parametrize(
    "source",
    ["{{ v | code }}", "{{ ('`' ~ v ~ '`') | md }}", "{{ ('```\n' ~ v ~ '\n```') | md }}", "{{ (v | e) | code }}"],
)
def test_code_is_unchanged_since_slack_draws_no_emoji_there_and_people_copy_it(source: str) -> None:
    made = written(source, v="2001:db8:100::1")
    assert "2001:db8:100::1" in made
    assert to_plain_text(made).strip("\n") == "2001:db8:100::1"


def test_an_address_is_unchanged_and_its_label_draws_no_emoji() -> None:
    made = written("{{ link(v) }}", v="https://[2001:db8:100::1]/a:100:b")
    assert made.startswith("<https://[2001:db8:100::1]/a:100:b|https://")
    assert "💯" not in to_plain_text(made)
    assert written("{{ link(v | e, 'x') }}", v="https://example.com/a:100:b") == "<https://example.com/a:100:b|x>"


def test_markdown_shows_the_emoji_that_gitlab_shows_and_no_others() -> None:
    made = written("{{ v | md }}", v="Done :tada: at 10:100:20 on 2001:db8:100::1 :no_such_emoji:")
    assert to_plain_text(made) == "Done 🎉 at 10:100:20 on 2001:db8:100::1 :no_such_emoji:"
    assert ":tada:" not in made
    assert f":{JOINER}no_such_emoji:" in made


TEMPLATE = """{% extends "message.j2" %}
{% block title %}:x: {{ payload.who }}{% endblock %}
{% block body %}{{ payload.who }}{% endblock %}
{% block fields %}{{ field("Who", payload.who) }}{{ field(payload.who, "x") }}{% endblock %}
{% block context %}{{ payload.who }}{% endblock %}
{% block actions %}{{ button(":x: " ~ payload.who, "https://example.com") }}{% endblock %}
"""


@pytest.mark.parametrize("link_buttons", [False, True])
def test_no_part_of_a_message_draws_a_payloads_emoji(tmp_path: Path, link_buttons: bool) -> None:
    (tmp_path / "one.j2").write_text(TEMPLATE, "utf-8")
    templates = load_templates(tmp_path, {}, link_buttons=link_buttons)
    message = message_of(render(event({"who": WHO}), templates, "one.j2"))
    texts = shown(message).splitlines()
    assert sum(BROKEN in text for text in texts) == 8
    assert WHO not in shown(message)
    html = to_html(message)
    assert (html.count("✅"), html.count("❌"), html.count(WHO)) == (0, 2, 6)
    last = list_at(message.attachments, 0, "blocks")[-1]
    label = text_at(last, "elements", 0, "text", "text") or text_at(last, "text", "text")
    assert f":x: {BROKEN}" in label


def test_a_terminal_and_a_plain_text_show_no_joiner() -> None:
    made = written("{{ v }}", v="2001:db8:100::1 at 10:100")
    assert JOINER in made
    assert to_plain_text(made) == mrkdwn(made).plain == "2001:db8:100::1 at 10:100"


def with_more_text(data: object) -> object:
    """Return the payload with a part of an IPv6 address behind each text."""
    if isinstance(data, dict):
        return {key: with_more_text(value) for key, value in data.items()}
    if isinstance(data, list):
        return [with_more_text(value) for value in data]
    return f"{data} db8:100:1" if isinstance(data, str) else data


@pytest.mark.slow
@for_each(samples().values(), name=lambda sample: sample.name)
def test_no_shipped_template_lets_a_payload_draw_an_emoji(sample: Sample) -> None:
    event = sample_event(sample, sample.provider, SAMPLE_TIME)
    payload = with_more_text(event.payload)
    assert isinstance(payload, dict)
    message = render_again(replace(event, payload=payload), SHIPPED).message
    if message is not None:
        assert "💯" not in to_html(message)
