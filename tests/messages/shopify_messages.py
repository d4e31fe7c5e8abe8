"""Helpers of the tests of Shopify's messages: an event of a payload, a sample's body, and a message's texts."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from bridge.events import Event
from bridge.messages.limits import limit_violations
from bridge.messages.templates import Templates, read_templates
from bridge.samples import samples
from bridge.sources.shopify.provider import PROVIDER
from tests.messages.rendering import render

NOW = 1_795_392_000.0
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "shopify"
SAMPLES = [sample for sample in samples().values() if sample.provider == "shopify"]
ADMIN = "https://example.myshopify.com/admin"
ORDER, CUSTOMER = f"{ADMIN}/orders/6120394857712", f"{ADMIN}/customers/7291830465512"


@cache
def templates() -> Templates:
    return read_templates(None, {})


def event_of(event_type: str, payload: object) -> Event:
    return PROVIDER.events(PROVIDER.request_for(event_type, payload, "secret", NOW), "shopify", NOW)[0]


def sample(event_type: str) -> dict[str, object]:
    body = samples()[f"shopify/{event_type}"].body
    assert isinstance(body, dict)
    return body


def written(event_type: str, payload: object) -> str:
    """Return all texts of a message, in order, with links. Check every limit of the message."""
    rendered = render(event_of(event_type, payload), templates())
    assert rendered.error is None
    assert rendered.message is not None
    assert limit_violations(rendered.message) == []
    body = rendered.message.body()
    text = "\n".join(_texts(body))
    assert not re.search(r"\bNone\b|\bnull\b|undefined|\{\{|\{%", text), text
    assert not re.search(r"^\s*•\s*(?:×\s*)?$", text, re.MULTILINE), text
    assert not re.search(r"\*\*|\(\)|:\s*$", text, re.MULTILINE), text
    assert not re.search(r"\b(?:for|of|over|on|to|from|by|and|at) *$", text, re.MULTILINE), text
    return text


def _texts(data: object) -> list[str]:
    if isinstance(data, Mapping):
        return [text for key, value in data.items() if key not in ("type", "color") for text in _texts(value)]
    if isinstance(data, list):
        return [text for value in data for text in _texts(value)]
    return [data] if isinstance(data, str) else []


def title(event_type: str, payload: object) -> str:
    """Return a message's first line as a notification shows it."""
    return written(event_type, payload).splitlines()[0]
