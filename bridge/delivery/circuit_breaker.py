"""Circuit breaker of a channel: hold its deliveries while Slack is unavailable or the destination is gone."""

import asyncio

import structlog

from bridge.config.names import channel_variable
from bridge.core.clock import ROUNDING, sleep_unless
from bridge.core.states import OutcomeKind, WorkerState
from bridge.delivery.outcome import Outcome
from bridge.delivery.worker_deps import RUNNING, WorkerDeps, WorkerStatus, back_off

PROBE_EVERY = 300.0
"""Seconds between two probes of a destination that is gone."""
FAILURES = 3
"""Failures in a row before a probe finds out: is Slack down, or is the message at fault?"""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class CircuitBreaker:
    """Circuit breaker of one channel. Its coroutines return when the worker may try again."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self.status = RUNNING
        self._channel = channel
        self._deps = deps
        self._reported: WorkerState | None = None
        """The state that was reported last."""
        self._reconfigured = asyncio.Event()

    def configuration_changed(self) -> None:
        """End a sleep that belongs to an old URL of the channel."""
        self._reconfigured.set()

    def is_current(self, url: str) -> bool:
        """Return whether the channel still has this URL."""
        return self._deps.url_of(self._channel) == url

    def record_success(self) -> None:
        """Close the breaker: Slack accepted a post, or answered a probe as a living webhook does."""
        self._change_to(RUNNING)

    async def sleep(self, seconds: float, url: str) -> None:
        """Sleep, but no longer than the channel has this URL."""
        clock = self._deps.clock
        until = clock.monotonic() + seconds
        while self.is_current(url) and (left := until - clock.monotonic()) > ROUNDING:
            self._reconfigured.clear()
            await sleep_unless(clock, left, self._reconfigured)

    def pause(self, url: str, outcome: Outcome) -> None:
        """Pause the URL for the time that Slack asked for."""
        seconds = outcome.retry_after + self._deps.random() / 2
        self._deps.limiter_of(url).pause(seconds)
        log.warning("rate limited", channel=self._channel, seconds=round(seconds, 1))

    async def probe(self, url: str) -> Outcome:
        """Send an empty post in its turn, and return the outcome."""
        await self._deps.limiter_of(url).acquire()
        return await self._deps.poster.probe(url)

    async def wait_until_available(self, url: str, answer: Outcome) -> None:
        """Probe until Slack answers again, without a limit."""
        log.error("slack unavailable", channel=self._channel, **log_fields(answer))
        tries = FAILURES
        while not answer.webhook_alive and self.is_current(url):
            self._change_to(WorkerStatus(WorkerState.UNAVAILABLE, answer.answer))
            await self.sleep(max(back_off(self._deps.random, tries), answer.retry_after), url)
            tries += 1
            if self.is_current(url):
                answer = await self.probe(url)
            if answer.kind == OutcomeKind.DESTINATION_GONE:
                await self.wait_until_reopened(url, answer)
                return
        self._resume()

    async def wait_until_reopened(self, url: str, answer: Outcome) -> None:
        """Hold all deliveries until a probe succeeds or the channel has another URL."""
        log.error(
            "channel stopped",
            channel=self._channel,
            **log_fields(answer),
            hint=f"create a new incoming webhook in Slack and set {channel_variable(self._channel)} to its URL",
        )
        while not answer.webhook_alive and self.is_current(url):
            if answer.kind == OutcomeKind.DESTINATION_GONE:
                self._change_to(WorkerStatus(WorkerState.STOPPED, answer.answer))
            await self.sleep(PROBE_EVERY, url)
            if self.is_current(url):
                answer = await self.probe(url)
        self._resume()

    def _resume(self) -> None:
        # A new URL may be no better: the state is reported once Slack accepts a post.
        self.status = RUNNING
        log.warning("channel resumed", channel=self._channel)

    def _change_to(self, status: WorkerStatus) -> None:
        self.status = status
        if status.state != self._reported:
            self._reported = status.state
            self._deps.record_status(self._channel, status)


def log_fields(outcome: Outcome) -> dict[str, object]:
    """Return an outcome as fields of a log line."""
    return {"status": outcome.status, "answer": outcome.answer}


def describe(outcome: Outcome) -> str:
    """Return an outcome in a few words."""
    return " ".join(part for part in (str(outcome.status or ""), outcome.answer) if part)
