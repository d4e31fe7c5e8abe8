"""Tests of the share of Slack's limits that a message uses."""

from bridge.messages import Message
from bridge.messages.limits import size
from bridge.preview.limit_usage import LimitUsage, limit_usage


def test_each_limit_that_a_message_comes_near_to_is_measured() -> None:
    field = {"type": "mrkdwn", "text": "12345"}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://e.example/"}
    message = Message(
        "text 😀",
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
    assert limit_usage(message) == [
        LimitUsage("bytes in all", size(message), 12_000),
        LimitUsage("blocks", 4, 40),
        LimitUsage("notification", 7, 3_000),  # UTF-16 units
        LimitUsage("longest text", 9, 3_000),
        LimitUsage("fields in a section", 3, 10),
        LimitUsage("longest field", 5, 2_000),
        LimitUsage("lines of context", 2, 10),
        LimitUsage("buttons", 1, 25),
        LimitUsage("longest button", 4, 75),
    ]


def test_parts_missing_from_a_message_are_left_out() -> None:
    assert [usage.name for usage in limit_usage(Message("text"))] == ["bytes in all", "notification"]
