"""Record blocked channels in the store, and turn alerts into events, which are delivered like all others."""

import asyncio
from collections.abc import Callable, Iterable

import structlog

from bridge.config.names import RESERVED_SOURCE
from bridge.core.clock import Clock
from bridge.core.states import BLOCKED, OutcomeKind, WorkerState
from bridge.delivery.alert import Alert, AlertType, entry_of, request_for
from bridge.delivery.next_step import PAUSES, PROBE_EVERY, back_off
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import RUNNING, Posting, WorkerStatus
from bridge.store import Arrival, DestinationState, Inbox, StoreUnavailableError, Upkeep

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class Alerts:
    """Alerts about channels, in the channel that ``alerts`` returns; None: only the log has them.

    The alerts channel's own trouble is only logged, and so is that Slack is unavailable: the alerts channel is in Slack
    too. ``wake`` wakes the workers of channels.
    """

    def __init__(
        self,
        inbox: Inbox,
        upkeep: Upkeep,
        poster: Posting,
        url_of: Callable[[str], str | None],
        limiter_of: Callable[[str], RateLimiter],
        clock: Clock,
        random: Callable[[], float],
        alerts: Callable[[], str | None],
        wake: Callable[[Iterable[str]], None],
    ) -> None:
        self._inbox = inbox
        self._upkeep = upkeep
        self._poster = poster
        self._url_of = url_of
        self._limiter_of = limiter_of
        self._clock = clock
        self._random = random
        self._alerts = alerts
        self._wake = wake
        self._statuses: dict[str, WorkerStatus] = {}
        """Statuses to record: the latest of each channel."""
        self._waiting: dict[tuple[AlertType, str], Alert] = {}
        """Alerts to store: one of each type and channel, since more would be duplicates."""
        self._reporting: set[str] = set()
        """Channels whose workers have reported a status: they report every later one too."""
        self._told: str | None = None
        """The alerts channel that knows every incident."""
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def record_status(self, channel: str, status: WorkerStatus) -> None:
        """Record the new status of a channel worker, and alert if it stops or a stopped one runs again."""
        self._reporting.add(channel)
        self._statuses[channel] = status
        self._news.set()

    def alert(self, alert: Alert) -> None:
        """Store an alert soon. An alert about a lost alert is only logged."""
        if alert.delivery is None or alert.delivery.event.provider != RESERVED_SOURCE:
            self._waiting.setdefault((alert.type, alert.channel), alert)
            self._news.set()

    def start(self) -> None:
        """Start recording, with the states that an earlier process left."""
        self._news.set()
        self._tasks = [
            asyncio.create_task(self._run(), name="alerts"),
            asyncio.create_task(self._probe_left_over(), name="probes of blocked channels"),
        ]

    def refresh(self) -> None:
        """Apply a changed configuration: channels may be gone, and the alerts channel may be another."""
        self._news.set()

    async def stop(self) -> None:
        """Store what is left, if the store takes it at once, and stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._try_once(0)  # what follows from states, the next process stores too

    async def _run(self) -> None:
        failures = 0
        while True:
            self._news.clear()
            if await self._try_once(failures):
                failures = 0
                await self._news.wait()
            else:
                failures += 1
                await self._clock.sleep(back_off(failures, self._random()))

    async def _try_once(self, failures: int) -> bool:
        try:
            await self._record_all()
        except StoreUnavailableError as error:
            if not failures:
                alerts = sorted(f"{alert.type} {alert.channel}" for alert in self._waiting.values())
                log.error("store unavailable, alerts wait", reason=str(error), alerts=alerts)
            return False
        except Exception:
            log.exception("alerts not stored, retrying")
            return False
        return True

    async def _record_all(self) -> None:
        to = self._alerts()
        rows = {row.channel: row for row in await self._upkeep.destination_states()}
        # First what a full store takes too.
        for channel, status in sorted(self._statuses.items(), key=lambda one: one[1].state not in BLOCKED):
            await self._record(channel, status, rows.get(channel))
            if self._statuses[channel] is status:
                del self._statuses[channel]
        for row in await self._upkeep.destination_states():
            await self._check(row, moved=to not in (None, self._told) and self._told is not None)
        for key, alert in [*self._waiting.items()]:
            await self._store_alert(alert)
            del self._waiting[key]
        self._told = to or self._told

    async def _record(self, channel: str, status: WorkerStatus, row: DestinationState | None) -> None:
        stopped = row is not None and row.state == WorkerState.STOPPED
        if status.state in BLOCKED:
            # A stopped channel that is unavailable in between has still the same incident.
            if not stopped or status.state == WorkerState.STOPPED:
                await self._upkeep.record_destination(channel, status.state, status.detail, self._clock.now())
        elif row is not None:
            if stopped and (row.alerted or await self._store_stopped(row)):
                await self._store_alert(Alert(AlertType.RESUMED, channel, row.detail, row.since))
            await self._upkeep.clear_destination(channel)

    async def _check(self, row: DestinationState, *, moved: bool) -> None:
        """Alert about a stopped channel, unless its alert is stored. ``moved``: another channel gets the alerts now."""
        if self._url_of(row.channel) is None:
            await self._upkeep.clear_destination(row.channel)
        elif row.state == WorkerState.STOPPED and (moved or not row.alerted) and await self._store_stopped(row):
            await self._upkeep.destination_alerted(row.channel)

    async def _store_stopped(self, row: DestinationState) -> bool:
        return await self._store_alert(Alert(AlertType.STOPPED, row.channel, row.detail, row.since))

    async def _store_alert(self, alert: Alert) -> bool:
        """Store an alert as an event with one delivery. Return False if it has nobody to go to.

        Its key makes a second one about the same incident a duplicate, also after a restart.
        """
        to = self._target(alert.channel)
        if to is None:
            return False
        now = self._clock.now()
        request = request_for(alert, to, await self._messages(alert), now)
        arrival = Arrival(request, (entry_of(alert, request, to, now),))
        [[result]] = await self._inbox.accept([arrival], now)
        if result.status == "accepted":
            log.info("alert stored", type=alert.type, channel=alert.channel, to=to, id=result.id)
        self._wake(result.channels)
        return True

    def _target(self, about: str) -> str | None:
        """Return the channel for an alert; None if there is none, or if the alert is about that channel."""
        to = self._alerts()
        url = self._url_of(to) if to else None
        return None if url is None or to == about or url == self._url_of(about) else to

    async def _messages(self, alert: Alert) -> int:
        if alert.type == AlertType.RESUMED:
            return await self._upkeep.held(alert.channel)
        return (await self._upkeep.counts()).waiting.get(alert.channel, 0)

    async def _probe_left_over(self) -> None:
        """Probe channels that were blocked when the previous process ended, until their workers report a status.

        With nothing to post, a worker would not notice that its channel works again.
        """
        while True:
            try:
                rows = await self._upkeep.destination_states()
                left = [row.channel for row in rows if row.channel not in self._reporting]
                for channel in left:
                    await self._probe(channel)
                if not left:
                    return
            except StoreUnavailableError:
                log.debug("store unavailable")  # the channel workers log it as an error
            except Exception:
                log.exception("blocked channels not probed, retrying")
            await self._clock.sleep(PROBE_EVERY)

    async def _probe(self, channel: str) -> None:
        url = self._url_of(channel)
        if url is None:
            return
        limiter = self._limiter_of(url)
        if not await limiter.acquire():
            return
        outcome = await self._poster.probe(url)
        if outcome.kind == OutcomeKind.RATE_LIMITED:
            limiter.pause(PAUSES[0] if outcome.retry_after is None else outcome.retry_after)
        if outcome.webhook_alive and channel not in self._reporting:
            self.record_status(channel, RUNNING)
