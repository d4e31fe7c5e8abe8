"""Tests of messages within Slack's limits, with any slots. The models of slack_sdk are a second opinion."""

import json
import re
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.models.attachments import BlockAttachment
from slack_sdk.models.blocks import Block

from bridge.core.payload import list_at, text_at
from bridge.messages import Message, layout
from bridge.messages.limits import limit_violations, size
from bridge.messages.links import address, link
from bridge.messages.mrkdwn import escaped, utf16_length
from bridge.messages.normalize import COLORS, normalize, notification
from bridge.messages.template_blocks import Button, TemplateBlocks
from tests.messages.rendering import shown


def full_form(
    slots: TemplateBlocks, fallback: str, notes: Sequence[str] = (), *, link_buttons: bool = False
) -> Message:
    return layout.full_form(normalize(slots, fallback, notes), link_buttons=link_buttons)


def last_block(message: Message) -> object:
    return list_at(message.attachments, 0, "blocks")[-1]


def accepted_by_the_sdk(message: Message) -> None:
    """Raise an error for a block that slack_sdk's models reject."""
    for block in message.blocks:
        parsed = Block.parse(dict(block))
        assert parsed is not None
        parsed.to_dict()
    for attachment in message.attachments:
        blocks = attachment["blocks"]
        assert isinstance(blocks, list)
        parsed_blocks = [parsed for block in blocks if (parsed := Block.parse(dict(block))) is not None]
        assert len(parsed_blocks) == len(blocks)
        BlockAttachment(blocks=parsed_blocks, color=str(attachment["color"])).to_dict()


def test_the_title_is_at_the_top_and_the_rest_behind_a_bar() -> None:
    message = full_form(
        TemplateBlocks(
            title="*Ada* opened <https://example.com/12|!12 Fix>",
            body="Why",
            color="good",
            context="one\n\n two · \n · \n",
            fields=[("Branch", "`x`")],
            buttons=[Button("Open", "https://example.com/12", "primary"), Button("x", "https://example.com", "loud")],
        ),
        "fallback",
        ["Delayed: happened <3 h> ago"],
    )
    assert limit_violations(message) == []
    accepted_by_the_sdk(message)
    assert message.body() == {
        "text": "Ada opened !12 Fix",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "*Ada* opened <https://example.com/12|!12 Fix>",
                    "verbatim": True,
                },
            }
        ],
        "attachments": [
            {
                "color": "good",
                "fallback": "Ada opened !12 Fix",
                "blocks": [
                    {"type": "section", "text": {"type": "mrkdwn", "text": "Why", "verbatim": True}},
                    {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Branch*\n`x`", "verbatim": True}]},
                    {
                        "type": "context",
                        "elements": [
                            {"type": "mrkdwn", "text": "Delayed: happened &lt;3 h&gt; ago", "verbatim": True},
                            {"type": "mrkdwn", "text": "one", "verbatim": True},
                            {"type": "mrkdwn", "text": "two", "verbatim": True},
                        ],
                    },
                    {
                        "type": "section",
                        "text": {
                            "type": "mrkdwn",
                            "text": "<https://example.com/12|Open> · <https://example.com|x>",
                            "verbatim": True,
                        },
                    },
                ],
            }
        ],
    }


def test_link_buttons_are_real_ones_where_they_are_asked_for() -> None:
    buttons = [Button("Open", "https://example.com/12", "primary"), Button("x", "https://example.com", "loud")]
    message = full_form(TemplateBlocks(title="t", buttons=buttons), "f", link_buttons=True)
    assert limit_violations(message) == []
    accepted_by_the_sdk(message)
    assert last_block(message) == {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "Open", "emoji": True},
                "url": "https://example.com/12",
                "style": "primary",
            },
            {
                "type": "button",
                "text": {"type": "plain_text", "text": "x", "emoji": True},
                "url": "https://example.com",
            },
        ],
    }


@pytest.mark.parametrize("link_buttons", [False, True])
def test_a_message_without_buttons_has_no_line_for_them(link_buttons: bool) -> None:
    message = full_form(TemplateBlocks(title="t", body="b"), "f", link_buttons=link_buttons)
    assert [text_at(block, "text", "text") for block in list_at(message.attachments, 0, "blocks")] == ["b"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Open <b> & co", "Open &lt;b&gt; &amp; co"),
        ("*Ada*|~x~ `y`", "∗Ada∗¦∼x∼ ˋyˋ"),
        (" two\nlines ", "two lines"),
        ("@here", "@\u2060here"),
        ("\x00", "Open"),
        ("word " * 30, "word " * 13 + "word…"),
        ("&" * 80, "&amp;" * 14 + "…"),
    ],
)
def test_the_text_of_a_link_is_plain_and_short(text: str, label: str) -> None:
    message = full_form(TemplateBlocks(title="t", buttons=[Button(text, "https://example.com/a?b=1&c=<2>")]), "f")
    assert text_at(last_block(message), "text", "text") == f"<https://example.com/a?b=1&amp;c=%3C2%3E|{label}>"
    assert limit_violations(message) == []


def test_links_that_are_longer_than_a_section_go_on_in_the_next() -> None:
    buttons = [Button(f"Part {n}", f"https://example.com/{'a' * 1300}") for n in range(5)]
    message = full_form(TemplateBlocks(title="t", buttons=buttons), "f")
    lines = [text_at(block, "text", "text") for block in list_at(message.attachments, 0, "blocks")]
    assert [re.findall(r"\|(Part \d)>", line) for line in lines] == [
        ["Part 0", "Part 1"],
        ["Part 2", "Part 3"],
        ["Part 4"],
    ]
    assert limit_violations(message) == []


def test_a_link_that_fits_into_no_section_is_left_out() -> None:
    buttons = [Button("Long", f"https://example.com/{'a' * 2_950}"), Button("Open", "https://example.com")]
    message = full_form(TemplateBlocks(title="t", buttons=buttons), "f")
    assert text_at(last_block(message), "text", "text") == "<https://example.com|Open>"
    assert full_form(TemplateBlocks(title="t", buttons=buttons[:1]), "f").attachments == ()
    assert limit_violations(message) == []


@pytest.mark.parametrize(
    ("written", "color"),
    [
        *COLORS.items(),
        (" Good\n", "good"),
        ("#A1b2C3", "#a1b2c3"),
        ("", "#868686"),
        ("purple", "#868686"),
        ("#12", "#868686"),
    ],
)
def test_colours_are_names_or_hex(written: str, color: str) -> None:
    message = full_form(TemplateBlocks(title="t", body="b", color=written), "f")
    assert [attachment["color"] for attachment in message.attachments] == [color]


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("*bold _both_* `co` ~st~", "bold both co st"),
        ("<https://e.example|a &amp; b> <@U1> <!date^1^{time}|10:00>", "a &amp; b <@U1> 10:00"),
        ("<https://e.example>", "https://e.example"),
        ("snake_case and 2*3*4", "snake_case and 2*3*4"),
        (":x: *€12.50* failed", ":x: €12.50 failed"),
    ],
)
def test_a_notification_is_the_title_without_markup(title: str, text: str) -> None:
    assert notification(title) == text
    assert full_form(TemplateBlocks(title=title), "f").text == text


def test_a_template_may_write_its_own_notification() -> None:
    assert full_form(TemplateBlocks(title="t", text=" spoken\n text "), "f").text == "spoken text"


@pytest.mark.parametrize(
    "slots",
    [
        TemplateBlocks(),
        TemplateBlocks(title=" \n", body="\u200b"),
        TemplateBlocks(body="•\n • \n"),
        TemplateBlocks(context=" · "),
    ],
)
def test_a_message_is_never_empty(slots: TemplateBlocks) -> None:
    message = full_form(slots, "Ada <opened> !12")
    assert message.text == "Ada &lt;opened&gt; !12"
    assert limit_violations(message) == []


def test_a_body_alone_has_no_bar() -> None:
    message = full_form(TemplateBlocks(body="one\ntwo"), "f")
    assert (message.text, len(message.blocks), message.attachments) == ("one", 1, ())


def test_empty_bullets_and_rows_of_blank_lines_are_dropped() -> None:
    message = full_form(TemplateBlocks(body="a\n•\n • \n\n\n\n\n• b\n   \n"), "f")
    assert "a\n\n• b" in shown(message)


def test_long_bodies_go_on_in_further_sections_with_their_code_blocks_closed() -> None:
    body = "```\n" + "a line of code\n" * 500 + "```"
    message = full_form(TemplateBlocks(title="t", body=body), "f")
    assert limit_violations(message) == []
    sections = list_at(message.attachments, 0, "blocks")
    assert len(sections) >= 3
    assert all(text_at(section, "text", "text").count("```") == 2 for section in sections)


def test_an_oversized_message_loses_its_body_first() -> None:
    slots = TemplateBlocks(
        title="*title*",
        body="word " * 50_000,
        fields=[(f"Field {n}", "value " * 30) for n in range(12)],
        context="context",
        buttons=[Button("Open", "https://example.com")],
    )
    message = full_form(slots, "f")
    visible_text = shown(message)
    assert limit_violations(message) == []
    assert size(message) > 11_000
    assert "Field 11" in visible_text
    assert "context" in visible_text
    assert "word…" in visible_text


def test_fields_go_after_the_body_and_the_title_stays() -> None:
    slots = TemplateBlocks(
        title="*title*", body="word " * 5_000, fields=[(f"Field {n}", "€" * 5_000) for n in range(60)]
    )
    message = full_form(slots, "f")
    assert limit_violations(message) == []
    assert "word" not in shown(message)
    assert "Field 0" in shown(message)
    assert "title" in shown(message)


def test_a_label_of_3000_characters_is_shortened_within_its_link() -> None:
    title = f"*Ada* opened <https://example.com/12|{'x' * 3000}> now"
    message = full_form(TemplateBlocks(title=title), "f")
    assert limit_violations(message) == []
    assert re.search(r"<https://example\.com/12\|x{800,}>…", shown(message))


PIECES = st.sampled_from(
    [
        *(
            "<!channel>",
            "<@U1>",
            "@here",
            "*",
            "_",
            "`",
            "```\n",
            "&",
            "<",
            ">",
            "|",
            "•",
            "\n",
            " ",
            "\x00",
            "\u202e",
            "\ud800",
        ),
        *("https://evil.example", "😀" * 40, "é", "word ", "x" * 4000, "\u200b", "&amp;", "&#34;", "· ", "👩‍👩‍👧"),
    ]
)
HOSTILE = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=10)
# Payload text as templates write it: escaped, with links through the helper only.
PROSE = st.lists(
    HOSTILE.map(lambda text: str(escaped(text)))
    | st.tuples(HOSTILE, HOSTILE).map(lambda pair: str(link("https://example.com/" + pair[0], pair[1]))),
    max_size=3,
).map("".join)
BUTTONS = st.builds(
    Button,
    HOSTILE.filter(lambda text: bool(text.strip())),
    HOSTILE.map(lambda text: address("https://example.com/" + text) or "https://example.com/")
    | st.integers(2_600, 2_980).map(lambda length: "https://example.com/" + "a" * length),
    HOSTILE,
)


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        TemplateBlocks,
        title=PROSE,
        body=PROSE,
        color=HOSTILE,
        context=PROSE,
        text=PROSE,
        fields=st.lists(st.tuples(PROSE, PROSE), max_size=4) | st.lists(st.just(("a", "€" * 3000)), max_size=60),
        buttons=st.lists(BUTTONS, max_size=2) | st.lists(st.just(Button("a", "https://example.com/")), max_size=30),
    ),
    HOSTILE,
    st.lists(HOSTILE, max_size=3),
    st.booleans(),
)
def test_no_text_makes_a_message_that_slack_would_reject(
    slots: TemplateBlocks, fallback: str, notes: list[str], link_buttons: bool
) -> None:
    message = full_form(slots, fallback, notes, link_buttons=link_buttons)
    assert limit_violations(message) == []
    accepted_by_the_sdk(message)
    raw = json.dumps(message.body(), ensure_ascii=False)
    assert not any(control in raw for control in ("<!", "<@", "<#"))
    assert all(token.startswith("<https://example.com/") for token in re.findall(r"<[^<>\n]*>", shown(message)))
    assert not re.search(r"@(here|channel|everyone)\b", re.sub(r"<[^|>]*\|", "", shown(message)))
    assert utf16_length(message.text) <= 3000
