"""Watch the event loop from a thread: whatever holds it is named in the log, with the line where it stands.

While the loop stands still, no webhook is answered, no health page, and no signal. asyncio's debug mode
(https://docs.python.org/3/library/asyncio-dev.html#debug-mode) tells of slow callbacks too, but only once they end,
without their stack, and at a price for each of them.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from bridge.core.counters import LOOP_STALLS, Counters

STILL = 1.0
"""Seconds after which a loop counts as standing still."""
MAX_STACK = 4_000
"""Characters of a stack in the log: its end, where the loop stands."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.service")


class _Watch:
    def __init__(self, counters: Counters, still: float) -> None:
        self._counters = counters
        self._still = still
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._beat_at = time.monotonic()
        self._logged_at = 0.0
        """The beat after which the loop was found standing still."""
        self._ended = threading.Event()

    def beat(self) -> None:
        """Note that the loop runs, and count a stall that has just ended."""
        if self._ended.is_set():
            return
        now = time.monotonic()
        if (seconds := now - self._beat_at) > self._still:
            self._counters.inc(LOOP_STALLS)
            log.warning("event loop stood still", seconds=round(seconds, 1))
        self._beat_at = now
        self._loop.call_later(self._still / 4, self.beat)

    def watch(self) -> None:
        """Log each stall once, while it lasts."""
        while not self._ended.wait(self._still / 4):
            beat_at = self._beat_at
            if self._logged_at != beat_at and time.monotonic() - beat_at > self._still:
                self._logged_at = beat_at
                frame = sys._current_frames().get(self._watched)
                stack = "".join(traceback.format_stack(frame)) if frame else ""
                log.error("event loop stands still", stack=stack[-MAX_STACK:])

    def end(self) -> None:
        self._ended.set()


@contextmanager
def watched_loop(counters: Counters, still: float = STILL) -> Iterator[None]:
    """Watch the running loop inside the block: log and count each time that it stands still for ``still`` seconds."""
    watch = _Watch(counters, still)
    watch.beat()
    thread = threading.Thread(target=watch.watch, name="loop watchdog", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.end()
        thread.join()
