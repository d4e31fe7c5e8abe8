"""Run one bridge: connect all parts, start them and stop them."""

import asyncio
import os
import random
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import structlog

from bridge.config.names import secret_variable
from bridge.config.settings import Settings
from bridge.core.background_log import written_in_background
from bridge.core.byte_semaphore import ByteSemaphore
from bridge.core.clock import Clock, SystemClock
from bridge.core.counters import EVENTS, Counters
from bridge.core.large_bodies import return_freed_memory
from bridge.core.states import BLOCKED
from bridge.core.version import __version__
from bridge.delivery.dispatcher import Destination, Dispatcher
from bridge.delivery.slack import Poster, open_session
from bridge.live.reload import Reload, ready
from bridge.live.snapshot import Channel, Snapshot
from bridge.messages import Rendered
from bridge.messages.event_fields import event_field_errors
from bridge.messages.render_pool import RenderPool
from bridge.messages.render_protocol import RenderJob
from bridge.messages.templates import Templates, is_choice
from bridge.service.gc_tuning import tune_for_service, tune_for_start
from bridge.service.loop_watchdog import watched_loop
from bridge.service.pruning import keep_pruned
from bridge.store import Counts, Delivery, Store, StoreUnavailableError, open_store
from bridge.web.app import LAST_REQUESTS, Server, application
from bridge.web.connection_policy import Limits
from bridge.web.connections import Connections, raise_open_files
from bridge.web.health import Health, Readiness
from bridge.web.log_throttle import LogThrottle
from bridge.web.request_bodies import BodyBudget
from bridge.web.webhooks import Ingest

STORE_CHECK_AGE = 1.0
"""Seconds for which /readyz reuses its last check of the store, so that frequent requests cost no more."""
BODIES = 8 * 2**20
"""Bytes of bodies that are rendered, or wait for it, in all channels together."""
REST = 1.0
"""Pause after compiling each template, as a multiple of the time that it took."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.service")


class Service:
    """One bridge in this process. ``start`` and ``stop`` are called once each.

    ``snapshot`` holds the routes, templates and settings in force; ``take_over`` replaces it.
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
        self.counters = Counters()
        self.address = ("", 0)
        self._settings = settings
        self._clock: Clock = clock or SystemClock()
        self._jitter = jitter
        self._state = "starting"
        self._checked_at = float("-inf")
        self._counts: Counts | str = ""
        self._channels: Mapping[str, Channel] = {}
        self._channel_destinations: Mapping[str, Destination] = {}
        self._renderers = RenderPool(settings.renderers)
        self._bodies = ByteSemaphore(BODIES)
        self._closing = AsyncExitStack()
        self._closing.push_async_callback(asyncio.to_thread, self._renderers.close)
        self.store: Store
        self.ingest: Ingest
        self.dispatcher: Dispatcher

    async def start(self) -> None:
        """Open the store, start the workers and listen. Raises StoreRefusedError, or OSError for the address."""
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
            counters=self.counters,
        )
        self.ingest = Ingest(
            snapshot=lambda: self.snapshot,
            store=self.store,
            wake=self.dispatcher.wake,
            now=clock.now,
            body_budget=BodyBudget(settings.max_inflight, read_time=settings.body_timeout),
            rejected_log=LogThrottle("rejected", self.counters, clock.monotonic, most=20, window=60.0),
            accepted_log=LogThrottle("accepted", self.counters, clock.monotonic, most=20, window=1.0),
            counters=self.counters,
        )
        limits = Limits(settings.max_connections, settings.head_timeout, settings.idle_timeout)
        connections = Connections(self.ingest.log_rejected, limits, self.counters)
        server = Server(application(self.ingest, Health(self._readiness)), connections)

        async def finish_in_flight() -> None:
            await server.stop_listening()
            await asyncio.gather(server.stop(), self.dispatcher.stop(within=LAST_REQUESTS))

        self._closing.push_async_callback(finish_in_flight)
        self._compiling = asyncio.create_task(self._compile(self.snapshot.templates), name="compiling")
        self._closing.callback(self._compiling.cancel)
        await self.dispatcher.start()
        self.address = await server.start(settings.host, settings.port)
        pruning = asyncio.create_task(keep_pruned(self.store, clock, settings.retention, self.counters), name="pruning")
        self._closing.callback(pruning.cancel)
        if not settings.renderers:
            log.warning("templates run without limits, and can stop the service", setting="BRIDGE_RENDERERS=0")
        self._state = "ok"

    async def stop(self) -> None:
        """Stop accepting, finish requests and posts in flight within 8 s, and leave the rest in the store."""
        started, self._state = self._state == "ok", "stopping"
        await self._closing.aclose()
        if started:
            log.info("stopped")

    async def take_over(self, snapshot: Snapshot) -> None:
        """Put another snapshot in force. Its templates are compiled first, by a renderer."""
        before = self.snapshot.templates
        templates = await ready(snapshot.templates, before, self._renderers.compile_error)
        self.snapshot = replace(snapshot, templates=templates)
        self.dispatcher.refresh()

    async def _render(self, delivery: Delivery, notes: Sequence[str]) -> Rendered:
        """Render a delivery. Its body is in memory only meanwhile, in a budget that all channels share."""
        templates = self.snapshot.templates
        await self._bodies.take(delivery.size)
        try:
            job = RenderJob(
                delivery.event,
                delivery.template,
                tuple(notes),
                channel=delivery.channel,
                request=None if delivery.template_fault else await self.store.request_of(delivery.id),
                part=delivery.part,
                fault=delivery.template_fault,
            )
            return await self._renderers.render(job, templates)
        finally:
            self._bodies.give(delivery.size)

    def when_compiled(self, callback: Callable[[], None]) -> None:
        """Call a function once the first templates are compiled."""
        self._compiling.add_done_callback(lambda _: callback())

    async def _compile(self, templates: Templates) -> None:
        """Compile the templates one by one, so that the first message waits for its own and not for all.

        Included parts come first. The pauses leave the processor to requests: without them, two seconds of compiling
        halved the rate of accepted requests.
        """
        loop = asyncio.get_running_loop()
        for name in sorted(templates.sources, key=is_choice):
            began = loop.time()
            if name not in templates.errors and (error := await self._renderers.compile_error(templates, name)):
                log.warning("template broken, its messages are plain", **error.log_fields())
            for error in await asyncio.to_thread(event_field_errors, templates, name):
                log.warning("template reads a field that no event has", **error.log_fields())
            await asyncio.sleep(REST * (loop.time() - began))
        for error in templates.errors.values():
            log.warning("template broken, its messages are plain", **error.log_fields())

    def _destinations(self) -> Mapping[str, Destination]:
        channels = self.snapshot.channels
        if self._channels is not channels:
            self._channels = channels
            self._channel_destinations = {
                name: Destination(channel.url.get_secret_value(), channel.policy) for name, channel in channels.items()
            }
        return self._channel_destinations

    async def _readiness(self) -> Readiness:
        if self._state != "ok":
            return Readiness(False, self._state, {}, self.counters.totals())
        if self._clock.monotonic() - self._checked_at >= STORE_CHECK_AGE:
            self._checked_at = self._clock.monotonic()
            self._counts = await self._check_store()
        if isinstance(self._counts, str):
            return Readiness(False, "store unavailable", {}, self.counters.totals(), self._counts)
        workers = self.dispatcher.counts()
        counts = {f"channels_{name}": number for name, number in workers.items()}
        counts |= {f"deliveries_{name}": number for name, number in self._counts.states.items()}
        failing = (name for name, worker in self.dispatcher.statuses().items() if worker.state in BLOCKED)
        counts["deliveries_held"] = sum(self._counts.waiting.get(name, 0) for name in failing)
        counts |= {f"events_{name}": number for name, number in self.counters.by_label(EVENTS, "result").items()}
        degraded = any(workers[state] for state in BLOCKED)
        status = "degraded" if degraded else "ok"
        return Readiness(True, status, dict(sorted(counts.items())), self.counters.totals())

    async def _check_store(self) -> Counts | str:
        """Return the counts of the store, or why it refuses new events."""
        refused_all = self.ingest.store_refused_all()
        try:
            await self.store.check()
            return "new events were refused a moment ago" if refused_all else await self.store.counts()
        except StoreUnavailableError as error:
            return str(error)


async def serve(settings: Settings, snapshot: Snapshot) -> None:
    """Run a bridge until SIGTERM or SIGINT. Raises what ``Service.start`` raises."""
    return_freed_memory()
    raise_open_files()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    service = Service(settings, snapshot)
    reload = Reload(settings, lambda: service.snapshot, service.take_over, SystemClock())
    loop.add_signal_handler(signal.SIGHUP, reload.now)
    tune_for_start()
    with written_in_background(service.counters), watched_loop(service.counters):
        await service.start()
        service.when_compiled(tune_for_service)
        reloading = asyncio.create_task(reload.run(), name="reload")
        for name in snapshot.off:
            log.info("source off", source=name, hint=f"set {secret_variable(name)}")
        await stop.wait()
        log.info("stopping")
        reloading.cancel()
        await service.stop()
