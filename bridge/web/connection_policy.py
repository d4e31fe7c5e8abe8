"""Decide which connections stay open: limits in number, in time and in unread bytes.

Pure: time is an argument, and nothing here knows sockets, asyncio or aiohttp. ``bridge.web.connections`` carries out
the decisions.
"""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum, StrEnum, auto

MAX_UNREAD = 40 * 1024 * 1024
"""Unread bytes over all connections."""
MAX_HEAD = 128 * 1024
"""Unread bytes of a request besides its body: twice the longest request line. No provider sends more than a few kB of
headers, and none publishes a limit. A client that sends more is disconnected.
"""
PROGRESS = 64 * 1024
"""Bytes of a body after which its connection counts as a fresh one."""
EXPIRE_BATCH = 20
"""Connections closed in one go, so that closing thousands does not delay requests."""
FREE_REQUESTS = 20
"""Requests on a connection before one is verified, and one more for each second. This is enough for the health pages,
the only pages that are open to unauthenticated clients."""


class Stage(IntEnum):
    """The state of a connection."""

    HEAD = auto()
    """A request's head is incomplete, or the last response is being sent."""
    BODY = auto()
    """A request's body is incomplete. ``BodyBudget`` limits its time."""
    WORK = auto()
    """A complete request waits for its response."""
    IDLE = auto()
    """Every request has its response."""
    AUTHENTICATED = auto()
    """Every request has its response, and at least one request was verified."""


EVICTABLE = (Stage.HEAD, Stage.IDLE, Stage.BODY)
"""If there are too many connections, the oldest of these stages is closed first. If there is none, the oldest
AUTHENTICATED one is closed. A connection whose request is in WORK is never closed."""


class Reason(StrEnum):
    """Why a connection is closed."""

    TOO_MANY = "too many connections at once"
    NO_BODY = "too many bytes that are not a body"
    UNREAD = "too many unread bytes"
    HEAD_TIMEOUT = "the head did not arrive in time"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for each connection and for all of them together."""

    most: int = 1000
    """Connections at once. Behind a proxy there are seldom more than a few dozen."""
    head: float = 10.0
    """Seconds for a request's head, from its first byte; for the first request from the connection's start."""
    idle: float = 75.0
    """Seconds that a connection may stay open without a request, or with a response that the client does not read."""
    unread: int = MAX_UNREAD


@dataclass(slots=True, eq=False)
class ConnectionRecord:
    """The facts about one connection that the policy needs."""

    network: str
    """Shared by the connections of one client, see ``client_network``."""
    opened: float
    stage: Stage = Stage.HEAD
    since: float = 0.0
    """When the stage began, or the body last advanced by PROGRESS."""
    unread: int = 0
    """Bytes received and not yet read."""
    requests: int = 0
    verified: bool = False
    """Whether a request on this connection was verified."""
    body_bytes: int = 0
    """Bytes of the body since ``since``."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A decision to close a connection."""

    record: ConnectionRecord
    reason: Reason

    @property
    def status(self) -> int:
        """The HTTP status to log: 408 if the client was too slow, otherwise 503."""
        return 408 if self.reason in (Reason.HEAD_TIMEOUT, Reason.IDLE) else 503

    @property
    def graceful(self) -> bool:
        """Whether the client received every response, so that the connection may end in the regular way."""
        return self.reason is Reason.IDLE and self.record.stage is not Stage.HEAD


class ConnectionTable:
    """All open connections by stage; within a stage, the longest unchanged one comes first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.unread = 0
        """Unread bytes over all connections."""
        self._open: dict[Stage, dict[ConnectionRecord, None]] = {stage: {} for stage in Stage}
        self._number = 0
        self._by_network: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._number

    def __iter__(self) -> Iterator[ConnectionRecord]:
        for records in self._open.values():
            yield from records

    def __contains__(self, record: ConnectionRecord) -> bool:
        return record in self._open[record.stage]

    def open(self, record: ConnectionRecord, now: float) -> Drop | None:
        """Add a connection. If there are too many, return the one to close; this may be the new one."""
        drop = None
        if self._number >= self.limits.most:
            evicted = self._evictable_for(record.network)
            if evicted is None:
                return Drop(record, Reason.TOO_MANY)
            drop = self._drop(evicted, Reason.TOO_MANY)
        record.since = now
        self._open[record.stage][record] = None
        self._number += 1
        self._by_network[record.network] += 1
        return drop

    def close(self, record: ConnectionRecord) -> None:
        """Remove a connection. Without effect if it is not in the table."""
        if record in self:
            del self._open[record.stage][record]
            self._number -= 1
            self.unread -= record.unread
            self._by_network[record.network] -= 1
            if not self._by_network[record.network]:
                del self._by_network[record.network]

    def enter(self, record: ConnectionRecord, stage: Stage, now: float) -> None:
        """Move a connection to a stage."""
        if record in self:
            del self._open[record.stage][record]
            self._open[stage][record] = None
            record.stage = stage
            record.since = now

    def receive(self, record: ConnectionRecord, size: int, now: float) -> Drop | None:
        """Count received bytes. If there are too many, return the connection to close.

        A connection that sent little is spared: the one with the most unread bytes is closed instead.
        """
        stage = record.stage
        if stage >= Stage.IDLE:
            self.enter(record, Stage.HEAD, now)
        if record.unread > MAX_HEAD and stage is not Stage.BODY:
            return self._drop(record, Reason.NO_BODY)
        drop = None
        if self.unread + size > self.limits.unread:
            small = record.unread + size <= MAX_HEAD
            drop = self._drop(max(self, key=_unread) if small else record, Reason.UNREAD)
        self.count(record, size)
        return drop

    def count(self, record: ConnectionRecord, size: int) -> None:
        """Add to a connection's unread bytes, or subtract if ``size`` is negative."""
        if record in self:
            record.unread += size
            self.unread += size

    def read_body(self, record: ConnectionRecord, size: int, now: float) -> None:
        """Count bytes of a body that were read."""
        self.count(record, -size)
        record.body_bytes += size
        if record.body_bytes >= PROGRESS:
            record.body_bytes = 0
            self.enter(record, Stage.BODY, now)

    def respond(self, record: ConnectionRecord, now: float, *, last: bool) -> bool:
        """Count a response, and return whether it has to be the connection's last one. ``last`` if it is anyway."""
        record.requests += 1
        too_fast = not record.verified and record.requests > FREE_REQUESTS + now - record.opened
        last = last or too_fast or record.unread > MAX_HEAD
        self.count(record, -record.unread)
        idle = Stage.AUTHENTICATED if record.verified else Stage.IDLE
        self.enter(record, Stage.HEAD if last else idle, now)
        return last

    def expire(self, now: float) -> list[Drop]:
        """Remove up to EXPIRE_BATCH connections whose time is over, and return them."""
        drops: list[Drop] = []
        for stage, limit in (
            (Stage.HEAD, self.limits.head),
            (Stage.IDLE, self.limits.idle),
            (Stage.AUTHENTICATED, self.limits.idle),
        ):
            while len(drops) < EXPIRE_BATCH and (oldest := self._oldest(stage, None)) and oldest.since <= now - limit:
                incomplete = stage is Stage.HEAD and oldest.unread
                drops.append(self._drop(oldest, Reason.HEAD_TIMEOUT if incomplete else Reason.IDLE))
        return drops

    def _drop(self, record: ConnectionRecord, reason: Reason) -> Drop:
        self.close(record)
        return Drop(record, reason)

    def _evictable_for(self, network: str) -> ConnectionRecord | None:
        """Return the connection to close for a new one from ``network``.

        A network that holds a quarter of all connections makes room for itself. So one client cannot drive the others
        out by opening connections, however fast. Behind a proxy all connections share a network, and the oldest goes.
        """
        among = network if self._by_network[network] > self.limits.most // 4 else None
        oldest = [found for stage in EVICTABLE if (found := self._oldest(stage, among))]
        if oldest:
            return min(oldest, key=_since)
        return self._oldest(Stage.AUTHENTICATED, among) or self._oldest(Stage.AUTHENTICATED, None)

    def _oldest(self, stage: Stage, network: str | None) -> ConnectionRecord | None:
        return next((one for one in self._open[stage] if network is None or one.network == network), None)


def client_network(address: str) -> str:
    """Return an IPv4 address as it is, and an IPv6 address as its /64 network: a client owns the whole network."""
    if ":" not in address:
        return address
    with suppress(ValueError):
        found = ipaddress.IPv6Address(address)
        return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), 64), strict=False).network_address)
    return address


def _unread(record: ConnectionRecord) -> int:
    return record.unread


def _since(record: ConnectionRecord) -> float:
    return record.since
