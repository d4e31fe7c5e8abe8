"""Carry out the connection policy on aiohttp's connections.

``BodyBudget`` limits the bytes of bodies being read. aiohttp holds incomplete heads and the first bytes of waiting
bodies for each connection, and any client may open many: ``bridge.web.connection_policy`` limits those.
"""

import asyncio
import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import cast

import structlog
from aiohttp import web

from bridge.core.counters import CONNECTIONS_DROPPED, REQUESTS, Counters
from bridge.web import responses
from bridge.web.aiohttp_internals import HttpProtocol
from bridge.web.connection_policy import (
    EXPIRE_BATCH,
    ConnectionRecord,
    ConnectionTable,
    Drop,
    Limits,
    Reason,
    Stage,
    client_network,
)

MAX_LINE = 65_536
"""Bytes of a request line: Twilio may call with GET, and then the whole message is in it. Twilio publishes no limit;
the 1,600 characters of a text (https://www.twilio.com/docs/api/errors/14103) are at most 19,200 bytes as ``%XX``.
"""
READ_AHEAD = 32 * 1024
"""Read buffer size in bytes; aiohttp buffers up to twice this before it pauses the socket."""
SPARE_FILES = 100
"""Open files that connections leave to the store, to Slack and to Python."""
EXPIRE_EVERY = 0.5
"""Seconds between two searches for connections whose time is over."""
DRAIN_EVERY = 0.05
"""Seconds between two searches for connections that are done, at the end."""

LogRejected = Callable[[int, str, str, str], None]
"""Logs a rejected request: status, reason, source, remote address."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.web")


class Connection(HttpProtocol):
    """One client's connection."""

    def __init__(self, manager: web.Server, connections: "Connections") -> None:
        limits = connections.limits
        # aiohttp's own timer stops while a client does not read a response: `Connections` keeps the time.
        keepalive = max(limits.head, limits.idle) + 60.0
        super().__init__(manager, max_line=MAX_LINE, read_ahead=READ_AHEAD, keepalive=keepalive)
        self.record = ConnectionRecord("", self.now())
        self.remote = ""
        self.wire: asyncio.Transport | None = None
        """aiohttp forgets the transport when it closes it, although written bytes may wait for ever."""
        self._connections = connections
        self._table = connections.table
        self._closing = False
        self._broken = False
        """Whether bytes arrived that are not HTTP: those that follow are not either."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self.wire = cast("asyncio.Transport", transport)
        self.remote = str((transport.get_extra_info("peername") or ("",))[0])
        self.record = ConnectionRecord(client_network(self.remote), self.now())
        super().connection_made(transport)
        self._connections.open(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Remove the connection."""
        self._connections.close(self)
        self.wire = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes and pass them on."""
        # Bytes after the last response are discarded as they arrive, and do not count.
        if not self._broken and (self._closing or self._connections.receive(self, len(data))):
            super().data_received(data)
            self._broken = self.discard_quotes()

    def head_received(self, *, complete: bool) -> None:
        """Note that a request's head arrived. ``complete`` if the request has no body."""
        self._table.enter(self.record, Stage.WORK if complete else Stage.BODY, self.now())

    def body_read(self, size: int) -> None:
        """Note that bytes of a body were read, so that the body budget counts them."""
        self._table.read_body(self.record, size, self.now())

    def body_complete(self) -> None:
        """Note that the request's body is complete."""
        self._table.enter(self.record, Stage.WORK, self.now())

    def mark_verified(self) -> None:
        """Note that a request on this connection was verified."""
        self.record.verified = True

    @property
    def busy(self) -> bool:
        """Whether a request has begun to arrive and has no response yet."""
        return self.answering or (self.record.stage is Stage.HEAD and self.record.unread > 0)

    def responded(self, *, last: bool) -> bool:
        """Note a response, and return whether it has to be the connection's last one. ``last`` if it is anyway."""
        last = last or self._connections.draining
        self._closing = self._table.respond(self.record, self.now(), last=last)
        return self._closing

    def protocol_error(self, status: int, error: str, remote: str) -> web.StreamResponse:
        """Answer bytes that are not HTTP like every error, and log them without a quote."""
        self._connections.counters.inc(REQUESTS, "", str(status))
        self._connections.log_rejected(status, f"this is not HTTP: {error}", "", remote)
        self.responded(last=True)
        return responses.error(status)


class Connections:
    """The open connections of a server, within its limits."""

    def __init__(self, log_rejected: LogRejected, limits: Limits, counters: Counters) -> None:
        most = min(limits.most, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES))
        self.log_rejected = log_rejected
        self.counters = counters
        self.limits = replace(limits, most=most)
        """As given, but with no more connections than there are files for."""
        self.table = ConnectionTable(self.limits)
        self.draining = False
        """Whether each response is the last one of its connection."""
        self._by_record: dict[ConnectionRecord, Connection] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def unread(self) -> int:
        """Unread bytes over all connections."""
        return self.table.unread

    def open(self, connection: Connection) -> None:
        """Add a connection. If there are too many, close one."""
        self._by_record[connection.record] = connection
        if drop := self.table.open(connection.record, connection.now()):
            self._drop(drop)
        if self._timer is None and len(self):
            self._timer = asyncio.get_running_loop().call_later(EXPIRE_EVERY, self._expire)

    def close(self, connection: Connection) -> None:
        """Remove a connection."""
        self.table.close(connection.record)
        self._by_record.pop(connection.record, None)

    def receive(self, connection: Connection, size: int) -> bool:
        """Count received bytes, and return whether they may be used. If there are too many, close a connection."""
        if connection.record not in self.table:
            return False
        drop = self.table.receive(connection.record, size, connection.now())
        if drop:
            self._drop(drop)
            return drop.record is not connection.record
        return True

    async def drain(self, within: float) -> None:
        """Close idle connections, and the others once they have their responses; return after ``within`` at the latest.

        aiohttp's own shutdown drops each byte of a body that arrives after its begin, and then waits for the body.
        """
        self.draining = True
        loop = asyncio.get_running_loop()
        ends = loop.time() + within
        while True:
            busy = [connection for connection in self._by_record.values() if connection.busy]
            for connection in self._by_record.values():
                if not connection.busy and connection.wire:
                    connection.wire.close()
            if not busy or loop.time() >= ends:
                return
            await asyncio.sleep(DRAIN_EVERY)

    def _expire(self) -> None:
        loop = asyncio.get_running_loop()
        drops = self.table.expire(loop.time())
        for drop in drops:
            self._drop(drop)
        self._timer = None
        if len(self):
            pause = EXPIRE_EVERY if len(drops) < EXPIRE_BATCH else EXPIRE_EVERY / 50
            self._timer = loop.call_later(pause, self._expire)

    def _drop(self, drop: Drop) -> None:
        connection = self._by_record.pop(drop.record)
        wire, connection.wire = connection.wire, None
        if wire is None:
            return
        self.counters.inc(CONNECTIONS_DROPPED, drop.reason.name.lower())
        if drop.reason is not Reason.IDLE:
            self.log_rejected(drop.status, drop.reason, "", connection.remote)
        if drop.graceful and not wire.get_write_buffer_size():
            wire.close()
        else:
            wire.abort()


def raise_open_files() -> None:
    """Raise the limit of open files as far as allowed: each connection is one, and shells give 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names no number as its hard limit, and takes none above another.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if 0 <= soft < SPARE_FILES * 2:
        log.warning("few open files allowed", files=soft, hint="raise the limit, such as with `ulimit -n 65536`")
