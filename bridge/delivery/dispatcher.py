"""Starts a lane for each channel, wakes the lanes, and drains them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from bridge.core.clock import Clock
from bridge.delivery.channel_worker import Lane
from bridge.delivery.destination_alerts import Troubles
from bridge.delivery.rate_limiter import Pacer
from bridge.delivery.worker_deps import LaneState, Means, Posting, Render, Terms
from bridge.store import Store, StoreUnavailable

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
    terms: Terms = Terms()  # noqa: RUF009 - it is frozen

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
    ) -> None:
        self.posts: Counter[str] = Counter()
        """Since the start: posts by the kind of their outcome, and `template_faults`."""
        self._destinations = destinations
        self._pacers: dict[str, Pacer] = {}
        self._lanes: dict[str, Lane] = {}
        self._tasks: dict[Lane, asyncio.Task[None]] = {}
        self._poll: asyncio.Task[None] | None = None
        self._troubles = Troubles(store, poster, self._url_of, self._pacer_of, clock, random, alerts)
        self._means = Means(
            store,
            poster,
            render,
            self._url_of,
            self._pacer_of,
            clock,
            random,
            owner,
            counts=self.posts,
            terms_of=self._terms_of,
            repeat_of=repeat_of,
            noticed=self._troubles.noticed,
        )

    async def start(self) -> None:
        """Start the lanes, and say what waits for channels that are gone."""
        self.refresh()
        self._troubles.start()
        self._poll = asyncio.create_task(self._watch_store(), name="store watch")
        try:
            waiting = (await self._means.store.counts()).waiting
        except StoreUnavailable as error:
            log.error("the store cannot be asked what waits", reason=str(error))
            return
        for channel, number in sorted(waiting.items()):
            if number and channel not in self._lanes:
                log.warning("messages wait for a channel that has no URL", channel=channel, waiting=number)

    def refresh(self) -> None:
        """The configuration changed: start lanes for new channels, end those that are gone, let all look again."""
        destinations = self._destinations()
        for channel in self._lanes.keys() - destinations.keys():
            self._end(self._lanes.pop(channel))
        for channel in destinations.keys() - self._lanes.keys():
            self._begin(channel)
        urls = {destination.url for destination in destinations.values()}
        self._pacers = {url: pacer for url, pacer in self._pacers.items() if url in urls}
        for url in urls:
            # Channels may share a webhook, and Slack counts by webhook: the slowest of them sets its pace.
            slowest = min(d.per_second for d in destinations.values() if d.url == url)
            self._pacer_of(url).per_second = slowest
        for lane in self._lanes.values():
            lane.configuration_changed()
        self._troubles.refresh()

    def wake(self, channels: Iterable[str]) -> None:
        """Something was accepted for these channels. Those without a lane are passed over."""
        for channel in channels:
            if lane := self._lanes.get(channel):
                lane.wake()

    def states(self) -> Mapping[str, LaneState]:
        """How each channel's lane is doing."""
        return {channel: lane.state for channel, lane in self._lanes.items()}

    def counts(self) -> Mapping[str, int]:
        """How many lanes are `running`, `paused`, `away` and `stopped`."""
        found = Counter(state.name for state in self.states().values())
        return {name: found[name] for name in ("running", "paused", "away", "stopped")}

    async def stop(self, within: float = DRAIN) -> None:
        """Claim nothing more, let posts in flight finish within so many seconds, and end. The rest stays waiting."""
        if self._poll:
            self._poll.cancel()
        await self._troubles.stop()
        for lane in self._lanes.values():
            self._end(lane)
        self._lanes = {}
        tasks = set(self._tasks.values())
        if tasks:
            posting = sum(lane.posting for lane in self._tasks)
            log.info("the lanes stop", posting=posting)
            patience = asyncio.create_task(self._means.clock.sleep(within))
            finished = asyncio.create_task(asyncio.wait(tasks))
            await asyncio.wait({patience, finished}, return_when=asyncio.FIRST_COMPLETED)
            patience.cancel()
            cut_off = [task for task in tasks if not task.done()]
            for task in cut_off:
                task.cancel()
            await finished
            log.info("the lanes have stopped", cut_off=len(cut_off))

    def _begin(self, channel: str) -> None:
        lane = Lane(channel, self._means)
        # A lane that was ended may still be posting for this channel: two at once would post the same delivery twice.
        before = [task for old, task in self._tasks.items() if old.channel == channel]

        async def run() -> None:
            if before:
                await asyncio.wait(before)
            await lane.run()

        def forget(_: asyncio.Task[None]) -> None:
            del self._tasks[lane]

        self._lanes[channel] = lane
        self._tasks[lane] = asyncio.create_task(run(), name=f"lane {channel}")
        self._tasks[lane].add_done_callback(forget)

    def _end(self, lane: Lane) -> None:
        lane.stop()
        if not lane.posting:
            self._tasks[lane].cancel()

    def _url_of(self, channel: str) -> str | None:
        destination = self._destinations().get(channel)
        return destination.url if destination else None

    def _terms_of(self, channel: str) -> Terms:
        destination = self._destinations().get(channel)
        return destination.terms if destination else Terms()

    def _pacer_of(self, url: str) -> Pacer:
        pacer = self._pacers.get(url)
        if pacer is None:
            pacer = self._pacers[url] = Pacer(self._means.clock)
        return pacer

    async def _watch_store(self) -> None:
        """Wake the lanes when another process, a replay say, wrote into the store."""
        while True:
            await self._means.clock.sleep(POLL_EVERY)
            try:
                if await self._means.store.changed():
                    self.wake(self._lanes)
            except StoreUnavailable:
                # The lanes and the way in find out by themselves, and say so.
                continue
            except Exception:
                log.exception("the store cannot be watched, and is asked again")
