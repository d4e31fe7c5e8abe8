"""Handle ``/webhooks/{source}``: verify, decide and store, and only then respond."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import structlog
from aiohttp import web

from bridge.core import large_bodies
from bridge.core.byte_semaphore import NoMemoryLeftError
from bridge.core.counters import CONDITION_ERRORS, EVENTS, REQUESTS, STORE_ACCEPTS, Counters
from bridge.core.payload import clean
from bridge.events import Event, Request
from bridge.live.snapshot import Snapshot, Source
from bridge.routing.decide import Decision, decide
from bridge.routing.routes_file import Routes
from bridge.sources import Malformed, Provider, Unverified
from bridge.sources.provider import key_ttls
from bridge.store import AcceptResult, Arrival, Inbox, NewEvent, StoreUnavailableError
from bridge.web import responses
from bridge.web.connections import Connection
from bridge.web.log_throttle import LogThrottle
from bridge.web.request_bodies import BodyBudget, BodyTooLargeError, BrokenBodyError

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.ingest")


@dataclass(frozen=True, slots=True)
class Ingest:
    """The accept path: everything from a request to its response."""

    snapshot: Callable[[], Snapshot]
    store: Inbox
    wake: Callable[[Iterable[str]], None]
    """Wakes the workers of channels with new deliveries."""
    now: Callable[[], float]
    body_budget: BodyBudget
    rejected_log: LogThrottle
    """Limits the log lines about rejected requests: any client can send those."""
    accepted_log: LogThrottle
    """Limits the log lines about events in a storm: the event log has them all."""
    counters: Counters = field(default_factory=Counters)
    _checked_accepts: dict[str, int] = field(default_factory=dict)
    """The values of STORE_ACCEPTS at the last call of ``store_refused_all``."""
    _logged: set[str] = field(default_factory=set)
    """Routes with a failed condition that was logged already."""

    async def handle(self, request: web.Request) -> web.Response:
        """Respond to one webhook: 2xx if it is verified, 4xx for a bad request, 503 if it cannot be stored."""
        try:
            return await self._handle(request)
        except Exception:
            self.counters.inc(REQUESTS, "", "500")
            raise

    async def _handle(self, request: web.Request) -> web.Response:
        snapshot = self.snapshot()
        name = request.match_info["source"]
        source = snapshot.sources.get(name)
        if source is None:
            return self._reject(request, 404, f"there is no source {clean(name, 80)!r}, or it is off", "")
        provider = source.provider
        if request.method not in provider.methods:
            return self._reject(request, 405, request.method, name, allow=provider.methods)
        if "Content-Encoding" in request.headers:
            return self._reject(request, 415, "Content-Encoding", name)
        for header in provider.signature_headers:
            if len(request.headers.getall(header, ())) > 1:
                return self._reject(request, 401, f"{header} was sent twice", name)
        if not request.raw_path.startswith("/"):
            return self._reject(request, 400, "the request target is not a path", name)
        try:
            async with self.body_budget.body(request, provider.max_body) as body:
                url = (snapshot.public_url or f"{request.scheme}://{request.host}") + request.raw_path
                return await self._accept(
                    request, Request(request.method, url, request.headers, body), source, snapshot
                )
        except BodyTooLargeError:
            return self._reject(request, 413, "the body is too large", name)
        except NoMemoryLeftError:
            return self._reject(request, 503, "too many bodies at once", name)
        except BrokenBodyError as error:
            return self._reject(request, 400, f"the body did not arrive whole: {error}", name)

    async def _accept(self, raw: web.Request, request: Request, source: Source, snapshot: Snapshot) -> web.Response:
        now = self.now()
        size = len(request.body)
        try:
            if size < large_bodies.LARGE:
                read = _read(request, source, snapshot.routes, now)
            else:
                read = await asyncio.to_thread(_read, request, source, snapshot.routes, now)
        except Unverified as error:
            return self._reject(raw, 401, str(error), source.name)
        except Malformed as error:
            return self._reject(raw, 400, str(error), source.name)

        if isinstance(raw.protocol, Connection):
            raw.protocol.mark_verified()
        entries: list[NewEvent] = []
        for part, (event, decision) in enumerate(read):
            self._log_condition_errors(decision)
            if decision.deliveries:
                ttls = key_ttls(source.provider, event.keys, source.dedupe_ttl)
                entries.append(NewEvent(event, part, decision.deliveries, ttls))
            else:
                self._count("ignored", event, event.id)
        if not entries:
            return self._respond(source, "ignored", None)
        try:
            arrival = Arrival(kept_request(request, source.provider), tuple(entries))
            [kept] = await self.store.accept([arrival], now)
        except StoreUnavailableError as error:
            self.counters.inc(STORE_ACCEPTS, "refused")
            return self._reject(raw, 503, f"the store cannot keep it: {error}", source.name)
        self.counters.inc(STORE_ACCEPTS, "stored")
        for entry, outcome in zip(entries, kept, strict=True):
            self._count(outcome.status, entry.event, outcome.id)
        self.wake({channel for outcome in kept for channel in outcome.channels})
        return self._respond(source, *_summary(kept))

    def _count(self, status: str, event: Event, event_id: str) -> None:
        self.counters.inc(EVENTS, event.source, status)
        if self.accepted_log.allows():
            log.info(status, source=event.source, type=event.type, id=event_id)

    def _log_condition_errors(self, decision: Decision) -> None:
        for route, verdict in decision.errors:
            self.counters.inc(CONDITION_ERRORS, route)
            if route not in self._logged:
                self._logged.add(route)
                outcome = (
                    "expression failed, so the event is shown" if verdict.met else "condition failed, so it is not met"
                )
                log.warning(outcome, route=route, error=verdict.detail)

    def store_refused_all(self) -> bool:
        """Return whether the store refused every request since the last call, and at least one.

        On a full disk a small write may succeed although an event is refused.
        """
        accepts = self.counters.by_label(STORE_ACCEPTS, "result")
        new = {result: number - self._checked_accepts.get(result, 0) for result, number in accepts.items()}
        self._checked_accepts.update(accepts)
        return new.get("refused", 0) > 0 and not new.get("stored")

    def _reject(
        self, request: web.Request, status: int, reason: str, source: str, *, allow: frozenset[str] | None = None
    ) -> web.Response:
        self.counters.inc(REQUESTS, source, str(status))
        self.log_rejected(status, reason, source, request.remote or "")
        return responses.error(status, allow=allow)

    def log_rejected(self, status: int, reason: str, source: str, remote: str) -> None:
        """Log a rejected request, unless there are too many."""
        if self.rejected_log.allows():
            reason = clean(reason, 200)
            log.warning("request rejected", status=status, source=source or "-", reason=reason, remote=remote)

    def _respond(self, source: Source, status: str, event_id: str | None) -> web.Response:
        self.counters.inc(REQUESTS, source.name, "200")
        answer = source.provider.answer(status, event_id)
        return web.Response(body=answer.body, headers={"Content-Type": answer.content_type})


def _read(request: Request, source: Source, routes: Routes, now: float) -> list[tuple[Event, Decision]]:
    """Verify, read and decide. Raises Unverified, Malformed.

    The payload of a large body is dropped: the store keeps the body itself.
    """
    size = len(request.body)
    with large_bodies.one_at_a_time(size):
        source.provider.verify(request, source.secrets, now)
        read = [(event, decide(event, routes)) for event in source.provider.events(request, source.name, now)]
        return (
            read if size < large_bodies.LARGE else [(replace(event, payload={}), decision) for event, decision in read]
        )


def kept_request(request: Request, provider: Provider) -> Request:
    """Return the request for the store: without signature and token, and with the query only of a GET."""
    headers = {name: request.header(name) or "" for name in provider.kept_headers if request.header_values(name)}
    url = request.url if request.method == "GET" else request.url.partition("?")[0]
    return Request(request.method, url, {name: value[:2000] for name, value in headers.items()}, request.body)


def _summary(kept: list[AcceptResult]) -> tuple[str, str]:
    """Return the status and id for a request with several events: "accepted" if any event was."""
    for outcome in kept:
        if outcome.status != "duplicate":
            return "accepted", outcome.id
    return "duplicate", kept[0].id
