"""One channel's deliveries on their way to Slack: in order, paced, one post in flight, none lost.

A lane keeps no queue. Each step claims the oldest waiting deliveries from the store, tries one post, and records what
came of it; so a delivery that somebody dropped, or a template that was mended, is seen at the next try. Where it falls
behind, a post carries several messages in their packed form; where too many wait, a digest stands for them.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import structlog

from bridge.config.diagnostics import Diagnostic
from bridge.core.clock import sleep_unless
from bridge.core.counters import POSTS, TEMPLATE_ERRORS
from bridge.delivery.circuit_breaker import FAILURES, CircuitBreaker, briefly, said
from bridge.delivery.digests import first_line
from bridge.delivery.outcome import Outcome
from bridge.delivery.post import Post, PostItem, batch_post, notes, single_post
from bridge.delivery.store_writer import StoreWriter
from bridge.delivery.summarizer import Summarizer
from bridge.delivery.worker_deps import RUNNING, WorkerDeps, WorkerState, back_off
from bridge.messages import Rendered
from bridge.routing.decide import State
from bridge.store import Attempt, Delivery, DeliveryResult, RepeatWindow, StoreUnavailableError

MAX_INTERNAL_ERRORS = 3
"""Errors of our own after which a delivery is given up, so that it does not block its lane."""
BACKLOG_SECONDS = 3.0
"""Seconds that the last of those that wait would wait for its post, from which on they share posts."""
CLAIM = 40
"""Deliveries that are claimed at once: as many as a post has blocks."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


@dataclass(slots=True)
class _RetryState:
    """The delivery at the head of the lane, and what happened to it so far."""

    delivery: int
    failures: int = 0
    """In a row, of the kind that says nothing about the message."""
    as_text: str = ""
    """Why nothing but its text is sent now; "" while the whole message is."""
    internal_errors: int = 0
    template_errors: dict[int, Diagnostic | None] = field(default_factory=dict)
    """The template error that was logged last, by delivery."""


class _StopError(Exception):
    """The lane is to end, and nothing is in flight."""


class ChannelWorker:
    """One channel's lane. ``run`` works until ``stop`` or until it is cancelled; what is not settled stays waiting."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self.channel = channel
        self.posting = False
        """Whether a post is in flight, or its outcome not yet on record."""
        self._deps = deps
        self._wake = asyncio.Event()
        self._breaker = CircuitBreaker(channel, deps)
        self._writer = StoreWriter(channel, deps)
        self._summarizer = Summarizer(channel, deps, self._breaker, self._writer, self._in_flight)
        self._head = _RetryState(-1)
        self._apart = -1
        """Up to this delivery each goes alone, since Slack did not take them together."""
        self._summed_up = False
        """Whether windows had the last turn: then it is the deliveries' one, so that neither holds up the other."""
        self._stopping = False

    @property
    def state(self) -> WorkerState:
        """How the lane is doing."""
        url = self._deps.url_of(self.channel)
        left = self._deps.limiter_of(url).paused if url else 0.0
        if self._breaker.state is RUNNING and left:
            return WorkerState("paused", until=self._deps.clock.now() + left)
        return self._breaker.state

    def wake(self) -> None:
        """Something was accepted for the channel. Costs next to nothing, and does not stir a lane that rests."""
        self._wake.set()

    def configuration_changed(self) -> None:
        """The channel may have another URL: a lane that rests because of the old one looks at it."""
        self._breaker.configuration_changed()
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
            except _StopError:
                return
            except Exception as error:  # noqa: BLE001 (a lane that ends silently would lose every later message)
                errors += 1
                self._writer.tell(error, errors)
                await self._deps.clock.sleep(back_off(self._deps.random, errors))

    async def _step(self) -> None:
        """One try of what waits longest; where nothing does, wait for it."""
        deps = self._deps
        self._wake.clear()
        url = deps.url_of(self.channel)
        if url is None:
            await self._wake.wait()
            return
        if (seconds := deps.limiter_of(url).wait()) > 0:
            await self._breaker.rest(seconds, url)
            return
        await self._summarizer.finish()
        if not self._summed_up and await self._summarizer.told_windows(url):
            self._summed_up = True
            return
        self._summed_up = False
        claimed = await deps.store.claim(self.channel, deps.owner, self._most())
        if not claimed:
            await self._idle()
            return
        if self._head.delivery != claimed[0].id:
            self._head = _RetryState(claimed[0].id)
        try:
            await self._try(claimed, url)
        except (_StopError, StoreUnavailableError):
            raise
        except Exception as error:
            if not await self._gave_up(claimed, error):
                raise

    def _most(self) -> int:
        """How many to claim: one where they do not share a post anyway."""
        return CLAIM if self._deps.policy_of(self.channel).pack and not self._head.as_text and self._apart < 0 else 1

    async def _idle(self) -> None:
        """Wait for a delivery, or for the end of a window."""
        ends = await self._deps.store.next_window(self.channel)
        if ends is None:
            await self._wake.wait()
        else:
            await sleep_unless(self._deps.clock, max(ends - self._deps.clock.now(), 0.0), self._wake)

    async def _gave_up(self, claimed: Sequence[Delivery], error: Exception) -> bool:
        """After an error of our own: what was tried together is tried apart, and in the end its head is given up."""
        self._head.internal_errors += 1
        if len(claimed) > 1:
            self._apart = claimed[-1].id
        if self._head.internal_errors < MAX_INTERNAL_ERRORS:
            return False
        log.error("a delivery fails again and again", channel=self.channel, exc_info=error)
        await self._give_up(claimed[0], f"the bridge failed on it {MAX_INTERNAL_ERRORS} times ({type(error).__name__})")
        return True

    async def _try(self, claimed: Sequence[Delivery], url: str) -> None:
        if claimed[0].id > self._apart:
            self._apart = -1
        behind = self._most() > 1 and await self._behind(url)
        if (behind or not self._deps.policy_of(self.channel).pack) and await self._summarizer.too_many(claimed[0].id):
            await self._summarizer.digest(url)
            return
        load = await self._together(claimed) if behind else await self._alone(claimed[0])
        if load is not None:
            await self._send(load, url)

    async def _behind(self, url: str) -> bool:
        # The store counts: a claim is cut off where a channel is fast, or where bodies are large.
        limiter = self._deps.limiter_of(url)
        bearable = int(limiter.ready() + BACKLOG_SECONDS * limiter.per_second)
        return await self._deps.store.waiting(self.channel, bearable + 1) > bearable

    async def _alone(self, delivery: Delivery) -> Post | None:
        """The delivery by itself; None if there is nothing to post of it."""
        said_first = notes(delivery, self._deps.clock.now())
        rendered = await self._deps.render(delivery, said_first)
        carried = await self._carried(delivery, rendered)
        if isinstance(carried, DeliveryResult):
            await self._writer.settle([carried])
            return None
        return single_post(carried, said_first, as_text=bool(self._head.as_text))

    async def _together(self, claimed: Sequence[Delivery]) -> Post | None:
        """As many as fit into a post; None if there is nothing to post of any. What is not posted is settled."""
        carried: list[PostItem] = []
        settled: list[DeliveryResult] = []
        folded: list[DeliveryResult] = []
        for delivery in claimed:
            one = await self._carried(delivery, await self._deps.render(delivery, ()))
            if isinstance(one, DeliveryResult):
                settled.append(one)
                continue
            first = next((other for other in carried if one.key() and other.key() == one.key()), None)
            if first is not None and first.window is not None:
                folded.append(_fold(delivery, first.delivery.id, first.window))
                continue
            carried.append(one)
            if len(batch_post(carried, 0.0).carried) < len(carried):
                break
        if settled:
            await self._writer.settle(settled)
        if not carried:
            return None
        load = batch_post(carried, self._deps.clock.now())
        return replace(load, folded=tuple(folded)) if load.packed else await self._alone(load.carried[0].delivery)

    async def _carried(self, delivery: Delivery, rendered: Rendered) -> PostItem | DeliveryResult:
        """A delivery with its message; or how it ends without one: skipped, or folded into another that was shown."""
        if rendered.message is None:
            return DeliveryResult(delivery.id, "skipped", rendered.skip)
        if rendered.error != self._head.template_errors.get(delivery.id):
            self._head.template_errors[delivery.id] = rendered.error
            self._log_template_error(delivery, rendered.error)
        window = self._window(delivery, rendered)
        if window is None:
            return PostItem(delivery, rendered)
        first = await self._deps.store.open_window(self.channel, window, self._deps.clock.now())
        if first is None:
            return PostItem(delivery, rendered, window)
        return _fold(delivery, first, window)

    def _window(self, delivery: Delivery, rendered: Rendered) -> RepeatWindow | None:
        seconds = self._deps.repeat_of(delivery.route)
        if seconds is None or rendered.message is None or delivery.replayed_at is not None:
            return None
        title = first_line(rendered.packed, rendered.message.text)
        until = self._deps.clock.now() + seconds
        return RepeatWindow(delivery.route, delivery.event.subject, rendered.print, title, until)

    async def _send(self, load: Post, url: str) -> None:
        await self._deps.limiter_of(url).turn()
        async with self._in_flight():
            at = self._deps.clock.now()
            outcome = await self._deps.poster.post(url, load.body)
            self._deps.counters.inc(POSTS, self.channel, outcome.kind)
            state, reason = self._verdict(load, outcome)
            attempt = Attempt(at, outcome.kind, outcome.status, outcome.answer, outcome.seconds)
            shown = state == "delivered"
            await self._writer.settle(
                [
                    DeliveryResult(
                        one.delivery.id,
                        state,
                        reason,
                        attempt,
                        body if shown else None,
                        str(one.rendered.error or ""),
                        opens=one.window if shown else None,
                    )
                    for one, body in zip(load.carried, load.shown, strict=True)
                ]
                + (list(load.folded) if shown else [])
            )
        if state == "dead":
            self._tell_death(load.carried[0].delivery, reason)
        else:
            await self._follow(load, url, outcome)

    def _verdict(self, load: Post, outcome: Outcome) -> tuple[State, str]:
        """The state in which an attempt leaves its deliveries, and why."""
        if outcome.kind == "ok":
            return "delivered", f"as text only: {self._head.as_text}" if self._head.as_text else load.told
        if outcome.kind == "refused" and self._head.as_text:
            return "dead", f"Slack refused it, and its text alone too: {briefly(outcome)}"
        return "waiting", outcome.answer

    async def _follow(self, load: Post, url: str, outcome: Outcome) -> None:
        """What the lane does after an attempt, before it looks at its head again."""
        head, event_id = self._head, load.carried[0].delivery.event.id
        match outcome.kind:
            case "ok":
                self._breaker.runs()
            case "limited":
                self._breaker.pause(url, outcome)
            case "refused":
                log.warning("Slack refused a message", channel=self.channel, id=event_id, **said(outcome))
                self._at_fault(load, briefly(outcome))
            case "dead_destination":
                await self._breaker.stopped(url, outcome)
            case "away":
                head.failures += 1
                uncertain = outcome.uncertain
                log.warning(
                    "a post failed", channel=self.channel, id=event_id, perhaps_shown=uncertain, **said(outcome)
                )
                if head.failures < FAILURES and not head.as_text:
                    await self._breaker.rest(back_off(self._deps.random, head.failures), url)
                else:
                    await self._ask_whose_fault(load, url, outcome)

    async def _ask_whose_fault(self, load: Post, url: str, failed: Outcome) -> None:
        """After failures that say nothing: if Slack answers an empty probe, the message is at fault."""
        answer = await self._breaker.probe(url)
        if answer.kind == "dead_destination":
            await self._breaker.stopped(url, answer)
        elif not answer.hook_lives:
            self._head.failures = 0
            await self._breaker.away(url, answer)
        elif self._head.as_text:
            reason = f"Slack fails on it, and on its text alone: {briefly(failed)}"
            await self._give_up(load.carried[0].delivery, reason)
        else:
            self._at_fault(load, f"Slack fails on it: {briefly(failed)}")

    def _at_fault(self, load: Post, why: str) -> None:
        """Slack does not take this post: its messages go one by one, or a single one as its text alone."""
        if load.packed:
            self._apart = load.carried[-1].delivery.id
            self._head.failures = 0
        else:
            self._head.as_text = why

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        fault = str(self._head.template_errors.get(delivery.id) or "")
        await self._writer.settle([DeliveryResult(delivery.id, "dead", reason, template_fault=fault)])
        self._tell_death(delivery, reason)

    @asynccontextmanager
    async def _in_flight(self) -> AsyncIterator[None]:
        if self._stopping:
            raise _StopError
        self.posting = True
        try:
            yield
        finally:
            self.posting = False
        if self._stopping:
            raise _StopError

    def _log_template_error(self, delivery: Delivery, error: Diagnostic | None) -> None:
        if error:
            self._deps.counters.inc(TEMPLATE_ERRORS, self.channel)
            log.error("template failed, posting the plain message", id=delivery.event.id, **error.log_fields())

    def _tell_death(self, delivery: Delivery, reason: str) -> None:
        self._head = _RetryState(-1)  # if it is revived, it begins anew
        log.error("a message was given up", channel=self.channel, id=delivery.event.id, reason=reason)


def _fold(delivery: Delivery, first: int, window: RepeatWindow) -> DeliveryResult:
    """How a delivery ends that reads the same as another, which was shown."""
    reason = f"reads the same as #{first}, and is told with it"
    return DeliveryResult(delivery.id, "told", reason, told_in=f"repeat of #{first}", folds=window)
