import pytest

from bridge.messages import Block, Message
from bridge.messages.limits import MAX_BYTES, limit_violations


def mrkdwn(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def button(**changed: object) -> Block:
    return {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://example.com", **changed}


def actions(*buttons: Block) -> Block:
    return {"type": "actions", "elements": list(buttons)}


def test_a_message_that_is_right_has_no_problems() -> None:
    blocks = [
        section("*a* <https://example.com|b> <@U1> <!here> <!subteam^S1> <#C1> <!date^1^{time}|x>"),
        {"type": "divider"},
    ]
    rest = [
        {"type": "section", "fields": [mrkdwn("a")] * 10},
        {"type": "context", "elements": [mrkdwn("a")] * 10},
        actions(*[button(style="danger")] * 25),
    ]
    assert limit_violations(Message("text", blocks, [{"color": "#a1b2c3", "fallback": "f", "blocks": rest}])) == []


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (Message(" "), "text: empty"),
        (Message("x" * 3001), "text: 3001 characters"),
        (Message("😀" * 1501), "text: 3002 characters"),
        (Message("a\x00"), "a control character"),
        (Message("t", [section("x" * 3001)]), "blocks[0].text: 3001"),
        (Message("t", [section("")]), "blocks[0].text: empty"),
        (Message("t", [{"type": "section"}]), "neither text nor fields"),
        (Message("t", [{"type": "section", "text": {"type": "mrkdwn", "text": "a"}}]), "not verbatim"),
        (Message("t", [{"type": "section", "text": {"type": "plain", "text": "a", "verbatim": True}}]), "type 'plain'"),
        (Message("t", [{"type": "section", "fields": [mrkdwn("a")] * 11}]), "11 fields"),
        (Message("t", [{"type": "section", "fields": [mrkdwn("x" * 2001)]}]), "fields[0]: 2001"),
        (Message("t", [{"type": "context", "elements": [mrkdwn("a")] * 11}]), "11 elements"),
        (Message("t", [{"type": "context", "elements": []}]), "0 elements"),
        (Message("t", [actions(*[button()] * 26)]), "26 buttons"),
        (Message("t", [actions(button(url="nope"))]), "url: no address"),
        (Message("t", [actions(button(url="https://e.example/" + "a" * 3000))]), "url: no address"),
        (Message("t", [actions(button(url="javascript:alert(1)"))]), "url: no address"),
        (Message("t", [actions(button(style="loud"))]), "style: 'loud'"),
        (Message("t", [actions(button(text={"type": "plain_text", "text": "x" * 76}))]), "76 characters"),
        (
            Message("t", [actions(button(text={"type": "plain_text", "text": "x", "verbatim": True}))]),
            "verbatim in plain",
        ),
        (Message("t", [{"type": "markdown", "text": "a"}]), "type 'markdown'"),
        (Message("t", [{"type": "divider"}] * 41), "41 blocks"),
        (Message("t", [{"type": "divider"}] * 21, [{"blocks": [{"type": "divider"}] * 20}]), "41 blocks"),
        (Message("t", [], [{"blocks": [section("a")]}] * 21), "21 attachments"),
        (Message("t", [], [{"color": "red", "blocks": [section("a")]}]), "color 'red'"),
        (Message("t", [], [{"color": "good", "blocks": []}]), "no blocks"),
        (Message("t", [], [{"footer": "f", "blocks": [section("a")]}]), "footer beside blocks"),
        (Message("t", [section("€" * 2900)] * 2), f"more than {MAX_BYTES}"),
        (Message("t", [section("<!date^now^{time}|x>")]), "nothing that Slack knows"),
        (Message("t", [section("<javascript:x|y>")]), "nothing that Slack knows"),
        (Message("t", [section("<b>")]), "nothing that Slack knows"),
        (Message("t <!nobody>"), "nothing that Slack knows"),
    ],
)
def test_each_limit_is_measured(message: Message, says: str) -> None:
    assert any(says in str(found) for found in limit_violations(message)), limit_violations(message)
