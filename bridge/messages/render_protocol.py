"""The frames between Bridge and a render process: jobs with raw bodies go in, only JSON of a known shape comes out.

The process runs templates, so nothing that it sends is unpickled, and a frame that is too long or of another shape ends
it. A frame is its kind, the lengths of its head and its body, the head as JSON, and the body as it is.
"""

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal

import msgspec

from bridge.config.diagnostics import Diagnostic
from bridge.core.payload import parse_json
from bridge.events import Event, Request
from bridge.messages.loader import Compiling
from bridge.messages.message import Rendered
from bridge.messages.templates import Templates, templates_of_texts
from bridge.messages.words import WordFile

PREFIX = struct.Struct("!cII")
TEXTS, RENDER, COMPILE, ANSWER = b"t", b"r", b"c", b"a"
"""The kinds of frames."""
MAX_ANSWER = 4 * 2**20
"""Bytes of an answer: a message has at most 12,000, and the paths that a template read are for `check` alone."""


class ProtocolError(Exception):
    """A render process sent something else than an answer."""


@dataclass(frozen=True, slots=True)
class RenderJob:
    """One message to render. Without a payload in ``event``, it is made from the request as it arrived."""

    event: Event
    template: str | None = None
    """None for the most specific one."""
    notes: tuple[str, ...] = ()
    channel: str = ""
    """Whose turn it is: channels take turns."""
    request: Request | None = None
    part: int = 0
    """The event's position among those of the request."""
    fault: str = ""
    """Why the template is not run again: the error of a rendering that was ended by force."""
    reads: bool = False
    """Whether the paths that the template read are wanted."""


@dataclass(frozen=True, slots=True)
class TextsHead:
    """Templates as texts. ``version`` is their name from now on; all others but ``keep`` are forgotten."""

    version: int
    keep: tuple[int, ...]
    sources: Mapping[str, str]
    errors: Mapping[str, Diagnostic]
    packaged: tuple[str, ...]
    words: Mapping[str, WordFile]
    people: Mapping[str, str]
    link_buttons: bool

    def templates(self, compiling: Compiling) -> Templates:
        """Return the templates. ``compiling`` is entered with the name of each that is compiled."""
        return templates_of_texts(
            self.sources,
            self.errors,
            frozenset(self.packaged),
            self.words,
            self.people,
            link_buttons=self.link_buttons,
            compiling=compiling,
        )


@dataclass(frozen=True, slots=True)
class RenderHead:
    """A job. The body is that of the request, or the payload as JSON."""

    version: int
    event: Event
    template: str | None
    notes: tuple[str, ...]
    part: int
    reads: bool
    method: str = ""
    """"" if the body is the payload."""
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompileHead:
    """One template to compile."""

    version: int
    name: str


Head = TextsHead | RenderHead | CompileHead
Limit = Literal["", "time", "memory", "died"]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one job; or, while a template is compiled, its name."""

    rendered: Rendered | None = None
    error: Diagnostic | None = None
    """Why a template cannot be compiled."""
    limit: Limit = ""
    """The limit that ended the job. The process ends too."""
    compiling: str | None = None
    """The template that is compiled from now on; "" once that is done. The answer is still to come."""
    logged: tuple[str, ...] = ()
    """Lines for the log: a payload could not be made."""


def texts_frame(version: int, keep: tuple[int, ...], templates: Templates, faults: Mapping[str, Diagnostic]) -> bytes:
    """Return the frame that makes templates known. ``faults`` are errors of templates that must not be compiled."""
    environment = templates.environment
    head = TextsHead(
        version,
        keep,
        dict(templates.sources),
        {**templates.errors, **faults},
        tuple(templates.packaged),
        {name: WordFile(dict(one.packaged), dict(one.own), one.own_text) for name, one in templates.words.items()},
        dict(environment.people),
        environment.link_buttons,
    )
    return _frame(TEXTS, _encode(head))


def render_frame(version: int, job: RenderJob) -> tuple[bytes, bytes]:
    """Return the frame of a job, in two parts: the second is the body, which is not copied."""
    facts = replace(job.event, payload={})
    head = RenderHead(version, facts, job.template, job.notes, job.part, job.reads)
    if job.request is None or job.event.payload:
        # The standard library, since msgspec would write an infinite number as null.
        payload = json.dumps(job.event.payload, default=dict).encode()
        return _frame(RENDER, _encode(head), len(payload)), payload
    request = job.request
    head = replace(head, method=request.method, url=request.url, headers=dict(request.headers.items()))
    return _frame(RENDER, _encode(head), len(request.body)), request.body


def compile_frame(version: int, name: str) -> bytes:
    """Return the frame that asks to compile one template."""
    return _frame(COMPILE, _encode(CompileHead(version, name)))


def answer_frame(answer: Answer) -> bytes:
    """Return the frame of an answer. One that would be refused loses the paths that were read."""
    data = _encode(answer)
    if len(data) > MAX_ANSWER and answer.rendered:
        data = _encode(replace(answer, rendered=replace(answer.rendered, missing=(), found=(), undefined=())))
    return _frame(ANSWER, data)


def read_exactly(stream: socket.socket, size: int) -> bytes:
    """Return this many bytes; none if the other side is gone."""
    data = stream.recv(size, socket.MSG_WAITALL) if size else b""
    if 0 < len(data) < size:  # cut short by a signal, or by the end
        received = bytearray(data)
        while len(received) < size and (more := stream.recv(size - len(received))):
            received += more
        data = bytes(received)
    return data if len(data) == size else b""


def read_job(kind: bytes, head: bytes) -> Head:
    """Read the head of a job."""
    data = parse_json(head)
    if kind == RENDER:
        return msgspec.convert(data, RenderHead)
    return msgspec.convert(data, TextsHead) if kind == TEXTS else msgspec.convert(data, CompileHead)


def read_answer(data: bytes) -> Answer:
    """Read an answer. Raises ProtocolError."""
    try:
        return _answers().decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError(f"an answer of another shape: {type(error).__name__}") from None


@cache
def _answers() -> "msgspec.json.Decoder[Answer]":
    return msgspec.json.Decoder(Answer)


def _frame(kind: bytes, head: bytes, body: int = 0) -> bytes:
    return PREFIX.pack(kind, len(head), body) + head


def _encode(value: object) -> bytes:
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except ValueError:  # a lone surrogate
        return json.dumps(msgspec.to_builtins(value, enc_hook=_plain)).encode()


def _plain(value: object) -> str:
    """Return markup as text. Raises NotImplementedError for what has no JSON, as msgspec asks of its hooks."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError
