"""Tests of batches in one post: in order, each with its facts, link and one detail, within Slack's limits."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core.payload import text_at
from bridge.messages import Block, Message
from bridge.messages.compact import CompactPost, compact_blocks, fingerprint
from bridge.messages.limits import limit_violations, size
from bridge.messages.mrkdwn import escaped
from bridge.messages.normalize import normalize
from bridge.messages.render import render
from bridge.messages.template_blocks import Button, TemplateBlocks
from bridge.messages.templates import read_templates
from bridge.samples import SAMPLE_TIME, Sample, sample_event, samples
from tests.walks import for_each

TEMPLATES = read_templates(None, {})
URL = "https://e.example/7"


def pack_of(slots: TemplateBlocks, url: str = URL) -> str:
    [block] = compact_blocks(normalize(slots, "fallback"), url)
    return text_at(block, "text", "text")


@pytest.mark.parametrize(
    ("slots", "written"),
    [
        (TemplateBlocks(title=f"*Ada* opened <{URL}|!7>"), f"*Ada* opened <{URL}|!7>"),
        (TemplateBlocks(title="*Ada* left"), f"*Ada* left · <{URL}|open>"),
        (
            TemplateBlocks(title=f"<{URL}|!7>", fields=[("Why", "it broke\nbadly"), ("Who", "Ada")], body="more"),
            f"<{URL}|!7>\nWhy: it broke",
        ),
        (TemplateBlocks(title=f"<{URL}|!7>", body="```\ncode\n```\nthen"), f"<{URL}|!7>\ncode"),
        (TemplateBlocks(title=f"<{URL}|!7>", body="> said\nmore"), f"<{URL}|!7>\n> said"),
        (TemplateBlocks(body=f"first <{URL}|x>\nsecond"), f"first <{URL}|x>\nsecond"),
        (TemplateBlocks(title=f"<{URL}|!7>", buttons=[Button("Open", URL)], context="small"), f"<{URL}|!7>"),
    ],
)
def test_the_compact_form_holds_title_link_and_one_detail(slots: TemplateBlocks, written: str) -> None:
    assert pack_of(slots) == written


@pytest.mark.parametrize("length", [100, 1900, 2900])
def test_a_long_url_leaves_the_compact_form_within_slacks_limits(length: int) -> None:
    url = "https://e.example/" + "é" * length
    for title in ("T" * 390, f"T <{url}|x>"):
        blocks = compact_blocks(normalize(TemplateBlocks(title=title, fields=[("Why", "w" * 190)]), "fallback"), url)
        assert limit_violations(Message("x", blocks)) == []


def test_without_an_address_there_is_no_link() -> None:
    assert pack_of(TemplateBlocks(title="*Ada* left"), "") == "*Ada* left"


def test_without_an_address_of_the_event_the_first_button_is_linked() -> None:
    blocks = TemplateBlocks(title="*Ada* left", buttons=[Button("Open", URL), Button("Other", "https://e.example/8")])
    assert pack_of(blocks, "") == f"*Ada* left · <{URL}|open>"


@pytest.mark.thorough
@for_each(samples().values(), name=lambda sample: sample.name)
def test_the_compact_form_of_every_sample_is_short_and_keeps_slacks_limits(sample: Sample) -> None:
    rendered = render(sample_event(sample, sample.provider, SAMPLE_TIME), TEMPLATES)
    if rendered.message is None:
        return
    assert 1 <= len(rendered.compact) <= 3
    assert limit_violations(Message("x", rendered.compact)) == []
    assert len(json.dumps(rendered.compact)) < 2_500
    assert {text_at(block, "type") for block in rendered.compact} == {"section"}


def filled(pack: CompactPost, items: list[tuple[str, tuple[Block, ...]]]) -> int:
    for number, (text, blocks) in enumerate(items):
        if not pack.add(text, blocks):
            return number
    return len(items)


texts = st.text(st.sampled_from("ab <>&*_é😀\n"), min_size=1, max_size=3000)


@pytest.mark.thorough
@settings(max_examples=60)
@given(st.lists(texts, min_size=1, max_size=60), st.text(max_size=60))
def test_a_full_batch_keeps_slacks_limits_and_the_order(titles: list[str], note: str) -> None:
    items = [
        (parts.text, compact_blocks(parts, URL))
        for title in titles
        for parts in [normalize(TemplateBlocks(title=str(escaped(title))), "fallback")]
    ]
    pack = CompactPost()
    taken = filled(pack, items)
    message = pack.message(note.strip())
    assert taken >= 1
    assert list(message.blocks)[-taken:] == [items[n][1][0] for n in range(taken)]
    assert size(message) <= 12_000
    assert [found for found in limit_violations(message) if "control character" not in str(found)] == []


def test_a_batch_is_full_at_forty_blocks() -> None:
    items = [(str(n), compact_blocks(normalize(TemplateBlocks(title=str(n)), "f"), "")) for n in range(60)]
    pack = CompactPost()
    assert filled(pack, items) == 39  # and a note
    assert pack.message().text == "0 … and 38 more"


def test_one_message_alone_is_always_taken() -> None:
    pack = CompactPost()
    assert pack.add("x", ({"type": "section", "text": {"type": "mrkdwn", "text": "x" * 20_000}},))


def test_the_same_message_at_another_time_has_the_same_print_and_another_message_has_not() -> None:
    def made(title: str, at: int, notes: tuple[str, ...] = ()) -> str:
        return fingerprint(normalize(TemplateBlocks(title=title, context=f"<!date^{at}^{{time}}|then>"), "f", notes))

    assert made("a", 1) == made("a", 2)
    assert made("a", 1) != made("b", 1)


def test_the_late_note_does_not_change_the_fingerprint() -> None:
    event = sample_event(samples()["gitlab/push"], "gitlab", SAMPLE_TIME)
    late = render(event, TEMPLATES, notes=["Posted 3 hours late"])
    assert late.message != render(event, TEMPLATES).message
    assert late.fingerprint == render(event, TEMPLATES).fingerprint != ""
