"""What is logged of requests that were turned away: enough to see why, never so much that a stranger fills the log."""

from collections.abc import Callable

import structlog

LINES = 20
"""Lines logged in one window; the rest are only counted."""
WINDOW = 60.0
"""Seconds."""

log = structlog.get_logger("bridge.ingest")


class Rejections:
    """Logs the first lines of every window, and says how many it left out."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = now()
        self._lines = 0
        self.total = 0

    def note(self, status: int, source: str, reason: str, remote: str) -> None:
        """One request was answered with ``status``. ``reason`` holds no secret and nothing of the request's body."""
        self.total += 1
        if self._now() - self._since >= WINDOW:
            if self._lines > LINES:
                log.warning("more requests were turned away than were logged", unlogged=self._lines - LINES)
            self._since = self._now()
            self._lines = 0
        self._lines += 1
        if self._lines <= LINES:
            log.warning("request turned away", status=status, source=source, reason=reason, remote=remote)
