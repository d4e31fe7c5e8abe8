"""What a provider is: all that differs between kinds of senders, as one value."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.core import large_bodies
from bridge.core.payload import InvalidJsonError, parse_json
from bridge.events import Event, Request
from bridge.sources.errors import Malformed

DEFAULT_URL = "https://bridge.example.com/webhooks/"


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 200, shaped as the provider wants it."""

    content_type: str
    body: bytes


class RequestFor(Protocol):
    """Makes the signed request that the provider would send.

    ``body`` is a JSON value, a form as a list of [name, value] pairs, or raw bytes taken as they are.
    ``url`` is the public URL that is called (Twilio signs it); ``now`` is in Unix seconds.
    """

    def __call__(self, event_type: str, body: object, secret: str, now: float, *, url: str = ...) -> Request: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """All that differs between providers, so that no other room asks which one it has."""

    name: str
    verify: Callable[[Request, Sequence[str], float], None]
    """(request, live secrets, now in Unix seconds). Raises Unverified, and nothing else."""
    events: Callable[[Request, str, float], list[Event]]
    """(request, source name, now). The events in the request, in order. Raises Malformed, and nothing else."""
    request_for: RequestFor
    answer: Callable[[str, str | None], Answer]
    """(status word, event id or None) -> the body of the 200."""
    check_secret: Callable[[str], str | None]
    """What is wrong with a secret and the mend, in one line that does not show it; None if it can be used."""
    type_of_sample: Callable[[str], str]
    """The type that a sample's file name (without .json) stands for; undoes `/` written as `.`."""
    methods: frozenset[str]
    max_body: int
    """Bytes."""
    dedupe_ttl: float
    """Seconds for which a key is remembered: longer than the provider retries by itself."""
    signature_headers: frozenset[str]
    """Lower-case names that must not come twice, and are never stored."""
    kept_headers: frozenset[str]
    """Lower-case names that hold type and key, and are stored with the body. Never a signature or token."""
    signs_url: bool = False
    """True where the public URL is part of what is signed, so that it must be configured."""


def json_answer(status: str, event_id: str | None) -> Answer:
    """The answer for providers that read nothing but the status code."""
    return Answer("application/json", json.dumps({"status": status, "id": event_id}).encode())


def json_body(request: Request) -> object:
    """The body as JSON. Raises Malformed, also for one that would take more memory than a small container has."""
    if len(request.body) >= large_bodies.LARGE and large_bodies.memory_of(request.body) > large_bodies.MOST_MEMORY:
        raise Malformed("the body holds more values than anything real does")
    try:
        return parse_json(request.body)
    except InvalidJsonError as error:
        raise Malformed(f"the body is not JSON ({error})") from None


def sample_bytes(body: object) -> bytes:
    """A sample's JSON value as bytes to sign; bytes stay as they are."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def key(kind: str, *parts: str) -> str:
    """A dedupe key: a readable kind and what identifies the event.

    Whatever is long or holds anything but printable ASCII is replaced by a digest of all the parts, so that no sender
    chooses how much a key takes, and no two lists of parts make the same key.
    """
    if len(parts) == 1 and len(parts[0]) <= 200 and parts[0].isascii() and parts[0].isprintable():
        return f"{kind}:{parts[0]}"
    joined = "".join(f"{len(part)}:{part}" for part in parts)
    return f"{kind}:sha256:{hashlib.sha256(joined.encode('utf-8', 'surrogatepass')).hexdigest()}"
