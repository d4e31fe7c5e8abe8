"""Log lines that others cause: enough to see what happens, never so many that they fill the log or slow us."""

from collections.abc import Callable

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.ingest")


class Lines:
    """Says whether the next line may be logged: at most ``most`` in a window of ``window`` seconds.

    With the first line after a window that held more, it says how many were left out.
    """

    def __init__(self, what: str, now: Callable[[], float], *, most: int, window: float) -> None:
        self._what = what
        self._now = now
        self._most = most
        self._window = window
        self._since = now()
        self._seen = 0

    def allows(self) -> bool:
        """Count one line, and say whether to log it."""
        now = self._now()
        if now - self._since >= self._window:
            if self._seen > self._most:
                log.warning(f"more was {self._what} than was logged", unlogged=self._seen - self._most)
            self._since = now
            self._seen = 0
        self._seen += 1
        return self._seen <= self._most
