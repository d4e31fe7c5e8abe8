"""The reserved source ``bridge``: events of Bridge itself. No request reaches it, and no route sees its events.

Each event is an alert. Its body is a JSON object of facts, written by ``bridge/delivery/alert.py``.
"""

from collections.abc import Mapping, Sequence
from typing import NoReturn

from bridge.config.diagnostics import Problem
from bridge.config.names import RESERVED_SOURCE
from bridge.core.payload import at, clean, map_at, text_at
from bridge.events import Event, Request, new_id
from bridge.sources.errors import Malformed, Unverified
from bridge.sources.provider import Facts, Provider, json_answer, json_body, key, plain_line, sample_bytes

URL = "bridge:alerts"
"""The URL of the stored requests: nobody called one."""
LASTING = frozenset({"channel.stopped", "channel.resumed"})
"""The types that belong to an incident with a beginning, which is part of their key."""


def _verify(_request: Request, _secrets: Sequence[str], _now: float) -> NoReturn:
    raise Unverified("the source is reserved")


def _events(request: Request, source: str, now: float) -> list[Event]:
    """Return the one event of an alert. Raises Malformed if the body is not an alert's."""
    payload = json_body(request)
    channel = clean(text_at(payload, "channel"), 80)
    if not isinstance(payload, Mapping) or not channel:
        raise Malformed("the body is not a JSON object with a channel")
    event_type, told, since = (
        clean(text_at(payload, "type"), 200) or "unknown",
        text_at(payload, "to"),
        at(payload, "since"),
    )
    begun = float(since) if isinstance(since, int | float) and 0 <= since < 253_402_300_800 else None
    return [
        Event(
            id=new_id(now),
            source=source,
            provider=RESERVED_SOURCE,
            type=event_type,
            keys=(key(event_type, channel, told, *([repr(begun)] if event_type in LASTING else [])),),
            payload=payload,
            subject=channel,
            name=channel,
            url=_web_url(text_at(map_at(payload, "event"), "url")),
            actor="",
            occurred_at=begun,
            received_at=now,
            confidential=False,
            test=False,
        )
    ]


def _web_url(text: str) -> str:
    return text if text.startswith(("https://", "http://")) and len(text) <= 2000 else ""


def _line(facts: Facts) -> str:
    return plain_line("Bridge", facts.type.replace(".", " ").replace("_", " "), facts.name)


def request_for(
    event_type: str,  # noqa: ARG001 - the body says its own type
    body: object,
    secret: str,  # noqa: ARG001 - nothing is signed
    now: float,  # noqa: ARG001
    *,
    url: str = URL,
) -> Request:
    """Make the request that is stored for an alert."""
    return Request("POST", url, {}, sample_bytes(body))


def _check_secret(_secret: str) -> Problem:
    return Problem("is the secret of the reserved source", "remove it")


RESERVED = Provider(
    name=RESERVED_SOURCE,
    verify=_verify,
    events=_events,
    line=_line,
    request_for=request_for,
    answer=json_answer,
    check_secret=_check_secret,
    type_of_sample=str,
    methods=frozenset(),
    max_body=64 * 1024,
    dedupe_ttl=3600.0,
    signature_headers=frozenset(),
    kept_headers=frozenset(),
)
"""Not one of ``PROVIDERS``: nobody sends its events."""
