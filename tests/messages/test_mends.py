"""Errors of Jinja and of what templates call, in the words of whoever writes templates."""

import pytest

from bridge.messages.mends import said


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (
            "TypeError: SlackEnvironment.__init__.<locals>.mention() missing 1 required positional argument: 'name'",
            ("mention() missing 1 required positional argument: 'name'", "docs/templates.md tells what it takes"),
        ),
        (
            "TypeError: button() takes from 2 to 3 positional arguments but 4 were given",
            (
                "button() takes from 2 to 3 positional arguments but 4 were given",
                "docs/templates.md tells what it takes",
            ),
        ),
        (
            "TypeError: 'int' object is not iterable",
            (
                "TypeError: 'int' object is not iterable",
                "ask first what kind of value it is, or let a filter take care of that",
            ),
        ),
    ],
)
def test_a_call_gone_wrong_is_named_as_it_was_written(what: str, expected: tuple[str, str]) -> None:
    assert said(what) == expected
