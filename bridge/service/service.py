"""The rooms put together: one running bridge, from its start to its stop."""

import asyncio
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog

from bridge.config.names import secret_variable
from bridge.config.settings import Settings
from bridge.core.clock import Clock, SystemClock
from bridge.core.large_bodies import return_freed_memory
from bridge.core.version import __version__
from bridge.delivery.dispatcher import Destination, Dispatcher
from bridge.delivery.slack import Poster, open_session
from bridge.delivery.worker_deps import ChannelPolicy
from bridge.live.reload import Reload, ready
from bridge.live.snapshot import Channel, Snapshot
from bridge.messages import Rendered
from bridge.messages.render import Templates, compile_fault, is_choice, render
from bridge.service.gc_tuning import begin_with_short_pauses, shorten_pauses
from bridge.store import Counts, Delivery, Store, StoreUnavailableError, open_store
from bridge.web.app import LAST_REQUESTS, Server, application
from bridge.web.connection_policy import Limits
from bridge.web.connections import Connections, raise_open_files
from bridge.web.health import Health, Readiness
from bridge.web.log_throttle import Lines
from bridge.web.request_bodies import BodyBudget
from bridge.web.webhooks import Ingest

PRUNE_EVERY = 600.0
"""Seconds between two prunings."""
LOOK_EVERY = 1.0
"""Seconds for which /readyz believes its last look at the store: whoever asks it often costs no more than one who does
not."""
REST = 1.0
"""How long the compiling of the templates rests after each, as a multiple of the time it took."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.service.service")


class Service:
    """One bridge in this process. ``start`` and ``stop`` are called once each.

    ``running`` is what routes, templates and settings say; ``take_over`` swaps it for another.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Snapshot,
        *,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.snapshot = snapshot
        self.address = ("", 0)
        self._settings = settings
        self._clock: Clock = clock or SystemClock()
        self._jitter = jitter
        self._state = "starting"
        self._looked_at = float("-inf")
        self._found: Counts | None = None
        self._known: Mapping[str, Channel] = {}
        self._reached: Mapping[str, Destination] = {}
        self._renderer = ThreadPoolExecutor(1, "render")
        self._closing = AsyncExitStack()
        self._closing.callback(self._renderer.shutdown, wait=False, cancel_futures=True)
        self.store: Store
        self.ingest: Ingest
        self.dispatcher: Dispatcher

    async def start(self) -> None:
        """Open the store, start the workers, listen. Raises StoreRefusedError, or OSError for the address."""
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        log.info("listening", host=self.address[0], port=self.address[1], version=__version__)

    async def _start(self) -> None:
        settings, clock = self._settings, self._clock
        self.store = open_store(settings.store, limit=settings.store_limit, owner=True)
        self._closing.push_async_callback(self.store.close)
        session = open_session()
        self._closing.push_async_callback(session.close)
        self.dispatcher = Dispatcher(
            self.store,
            Poster(session, clock),
            self._render,
            self._destinations,
            clock=clock,
            random=self._jitter,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            repeat_of=lambda route: self.snapshot.routes.repeat(route),
            alerts=lambda: self.snapshot.routes.alerts,
        )
        self.ingest = Ingest(
            snapshot=lambda: self.snapshot,
            store=self.store,
            wake=self.dispatcher.wake,
            now=clock.now,
            inflight=BodyBudget(settings.max_inflight, read_time=settings.body_timeout),
            rejected_log=Lines("turned away", clock.monotonic, most=20, window=60.0),
            accepted_log=Lines("taken in", clock.monotonic, most=20, window=1.0),
        )
        limits = Limits(settings.max_connections, settings.head_timeout, settings.idle_timeout)
        server = Server(application(self.ingest, Health(self._readiness)), Connections(self.ingest.note, limits))

        async def finish_what_is_in_flight() -> None:
            await server.stop_listening()
            await asyncio.gather(server.stop(), self.dispatcher.stop(within=LAST_REQUESTS))

        self._closing.push_async_callback(finish_what_is_in_flight)
        self._warming = asyncio.create_task(self._warm(self.snapshot.templates), name="warming")
        self._closing.callback(self._warming.cancel)
        await self.dispatcher.start()
        self.address = await server.start(settings.host, settings.port)
        pruning = asyncio.create_task(self._keep_house(), name="pruning")
        self._closing.callback(pruning.cancel)
        self._state = "ok"

    async def stop(self) -> None:
        """Accept nothing more, finish requests and posts in flight within 8 s, and leave the rest in the store."""
        started, self._state = self._state == "ok", "stopping"
        await self._closing.aclose()
        if started:
            log.info("stopped")

    async def take_over(self, snapshot: Snapshot) -> None:
        """Go by another configuration from now on. Its templates are compiled before, where messages are rendered."""
        before = self.snapshot.templates
        templates = await asyncio.get_running_loop().run_in_executor(self._renderer, ready, snapshot.templates, before)
        self.snapshot = replace(snapshot, templates=templates)
        self.dispatcher.refresh()

    async def _render(self, delivery: Delivery, notes: Sequence[str]) -> Rendered:
        """In a thread of its own, so that a slow template holds up its lane and nothing else."""
        templates = self.snapshot.templates
        return await asyncio.get_running_loop().run_in_executor(
            self._renderer, lambda: render(delivery.event, templates, delivery.template, notes=notes)
        )

    def when_compiled(self, call: Callable[[], None]) -> None:
        """Call it once the templates of the start are compiled."""
        self._warming.add_done_callback(lambda _: call())

    async def _warm(self, templates: Templates) -> None:
        """Compile the templates where messages are rendered, but one by one: the first message waits for one of them,
        and not for all. Parts come first, since what uses them is cut off after a while. Between them it rests: what
        arrives right after a start shares the processor with this, and two seconds of it halved what is taken in."""
        loop = asyncio.get_running_loop()
        for name in sorted(templates.sources, key=is_choice):
            began = loop.time()
            if fault := await loop.run_in_executor(self._renderer, compile_fault, templates, name):
                log.warning("this template is broken, and a plain message stands in for it", fault=fault)
            await asyncio.sleep(REST * (loop.time() - began))
        for fault in templates.faults.values():
            log.warning("this template is broken, and a plain message stands in for it", fault=fault)

    def _destinations(self) -> Mapping[str, Destination]:
        channels = self.snapshot.channels
        if self._known is not channels:
            self._known = channels
            self._reached = {
                name: Destination(
                    channel.url.get_secret_value(), channel.pace, ChannelPolicy(channel.pack, channel.digest_after)
                )
                for name, channel in channels.items()
            }
        return self._reached

    async def _readiness(self) -> Readiness:
        if self._state != "ok":
            return Readiness(False, self._state, {})
        if self._clock.monotonic() - self._looked_at >= LOOK_EVERY:
            self._looked_at = self._clock.monotonic()
            self._found = await self._look_at_store()
        if self._found is None:
            return Readiness(False, "store unavailable", {})
        workers = self.dispatcher.counts()
        counts = {f"lanes_{name}": number for name, number in workers.items()}
        counts |= {f"deliveries_{name}": number for name, number in self._found.states.items()}
        in_trouble = (name for name, worker in self.dispatcher.states().items() if worker.name in ("away", "stopped"))
        counts["deliveries_held"] = sum(self._found.waiting.get(name, 0) for name in in_trouble)
        counts |= {f"events_{name.replace(' ', '_')}": number for name, number in self.ingest.counts.items()}
        degraded = workers["away"] or workers["stopped"]
        return Readiness(True, "degraded" if degraded else "ok", dict(sorted(counts.items())))

    async def _look_at_store(self) -> Counts | None:
        """What is in the store, or None while nothing new can be kept."""
        if self.ingest.refused_all_since_asked():
            return None
        try:
            await self.store.check()
            return await self.store.counts()
        except StoreUnavailableError:
            return None

    async def _keep_house(self) -> None:
        """Prune now and then. A store that is unavailable is asked again the next time."""
        while True:
            try:
                pruned = await self.store.prune(self._clock.now(), self._settings.retention)
                if pruned:
                    log.info("pruned", events=pruned)
            except StoreUnavailableError as error:
                log.warning("the store cannot be pruned now", reason=str(error))
            except Exception:
                log.exception("pruning failed, and is tried again")
            await self._clock.sleep(PRUNE_EVERY)


async def serve(settings: Settings, snapshot: Snapshot) -> None:
    """Run a bridge until SIGTERM or SIGINT. Raises what ``Service.start`` raises."""
    return_freed_memory()
    raise_open_files()
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    service = Service(settings, snapshot)
    reload = Reload(settings, lambda: service.snapshot, service.take_over, SystemClock())
    loop.add_signal_handler(signal.SIGHUP, reload.now)
    begin_with_short_pauses()
    await service.start()
    service.when_compiled(shorten_pauses)
    reloading = asyncio.create_task(reload.run(), name="reload")
    for name in snapshot.off:
        log.info("this source is off", source=name, hint=f"set {secret_variable(name)}")
    await told.wait()
    log.info("stopping: what is in flight is finished, the rest waits in the store")
    reloading.cancel()
    await service.stop()
