"""Helpers of the tests of Stripe's messages: bodies made from the samples, and the texts of their messages."""

import json
import re
from functools import cache

from bridge.core.payload import at
from bridge.events import Event, Request
from bridge.messages import Rendered
from bridge.messages.templates import Templates, read_templates
from bridge.samples import samples
from bridge.sources.stripe.provider import PROVIDER
from tests.messages.rendering import message_of, render, shown

NOW = 1_795_431_600.0
LINK = re.compile(r"<[^<>|]*\|([^<>]*)>")


@cache
def templates() -> Templates:
    return read_templates(None, {})


def event_of(body: object) -> Event:
    (event,) = PROVIDER.events(
        Request("POST", "https://hooks.example.com", {}, json.dumps(body).encode()), "stripe", NOW
    )
    return event


def rendered(body: object) -> Rendered:
    return render(event_of(body), templates())


def sample(event_type: str) -> dict[str, object]:
    body = json.loads(json.dumps(samples()[f"stripe/{event_type}"].body))
    assert isinstance(body, dict)
    return body


def changed(event_type: str, previous: object = None, /, **fields: object) -> dict[str, object]:
    """Return a sample with changed fields of its object, and their previous values."""
    body = sample(event_type)
    resource = at(body, "data", "object")
    data = body["data"]
    assert isinstance(resource, dict)
    assert isinstance(data, dict)
    resource.update(fields)
    if previous is not None:
        data["previous_attributes"] = previous
    return body


def text_of(body: object) -> str:
    """Return all texts of a message, in lines, with links as their labels."""
    return LINK.sub(r"\1", shown(message_of(rendered(body)))).replace("*", "")


def title(body: object) -> str:
    """Return the first line of a message."""
    return text_of(body).partition("\n")[0]


def posted(body: object) -> str:
    """Return a message as posted, with links."""
    return json.dumps(message_of(rendered(body)).body(), ensure_ascii=False)


def assert_reads_well(result: Rendered) -> None:
    assert result.error is None
    if result.message is None:
        assert result.skip
        return
    lines = shown(result.message)
    for never in ("None", "null", "Undefined", "()", " ,", " :", "{{", "}}", "&#", "**"):
        assert never not in LINK.sub(r"\1", lines), lines
    assert not re.search(r"^\s*•\s*$|→\s*$|:\s*$|^\s*→", lines, re.MULTILINE), lines
    dangling = r" {2}|\bof \.| (from|of|for|to|by|at|on|in|and|was|is|:)( \(test\))?$"
    assert not re.search(dangling, result.message.text), result.message.text
