"""How fast one webhook may be posted to: one message a second after a small burst, and not at all during a pause."""

import asyncio

from bridge.core.clock import ROUNDING, Clock

BURST = 3
"""Messages that may go at once after a rest. Slack allows short bursts and does not publish how short they must be.
Slack docs, Rate limits, https://docs.slack.dev/apis/web-api/rate-limits/"""


class RateLimiter:
    """One webhook URL's pace, shared by every lane that posts there.

    The generic cell rate algorithm: ``_due`` is when the next message would be due at an even pace; being ahead of it
    by less than the burst is fine.
    """

    def __init__(self, clock: Clock, per_second: float = 1.0, burst: int = BURST) -> None:
        self.per_second = per_second
        """Messages a second; may be changed at any time."""
        self._clock = clock
        self._ahead = burst - 1
        self._due = clock.monotonic()
        self._paused_until = clock.monotonic()
        self._queue = asyncio.Lock()

    def wait(self) -> float:
        """Seconds until a message may go, 0 if it may now."""
        now = self._clock.monotonic()
        allowed = self._due - self._ahead / self.per_second
        seconds = max(allowed, self._paused_until) - now
        return seconds if seconds > ROUNDING else 0.0

    def ready(self) -> int:
        """How many messages may go at once now."""
        if self.wait() > 0:
            return 0
        spent = max(self._due - self._clock.monotonic(), 0.0) * self.per_second
        return 1 + int(self._ahead - spent + ROUNDING)

    def pause(self, seconds: float) -> None:
        """Let nothing go for ``seconds``, and no burst after it."""
        now = self._clock.monotonic()
        self._paused_until = max(self._paused_until, now + seconds)
        self._due = max(self._due, self._paused_until + self._ahead / self.per_second)

    @property
    def paused(self) -> float:
        """Seconds that are left of a pause, 0 without one."""
        return max(self._paused_until - self._clock.monotonic(), 0.0)

    async def turn(self) -> None:
        """Return once a message may go, and count it. Turns go in the order in which they were asked for."""
        async with self._queue:
            while (seconds := self.wait()) > 0:
                await self._clock.sleep(seconds)
            self._due = max(self._due, self._clock.monotonic()) + 1 / self.per_second
