"""Tests of a message as HTML: it shows what Slack shows, and cannot contain active content."""

from datetime import UTC
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages import Message
from bridge.messages.html import bar_colour, to_html

ALLOWED = {
    "div": {"class", "aria-hidden"},
    "span": {"class"},
    "a": {"class", "href", "target", "rel"},
    "svg": {"class", "aria-hidden"},
    "rect": {"width", "height", "rx", "fill"},
    **{tag: set[str]() for tag in ("b", "i", "s", "p", "br", "hr", "pre", "code", "blockquote")},
}
CLASSES = {
    "slack-message",
    "avatar",
    "content",
    "sender",
    "app",
    "attachment",
    "bar",
    "within",
    "section",
    "fields",
} | {"context", "actions", "header", "button", "plain", "primary", "danger", "mention", "unknown"}
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "&lt;img src=x onerror=alert(1)&gt;",
    '<https://e.example/"onmouseover="alert(1)|x>',
    "<javascript:alert(1)|x>",
    "<https://e.example|<script>x</script>>",
    "```</pre><script>x</script>```",
    "`</code><script>`",
    "<!date^1^{date}\"'|</p><script>>",
    "</textarea></title></style><script>x</script>",
]


class Elements(HTMLParser):
    """Parser that collects every element with its attributes, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def everywhere(text: str) -> Message:
    """Return a message with a text in every possible place."""
    button = {"type": "button", "text": {"type": "plain_text", "text": text}, "url": text, "style": text}
    field = {"type": "mrkdwn", "text": text}
    blocks: list[dict[str, object]] = [
        section(text),
        {"type": "section", "fields": [field, field]},
        {"type": "context", "elements": [field]},
        {"type": "actions", "elements": [button]},
        {"type": "header", "text": {"type": "plain_text", "text": text}},
        {"type": "divider"},
        {"type": text},
    ]
    return Message(text, [section(text)], [{"color": text, "blocks": blocks}])


def harmful(html: str) -> list[tuple[str, dict[str, str | None]]]:
    """Return the elements that are unknown, have unknown attributes or classes, or link with another scheme."""
    return [
        (tag, attributes)
        for tag, attributes in Elements(html).elements
        if tag not in ALLOWED
        or not set(attributes) <= ALLOWED[tag]
        or not (attributes.get("href") or "https://").lower().startswith(("http://", "https://", "mailto:"))
        or not set((attributes.get("class") or "").split()) <= CLASSES
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_only_ever_shown(text: str) -> None:
    assert Elements(to_html(everywhere(text), UTC)).elements != []
    assert harmful(to_html(everywhere(text), UTC)) == []
    assert harmful(to_html(Message(text), UTC)) == []


@pytest.mark.thorough
@settings(max_examples=150)
@given(st.text(st.sampled_from("<>|*_~`&;!@#^{}\"'=/: \nabcsrtip0"), max_size=60))
def test_any_text_makes_only_known_elements(text: str) -> None:
    assert harmful(to_html(everywhere(text), UTC)) == []


def test_the_html_contains_the_text_that_slack_shows() -> None:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.example/x"}
    message = Message(
        "notified",
        [section("*Ada* opened <https://e.example/7|!7>\n> well\n```a\nb```")],
        [{"color": "danger", "blocks": [{"type": "actions", "elements": [button | {"style": "primary"}]}]}],
    )
    html = to_html(message, UTC)
    assert "<p><b>Ada</b> opened " in html
    assert 'href="https://e.example/7" target="_blank" rel="noopener noreferrer nofollow">!7</a>' in html
    assert "<blockquote>well</blockquote><pre>a\nb</pre>" in html
    assert 'fill="#a30200"' in html
    assert '<a class="button primary" href="https://e.example/x"' in html
    assert "notified" not in html  # blocks replace the notification's text


def test_a_message_without_blocks_shows_its_text() -> None:
    assert "<p>just <b>this</b></p>" in to_html(Message("just *this*"))


@pytest.mark.parametrize(
    ("name", "colour"), [("good", "#2eb886"), ("#1264a3", "#1264a3"), ("url(x)", "#dddddd"), ("", "#dddddd")]
)
def test_a_bar_has_a_colour_and_nothing_else(name: str, colour: str) -> None:
    assert bar_colour(name) == colour
