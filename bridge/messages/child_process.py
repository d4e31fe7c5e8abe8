"""A render process as its parent sees it: start it, give it templates and jobs, end it."""

import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bridge.config.diagnostics import Diagnostic
from bridge.core.payload import clean
from bridge.messages.render_limits import RenderLimits
from bridge.messages.render_protocol import (
    ANSWER,
    MAX_ANSWER,
    PREFIX,
    Answer,
    ProtocolError,
    read_answer,
    read_exactly,
    texts_frame,
)
from bridge.messages.templates import Templates

_BOOT = "import sys; sys.path[:] = sys.argv[4:]; from bridge.messages.render_process import main; main()"
_START_SECONDS = 60.0
_KEPT = 2
"""Versions of templates that a process knows: those in force, and those that will replace them."""
_TIME_SIGNALS = (-signal.SIGPROF, -signal.SIGVTALRM)


class ChildProcess:
    """One render process. Raises OSError or ProtocolError once it is gone."""

    def __init__(self, limits: RenderLimits) -> None:
        self.compiling = ""
        """The template that it compiles."""
        self.out_of_time = False
        """Whether it did not answer in time by the clock."""
        self.last_words = ""
        """The end of what it wrote to its standard error, once it was ended."""
        self._limits = limits
        self._versions: tuple[int, ...] = ()
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = _start(theirs.fileno(), limits)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def wait_for_start(self) -> None:
        """Wait until it can work, which takes about a third of a second."""
        self._receive(_START_SECONDS)

    def is_gone(self) -> bool:
        """Return whether the process has ended."""
        return self._process.poll() is not None

    def teach(self, templates: Templates, faults: Mapping[str, Diagnostic]) -> None:
        """Send templates, unless it knows them."""
        if templates.version not in self._versions:
            keep = self._versions[1 - _KEPT :]
            self._socket.sendall(texts_frame(templates.version, keep, templates, faults))
            self._versions = (*keep, templates.version)

    def ask(self, head: bytes, body: bytes) -> Answer:
        """Send a job and wait for its answer."""
        self.compiling = ""
        self._socket.settimeout(self._limits.wall_seconds)
        self._socket.sendall(head)
        if body:
            self._socket.sendall(body)
        while (answer := self._receive(self._limits.wall_seconds)).compiling is not None:
            self.compiling = answer.compiling
        return answer

    def _receive(self, seconds: float) -> Answer:
        self._socket.settimeout(seconds)
        try:
            prefix = read_exactly(self._socket, PREFIX.size)
            if not prefix:
                raise ConnectionResetError("the render process is gone")
            kind, size, body = PREFIX.unpack(prefix)
            if kind != ANSWER or body or size > MAX_ANSWER:
                raise ProtocolError("a frame that is no answer")
            data = read_exactly(self._socket, size)
        except TimeoutError:
            self.out_of_time = True
            raise
        return read_answer(data)

    def end(self) -> int:
        """Kill the process if it lives, and return its status as `subprocess.Popen` does. Any thread may call this."""
        self.kill()
        status = self._process.wait()
        self._socket.close()
        self.last_words = self._read_error()
        return status

    def kill(self) -> None:
        """Kill the process: whoever waits for its answer notices at once."""
        self._process.kill()

    def was_out_of_time(self, status: int) -> bool:
        """Return whether a limit of time ended the process."""
        return self.out_of_time or status in _TIME_SIGNALS

    def _read_error(self) -> str:
        stream = self._process.stderr
        if stream is None or stream.closed:
            return ""
        with stream:
            return clean(stream.read(65_536).decode("utf-8", "replace")[-500:])


def _start(descriptor: int, limits: RenderLimits) -> "subprocess.Popen[bytes]":
    """Start a fresh interpreter that imports what this one can, with an empty environment and no other descriptor.

    A process forked by the service would hold its secrets, and the locks of its threads. https://docs.python.org/3/library/os.html#os.fork
    """
    paths = [str(Path(path).absolute()) for path in sys.path]
    return subprocess.Popen(  # noqa: S603 - no text from outside
        [
            sys.executable,
            "-I",
            "-S",
            "-B",
            "-c",
            _BOOT,
            str(descriptor),
            str(limits.seconds),
            str(limits.memory),
            *paths,
        ],
        pass_fds=(descriptor,),
        env={},
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
