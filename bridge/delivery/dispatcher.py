"""Starts a lane for each channel, wakes the lanes, and drains them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from bridge.core.clock import Clock
from bridge.core.counters import Counters
from bridge.delivery.channel_worker import ChannelWorker
from bridge.delivery.destination_alerts import DestinationAlerts
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import ChannelPolicy, Posting, Render, WorkerDeps, WorkerState
from bridge.store import Store, StoreUnavailableError

POLL_EVERY = 1.0
"""Seconds between two looks for what other processes wrote into the store."""
DRAIN = 8.0
"""Seconds that posts in flight are given at the end."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a channel is posted to, and how fast. The URL is a secret, and not shown."""

    url: str
    per_second: float = 1.0
    policy: ChannelPolicy = ChannelPolicy()  # noqa: RUF009 - it is frozen

    def __repr__(self) -> str:
        return f"Destination({self.per_second:g}/s)"


class Dispatcher:
    """Every lane of this process.

    ``destinations`` gives each channel that has a URL; it is asked anew all the time, so it must be cheap, and whoever
    changes the configuration calls ``refresh``. ``random`` gives jitter, from 0 up to 1; ``owner`` is who claims.
    ``repeat_of`` gives the seconds within which a route's messages are folded; ``alerts`` gives the
    channel that is told of lanes in trouble.
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
        self._alerts_of = DestinationAlerts(store, poster, self._url_of, self._limiter_of, clock, random, alerts)
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
            record_state=self._alerts_of.record_state,
        )

    async def start(self) -> None:
        """Start the lanes, and say what waits for channels that are gone."""
        self.refresh()
        self._alerts_of.start()
        self._poll = asyncio.create_task(self._watch_store(), name="store watch")
        try:
            waiting = (await self._deps.store.counts()).waiting
        except StoreUnavailableError as error:
            log.error("the store cannot be asked what waits", reason=str(error))
            return
        for channel, number in sorted(waiting.items()):
            if number and channel not in self._workers:
                log.warning("messages wait for a channel that has no URL", channel=channel, waiting=number)

    def refresh(self) -> None:
        """The configuration changed: start lanes for new channels, end those that are gone, let all look again."""
        destinations = self._destinations()
        for channel in self._workers.keys() - destinations.keys():
            self._end(self._workers.pop(channel))
        for channel in destinations.keys() - self._workers.keys():
            self._begin(channel)
        urls = {destination.url for destination in destinations.values()}
        self._limiters = {url: limiter for url, limiter in self._limiters.items() if url in urls}
        for url in urls:
            # Channels may share a webhook, and Slack counts by webhook: the slowest of them sets its pace.
            slowest = min(d.per_second for d in destinations.values() if d.url == url)
            self._limiter_of(url).per_second = slowest
        for worker in self._workers.values():
            worker.configuration_changed()
        self._alerts_of.refresh()

    def wake(self, channels: Iterable[str]) -> None:
        """Something was accepted for these channels. Those without a lane are passed over."""
        for channel in channels:
            if worker := self._workers.get(channel):
                worker.wake()

    def states(self) -> Mapping[str, WorkerState]:
        """How each channel's lane is doing."""
        return {channel: worker.state for channel, worker in self._workers.items()}

    def counts(self) -> Mapping[str, int]:
        """How many lanes are `running`, `paused`, `away` and `stopped`."""
        found = Counter(state.name for state in self.states().values())
        return {name: found[name] for name in ("running", "paused", "away", "stopped")}

    async def stop(self, within: float = DRAIN) -> None:
        """Claim nothing more, let posts in flight finish within so many seconds, and end. The rest stays waiting."""
        if self._poll:
            self._poll.cancel()
        await self._alerts_of.stop()
        for worker in self._workers.values():
            self._end(worker)
        self._workers = {}
        tasks = set(self._tasks.values())
        if tasks:
            posting = sum(worker.posting for worker in self._tasks)
            log.info("the lanes stop", posting=posting)
            patience = asyncio.create_task(self._deps.clock.sleep(within))
            finished = asyncio.create_task(asyncio.wait(tasks))
            await asyncio.wait({patience, finished}, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            cut_off = [task for task in tasks if not task.done()]
            for task in cut_off:
                task.cancel()
            await finished
            log.info("the lanes have stopped", cut_off=len(cut_off))

    def _begin(self, channel: str) -> None:
        worker = ChannelWorker(channel, self._deps)
        # A lane that was ended may still be posting for this channel: two at once would post the same delivery twice.
        before = [task for old, task in self._tasks.items() if old.channel == channel]

        async def run() -> None:
            if before:
                await asyncio.wait(before)
            await worker.run()

        def forget(_: asyncio.Task[None]) -> None:
            del self._tasks[worker]

        self._workers[channel] = worker
        self._tasks[worker] = asyncio.create_task(run(), name=f"lane {channel}")
        self._tasks[worker].add_done_callback(forget)

    def _end(self, worker: ChannelWorker) -> None:
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
        """Wake the lanes when another process, a replay say, wrote into the store."""
        while True:
            await self._deps.clock.sleep(POLL_EVERY)
            try:
                if await self._deps.store.changed():
                    self.wake(self._workers)
            except StoreUnavailableError:
                # The lanes and the way in find out by themselves, and say so.
                continue
            except Exception:
                log.exception("the store cannot be watched, and is asked again")
