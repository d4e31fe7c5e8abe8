"""Limit the rate of one webhook: one message a second after a small burst, none during a pause."""

import asyncio

from bridge.core.clock import ROUNDING, Clock, sleep_unless

BURST = 3
"""Messages at once after a rest. Slack allows short bursts and does not publish their size.
Slack docs, Rate limits, https://docs.slack.dev/apis/web-api/rate-limits/"""


class RateLimiter:
    """Rate limit of one webhook URL, shared by all workers with this URL.

    The generic cell rate algorithm: ``_arrival`` is the time of the next message at an even rate. A message may be
    early by less than the burst.
    """

    def __init__(self, clock: Clock, per_second: float = 1.0, burst: int = BURST) -> None:
        self._per_second = per_second
        self._changed = asyncio.Event()
        self._clock = clock
        self._tolerance = burst - 1
        self._arrival = clock.monotonic()
        self._paused_until = clock.monotonic()
        self._queue = asyncio.Lock()

    @property
    def per_second(self) -> float:
        """Messages a second. Another rate counts at once, also for the messages that were sent before."""
        return self._per_second

    @per_second.setter
    def per_second(self, per_second: float) -> None:
        if per_second == self._per_second:
            return
        now = self._clock.monotonic()
        start = max(now, self._paused_until)
        self._arrival = start + (self._arrival - start) * self._per_second / per_second
        self._per_second = per_second
        self._changed.set()

    def wait(self) -> float:
        """Return the seconds until a message may be sent, 0 for now."""
        now = self._clock.monotonic()
        earliest = self._arrival - self._tolerance / self.per_second
        seconds = max(earliest, self._paused_until) - now
        return seconds if seconds > ROUNDING else 0.0

    def ready(self) -> int:
        """Return the number of messages that may be sent at once now."""
        if self.wait() > 0:
            return 0
        spent = max(self._arrival - self._clock.monotonic(), 0.0) * self.per_second
        return 1 + int(self._tolerance - spent + ROUNDING)

    def pause(self, seconds: float) -> None:
        """Block for ``seconds``, and allow no burst afterwards."""
        now = self._clock.monotonic()
        self._paused_until = max(self._paused_until, now + seconds)
        self._arrival = max(self._arrival, self._paused_until + self._tolerance / self.per_second)
        self._changed.set()

    @property
    def paused(self) -> float:
        """Seconds left of a pause, 0 without one."""
        return max(self._paused_until - self._clock.monotonic(), 0.0)

    async def acquire(self) -> bool:
        """Wait until a message may be sent, and count it. Callers are served in their order.

        Return False at once in a pause, and count nothing: until its end the message may have become another one.
        """
        async with self._queue:
            while (seconds := self.wait()) > 0:
                if self.paused:
                    return False
                self._changed.clear()
                await sleep_unless(self._clock, seconds, self._changed)
            self._arrival = max(self._arrival, self._clock.monotonic()) + 1 / self.per_second
            return True
