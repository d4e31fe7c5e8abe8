"""The open connections: bounded in number, and in the bytes that were sent over them and that nobody has taken in yet.

The bodies' own bound (bridge.web.bodies) counts what is being read. What waits in front of it, unfinished heads and the
first bytes of bodies that wait for room, is held by aiohttp for each connection, and any stranger may open many.
"""

import asyncio
import resource
from collections.abc import Callable

from aiohttp import web

from bridge.web import answers

MAX_LINE = 65_536
"""Bytes of a request line: Twilio can be told to call with GET, and then the whole message is in it."""
READ_AHEAD = 32 * 1024
"""Bytes of a body of which twice as many are received before somebody reads them."""
MOST = 1000
"""Connections at once. Behind a proxy there are seldom more than a few dozen."""
SPARE_FILES = 100
"""Open files that connections leave to the store, to Slack and to Python."""
UNREAD = 40 * 1024 * 1024
"""Bytes that may wait unread over all connections."""
HEAD = 80 * 1024
"""Bytes: more than this besides a request's body cannot be its own head, and goes on counting after its answer."""

Note = Callable[[int, str, str, str], None]
"""Logs a request that was turned away: status, reason, source, remote address."""


class Connection(web.RequestHandler):
    """One client."""

    def __init__(self, manager: web.Server, connections: "Connections") -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as AppRunner passes it on
            auto_decompress=False,
            max_line_size=MAX_LINE,
            lingering_time=2.0,
            keepalive_timeout=75.0,
            read_bufsize=READ_AHEAD,
        )
        self.unread = 0
        self._connections = connections
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        super().connection_made(transport)
        self._connections.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._connections.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what came, and pass it on."""
        # What comes after the last answer is thrown away as it comes, and does not count.
        if self._closing or self._connections.received(self, len(data)):
            super().data_received(data)

    def taken(self, size: int) -> None:
        """So many bytes of a body have passed into the bound of the bodies."""
        self._connections.count(self, -size)

    def answered(self, *, last: bool) -> None:
        """A request has its answer, the connection's last one or not."""
        self._closing = last
        if last or self.unread <= HEAD:
            self._connections.count(self, -self.unread)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """Answer what is not HTTP as every error is answered, and log it without what was sent."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer was begun already")
        self._connections.note(status, f"this is not HTTP: {type(exc).__name__}", "-", request.remote or "")
        self.answered(last=True)
        return answers.error(status)


class Connections:
    """Every open connection, the one that was silent for longest first."""

    def __init__(self, note: Note, *, most: int = MOST, unread: int = UNREAD) -> None:
        self.note = note
        self.unread = 0
        """Bytes that were received and not taken in, over all connections."""
        self._most = min(most, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES))
        self._limit = unread
        self._open: dict[Connection, None] = {}

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, connection: Connection) -> None:
        """A connection more; if that is one too many, the one that was silent for longest goes."""
        self._open[connection] = None
        if len(self._open) > self._most:
            self._drop(next(iter(self._open)), "too many connections at once")

    def closed(self, connection: Connection) -> None:
        """A connection less."""
        if connection in self._open:
            del self._open[connection]
            self.unread -= connection.unread

    def received(self, connection: Connection, size: int) -> bool:
        """Bytes arrived; returns whether they may be used.

        If too many wait, the connection goes that goes on sending. One that has sent little is spared, and the one that
        has sent the most goes for it.
        """
        if connection not in self._open:
            return False
        del self._open[connection]
        self._open[connection] = None
        if self.unread + size > self._limit:
            lasting = connection.unread + size <= HEAD
            self._drop(max(self._open, key=_unread) if lasting else connection, "too many bytes wait unread")
            if not lasting:
                return False
        self.count(connection, size)
        return True

    def count(self, connection: Connection, size: int) -> None:
        """So many bytes more (or less) wait on a connection."""
        if connection in self._open:
            connection.unread += size
            self.unread += size

    def _drop(self, connection: Connection, reason: str) -> None:
        self.closed(connection)
        if connection.transport is not None:
            self.note(503, reason, "-", str((connection.peername or ("",))[0]))
            connection.transport.abort()


def _unread(connection: Connection) -> int:
    return connection.unread
