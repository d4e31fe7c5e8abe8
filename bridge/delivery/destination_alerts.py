"""Record blocked channels in the store, and alert the alerts channel once for each."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import structlog

from bridge.config.names import channel_variable
from bridge.core.clock import Clock, sleep_unless
from bridge.core.states import BLOCKED, OutcomeKind, WorkerState
from bridge.delivery.circuit_breaker import PROBE_EVERY, log_fields
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import Posting, WorkerStatus, back_off
from bridge.messages.layout import section
from bridge.messages.mrkdwn import escaped_verbatim
from bridge.messages.times import date
from bridge.store import DestinationState, Store, StoreUnavailableError

REASONS = {
    "no_service": "its webhook was removed or switched off",
    "no_service_id": "its webhook was removed or switched off",
    "no_active_hooks": "its webhook is switched off",
    "no_team": "its workspace is not there any more",
    "team_disabled": "its workspace is switched off",
    "invalid_token": "the webhook's URL is not valid, or not any more",
    "channel_not_found": "the channel was deleted",
    "channel_is_archived": "the channel is archived",
    "action_prohibited": "an admin of the workspace does not allow posts there",
    "posting_to_general_channel_denied": "an admin of the workspace does not allow posts there",
}
"""Slack docs, Sending messages using incoming webhooks, section "Handling errors",
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/."""

AlertText = tuple[str, str]
"""Notification text, and message."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class DestinationAlerts:
    """Alerts about channels. ``alerts`` returns the alerts channel, None if there is none.

    That Slack is unavailable is recorded without an alert: the alerts channel is in Slack too.
    """

    def __init__(
        self,
        store: Store,
        poster: Posting,
        url_of: Callable[[str], str | None],
        limiter_of: Callable[[str], RateLimiter],
        clock: Clock,
        random: Callable[[], float],
        alerts: Callable[[], str | None],
    ) -> None:
        self._store = store
        self._poster = poster
        self._url_of = url_of
        self._limiter_of = limiter_of
        self._clock = clock
        self._random = random
        self._alerts = alerts
        self._reports: asyncio.Queue[tuple[str, WorkerStatus]] = asyncio.Queue()
        self._reporting: set[str] = set()
        """Channels whose workers reported a status in this process: later changes are reported too."""
        self._alerted: set[str] = set()
        """Channels with an alert from this process, in case the store does not know it yet."""
        self._alert_tasks: dict[str, asyncio.Task[None]] = {}
        self._rows_lock = asyncio.Lock()
        """Held while a task reads the states and acts on them."""
        self._look_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def record_status(self, channel: str, status: WorkerStatus) -> None:
        """Record the new status of a channel worker."""
        self._reports.put_nowait((channel, status))

    def start(self) -> None:
        """Start recording and alerting, and check the states that an earlier process left."""
        self._look_now.set()
        self._tasks = [
            asyncio.create_task(self._process_reports(), name="destination reports"),
            asyncio.create_task(self._watch(), name="destination watch"),
        ]

    def refresh(self) -> None:
        """Apply a changed configuration: channels may be gone, and the alerts channel may be another."""
        self._look_now.set()

    async def stop(self) -> None:
        """Stop at once. The next process sends the missing alerts."""
        tasks = [*self._tasks, *self._alert_tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _process_reports(self) -> None:
        while True:
            channel, status = await self._reports.get()
            self._reporting.add(channel)
            await self._retry_until_stored(partial(self._record, channel, status))

    async def _record(self, channel: str, status: WorkerStatus) -> None:
        async with self._rows_lock:
            if status.state in BLOCKED:
                self._cancel_pending(channel)
                await self._store.record_destination(channel, status.state, status.detail, self._clock.now())
                self._look_now.set()
            else:
                await self._recover(channel)

    async def _recover(self, channel: str) -> None:
        """Clear the state of a channel that works again."""
        row = next((row for row in await self._store.destination_states() if row.channel == channel), None)
        if row is None:
            return
        self._cancel_pending(channel)
        held = await self._store.held(channel)
        await self._store.clear_destination(channel)
        if row.alerted or channel in self._alerted:
            self._alerted.discard(channel)
            self._start_alert(channel, self._alert_recovered(channel, held))

    async def _watch(self) -> None:
        """Send missing alerts, and probe channels that were blocked when the previous process ended."""
        while True:
            rows: list[DestinationState] = []
            self._look_now.clear()
            try:
                async with self._rows_lock:
                    rows = await self._store.destination_states()
                    for row in rows:
                        await self._check_row(row)
                for row in rows:
                    await self._probe(row.channel)
            except StoreUnavailableError:
                log.debug("store unavailable")  # the channel workers log it as an error
            except Exception:
                log.exception("destination states not checked, retrying")
            if rows:
                await sleep_unless(self._clock, PROBE_EVERY, self._look_now)
            else:
                await self._look_now.wait()

    async def _check_row(self, row: DestinationState) -> None:
        if self._url_of(row.channel) is None:
            self._cancel_pending(row.channel)
            await self._store.clear_destination(row.channel)
        elif (
            row.state == WorkerState.STOPPED
            and not row.alerted
            and row.channel not in {*self._alert_tasks, *self._alerted}
        ):
            self._start_alert(row.channel, self._alert_stopped(row))

    async def _probe(self, channel: str) -> None:
        """Probe a channel whose worker reported nothing yet: with nothing to post, it would not notice a recovery."""
        url = self._url_of(channel)
        if url is None or channel in self._reporting:
            return
        await self._limiter_of(url).acquire()
        outcome = await self._poster.probe(url)
        if outcome.webhook_alive and channel not in self._reporting:
            async with self._rows_lock:
                await self._recover(channel)

    def _start_alert(self, channel: str, alert: Coroutine[None, None, None]) -> None:
        self._cancel_pending(channel)
        task = self._alert_tasks[channel] = asyncio.create_task(alert, name=f"alert about {channel}")

        def forget(_: asyncio.Task[None]) -> None:
            if self._alert_tasks.get(channel) is task:
                del self._alert_tasks[channel]

        task.add_done_callback(forget)

    def _cancel_pending(self, channel: str) -> None:
        """Cancel the alert that is being sent about a channel."""
        if task := self._alert_tasks.pop(channel, None):
            task.cancel()

    async def _alert_stopped(self, row: DestinationState) -> None:
        async def text_of() -> AlertText:
            return _stopped_text(row, (await self._store.counts()).waiting.get(row.channel, 0))

        if await self._post(row.channel, text_of, stopped_url=lambda: self._url_of(row.channel)):
            self._alerted.add(row.channel)
            await self._retry_until_stored(partial(self._store.destination_alerted, row.channel))

    async def _alert_recovered(self, channel: str, held: int) -> None:
        async def text_of() -> AlertText:
            return _recovered_text(channel, held)

        await self._post(channel, text_of, stopped_url=lambda: None)

    async def _post(
        self, about: str, text_of: Callable[[], Awaitable[AlertText]], *, stopped_url: Callable[[], str | None]
    ) -> bool:
        """Post to the alerts channel until Slack accepts it. Return False if that is impossible."""
        failures = 0
        while True:
            to = self._alerts()
            url = self._url_of(to) if to else None
            if url is None or url == stopped_url():
                return False  # the channel worker has logged it
            try:
                text, block = await text_of()
            except StoreUnavailableError:
                failures += 1
                await self._clock.sleep(back_off(self._random, failures))
                continue
            limiter = self._limiter_of(url)
            await limiter.acquire()
            outcome = await self._poster.post(url, {"text": text, "blocks": [section(block)]})
            if outcome.kind == OutcomeKind.OK:
                return True
            failures += 1
            if failures == 1 or outcome.kind == OutcomeKind.REJECTED:
                log.error("alert failed", channel=to, about=about, **log_fields(outcome))
            if outcome.kind == OutcomeKind.REJECTED:
                return False
            if outcome.kind == OutcomeKind.RATE_LIMITED:
                limiter.pause(outcome.retry_after)
            await self._clock.sleep(back_off(self._random, failures))

    async def _retry_until_stored(self, write: Callable[[], Awaitable[None]]) -> None:
        """Retry a write to the store without a limit."""
        failures = 0
        while True:
            try:
                await write()
                return
            except StoreUnavailableError:
                failures += 1  # the channel workers log it
            except Exception:
                log.exception("destination state not recorded, retrying")
                failures += 1
            await self._clock.sleep(back_off(self._random, failures))


def _stopped_text(row: DestinationState, waiting: int) -> AlertText:
    """Return the alert about a stopped channel: the reason, the backlog, and the fix."""
    word = row.detail.split()[-1] if row.detail else ""
    why = REASONS.get(word, "Slack takes nothing that is posted there")
    waits = "1 message waits" if waiting == 1 else f"{waiting:,} messages wait"
    archived = "Take the channel out of the archive, or make" if word == "channel_is_archived" else "Make"
    message = (
        f"*#{row.channel} is stopped:* {why} (Slack says `{escaped_verbatim(row.detail)}`).\n"
        f"{waits}, since {date(row.since)}. Nothing is lost: they are posted in their order once it works.\n"
        f"{archived} a new incoming webhook and set `{channel_variable(row.channel)}` to it. "
        "Bridge asks every five minutes whether the old one works again."
    )
    return f"#{row.channel} is stopped: {why}. {waits}, and nothing is lost", message


def _recovered_text(channel: str, held: int) -> AlertText:
    messages = "1 message that waited is on its" if held == 1 else f"{held:,} messages that waited are on their"
    line = f"#{channel} is back: {messages} way"
    return line, line
