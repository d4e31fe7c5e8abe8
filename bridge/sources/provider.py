"""The provider interface: everything that differs between providers, as one value."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.config.diagnostics import Problem
from bridge.core import large_bodies
from bridge.core.payload import InvalidJsonError, clean, parse_json
from bridge.events import Event, Request
from bridge.sources.errors import Malformed

DEFAULT_URL = "https://bridge.example.com/webhooks/"
CONTENT = "content"
"""The kind of a key that is made from the content alone: ``key(CONTENT, …)``. It lives for ``content_ttl``."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of a 200, in the format that the provider expects."""

    content_type: str
    body: bytes


class Facts(Protocol):
    """The facts of an event that its plain line is made from: an event's own, or those that the store keeps."""

    @property
    def type(self) -> str:
        """The type, in the provider's own words."""

    @property
    def subject(self) -> str:
        """The object of the event."""

    @property
    def name(self) -> str:
        """What its owner calls the thing, or ""."""


@dataclass(frozen=True, slots=True)
class RunState:
    """The state of a run (a pipeline, a job, a deployment), for routes with ``notify = "on_change"``."""

    kind: str
    """The kind of run, in words. Orders of one kind can be compared."""
    group: str
    """Equal for the runs that follow each other, such as the pipelines of one branch."""
    state: str
    """In the provider's word."""
    order: tuple[int, ...]
    """Greater for a later run; () if it is unknown."""
    counts: bool
    """False for a run without a result: unfinished, canceled, skipped."""
    good: bool
    """Whether it is what everybody expects, so that the first one of a group is no news."""


class RequestFor(Protocol):
    """Make the signed request that the provider would send.

    ``body`` is a JSON value, a form as a list of [name, value] pairs, or raw bytes, used unchanged. ``url`` is the
    public URL that is called (Twilio signs it); ``now`` is in Unix seconds.
    """

    def __call__(self, event_type: str, body: object, secret: str, now: float, *, url: str = ...) -> Request: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """All differences between providers, so that no other room asks for a provider's name."""

    name: str
    verify: Callable[[Request, Sequence[str], float], None]
    """(request, live secrets, now in Unix seconds). Raises Unverified, and nothing else."""
    events: Callable[[Request, str, float], list[Event]]
    """(request, source name, now in Unix seconds) -> the request's events, in order. Raises Malformed, and nothing
    else.
    """
    line: Callable[[Facts], str]
    """(facts) -> one plain, generic line, for lists and for the message of a template that fails: never empty, at most
    300 characters. Templates own all other words.
    """
    request_for: RequestFor
    answer: Callable[[str, str | None], Answer]
    """(status word, event id or None) -> the body of the 200."""
    check_secret: Callable[[str], Problem | None]
    """(secret) -> its problem, which does not show the secret; None if it is usable."""
    type_of_sample: Callable[[str], str]
    """(a sample's file name without .json) -> its type; reverts `/` written as `.`."""
    methods: frozenset[str]
    max_body: int
    """Bytes: what the provider says that it sends at most, or where it says nothing, a multiple of what was seen."""
    dedupe_ttl: float
    """Seconds for which a key is remembered: longer than the provider's own retries last."""
    signature_headers: frozenset[str]
    """Lower-case header names. A request with one of them twice is refused, and they are never stored."""
    kept_headers: frozenset[str]
    """Lower-case header names that hold type and key, and are stored with the body. Never a signature or token."""
    content_ttl: float = 300.0
    """Seconds for which a key of the kind ``CONTENT`` is remembered: as long as a copy may come late. A body that says
    the same later (a tag deleted and pushed again) is another event.
    """
    signs_url: bool = False
    """True if the signature covers the public URL, so that it must be configured."""
    run_state: Callable[[Event], RunState | None] = lambda _: None
    """(event) -> the state of the run that it is about; None if it is about something else."""


def plain_line(label: str, words: str, name: str) -> str:
    """Return a provider's plain line: its label, what happened, and the name of the thing."""
    happened = " ".join(f"{label} {words}".split())
    return clean(f"{happened}: {name}" if name else happened, 300)


def key_ttls(provider: Provider, keys: Sequence[str], dedupe_ttl: float) -> tuple[float, ...]:
    """Return the seconds for which each key is remembered. ``dedupe_ttl`` is the source's."""
    of_content = min(provider.content_ttl, dedupe_ttl)
    return tuple(of_content if key.startswith(f"{CONTENT}:") else dedupe_ttl for key in keys)


def json_answer(status: str, event_id: str | None) -> Answer:
    """Return the JSON answer for providers that read only the status code."""
    return Answer("application/json", json.dumps({"status": status, "id": event_id}).encode())


def json_body(request: Request) -> object:
    """Parse the body as JSON.

    Raises Malformed if it is not JSON, or if it would take more memory than a small container has.
    """
    if len(request.body) >= large_bodies.LARGE and large_bodies.memory_of(request.body) > large_bodies.MOST_MEMORY:
        raise Malformed("the body holds too many values")
    try:
        return parse_json(request.body)
    except InvalidJsonError as error:
        raise Malformed(f"the body is not JSON ({error})") from None


def sample_bytes(body: object) -> bytes:
    """Return a sample's JSON value as bytes to sign; bytes stay unchanged."""
    return body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def key(kind: str, *parts: str) -> str:
    """Return a dedupe key: a readable kind and the parts that identify the event.

    A long part, or one with anything but printable ASCII, is replaced by a digest of all parts. So no sender chooses
    the size of a key, and different lists of parts never make the same key.
    """
    if len(parts) == 1 and len(parts[0]) <= 200 and parts[0].isascii() and parts[0].isprintable():
        return f"{kind}:{parts[0]}"
    length_prefixed = "".join([f"{len(part)}:{part}" for part in parts])
    return f"{kind}:sha256:{hashlib.sha256(length_prefixed.encode('utf-8', 'surrogatepass')).hexdigest()}"
