"""Start one worker for each channel, wake the workers, and drain them at the end."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from bridge.core.clock import Clock
from bridge.core.counters import Counters
from bridge.core.states import WorkerState
from bridge.delivery.alerts import Alerts
from bridge.delivery.channel_worker import ChannelWorker
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import Posting, Render, WorkerDeps, WorkerStatus
from bridge.routing.schema import ChannelPolicy
from bridge.store import Store, StoreUnavailableError

POLL_EVERY = 1.0
"""Seconds between two checks for writes of other processes to the store."""
DRAIN = 8.0
"""Seconds for posts in flight to finish at the end."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


@dataclass(frozen=True, slots=True)
class Destination:
    """The webhook URL of a channel, a secret, and the channel's policy."""

    url: str = field(repr=False)
    policy: ChannelPolicy = ChannelPolicy()  # noqa: RUF009 (it is frozen)


class Dispatcher:
    """All channel workers of this process.

    ``destinations`` returns each channel with a URL. It is called all the time, so it must be cheap; call ``refresh``
    after a change of the configuration. ``random`` gives jitter, from 0 up to 1. ``owner`` names this process in
    claims. ``repeat_of`` returns the seconds of a route's repeat windows. ``alerts`` returns the channel for alerts.
    """

    def __init__(
        self,
        store: Store,
        poster: Posting,
        render: Render,
        destinations: Callable[[], Mapping[str, Destination]],
        *,
        clock: Clock,
        random: Callable[[], float],
        owner: str,
        repeat_of: Callable[[str], float | None] = lambda _: None,
        alerts: Callable[[], str | None] = lambda: None,
        counters: Counters | None = None,
    ) -> None:
        self._destinations = destinations
        self._limiters: dict[str, RateLimiter] = {}
        self._workers: dict[str, ChannelWorker] = {}
        self._tasks: dict[ChannelWorker, asyncio.Task[None]] = {}
        self._poll: asyncio.Task[None] | None = None
        self._store = store
        self.alerts = Alerts(store, store, poster, self._url_of, self._limiter_of, clock, random, alerts, self.wake)
        self._deps = WorkerDeps(
            store,
            poster,
            render,
            self._url_of,
            self._limiter_of,
            clock,
            random,
            owner,
            counters=counters or Counters(),
            policy_of=self._policy_of,
            repeat_of=repeat_of,
            record_status=self.alerts.record_status,
            alert=self.alerts.alert,
        )

    async def start(self) -> None:
        """Start the workers, and log the deliveries that wait for channels without a URL."""
        self.refresh()
        self.alerts.start()
        self._poll = asyncio.create_task(self._watch_store(), name="store watch")
        try:
            waiting = (await self._store.counts()).waiting
        except StoreUnavailableError as error:
            log.error("store unavailable", reason=str(error))
            return
        for channel, number in sorted(waiting.items()):
            if number and channel not in self._workers:
                log.warning("channel has no URL", channel=channel, waiting=number)

    def refresh(self) -> None:
        """Apply a changed configuration: start and stop workers, and make all of them look again."""
        destinations = self._destinations()
        for channel in self._workers.keys() - destinations.keys():
            self._stop_worker(self._workers.pop(channel))
        for channel in destinations.keys() - self._workers.keys():
            self._start_worker(channel)
        urls = {destination.url for destination in destinations.values()}
        self._limiters = {url: limiter for url, limiter in self._limiters.items() if url in urls}
        for url in urls:
            # Slack limits by webhook, and channels may share one: the slowest of them sets its rate.
            slowest = min(d.policy.pace for d in destinations.values() if d.url == url)
            self._limiter_of(url).per_second = slowest
        for worker in self._workers.values():
            worker.configuration_changed()
        self.alerts.refresh()

    def wake(self, channels: Iterable[str]) -> None:
        """Wake the workers of channels with new deliveries. Channels without a worker are ignored."""
        for channel in channels:
            if worker := self._workers.get(channel):
                worker.wake()

    def statuses(self) -> Mapping[str, WorkerStatus]:
        """Return the status of each channel's worker."""
        return {channel: worker.status for channel, worker in self._workers.items()}

    def counts(self) -> Mapping[WorkerState, int]:
        """Count the workers by state."""
        found = Counter(status.state for status in self.statuses().values())
        return {state: found[state] for state in WorkerState}

    async def stop(self, within: float = DRAIN) -> None:
        """Stop claiming, let posts in flight finish within some seconds, and end. Everything else stays waiting."""
        if self._poll:
            self._poll.cancel()
        for worker in self._workers.values():
            self._stop_worker(worker)
        self._workers = {}
        tasks = set(self._tasks.values())
        self._deps.poster.stop()
        if tasks:
            posting = sum(worker.posting for worker in self._tasks)
            log.info("delivery stopping", posting=posting)
            timeout = asyncio.create_task(self._deps.clock.sleep(within))
            finished = asyncio.create_task(asyncio.wait(tasks))
            await asyncio.wait({timeout, finished}, return_when=asyncio.FIRST_COMPLETED)
            timeout.cancel()
            cut_off = [task for task in tasks if not task.done()]
            for task in cut_off:
                task.cancel()
            await finished
            log.info("delivery stopped", cut_off=len(cut_off))
        await self.alerts.stop()

    def _start_worker(self, channel: str) -> None:
        worker = ChannelWorker(channel, self._deps)
        # An older worker of this channel may still be posting: two at once would post the same delivery twice.
        older = [task for old, task in self._tasks.items() if old.channel == channel]

        async def run() -> None:
            if older:
                await asyncio.wait(older)
            await worker.run()

        def forget(_: asyncio.Task[None]) -> None:
            del self._tasks[worker]

        self._workers[channel] = worker
        self._tasks[worker] = asyncio.create_task(run(), name=f"channel worker {channel}")
        self._tasks[worker].add_done_callback(forget)

    def _stop_worker(self, worker: ChannelWorker) -> None:
        worker.stop()
        if not worker.posting:
            self._tasks[worker].cancel()

    def _url_of(self, channel: str) -> str | None:
        destination = self._destinations().get(channel)
        return destination.url if destination else None

    def _policy_of(self, channel: str) -> ChannelPolicy:
        destination = self._destinations().get(channel)
        return destination.policy if destination else ChannelPolicy()

    def _limiter_of(self, url: str) -> RateLimiter:
        limiter = self._limiters.get(url)
        if limiter is None:
            limiter = self._limiters[url] = RateLimiter(self._deps.clock)
        return limiter

    async def _watch_store(self) -> None:
        """Wake the workers when another process, for example a replay, has written to the store."""
        while True:
            await self._deps.clock.sleep(POLL_EVERY)
            try:
                self.wake(await self._deps.store.changes())
            except StoreUnavailableError:
                # The channel workers and the accept path log this themselves.
                continue
            except Exception:
                log.exception("store watch failed, retrying")
