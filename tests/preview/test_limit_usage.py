"""How much of Slack's limits a message uses."""

from bridge.messages import Message
from bridge.messages.limits import size
from bridge.preview.limit_usage import Measure, measures


def test_each_limit_that_a_message_comes_near_to_is_measured() -> None:
    field = {"type": "mrkdwn", "text": "12345"}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.example/"}
    message = Message(
        "told 😀",
        [{"type": "section", "text": {"type": "mrkdwn", "text": "a &amp; b"}}],
        [
            {
                "color": "good",
                "blocks": [
                    {"type": "section", "fields": [field, field, field]},
                    {"type": "context", "elements": [field, field]},
                    {"type": "actions", "elements": [button]},
                ],
            }
        ],
    )
    assert measures(message) == [
        Measure("bytes in all", size(message), 12_000),
        Measure("blocks", 4, 40),
        Measure("notification", 7, 3_000),  # UTF-16 units
        Measure("longest text", 9, 3_000),
        Measure("fields in a section", 3, 10),
        Measure("longest field", 5, 2_000),
        Measure("lines of context", 2, 10),
        Measure("buttons", 1, 25),
        Measure("longest button", 4, 75),
    ]


def test_what_a_message_does_not_have_is_left_out() -> None:
    assert [measure.what for measure in measures(Message("told"))] == ["bytes in all", "notification"]
