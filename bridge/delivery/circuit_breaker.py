"""How a lane stands with its destination: it runs, it rests, it finds Slack away, or its destination is closed."""

import asyncio

import structlog

from bridge.core.clock import ROUNDING, sleep_unless
from bridge.delivery.outcome import Outcome
from bridge.delivery.worker_deps import RUNNING, WorkerDeps, WorkerState, back_off

PROBE_EVERY = 300.0
"""Seconds between two probes of a dead destination."""
FAILURES = 3
"""Failures in a row after which the lane asks whether Slack or the message is in trouble."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class CircuitBreaker:
    """One lane's. Its coroutines return once the lane may try again."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self.state = RUNNING
        self._channel = channel
        self._deps = deps
        self._noticed = ""
        """The name of the state that was told last; none at first."""
        self._reconfigured = asyncio.Event()

    def configuration_changed(self) -> None:
        """The channel may have another URL: whoever rests because of the old one looks at it."""
        self._reconfigured.set()

    def serves(self, url: str) -> bool:
        """Whether the channel still has this URL."""
        return self._deps.url_of(self._channel) == url

    def runs(self) -> None:
        """Slack took something, or answered a probe as a living destination does."""
        self._be(RUNNING)

    async def rest(self, seconds: float, url: str) -> None:
        """Sleep; not longer than the channel has this URL."""
        clock = self._deps.clock
        until = clock.monotonic() + seconds
        while self.serves(url) and (left := until - clock.monotonic()) > ROUNDING:
            self._reconfigured.clear()
            await sleep_unless(clock, left, self._reconfigured)

    def pause(self, url: str, outcome: Outcome) -> None:
        """Slack asks to wait: nothing goes to this URL until then."""
        seconds = outcome.retry_after + self._deps.random() / 2
        self._deps.limiter_of(url).pause(seconds)
        log.warning("Slack asks to wait", channel=self._channel, seconds=round(seconds, 1))

    async def probe(self, url: str) -> Outcome:
        """Ask with an empty post, in its turn, what becomes of one."""
        await self._deps.limiter_of(url).turn()
        return await self._deps.poster.probe(url)

    async def away(self, url: str, answer: Outcome) -> None:
        """Wait until Slack answers again, without count and without end."""
        log.error("Slack is away, the lane waits", channel=self._channel, **said(answer))
        tries = FAILURES
        while not answer.hook_lives and self.serves(url):
            self._be(WorkerState("away", answer.answer))
            await self.rest(max(back_off(self._deps.random, tries), answer.retry_after), url)
            tries += 1
            if self.serves(url):
                answer = await self.probe(url)
            if answer.kind == "dead_destination":
                await self.stopped(url, answer)
                return
        self._resume()

    async def stopped(self, url: str, answer: Outcome) -> None:
        """Hold everything until a probe finds the destination alive, or until it has another URL."""
        log.error(
            "Slack closed this destination: its messages wait. Make a new webhook and set the channel's URL to it",
            channel=self._channel,
            **said(answer),
        )
        while not answer.hook_lives and self.serves(url):
            if answer.kind == "dead_destination":
                self._be(WorkerState("stopped", answer.answer))
            await self.rest(PROBE_EVERY, url)
            if self.serves(url):
                answer = await self.probe(url)
        self._resume()

    def _resume(self) -> None:
        # With another URL it is not known yet whether that one is any better: told once Slack takes something.
        self.state = RUNNING
        log.warning("the lane goes on", channel=self._channel)

    def _be(self, state: WorkerState) -> None:
        self.state = state
        if state.name != self._noticed:
            self._noticed = state.name
            self._deps.record_state(self._channel, state)


def said(outcome: Outcome) -> dict[str, object]:
    """An outcome for a log line."""
    return {"status": outcome.status, "answer": outcome.answer}


def briefly(outcome: Outcome) -> str:
    """An outcome in a few words."""
    return " ".join(part for part in (str(outcome.status or ""), outcome.answer) if part)
