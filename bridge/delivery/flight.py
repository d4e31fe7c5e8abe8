"""One post on its way: when it must be answered, and whether a connection that broke can have carried it.

aiohttp tells by its traces when a request has its connection, and whether that one was kept from an earlier request
(https://docs.aiohttp.org/en/stable/tracing_reference.html, "Connection acquiring"). It does not tell whether a kept
connection that breaks had carried the request: a POST is never sent again by it, for that reason. The kernel knows in
two cases (https://man7.org/linux/man-pages/man7/tcp.7.html, TCP_INFO):

- the other side's end had arrived before the request was written;
- its end arrived, and it acknowledges no byte of the request: it was sent before the request came in.

A reset proves nothing, since it acknowledges nothing either way. Systems other than Linux do not tell: then it is
always uncertain.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

import aiohttp
from aiohttp.client_reqrep import ClientResponse, ConnectionKey
from aiohttp.connector import Connection

_ESTABLISHED, _CLOSE_WAIT, _LAST_ACK = 1, 8, 9
_BYTES_ACKED = struct.Struct("=Q")
_BYTES_ACKED_AT = 120
"""Its place in `struct tcp_info`: https://github.com/torvalds/linux/blob/master/include/uapi/linux/tcp.h"""


class StaleConnectionError(aiohttp.ClientConnectionError):
    """A kept connection was closed before anything of a request was written to it."""


class Flight:
    """One post on its way. Its time starts when it has a connection; connecting has a limit of its own."""

    def __init__(self, connect_limit: float, time_limit: float, fresh: bool = False) -> None:
        self.connected = False
        self.kept = False
        """Whether its connection was kept from an earlier request."""
        self.fresh = fresh
        """Whether it wants a new connection."""
        self.limit = asyncio.timeout(connect_limit)
        self._time_limit = time_limit
        self._started = 0.0
        self._socket: socket.socket | None = None
        self._acked = 0

    def start(self, kept: bool) -> None:
        """Start the time: there is a connection."""
        self.connected, self.kept = True, kept
        self._started = asyncio.get_running_loop().time()
        self.shorten(self._time_limit)

    def shorten(self, time_limit: float) -> None:
        """Let the post end after so many seconds, if it would take longer."""
        self._time_limit = min(time_limit, self._time_limit)
        if self.connected and not self.limit.expired():
            self.limit.reschedule(self._started + self._time_limit)

    def watch(self, connection: Connection) -> None:
        """Note the state of a kept connection before the request is written. Raises StaleConnectionError."""
        own = connection.transport.get_extra_info("socket") if self.kept and connection.transport else None
        if own is None:
            return
        # A socket of its own outlives the transport's, which is closed before anybody hears of it.
        self._socket = socket.socket(fileno=os.dup(own.fileno()))
        state, self._acked = _tcp_info(self._socket)
        if state not in (None, _ESTABLISHED):
            raise StaleConnectionError

    def was_unread(self, error: Exception) -> bool:
        """Return whether it is certain that nobody can have read the request. Ask before ``close``."""
        if isinstance(error, StaleConnectionError):
            return True
        if not isinstance(error, aiohttp.ClientConnectionError) or self._socket is None or not self._acked:
            return False
        state, acked = _tcp_info(self._socket)
        # A closed connection was reset, perhaps after its end: then only the end is told.
        ended = state in (_CLOSE_WAIT, _LAST_ACK) or isinstance(error, aiohttp.ServerDisconnectedError)
        return ended and acked == self._acked

    def close(self) -> None:
        """Let the connection go."""
        if self._socket:
            self._socket.close()


_current: ContextVar[Flight] = ContextVar("flight")


class FlightRequest(aiohttp.ClientRequest):
    """Request that knows its flight."""

    @property
    def connection_key(self) -> ConnectionKey:
        """Return the key of kept connections; for a fresh one a key that no other has."""
        key, flight = super().connection_key, _current.get()
        return key._replace(proxy_headers_hash=id(flight)) if flight.fresh else key

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request."""
        _current.get().watch(conn)
        return await super().send(conn)


def trace() -> aiohttp.TraceConfig:
    """Return the trace that starts the time of the current flight."""

    async def created(_session: aiohttp.ClientSession, _context: SimpleNamespace, _event: object) -> None:
        _current.get().start(kept=False)

    async def reused(_session: aiohttp.ClientSession, _context: SimpleNamespace, _event: object) -> None:
        _current.get().start(kept=True)

    made = aiohttp.TraceConfig()
    made.on_connection_create_end.append(created)
    made.on_connection_reuseconn.append(reused)
    return made


@contextmanager
def taking(flight: Flight) -> Iterator[None]:
    """Make it the flight of the requests inside."""
    before = _current.set(flight)
    try:
        yield
    finally:
        _current.reset(before)
        flight.close()


def _tcp_info(own: socket.socket) -> tuple[int | None, int]:
    """Return the state of a connection, and how many bytes its other side has acknowledged; None and 0 if unknown."""
    option = getattr(socket, "TCP_INFO", None)
    if option is None or own.type != socket.SOCK_STREAM or own.family not in (socket.AF_INET, socket.AF_INET6):
        return None, 0
    try:
        found = own.getsockopt(socket.IPPROTO_TCP, option, 256)
    except OSError:
        return None, 0
    if len(found) < _BYTES_ACKED_AT + _BYTES_ACKED.size:
        return None, 0
    return found[0], _BYTES_ACKED.unpack_from(found, _BYTES_ACKED_AT)[0]
