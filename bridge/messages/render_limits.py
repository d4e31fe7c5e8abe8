"""The limits of a render process: of what it may use, and of what it may touch."""

import os
import resource
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

_SOFT = 0.8
"""Part of the time after which a template is interrupted at its line. What ignores that is killed at the end."""
_DESCRIPTORS = 16


class OutOfTimeError(BaseException):
    """A template took too long. It is no Exception, so that nothing on its way takes it for an ordinary failure."""


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What one job of a render process may use."""

    seconds: float = 1.0
    """CPU time to render one message, or to compile one template. An ordinary one takes less than a hundredth."""
    memory: int = 128 * 2**20
    """Bytes of address space beyond the size with compiled templates and the payload."""

    @property
    def wall_seconds(self) -> float:
        """Time by the clock after which the parent ends the process, whatever it waits for."""
        return 10 * self.seconds


def confine() -> None:
    """Give up, in this process and for good, what rendering does not need.

    The kernel ends it before the service when memory is short, and other processes go first on a busy machine.
    https://man7.org/linux/man-pages/man5/proc_pid_oom_score_adj.5.html
    """
    os.nice(5)
    with suppress(OSError):  # another system than Linux
        Path("/proc/self/oom_score_adj").write_text("1000")
    for limit, most in (
        (resource.RLIMIT_NOFILE, _DESCRIPTORS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))
    # The parent says when to end: a stop renders what is on its way.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGVTALRM, _interrupt)


def limit_time(seconds: float) -> None:
    """Give the CPU time of one job; 0 for none between jobs.

    The first timer interrupts Python code at its line. An operation in C does not notice, so the second timer, whose
    signal has no handler, kills. https://man7.org/linux/man-pages/man2/setitimer.2.html
    """
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds * _SOFT)
    signal.setitimer(signal.ITIMER_PROF, seconds)


def limit_memory(more: int | None) -> None:
    """Limit the address space to today's size and ``more`` bytes; None for no limit."""
    most = resource.RLIM_INFINITY if more is None else _size() + more
    with suppress(OSError, ValueError):  # another system than Linux
        resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))


def _size() -> int:
    return int(Path("/proc/self/statm").read_bytes().split()[0]) * resource.getpagesize()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise OutOfTimeError
