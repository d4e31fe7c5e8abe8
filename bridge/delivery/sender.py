"""Send a channel's messages one after the other, and do what ``next_step`` says between two posts of the same one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager

import structlog

from bridge.config.names import channel_variable
from bridge.core.clock import ROUNDING, sleep_unless
from bridge.core.counters import POSTS
from bridge.core.states import BLOCKED, OutcomeKind, WorkerState
from bridge.delivery.alert import Alert, AlertType
from bridge.delivery.next_step import next_step
from bridge.delivery.outcome import Outcome
from bridge.delivery.step import Action, Step, StepPolicy, StepState
from bridge.delivery.worker_deps import RUNNING, WorkerDeps, WorkerStatus
from bridge.store import StoreUnavailableError

Record = Callable[[float, Outcome, Action], Awaitable[None]]
"""Records when a post began, its outcome and what follows, while a stop still waits for it."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class StopError(Exception):
    """The worker ends, with nothing in flight."""


class Sender:
    """Sends for one channel. Its coroutines return when the worker may take its next step."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self.status = RUNNING
        self.posting = False
        """Whether a post is in flight, or its outcome not stored yet."""
        self.stopping = False
        """Whether no more posts begin."""
        self.state = StepState()
        """What is known about the message at the head, and about the channel."""
        self.about: Hashable = None
        """The message at the head."""
        self._channel = channel
        self._deps = deps
        self._reported: WorkerState | None = None
        """The state that was reported last."""
        self._last: tuple[Outcome, Action, StepPolicy] | None = None
        """The last post's outcome, what follows, and what may become of its message; None if nothing was posted."""
        self._reconfigured = asyncio.Event()
        self._url: str | None = None
        """The URL that ``state`` and ``status`` are about. Its pause, left by an earlier process, is known."""

    def configuration_changed(self) -> None:
        """End a sleep that belongs to an old URL, or to an old rate."""
        self._reconfigured.set()

    def take(self, about: Hashable) -> StepState:
        """Put a message at the head, and return its state: what is about an earlier message is forgotten."""
        if about != self.about:
            self.about, self.state = about, self.state.next_message()
        return self.state

    async def rest(self, url: str) -> None:
        """Put nothing at the head. With nothing to post, a probe tells whether a blocked channel works again."""
        self.take(None)
        if self._reported not in BLOCKED or self.status is not RUNNING or not await self._admitted(url):
            return
        if (await self._deps.poster.probe(url)).webhook_alive:
            self._report()

    async def turn(self, url: str) -> bool:
        """Wait until the webhook may be posted to. Return False as soon as the channel has another URL."""
        if url != self._url:
            await self._remember_pause(url)
            self._forget(url)
        limiter = self._deps.limiter_of(url)
        while self._is_current(url) and (seconds := limiter.wait()) > 0:
            self._reconfigured.clear()
            await sleep_unless(self._deps.clock, seconds, self._reconfigured)
        return self._is_current(url)

    async def post(self, url: str, body: Mapping[str, object], policy: StepPolicy, record: Record) -> None:
        """Post the message at the head and record the outcome. Then let the message go, and ``follow``.

        Nothing is posted if the webhook is paused meanwhile, or the channel has another one.
        """
        self._last = None
        if not await self._admitted(url):
            return
        async with self._in_flight():
            at = self._deps.clock.now()
            outcome = await self._deps.poster.post(url, body, self.state.time_limit)
            self._deps.counters.inc(POSTS, self._channel, outcome.kind)
            action = self._decide(outcome, policy)
            await record(at, outcome, action)
            await self._pause(url, action, outcome)
        self._last = (outcome, action, policy)

    async def follow(self, url: str) -> Action:
        """Wait, pause and probe after a post. Return what follows when it is due: never a probe."""
        if self._last is None:
            return Action(Step.POST, self.state)
        outcome, action, policy = self._last
        while True:
            self.state = action.state
            self._show(outcome, action)
            if action.step in (Step.DONE, Step.GIVE_UP):
                return action
            await self._sleep(action.wait, url)
            if action.step == Step.POST and self._is_current(url):
                return action
            while not await self._admitted(url):
                if not await self.turn(url):
                    self._forget(None)
                    return Action(Step.POST, self.state)
            outcome = await self._deps.poster.probe(url)
            action = self._decide(outcome, policy)
            await self._pause(url, action, outcome)

    def _decide(self, outcome: Outcome, policy: StepPolicy) -> Action:
        now, jitter = self._deps.clock.monotonic(), self._deps.random()
        return next_step(outcome, self.state, policy, now=now, jitter=jitter)

    async def _admitted(self, url: str) -> bool:
        """Count a request. Return False if none may be sent now."""
        return await self._deps.limiter_of(url).acquire() and self._is_current(url)

    def _forget(self, url: str | None) -> None:
        """Begin with another destination: nothing of the old one's answers is true of it."""
        self._url, self.state, self.status = url, StepState(), RUNNING

    def _is_current(self, url: str) -> bool:
        return self._deps.url_of(self._channel) == url

    async def _sleep(self, seconds: float, url: str) -> None:
        """Sleep, but no longer than the channel has this URL."""
        clock = self._deps.clock
        until = clock.monotonic() + seconds
        while self._is_current(url) and (left := until - clock.monotonic()) > ROUNDING:
            self._reconfigured.clear()
            await sleep_unless(clock, left, self._reconfigured)

    async def _pause(self, url: str, action: Action, outcome: Outcome) -> None:
        """Let nobody post to the webhook for a while, also after a restart."""
        if not action.pause:
            return
        self._deps.limiter_of(url).pause(action.pause)
        log.warning("rate limited", channel=self._channel, seconds=round(action.pause, 1))
        now, since = self._deps.clock.now(), action.state.limited_since
        if action.alert and since is not None:
            begun = now - (self._deps.clock.monotonic() - since)
            self._deps.alert(Alert(AlertType.RATE_LIMITED, self._channel, outcome.answer, begun))
        try:
            await self._deps.store.pause(url, now + action.pause, now)
        except StoreUnavailableError as error:
            log.warning("pause not stored", channel=self._channel, reason=str(error))

    async def _remember_pause(self, url: str) -> None:
        """Keep the rest of a pause that an earlier process stored."""
        now = self._deps.clock.now()
        left = await self._deps.store.paused_until(url, now) - now
        if left > 0:
            self._deps.limiter_of(url).pause(left)

    def _show(self, outcome: Outcome, action: Action) -> None:
        """Show, log and report a change of the channel's state.

        That it runs again is reported once Slack accepts a post: a new URL may be no better than the old one.
        """
        before, state = self.status.state, action.state.status
        answer = {"status": outcome.status, "answer": outcome.answer}
        if state in BLOCKED:
            # A stopped channel that is out of reach in between keeps the answer that stopped it.
            tells = outcome.kind != OutcomeKind.RATE_LIMITED and outcome.by_slack == (state == WorkerState.STOPPED)
            if tells or state != before:
                self.status = WorkerStatus(state, outcome.answer)
            if state != before and state == WorkerState.STOPPED:
                log.error("channel stopped", channel=self._channel, **answer, hint=self._hint(outcome))
            elif state != before:
                log.error("slack unavailable", channel=self._channel, **answer)
        else:
            self.status = RUNNING
            if before in BLOCKED:
                log.warning("channel resumed", channel=self._channel)
        if (state in BLOCKED or action.step == Step.DONE) and state != self._reported:
            self._report()

    def _report(self) -> None:
        self._reported = self.status.state
        self._deps.record_status(self._channel, self.status)

    def _hint(self, outcome: Outcome) -> str:
        variable = channel_variable(self._channel)
        if outcome.kind == OutcomeKind.DESTINATION_GONE:
            return f"create a new incoming webhook in Slack and set {variable} to its URL"
        return f"all that is posted to {variable} gets this answer, also a probe: look at the Slack app, and at proxies"

    @asynccontextmanager
    async def _in_flight(self) -> AsyncIterator[None]:
        if self.stopping:
            raise StopError
        self.posting = True
        try:
            yield
        finally:
            self.posting = False
        if self.stopping:
            raise StopError
