"""One channel's deliveries on their way to Slack: in order, paced, one post in flight, none lost.

A lane keeps no queue. Each step claims the oldest waiting delivery from the store, tries it once, and records what came
of it; so a delivery that somebody dropped, or a template that was mended, is seen at the next try.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import humanize
import structlog

from bridge.decide import State
from bridge.delivery.clock import ROUNDING, sleep_unless
from bridge.delivery.means import RUNNING, LaneState, Means, back_off
from bridge.delivery.outcome import Outcome
from bridge.messages import Message, Rendered
from bridge.store import Attempt, Delivery, Settlement, StoreUnavailable

LATE = 3600.0
"""Seconds after which a message says that it is late."""
FAILURES = 3
"""Failures in a row after which the lane asks whether Slack or the message is in trouble."""
MISHAPS = 3
"""Errors of our own after which a delivery is given up, so that it does not block its lane."""
PROBE_EVERY = 300.0
"""Seconds between two probes of a dead destination."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


@dataclass(slots=True)
class _Head:
    """The delivery at the head of the lane, and what happened to it so far."""

    delivery: int
    failures: int = 0
    """In a row, of the kind that says nothing about the message."""
    as_text: str = ""
    """Why nothing but its text is sent now; "" while the whole message is."""
    mishaps: int = 0
    fault: str = ""
    """The template's fault that was told last."""


class _Leave(Exception):
    """The lane is to end, and nothing is in flight."""


class Lane:
    """One channel's lane. ``run`` works until ``stop`` or until it is cancelled; what is not settled stays waiting."""

    def __init__(self, channel: str, means: Means) -> None:
        self.channel = channel
        self.posting = False
        """Whether a post is in flight, or its outcome not yet on record."""
        self._means = means
        self._wake = asyncio.Event()
        self._reconfigured = asyncio.Event()
        self._state = RUNNING
        self._head = _Head(-1)
        self._stopping = False

    @property
    def state(self) -> LaneState:
        """How the lane is doing."""
        url = self._means.url_of(self.channel)
        left = self._means.pacer_of(url).paused if url else 0.0
        if self._state is RUNNING and left:
            return LaneState("paused", until=self._means.clock.now() + left)
        return self._state

    def wake(self) -> None:
        """Something was accepted for the channel. Costs next to nothing, and does not stir a lane that rests."""
        self._wake.set()

    def configuration_changed(self) -> None:
        """The channel may have another URL: a lane that rests because of the old one looks at it."""
        self._reconfigured.set()
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; ``run`` ends once the post in flight is on record."""
        self._stopping = True

    async def run(self) -> None:
        """Deliver what waits, for ever. Whatever goes wrong is logged and tried again."""
        errors = 0
        while True:
            try:
                await self._step()
                errors = 0
            except _Leave:
                return
            except Exception as error:  # noqa: BLE001 (a lane that ends silently would lose every later message)
                errors += 1
                self._tell(error, errors)
                await self._means.clock.sleep(back_off(self._means.random, errors))

    def _tell(self, error: Exception, times: int) -> None:
        if not isinstance(error, StoreUnavailable):
            log.error("the lane failed, and goes on", channel=self.channel, exc_info=error)
        elif times == 1:
            log.error("the store is not available, the lane waits for it", channel=self.channel, reason=str(error))

    async def _step(self) -> None:
        """One try of the oldest waiting delivery; without one, wait for it."""
        means = self._means
        self._wake.clear()
        url = means.url_of(self.channel)
        if url is None:
            await self._wake.wait()
            return
        if (seconds := means.pacer_of(url).wait()) > 0:
            await self._rest(seconds, url)
            return
        claimed = await means.store.claim(self.channel, means.owner, 1)
        if not claimed:
            await self._wake.wait()
            return
        delivery = claimed[0]
        if self._head.delivery != delivery.id:
            self._head = _Head(delivery.id)
        try:
            await self._deliver(delivery, url)
        except (_Leave, StoreUnavailable):
            raise
        except Exception as error:
            self._head.mishaps += 1
            if self._head.mishaps < MISHAPS:
                raise
            log.error("a delivery fails again and again", channel=self.channel, exc_info=error)
            await self._give_up(delivery, f"the bridge failed on it {MISHAPS} times ({type(error).__name__})")

    async def _deliver(self, delivery: Delivery, url: str) -> None:
        means, head = self._means, self._head
        notes = _notes(delivery, means.clock.now())
        rendered = await means.render(delivery, notes)
        if rendered.message is None:
            await self._record(Settlement(delivery.id, "skipped", rendered.skip))
            return
        if rendered.fault != head.fault:
            head.fault = rendered.fault
            self._tell_fault(delivery, rendered)
        body = _text_only(rendered.message, notes) if head.as_text else rendered.message.body()
        await means.pacer_of(url).turn()
        async with self._in_flight():
            at = means.clock.now()
            outcome = await means.poster.post(url, body)
            means.counts[outcome.kind] += 1
            state, reason = self._verdict(outcome)
            await self._record(
                Settlement(
                    delivery.id,
                    state,
                    reason,
                    Attempt(at, outcome.kind, outcome.status, outcome.answer, outcome.seconds),
                    body if state == "delivered" else None,
                    rendered.fault,
                )
            )
        if state == "dead":
            self._tell_death(delivery, reason)
        else:
            await self._follow(delivery, url, outcome)

    def _verdict(self, outcome: Outcome) -> tuple[State, str]:
        """The state in which an attempt leaves its delivery, and why."""
        if outcome.kind == "ok":
            return "delivered", f"as text only: {self._head.as_text}" if self._head.as_text else ""
        if outcome.kind == "refused" and self._head.as_text:
            return "dead", f"Slack refused it, and its text alone too: {_briefly(outcome)}"
        return "waiting", outcome.answer

    async def _follow(self, delivery: Delivery, url: str, outcome: Outcome) -> None:
        """What the lane does after an attempt, before it looks at its head again."""
        means, head = self._means, self._head
        match outcome.kind:
            case "limited":
                seconds = outcome.retry_after + means.random() / 2
                means.pacer_of(url).pause(seconds)
                log.warning("Slack asks to wait", channel=self.channel, seconds=round(seconds, 1))
            case "refused":
                head.as_text = _briefly(outcome)
                log.warning("Slack refused a message", channel=self.channel, id=delivery.event.id, **_said(outcome))
            case "dead_destination":
                await self._stopped(url, outcome)
            case "away":
                head.failures += 1
                log.warning(
                    "a post failed",
                    channel=self.channel,
                    id=delivery.event.id,
                    perhaps_shown=outcome.uncertain,
                    **_said(outcome),
                )
                if head.failures < FAILURES and not head.as_text:
                    await self._rest(back_off(means.random, head.failures), url)
                else:
                    await self._ask_whose_fault(delivery, url, outcome)

    async def _ask_whose_fault(self, delivery: Delivery, url: str, failed: Outcome) -> None:
        """After failures that say nothing: if Slack answers an empty probe, the message is at fault."""
        answer = await self._probe(url)
        if answer.kind == "dead_destination":
            await self._stopped(url, answer)
        elif not answer.hook_lives:
            await self._away(url, answer)
        elif self._head.as_text:
            await self._give_up(delivery, f"Slack fails on it, and on its text alone: {_briefly(failed)}")
        else:
            self._head.as_text = f"Slack fails on it: {_briefly(failed)}"

    async def _away(self, url: str, answer: Outcome) -> None:
        """Wait until Slack answers again, without count and without end. The head is then sent as it was."""
        log.error("Slack is away, the lane waits", channel=self.channel, **_said(answer))
        self._head.failures = 0
        tries = FAILURES
        while not answer.hook_lives and self._serves(url):
            self._state = LaneState("away", answer.answer)
            await self._rest(max(back_off(self._means.random, tries), answer.retry_after), url)
            tries += 1
            if self._serves(url):
                answer = await self._probe(url)
            if answer.kind == "dead_destination":
                await self._stopped(url, answer)
                return
        self._resume()

    async def _stopped(self, url: str, answer: Outcome) -> None:
        """Hold everything until a probe finds the destination alive, or until it has another URL."""
        log.error(
            "Slack closed this destination: its messages wait. Make a new webhook and set the channel's URL to it",
            channel=self.channel,
            **_said(answer),
        )
        while not answer.hook_lives and self._serves(url):
            if answer.kind == "dead_destination":
                self._state = LaneState("stopped", answer.answer)
            await self._rest(PROBE_EVERY, url)
            if self._serves(url):
                answer = await self._probe(url)
        self._resume()

    def _serves(self, url: str) -> bool:
        """Whether the channel still has this URL."""
        return self._means.url_of(self.channel) == url

    async def _rest(self, seconds: float, url: str) -> None:
        """Sleep; not longer than the channel has this URL."""
        clock = self._means.clock
        until = clock.monotonic() + seconds
        while self._serves(url) and (left := until - clock.monotonic()) > ROUNDING:
            self._reconfigured.clear()
            await sleep_unless(clock, left, self._reconfigured)

    def _resume(self) -> None:
        self._state = RUNNING
        log.warning("the lane goes on", channel=self.channel)

    async def _probe(self, url: str) -> Outcome:
        await self._means.pacer_of(url).turn()
        return await self._means.poster.probe(url)

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        await self._record(Settlement(delivery.id, "dead", reason, template_fault=self._head.fault))
        self._tell_death(delivery, reason)

    async def _record(self, settlement: Settlement) -> None:
        """Put it on record, however long that takes: what was posted and is not on record would be posted again."""
        failures = 0
        while True:
            try:
                await self._means.store.settle([settlement], self._means.clock.now())
                return
            except StoreUnavailable as error:
                failures += 1
                self._tell(error, failures)
            except Exception as error:  # noqa: BLE001 (see above; less may pass where the whole did not)
                failures += 1
                self._tell(error, failures)
                settlement = replace(settlement, attempt=None, message=None, template_fault="")
            await self._means.clock.sleep(back_off(self._means.random, failures))

    @asynccontextmanager
    async def _in_flight(self) -> AsyncIterator[None]:
        if self._stopping:
            raise _Leave
        self.posting = True
        try:
            yield
        finally:
            self.posting = False
        if self._stopping:
            raise _Leave

    def _tell_fault(self, delivery: Delivery, rendered: Rendered) -> None:
        if rendered.fault:
            self._means.counts["template_faults"] += 1
            log.error("a template failed, a plain message goes out", id=delivery.event.id, fault=rendered.fault)

    def _tell_death(self, delivery: Delivery, reason: str) -> None:
        log.error("a message was given up", channel=self.channel, id=delivery.event.id, reason=reason)


def _notes(delivery: Delivery, now: float) -> tuple[str, ...]:
    late = now - delivery.event.received_at
    return (f"Posted {humanize.naturaldelta(late)} late",) if late > LATE else ()


def _text_only(message: Message, notes: Sequence[str]) -> dict[str, object]:
    return {**message.text_only(), "text": "\n".join((message.text, *notes))}


def _briefly(outcome: Outcome) -> str:
    return " ".join(part for part in (str(outcome.status or ""), outcome.answer) if part)


def _said(outcome: Outcome) -> dict[str, object]:
    """An outcome for a log line."""
    return {"status": outcome.status, "answer": outcome.answer}
