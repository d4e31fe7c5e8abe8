"""Write log lines in a thread, so that a reader who stalls stops nothing but the log.

A pipe takes 64 KiB; after that whoever writes waits, and with it every webhook. Lines wait in memory instead, up to
MAX_BYTES; further ones are dropped and counted, and a line says how many once the reader goes on.
"""

import io
import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from bridge.core.counters import LOG_LINES_DROPPED, Counters

MAX_BYTES = 4 * 2**20
"""Bytes of lines that wait to be written."""
LAST_WORDS = 2.0
"""Seconds for the lines that are left at the end."""


class BackgroundHandler(logging.Handler):
    """Formats a record at once and writes its line in a thread, by the stream's descriptor.

    Not by the stream itself: Python would wait for its lock at the end, which a thread that hangs in a write holds.
    """

    def __init__(self, descriptor: int, formatter: logging.Formatter | None, on_drop: Callable[[], None]) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._descriptor = descriptor
        self._on_drop = on_drop
        self._lines: deque[bytes] = deque()
        self._size = 0
        """Bytes of the lines, and of the one that is being written."""
        self._dropped = 0
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Format a record and hand its line over, or drop it if too many wait. Called with the handler's lock held."""
        try:
            line = (self.format(record) + "\n").encode("utf-8", "backslashreplace")
        except Exception:  # noqa: BLE001 - logging's own way: a line that cannot be formatted ends nothing
            self.handleError(record)
            return
        with self._changed:
            if self._size and self._size + len(line) > MAX_BYTES:
                self._dropped += 1
                self._on_drop()
                return
            self._size += len(line)
            self._lines.append(line)
            self._changed.notify()

    def end(self, within: float = LAST_WORDS) -> None:
        """Write what waits, for at most so many seconds."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(within)

    def _write_all(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._ending:
                    self._changed.wait()
                if not self._lines:
                    return
                line = self._lines.popleft()
            _write(self._descriptor, line)
            with self._changed:
                self._size -= len(line)
                dropped = 0 if self._lines else self._dropped
                self._dropped -= dropped
            if dropped:
                record = logging.LogRecord(
                    "bridge.core",
                    logging.ERROR,
                    __file__,
                    0,
                    "%s log lines dropped: nobody read them",
                    (dropped,),
                    None,
                )
                self.handle(record)


def _write(descriptor: int, line: bytes) -> None:
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:
        pass  # the reader is gone: there is nobody to tell


@contextmanager
def written_in_background(counters: Counters) -> Iterator[None]:
    """Write the log to stderr in a thread inside the block. What else reads the log is left alone."""
    root = logging.getLogger()
    counters.inc(LOG_LINES_DROPPED, "unread", by=0)  # its place must be there before a thread counts
    pairs: list[tuple[logging.Handler, BackgroundHandler]] = []
    for handler in root.handlers:
        if type(handler) is not logging.StreamHandler or handler.stream is not sys.stderr:
            continue
        with suppress(io.UnsupportedOperation):  # a stream in memory has no descriptor, and no reader that can stall
            descriptor = handler.stream.fileno()
            handler.flush()
            mine = BackgroundHandler(descriptor, handler.formatter, lambda: counters.inc(LOG_LINES_DROPPED, "unread"))
            pairs.append((handler, mine))
    for handler, mine in pairs:
        root.handlers[root.handlers.index(handler)] = mine
    try:
        yield
    finally:
        for handler, mine in pairs:
            root.handlers[root.handlers.index(mine)] = handler
            mine.end()
