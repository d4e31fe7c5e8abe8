"""Limit log lines that clients cause, so that they neither fill the log nor slow the service down."""

from collections.abc import Callable

import structlog

from bridge.core.counters import LOG_LINES_DROPPED, Counters

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.ingest")


class LogThrottle:
    """Allow at most ``most`` lines in a window of ``window`` seconds.

    The first line after a window with more is preceded by a line with the number of those left out.
    """

    def __init__(self, name: str, counters: Counters, now: Callable[[], float], *, most: int, window: float) -> None:
        self._name = name
        self._counters = counters
        self._now = now
        self._most = most
        self._window = window
        self._since = now()
        self._seen = 0

    def allows(self) -> bool:
        """Count one line, and return whether to log it."""
        now = self._now()
        if now - self._since >= self._window:
            if self._seen > self._most:
                log.warning("log lines dropped", log=self._name, lines=self._seen - self._most)
            self._since = now
            self._seen = 0
        self._seen += 1
        if self._seen <= self._most:
            return True
        self._counters.inc(LOG_LINES_DROPPED, self._name)
        return False
