"""/webhooks/{source}: from a socket to a kept event, and only then an answer."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import web

from bridge.core import large_bodies
from bridge.core.payload import clean
from bridge.events import Event, Request
from bridge.live.snapshot import Snapshot, Source
from bridge.routing.decide import Decision, decide
from bridge.routing.routes_file import Routes
from bridge.sources import Malformed, Provider, Unverified
from bridge.store import AcceptResult, NewEvent, Store, StoreUnavailableError
from bridge.web import responses
from bridge.web.connections import Connection
from bridge.web.log_throttle import Lines
from bridge.web.request_bodies import BodyBudget, BodyTooLargeError, BrokenBodyError, NoMemoryLeftError

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.ingest")


@dataclass(frozen=True, slots=True)
class Ingest:
    """The way of one webhook up to its answer."""

    snapshot: Callable[[], Snapshot]
    store: Store
    wake: Callable[[Iterable[str]], None]
    """Told the channels that have something new to say."""
    now: Callable[[], float]
    inflight: BodyBudget
    rejected_log: Lines
    """Bounds what is logged of requests that were turned away: any stranger can send those."""
    accepted_log: Lines
    """Bounds what is logged of events in a storm: the ledger has them all."""
    counts: Counter[str] = field(default_factory=Counter)
    """Events by what became of them, since the start."""
    _outcomes: Counter[str] = field(default_factory=Counter)
    """Requests that the store kept or refused, since that was asked last."""
    _told: set[str] = field(default_factory=set)
    """Routes whose failing condition was logged already."""

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one webhook: 2xx for all that is verified, 4xx for a bad request, 503 if we cannot keep it."""
        snapshot = self.snapshot()
        name = request.match_info["source"]
        source = snapshot.sources.get(name)
        if source is None:
            return self._turn_away(request, 404, f"there is no source {clean(name, 80)!r}, or it is off", "-")
        provider = source.provider
        if request.method not in provider.methods:
            self.note(405, request.method, name, request.remote or "")
            return responses.error(405, allow=provider.methods)
        if "Content-Encoding" in request.headers:
            return self._turn_away(request, 415, "Content-Encoding", name)
        for header in provider.signature_headers:
            if len(request.headers.getall(header, ())) > 1:
                return self._turn_away(request, 401, f"{header} was sent twice", name)
        if not request.raw_path.startswith("/"):
            return self._turn_away(request, 400, "the request target is not a path", name)
        try:
            async with self.inflight.body(request, provider.max_body) as body:
                url = (snapshot.public_url or f"{request.scheme}://{request.host}") + request.raw_path
                return await self._take(request, Request(request.method, url, request.headers, body), source, snapshot)
        except BodyTooLargeError:
            return self._turn_away(request, 413, "the body is too large", name)
        except NoMemoryLeftError:
            return self._turn_away(request, 503, "too many bodies at once", name)
        except BrokenBodyError as error:
            return self._turn_away(request, 400, f"the body did not arrive whole: {error}", name)

    async def _take(self, raw: web.Request, request: Request, source: Source, snapshot: Snapshot) -> web.Response:
        now = self.now()
        size = len(request.body)
        try:
            if size < large_bodies.LARGE:
                read = _read(request, source, snapshot.routes, now)
            else:
                read = await asyncio.to_thread(_read, request, source, snapshot.routes, now)
        except Unverified as error:
            return self._turn_away(raw, 401, str(error), source.name)
        except Malformed as error:
            return self._turn_away(raw, 400, str(error), source.name)

        if isinstance(raw.protocol, Connection):
            raw.protocol.mark_verified()
        entries: list[NewEvent] = []
        for part, (event, decision) in enumerate(read):
            self._tell_failing_conditions(decision)
            if decision.deliveries:
                entries.append(NewEvent(event, part, decision.deliveries, source.dedupe_ttl))
            else:
                self._count("ignored", event, event.id)
        if not entries:
            return self._answer(source.provider, "ignored", None)
        try:
            kept = await self.store.accept(kept_request(request, source.provider), entries, now)
        except StoreUnavailableError as error:
            self._outcomes["refused"] += 1
            return self._turn_away(raw, 503, f"the store cannot keep it: {error}", source.name)
        self._outcomes["kept"] += 1
        for entry, outcome in zip(entries, kept, strict=True):
            self._count(outcome.status, entry.event, outcome.id)
        self.wake({channel for outcome in kept for channel in outcome.channels})
        return self._answer(source.provider, *_in_sum(kept))

    def _count(self, status: str, event: Event, event_id: str) -> None:
        self.counts[status] += 1
        if self.accepted_log.allows():
            log.info(status, source=event.source, type=event.type, id=event_id)

    def _tell_failing_conditions(self, decision: Decision) -> None:
        for route, verdict in decision.errors:
            self.counts["conditions that failed"] += 1
            if route not in self._told:
                self._told.add(route)
                log.warning(
                    "a route's condition cannot be evaluated, so it is not met", route=route, why=verdict.detail
                )

    def refused_all_since_asked(self) -> bool:
        """Whether requests came since this was asked last, and the store kept none of them.

        On a full disk a small write may still find room where an event finds none.
        """
        refused = self._outcomes["refused"] > 0 and not self._outcomes["kept"]
        self._outcomes.clear()
        return refused

    def _turn_away(self, request: web.Request, status: int, reason: str, source: str) -> web.Response:
        self.note(status, reason, source, request.remote or "")
        return responses.error(status)

    def note(self, status: int, reason: str, source: str, remote: str) -> None:
        """Count a request that was turned away, and log it if there are not too many."""
        self.counts["turned away"] += 1
        if self.rejected_log.allows():
            log.warning("request turned away", status=status, source=source, reason=clean(reason, 200), remote=remote)

    @staticmethod
    def _answer(provider: Provider, status: str, event_id: str | None) -> web.Response:
        answer = provider.answer(status, event_id)
        return web.Response(body=answer.body, headers={"Content-Type": answer.content_type})


def _read(request: Request, source: Source, routes: Routes, now: float) -> list[tuple[Event, Decision]]:
    """Verify, read and decide. Raises Unverified, Malformed. The payload of a large body is let go: the store keeps the
    body itself."""
    size = len(request.body)
    with large_bodies.one_at_a_time(size):
        source.provider.verify(request, source.secrets, now)
        read = [(event, decide(event, routes)) for event in source.provider.events(request, source.name, now)]
        return (
            read if size < large_bodies.LARGE else [(replace(event, payload={}), decision) for event, decision in read]
        )


def kept_request(request: Request, provider: Provider) -> Request:
    """The request as the store may keep it: no signature, no token, and a query only where it is all that was sent."""
    headers = {name: request.header(name) or "" for name in provider.kept_headers if request.header_values(name)}
    url = request.url if request.method == "GET" else request.url.partition("?")[0]
    return Request(request.method, url, {name: value[:2000] for name, value in headers.items()}, request.body)


def _in_sum(kept: list[AcceptResult]) -> tuple[str, str]:
    """What to answer for a request with several events: that something was accepted, if anything was."""
    for outcome in kept:
        if outcome.status != "duplicate":
            return "accepted", outcome.id
    return "duplicate", kept[0].id
