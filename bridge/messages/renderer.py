"""Render in another process, which is started when it is needed, and anew when it has died."""

import logging
import threading
import time
from dataclasses import replace
from typing import Protocol

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic
from bridge.core.payload import clean
from bridge.messages.child_process import ChildProcess
from bridge.messages.choice import choose
from bridge.messages.compiling import compile_error
from bridge.messages.message import Rendered
from bridge.messages.render import fallback, render
from bridge.messages.render_limits import RenderLimits
from bridge.messages.render_protocol import Answer, Limit, ProtocolError, RenderJob, compile_frame, render_frame
from bridge.messages.template_errors import NEEDS_TOO_MUCH_MEMORY, TOOK_TOO_LONG
from bridge.messages.templates import Templates
from bridge.sources.stored_event import with_payload

_TRIES = 3
"""Processes for one job, while each is ended by something else than a limit, such as the system short of memory."""
_VERSIONS = 4
"""Versions of templates whose faults are remembered."""

log = logging.getLogger("bridge.messages")


class RendererClosedError(Exception):
    """The renderer was closed: what it had to do is done after the next start."""


class Renderer(Protocol):
    """Renders and compiles: in another process, or in this one."""

    def render(self, job: RenderJob, templates: Templates) -> Rendered:
        """Render a message. Raises only RendererClosedError."""
        ...

    def compile_error(self, templates: Templates, name: str) -> Diagnostic | None:
        """Compile a template; return the error if that fails. Raises only RendererClosedError."""
        ...

    def close(self) -> None:
        """End what was started, at once. Any thread may call this."""
        ...


class LocalRenderer:
    """Renders in this process, without limits: for debuggers."""

    def render(self, job: RenderJob, templates: Templates) -> Rendered:
        """Render a message."""
        if job.fault:
            return marked(job, templates)
        event = with_payload(job.event, job.request, job.part) if job.request else job.event
        return render(event, templates, job.template, notes=job.notes, reads=job.reads)

    def compile_error(self, templates: Templates, name: str) -> Diagnostic | None:
        """Compile a template; return the error if that fails."""
        return compile_error(templates, name)

    def close(self) -> None:
        """Do nothing."""


class ProcessRenderer:
    """Renders in a process of its own. Its methods may be called by any thread, and do one job at a time."""

    def __init__(self, limits: RenderLimits | None = None) -> None:
        self._limits = limits or RenderLimits()
        self._lock = threading.Lock()
        self._child: ChildProcess | None = None
        self._faults: dict[int, dict[str, Diagnostic]] = {}
        """Templates that cannot be compiled within the limits, by version: no other process tries again."""
        self._closed = threading.Event()

    @property
    def pid(self) -> int | None:
        """The id of the process, if there is one."""
        child = self._child
        return child.pid if child else None

    def render(self, job: RenderJob, templates: Templates) -> Rendered:
        """Render a message. If a limit ends the process, return the fallback. Raises only RendererClosedError."""
        if job.fault:
            return marked(job, templates)
        name = job.template or choose(job.event, templates)
        answer = self._ask(templates, name, *render_frame(templates.version, job))
        for line in answer.logged:
            log.error("%s", clean(line))
        if answer.rendered:
            return replace(answer.rendered, killed=bool(answer.limit))
        error = answer.error or _diagnostic(templates, name, "died")
        return replace(fallback(job.event, name, error, job.notes), killed=True)

    def compile_error(self, templates: Templates, name: str) -> Diagnostic | None:
        """Compile a template; return the error if that fails. Raises only RendererClosedError."""
        fault = self._faults.get(templates.version, {}).get(name)
        return fault or self._ask(templates, name, compile_frame(templates.version, name)).error

    def close(self) -> None:
        """End the process at once. Any thread may call this."""
        self._closed.set()
        if child := self._child:
            child.kill()  # whoever waits for it takes it away
        with self._lock:
            self._end_child()

    def _ask(self, templates: Templates, name: str, head: bytes, body: bytes = b"") -> Answer:
        with self._lock:
            blamed = ""
            for number in range(_TRIES):
                time.sleep(0.3 * number)
                try:
                    child = self._started()
                    child.teach(templates, self._faults.get(templates.version, {}))
                    answer = child.ask(head, body)
                except (OSError, ProtocolError) as failure:
                    blamed = self._child.compiling if self._child else ""
                    if limit := self._died(failure):
                        return self._cut_off(templates, blamed, name, Answer(limit=limit))
                    continue
                if not answer.limit:
                    return answer
                blamed = child.compiling
                self._end_child()
                return self._cut_off(templates, blamed, name, answer)
            return self._cut_off(templates, blamed, name, Answer(limit="died"))

    def _started(self) -> ChildProcess:
        if self._child and self._child.is_gone():
            self._end_child()
        if self._closed.is_set():
            raise RendererClosedError
        if self._child is None:
            self._child = ChildProcess(self._limits)
            if self._closed.is_set():
                self._child.kill()
            self._child.wait_for_start()
        return self._child

    def _died(self, failure: Exception) -> Limit:
        """Take the process away; return the limit that ended it, "" if it was something else."""
        child = self._child
        status = self._end_child()
        if self._closed.is_set():
            raise RendererClosedError from None
        if child and child.was_out_of_time(status):
            return "time"
        log.warning(
            "render process ended, another is started: status %s, %s %s",
            status,
            failure,
            child.last_words if child else "",
        )
        return ""

    def _end_child(self) -> int:
        child, self._child = self._child, None
        return child.end() if child else 0

    def _cut_off(self, templates: Templates, compiling: str, name: str, answer: Answer) -> Answer:
        """Return the answer with its error; remember a template that cannot be compiled."""
        if not compiling:
            return (
                answer
                if answer.error or answer.rendered
                else replace(answer, error=_diagnostic(templates, name, answer.limit))
            )
        error = _diagnostic(templates, compiling, answer.limit)
        self._faults = {version: self._faults[version] for version in [*self._faults][-_VERSIONS:]}
        self._faults.setdefault(templates.version, {})[compiling] = error
        return Answer(error=error, limit=answer.limit)


def marked(job: RenderJob, templates: Templates) -> Rendered:
    """Return the fallback of a job whose rendering was ended by force before."""
    name = job.template or choose(job.event, templates)
    error = templates.diagnostic(name, None, Code.RENDERING_ENDED, job.fault, _HINT)
    return fallback(job.event, name, error, job.notes)


_HINT = "correct the template, and try it with `bridge render`"
_REASONS = {
    "time": (Code.TIME_LIMIT_EXCEEDED, TOOK_TOO_LONG),
    "memory": (Code.MEMORY_LIMIT_EXCEEDED, NEEDS_TOO_MUCH_MEMORY),
    "died": (Code.RENDERING_ENDED, "the process that renders ended each time"),
}


def _diagnostic(templates: Templates, name: str, limit: str) -> Diagnostic:
    code, message = _REASONS[limit]
    return templates.diagnostic(name, None, code, message, _HINT)
