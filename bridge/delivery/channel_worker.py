"""Deliver one channel's queue: in order, rate limited, one post in flight, nothing lost.

The queue is in the store. Each step claims the oldest waiting deliveries, tries one post, and records its outcome. A
dropped delivery or a fixed template therefore counts from the next try on. When the channel falls behind, deliveries
are batched: a post carries several messages in compact form. When too many wait, a digest stands for them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import structlog

from bridge.config.diagnostics import Diagnostic
from bridge.core.clock import sleep_unless
from bridge.core.counters import TEMPLATE_ERRORS
from bridge.core.states import DeliveryState, OutcomeKind, WorkerState
from bridge.delivery.alert import Alert, AlertType
from bridge.delivery.next_step import back_off
from bridge.delivery.outcome import Outcome
from bridge.delivery.post import Post, PostItem, batch_post, delivery_notes, single_post
from bridge.delivery.sender import Sender, StopError
from bridge.delivery.state_changes import PostStates, skipped_or_remembered
from bridge.delivery.step import SHARED, SINGLE, Action, Step
from bridge.delivery.store_writer import StoreWriter
from bridge.delivery.summarizer import NOTICES, Summarizer
from bridge.delivery.worker_deps import RUNNING, WorkerDeps, WorkerStatus
from bridge.messages import Rendered
from bridge.store import Attempt, Delivery, DeliveryResult, HoldLostError, RepeatWindow, StoreUnavailableError

MAX_INTERNAL_ERRORS = 3
"""Internal errors before a delivery is given up, so that it does not block its channel."""
BACKLOG_SECONDS = 3.0
"""If the newest waiting delivery would wait longer than this many seconds, deliveries are batched."""
CLAIM = 40
"""Deliveries claimed at once: as many as a post has blocks."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


@dataclass(slots=True)
class _Head:
    """The delivery at the head of the queue."""

    delivery: int
    internal_errors: int = 0
    template_errors: dict[int, Diagnostic | None] = field(default_factory=dict)
    """The template error that was logged last, by delivery."""


class ChannelWorker:
    """Worker of one channel. ``run`` works until ``stop`` or cancellation; unsettled deliveries stay waiting."""

    def __init__(self, channel: str, deps: WorkerDeps) -> None:
        self.channel = channel
        self._deps = deps
        self._wake = asyncio.Event()
        self._sender = Sender(channel, deps)
        self._writer = StoreWriter(channel, deps)
        self._summarizer = Summarizer(channel, deps, self._sender, self._writer)
        self._head = _Head(-1)
        self._singles_until = -1
        """Deliveries up to this one are posted one by one, because Slack rejected them in a batch."""
        self._left_out: dict[int, Rendered] = {}
        """Messages that did not fit a batch, by delivery."""
        self._notices_had_turn = False
        """Whether repeat notices had the last turn. Deliveries have the next one, so that neither blocks the other."""

    @property
    def posting(self) -> bool:
        """Whether a post is in flight, or its outcome not stored yet."""
        return self._sender.posting

    @property
    def status(self) -> WorkerStatus:
        """Status of the worker."""
        url = self._deps.url_of(self.channel)
        left = self._deps.limiter_of(url).paused if url else 0.0
        if self._sender.status is RUNNING and left:
            return WorkerStatus(WorkerState.PAUSED, until=self._deps.clock.now() + left)
        return self._sender.status

    def wake(self) -> None:
        """Look for new deliveries. This costs almost nothing, and does not end a pause."""
        self._wake.set()

    def configuration_changed(self) -> None:
        """Look for another URL, rate and template, even during a pause that belongs to the old ones."""
        self._left_out.clear()
        self._sender.configuration_changed()
        self._wake.set()

    def stop(self) -> None:
        """Stop claiming; ``run`` ends once the post in flight is recorded."""
        self._sender.stopping = True

    async def run(self) -> None:
        """Deliver for ever. Every error is logged, and the step is tried again."""
        errors = 0
        while True:
            try:
                await self._step()
                errors = 0
            except StopError:
                return
            except Exception as error:  # noqa: BLE001 (a worker that ended here would deliver nothing any more)
                errors += 1
                self._writer.log_error(error, errors)
                await self._deps.clock.sleep(back_off(errors, self._deps.random()))

    async def _step(self) -> None:
        """Try the oldest waiting delivery, or wait for one."""
        deps = self._deps
        self._wake.clear()
        url = deps.url_of(self.channel)
        if url is None:
            await self._wake.wait()
            return
        if not await self._sender.turn(url):
            return
        await deps.renew_hold(self.channel)
        await self._summarizer.settle_digests()
        if self._is_turn_of_notices() and await self._summarizer.post_repeat_notices(url):
            self._notices_had_turn = True
            return
        self._notices_had_turn = False
        claimed = await deps.holds[self.channel].claim(self._claim_limit())
        if not claimed:
            await self._sender.rest(url)
            await self._wait_for_work()
            return
        if self._head.delivery != claimed[0].id:
            self._head = _Head(claimed[0].id)
        try:
            await self._deliver(claimed, url)
        except (StopError, StoreUnavailableError, HoldLostError):
            raise
        except Exception as error:
            if not await self._record_internal_error(claimed, error):
                raise

    def _is_turn_of_notices(self) -> bool:
        """Return whether repeat notices come before deliveries. What was tried already goes first."""
        if self._sender.state.is_retry:
            return self._sender.about == NOTICES
        return not self._notices_had_turn

    def _claim_limit(self) -> int:
        """Return the number of deliveries to claim: one if they cannot share a post."""
        as_text = self._sender.state.text_reason
        batches = self._deps.policy_of(self.channel).pack and not as_text and self._singles_until < 0
        return CLAIM if batches else 1

    async def _wait_for_work(self) -> None:
        """Wait for a delivery, or for the end of a repeat window."""
        ends = await self._deps.holds[self.channel].next_window()
        if ends is None:
            await self._wake.wait()
        else:
            await sleep_unless(self._deps.clock, max(ends - self._deps.clock.now(), 0.0), self._wake)

    async def _record_internal_error(self, claimed: Sequence[Delivery], error: Exception) -> bool:
        """Split a batch after an internal error, and finally give its head up. Return whether it was given up."""
        self._head.internal_errors += 1
        if len(claimed) > 1:
            self._singles_until = claimed[-1].id
        if self._head.internal_errors < MAX_INTERNAL_ERRORS:
            return False
        log.error("internal error, delivery given up", channel=self.channel, id=claimed[0].event.id, exc_info=error)
        await self._give_up(claimed[0], f"{MAX_INTERNAL_ERRORS} internal errors ({type(error).__name__})")
        return True

    async def _deliver(self, claimed: Sequence[Delivery], url: str) -> None:
        if claimed[0].id > self._singles_until:
            self._singles_until = -1
        is_behind = self._claim_limit() > 1 and await self._is_behind(url)
        policy = self._deps.policy_of(self.channel)
        if (is_behind or not policy.pack) and await self._summarizer.needs_digest(claimed[0].id):
            await self._summarizer.post_digest(url)
            return
        posted = await self._post(claimed, url, is_behind=is_behind)
        if posted and (action := await self._sender.follow(url)).step == Step.GIVE_UP:
            if len(posted) > 1:
                self._singles_until = posted[-1].id
            else:
                await self._give_up(posted[0], action.reason)

    async def _post(self, claimed: Sequence[Delivery], url: str, *, is_behind: bool) -> list[Delivery]:
        """Post a message or a batch, and return its deliveries. The message ends here: none is kept over a wait."""
        post = await self._prepare_batch(claimed) if is_behind else await self._prepare_single(claimed[0])
        if post is None:
            return []
        head = post.items[0].delivery

        async def record(at: float, outcome: Outcome, action: Action) -> None:
            shown = action.step == Step.DONE
            await self._writer.settle(self._results(post, at, outcome, shown=shown))
            if not shown:
                self._log_failed(head, outcome)

        self._sender.take(head.id)
        await self._sender.post(url, post.body, SHARED if post.is_batch else SINGLE, record)
        return [item.delivery for item in post.items]

    async def _is_behind(self, url: str) -> bool:
        # Counted by the store: a claim is shorter if the channel is fast, or if bodies are large.
        limiter = self._deps.limiter_of(url)
        affordable = int(limiter.ready() + BACKLOG_SECONDS * limiter.per_second)
        return await self._deps.holds[self.channel].waiting(affordable + 1) > affordable

    async def _prepare_single(self, delivery: Delivery) -> Post | None:
        """Return a post of one delivery; None if its template posts nothing."""
        notes_shown = delivery_notes(delivery, self._deps.clock.now())
        item = await self._prepare(delivery, notes_shown, PostStates())
        if isinstance(item, DeliveryResult):
            await self._writer.settle([item])
            return None
        return single_post(item, notes_shown, as_text=bool(self._sender.take(delivery.id).text_reason))

    async def _prepare_batch(self, claimed: Sequence[Delivery]) -> Post | None:
        """Return a post with as many deliveries as fit; None if there is nothing to post. Settle the skipped ones."""
        items: list[PostItem] = []
        settled: list[DeliveryResult] = []
        repeats: list[DeliveryResult] = []
        states = PostStates()
        now = self._deps.clock.now()  # one time for all: what fits depends on the notes
        for delivery in claimed:
            item = await self._prepare(delivery, (), states)
            if isinstance(item, DeliveryResult):
                states.add(item.remembers, posted=False)
                (repeats if states.decided(delivery) else settled).append(item)
                continue
            first = next((other for other in items if item.key() and other.key() == item.key()), None)
            if first is not None and first.window is not None:
                repeats.append(_summarize_repeat(delivery, item.rendered, first.delivery.id, first.window))
                continue
            items.append(item)
            states.add(item.remembers, posted=True)
            if len(batch_post(items, now).items) < len(items):
                self._left_out = {delivery.id: item.rendered}
                break
        if settled:
            await self._writer.settle(settled)
        if not items:
            return None
        post = batch_post(items, now)
        if post.is_batch:
            return replace(post, repeats=tuple(repeats))
        return await self._prepare_single(post.items[0].delivery)

    async def _prepare(self, delivery: Delivery, notes: Sequence[str], states: PostStates) -> PostItem | DeliveryResult:
        """Render a delivery; or return its result if it is skipped, or repeats a message or state already shown."""
        remembers = await skipped_or_remembered(delivery, self.channel, self._deps, states.last)
        if isinstance(remembers, DeliveryResult):
            return remembers
        rendered = await self._render(delivery, notes)
        if rendered.killed and rendered.error:
            delivery = await self._mark(delivery, rendered.error.message)
        if rendered.message is None:
            return DeliveryResult(delivery.id, DeliveryState.SKIPPED, rendered.skip)
        if rendered.error != self._head.template_errors.get(delivery.id):
            self._head.template_errors[delivery.id] = rendered.error
            self._log_template_error(delivery, rendered.error)
        window = self._window(delivery, rendered)
        if window is None:
            return PostItem(delivery, rendered, remembers=remembers)
        first = await self._deps.holds[self.channel].open_window(window, self._deps.clock.now())
        if first is None:
            return PostItem(delivery, rendered, window, remembers)
        return _summarize_repeat(delivery, rendered, first, window)

    async def _render(self, delivery: Delivery, notes: Sequence[str]) -> Rendered:
        left_out = self._left_out.pop(delivery.id, None)
        return left_out if left_out and not notes else await self._deps.render(delivery, notes)

    async def _mark(self, delivery: Delivery, fault: str) -> Delivery:
        """Store that a delivery must not be rendered again, also after a restart: a limit ended its rendering."""
        hold = self._deps.holds[self.channel]
        await self._writer.retry_until_stored(lambda: hold.record_render_fault(delivery.id, fault))
        return replace(delivery, template_fault=fault)

    def _window(self, delivery: Delivery, rendered: Rendered) -> RepeatWindow | None:
        seconds = self._deps.repeat_of(delivery.route)
        if seconds is None or rendered.message is None or delivery.replayed_at is not None:
            return None
        return RepeatWindow(delivery.route, delivery.event.subject, rendered.fingerprint, rendered.linked_line, seconds)

    def _results(self, post: Post, at: float, outcome: Outcome, *, shown: bool) -> list[DeliveryResult]:
        """Return what to record about each delivery of a post, which began ``at``."""
        attempt = Attempt(at, outcome.kind, outcome.status, outcome.answer, outcome.seconds)
        as_text = self._sender.state.text_reason
        reason = (f"as text only: {as_text}" if as_text else post.reason) if shown else outcome.answer
        results = [
            DeliveryResult(
                item.delivery.id,
                DeliveryState.DELIVERED if shown else DeliveryState.WAITING,
                reason,
                attempt,
                body if shown else None,
                str(item.rendered.error or ""),
                item.rendered.line,
                opens_window=item.window if shown else None,
                remembers=item.remembers if shown else None,
            )
            for item, body in zip(post.items, post.messages, strict=True)
        ]
        # In the order of the queue, so that the last state of a group is remembered.
        return sorted([*results, *(post.repeats if shown else ())], key=lambda result: result.delivery)

    def _log_failed(self, head: Delivery, outcome: Outcome) -> None:
        fields = {"channel": self.channel, "id": head.event.id, "status": outcome.status, "answer": outcome.answer}
        match outcome.kind:
            case OutcomeKind.REJECTED | OutcomeKind.DESTINATION_GONE:
                log.warning("delivery rejected", **fields)
            case OutcomeKind.UNAVAILABLE:
                log.warning("delivery failed", perhaps_shown=outcome.uncertain, **fields)
            case _:  # a pause is logged with its seconds
                pass

    async def _give_up(self, delivery: Delivery, reason: str) -> None:
        fault = str(self._head.template_errors.get(delivery.id) or "")
        await self._writer.settle([DeliveryResult(delivery.id, DeliveryState.DEAD, reason, template_fault=fault)])
        self._head = _Head(-1)
        self._sender.take(None)  # a revived delivery starts again
        log.error("delivery dead", channel=self.channel, id=delivery.event.id, reason=reason)
        self._deps.alert(Alert(AlertType.DEAD, self.channel, reason, delivery=delivery))

    def _log_template_error(self, delivery: Delivery, error: Diagnostic | None) -> None:
        if error:
            self._deps.counters.inc(TEMPLATE_ERRORS, self.channel)
            log.error("template failed, plain message posted", id=delivery.event.id, **error.log_fields())


def _summarize_repeat(delivery: Delivery, rendered: Rendered, first: int, window: RepeatWindow) -> DeliveryResult:
    """Return the result of a delivery with the same message as another one, already shown."""
    repeat = f"repeat of #{first}"
    return DeliveryResult(
        delivery.id,
        DeliveryState.SUMMARIZED,
        repeat,
        line=rendered.line,
        summarized_in=repeat,
        repeat_window=window,
    )
