"""The process that renders: it compiles and runs templates under hard limits, and holds no secret.

It is started by ``renderer.py`` as a fresh interpreter with an empty environment and no descriptor but its socket.
"""

import gc
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.core.large_bodies import LARGE, return_freed_memory
from bridge.core.payload import parse_json
from bridge.events import Event, Request
from bridge.messages.choice import choose
from bridge.messages.compiling import compile_error
from bridge.messages.render import render
from bridge.messages.render_limits import OutOfTimeError, RenderLimits, confine, limit_memory, limit_time
from bridge.messages.render_protocol import (
    PREFIX,
    Answer,
    CompileHead,
    Limit,
    RenderHead,
    TextsHead,
    answer_frame,
    read_exactly,
    read_job,
)
from bridge.messages.template_errors import error_of
from bridge.messages.templates import Templates
from bridge.sources.stored_event import with_payload

_MOST_LINES = 20
"""Lines of the log that one job may write."""


class RenderProcess:
    """This process: the templates that it knows, and the socket to its parent."""

    def __init__(self, parent: socket.socket, limits: RenderLimits) -> None:
        self._parent = parent
        self._limits = limits
        self._templates: dict[int, Templates] = {}
        self._current = ""
        """The template that the job is about."""
        self.logged = _Lines()

    def run(self) -> None:
        """Do one job after the other, until the parent is gone or a job exceeds a limit."""
        limit_memory(self._limits.memory)
        self._parent.sendall(answer_frame(Answer()))  # it waits for the start, which has no limit
        while prefix := read_exactly(self._parent, PREFIX.size):
            kind, head_size, body_size = PREFIX.unpack(prefix)
            head = read_job(kind, read_exactly(self._parent, head_size))
            if isinstance(head, TextsHead):
                self._learn(head)
                continue
            if body_size >= LARGE:
                limit_memory(None)
            answer = self._answer(head, read_exactly(self._parent, body_size))
            self._parent.sendall(answer_frame(answer))
            if answer.limit:
                return
            if body_size >= LARGE:
                gc.collect()
                limit_memory(self._limits.memory)

    def _learn(self, head: TextsHead) -> None:
        self._templates = {one: known for one, known in self._templates.items() if one in head.keep}
        self._templates[head.version] = head.templates(self._compiling)

    def _answer(self, head: RenderHead | CompileHead, body: bytes) -> Answer:
        templates = self._templates[head.version]
        try:
            return self._done(head, body, templates)
        except OutOfTimeError as failure:
            return Answer(error=error_of(failure, self._current, templates), limit="time")
        except MemoryError as failure:
            limit_memory(None)
            return Answer(error=error_of(failure, self._current, templates), limit="memory")
        finally:
            limit_time(0)

    def _done(self, head: RenderHead | CompileHead, body: bytes, templates: Templates) -> Answer:
        if isinstance(head, CompileHead):
            self._current = head.name
            error = compile_error(templates, head.name)
            return Answer(error=error, limit=_limit_of(error))
        event = _event(head, body)
        self._current = head.template or choose(event, templates)
        if len(body) >= LARGE:
            limit_memory(self._limits.memory)
        limit_time(self._limits.seconds)
        rendered = render(event, templates, head.template, notes=head.notes, reads=head.reads)
        limit_time(0)
        return Answer(rendered, limit=_limit_of(rendered.error), logged=self.logged.taken())

    @contextmanager
    def _compiling(self, name: str) -> Iterator[None]:
        """Compile a template in a time of its own, and let the parent know which one it is."""
        rendered, self._current = self._current, name
        self._parent.sendall(answer_frame(Answer(compiling=name)))
        limit_time(self._limits.seconds)
        try:
            yield
        except Exception:
            self._compiled(rendered)
            raise
        self._compiled(rendered)

    def _compiled(self, rendered: str) -> None:
        self._current = rendered
        limit_memory(self._limits.memory)
        self._parent.sendall(answer_frame(Answer(compiling="")))
        limit_time(self._limits.seconds)


def _limit_of(error: Diagnostic | None) -> Limit:
    # After a MemoryError, memory is in pieces: the next message begins in a new process.
    return "memory" if error and error.code is Code.MEMORY_LIMIT_EXCEEDED else ""


def _event(head: RenderHead, body: bytes) -> Event:
    """Return the event with its payload."""
    if head.method:
        return with_payload(head.event, Request(head.method, head.url, head.headers, body), head.part)
    payload = parse_json(body)
    return replace(head.event, payload=payload if isinstance(payload, dict) else {})


class _Lines(logging.Handler):
    """Keeps lines of the log for the parent."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line."""
        if len(self._lines) < _MOST_LINES:
            self._lines.append(record.getMessage()[:1000])

    def taken(self) -> tuple[str, ...]:
        """Return the lines since the last call."""
        lines, self._lines = tuple(self._lines), []
        return lines


def main() -> None:
    """Run a render process. Its arguments are the descriptor of its socket, seconds and bytes."""
    descriptor, seconds, memory = sys.argv[1:4]
    os.closerange(0, 2)
    process = RenderProcess(socket.socket(fileno=int(descriptor)), RenderLimits(float(seconds), int(memory)))
    logging.getLogger("bridge").addHandler(process.logged)
    logging.getLogger("bridge").propagate = False
    return_freed_memory()
    gc.collect()
    gc.freeze()
    confine()
    process.run()
