"""Tells of lanes that do not run: writes them down in the store, and tells the alerts channel once for each trouble."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial

import structlog

from bridge.config.names import channel_variable
from bridge.core.clock import Clock, sleep_unless
from bridge.delivery.circuit_breaker import PROBE_EVERY, said
from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.worker_deps import Posting, WorkerState, back_off
from bridge.messages.layout import section
from bridge.messages.mrkdwn import escaped
from bridge.messages.times import date
from bridge.store import DestinationState, Store, StoreUnavailableError

WORDS = {
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

Said = tuple[str, str]
"""The text of the notification, and the message."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.delivery")


class DestinationAlerts:
    """``noticed`` takes what the lanes notice. ``alerts`` gives the channel that is told, None if there is none.

    Slack being away is written down and not told: the alerts channel is in Slack too.
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
        self._notices: asyncio.Queue[tuple[str, WorkerState]] = asyncio.Queue()
        self._known: set[str] = set()
        """The channels whose lanes told something in this process: they will tell the rest too."""
        self._told: set[str] = set()
        """The channels whose trouble was told in this process, should the store not know it yet."""
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        """For whoever acts on what the table says: it must not change meanwhile."""
        self._stirred = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def record_state(self, channel: str, state: WorkerState) -> None:
        """A lane stopped, finds Slack away, or runs."""
        self._notices.put_nowait((channel, state))

    def start(self) -> None:
        """Begin to write down and to tell, and look at what an earlier process left."""
        self._stirred.set()
        self._tasks = [
            asyncio.create_task(self._take_notices(), name="troubles"),
            asyncio.create_task(self._look_after(), name="troubles of before"),
        ]

    def refresh(self) -> None:
        """The configuration changed: channels may be gone, and there may be another one to tell."""
        self._stirred.set()

    async def stop(self) -> None:
        """End at once. What was not told is told by the next process."""
        tasks = [*self._tasks, *self._telling.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_notices(self) -> None:
        while True:
            channel, state = await self._notices.get()
            self._known.add(channel)
            await self._surely(partial(self._take, channel, state))

    async def _take(self, channel: str, state: WorkerState) -> None:
        async with self._turn:
            if state.name == "stopped" or state.name == "away":
                self._cancel_pending(channel)
                await self._store.note_destination(channel, state.name, state.detail, self._clock.now())
                self._stirred.set()
            else:
                await self._over(channel)

    async def _over(self, channel: str) -> None:
        """A lane runs again."""
        row = next((row for row in await self._store.destination_states() if row.channel == channel), None)
        if row is None:
            return
        self._cancel_pending(channel)
        waited = await self._store.clear_destination(channel)
        if row.told or channel in self._told:
            self._told.discard(channel)
            self._tell(channel, self._tell_back(channel, waited))

    async def _look_after(self) -> None:
        """Tell what is not told yet, and ask about lanes that did not run when the process before this one ended."""
        while True:
            rows: list[DestinationState] = []
            self._stirred.clear()
            try:
                async with self._turn:
                    rows = await self._store.destination_states()
                    for row in rows:
                        await self._look(row)
                for row in rows:
                    await self._ask(row.channel)
            except StoreUnavailableError:
                log.debug("the store cannot be asked which lanes did not run")  # the lanes tell of it
            except Exception:
                log.exception("the troubles of the lanes cannot be looked at, and are looked at again")
            if rows:
                await sleep_unless(self._clock, PROBE_EVERY, self._stirred)
            else:
                await self._stirred.wait()

    async def _look(self, row: DestinationState) -> None:
        if self._url_of(row.channel) is None:
            self._cancel_pending(row.channel)
            await self._store.clear_destination(row.channel)
        elif row.state == "stopped" and not row.told and row.channel not in {*self._telling, *self._told}:
            self._tell(row.channel, self._tell_stop(row))

    async def _ask(self, channel: str) -> None:
        """Probe a lane that told nothing yet: it may have nothing to post for long, and so find out nothing."""
        url = self._url_of(channel)
        if url is None or channel in self._known:
            return
        await self._limiter_of(url).turn()
        outcome = await self._poster.probe(url)
        if outcome.hook_lives and channel not in self._known:
            async with self._turn:
                await self._over(channel)

    def _tell(self, channel: str, telling: Coroutine[None, None, None]) -> None:
        self._cancel_pending(channel)
        task = self._telling[channel] = asyncio.create_task(telling, name=f"telling of {channel}")

        def forget(_: asyncio.Task[None]) -> None:
            if self._telling.get(channel) is task:
                del self._telling[channel]

        task.add_done_callback(forget)

    def _cancel_pending(self, channel: str) -> None:
        """Tell nothing more of what was."""
        if task := self._telling.pop(channel, None):
            task.cancel()

    async def _tell_stop(self, row: DestinationState) -> None:
        async def words() -> Said:
            return _stopped(row, (await self._store.counts()).waiting.get(row.channel, 0))

        if await self._post(row.channel, words, dead=lambda: self._url_of(row.channel)):
            self._told.add(row.channel)
            await self._surely(partial(self._store.destination_alerted, row.channel))

    async def _tell_back(self, channel: str, waited: int) -> None:
        async def words() -> Said:
            return _back(channel, waited)

        await self._post(channel, words, dead=lambda: None)

    async def _post(self, about: str, words: Callable[[], Awaitable[Said]], *, dead: Callable[[], str | None]) -> bool:
        """Post to the alerts channel until Slack takes it. Returns whether it did; False if nobody can be told."""
        failures = 0
        while True:
            to = self._alerts()
            url = self._url_of(to) if to else None
            if url is None or url == dead():
                return False  # the lane has told the log
            try:
                text, block = await words()
            except StoreUnavailableError:
                failures += 1
                await self._clock.sleep(back_off(self._random, failures))
                continue
            limiter = self._limiter_of(url)
            await limiter.turn()
            outcome = await self._poster.post(url, {"text": text, "blocks": [section(block)]})
            if outcome.kind == "ok":
                return True
            failures += 1
            if failures == 1 or outcome.kind == "refused":
                log.error("the alerts channel cannot be told", channel=to, about=about, **said(outcome))
            if outcome.kind == "refused":
                return False
            if outcome.kind == "limited":
                limiter.pause(outcome.retry_after)
            await self._clock.sleep(back_off(self._random, failures))

    async def _surely(self, write: Callable[[], Awaitable[None]]) -> None:
        """Have something written into the store, however long that takes."""
        failures = 0
        while True:
            try:
                await write()
                return
            except StoreUnavailableError:
                failures += 1  # the lanes say so
            except Exception:
                log.exception("a trouble cannot be written down, and that is tried again")
                failures += 1
            await self._clock.sleep(back_off(self._random, failures))


def _stopped(row: DestinationState, waiting: int) -> Said:
    """What happened, what waits, and the mend: for the notification, and for the message."""
    word = row.detail.split()[-1] if row.detail else ""
    why = WORDS.get(word, "Slack takes nothing that is posted there")
    waits = "1 message waits" if waiting == 1 else f"{waiting:,} messages wait"
    archived = "Take the channel out of the archive, or make" if word == "channel_is_archived" else "Make"
    message = (
        f"*#{row.channel} is stopped:* {why} (Slack says `{escaped(row.detail)}`).\n"
        f"{waits}, since {date(row.since)}. Nothing is lost: they are posted in their order once it works.\n"
        f"{archived} a new incoming webhook and set `{channel_variable(row.channel)}` to it. "
        "Bridge asks every five minutes whether the old one works again."
    )
    return f"#{row.channel} is stopped: {why}. {waits}, and nothing is lost", message


def _back(channel: str, waited: int) -> Said:
    messages = "1 message that waited is on its" if waited == 1 else f"{waited:,} messages that waited are on their"
    line = f"#{channel} is back: {messages} way"
    return line, line
