"""The open connections: bounded in number, in time, and in the bytes that were sent over them and that nobody took in.

The bodies' own bound (bridge.web.bodies) counts what is being read. What waits in front of it, unfinished heads and the
first bytes of bodies that wait for room, is held by aiohttp for each connection, and any stranger may open many.
"""

import asyncio
import ipaddress
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import cast

import structlog
from aiohttp import web
from aiohttp.http import RawRequestMessage

from bridge.web import responses

MAX_LINE = 65_536
"""Bytes of a request line: Twilio can be told to call with GET, and then the whole message is in it."""
READ_AHEAD = 32 * 1024
"""Bytes of a body of which twice as many are received before somebody reads them."""
SPARE_FILES = 100
"""Open files that connections leave to the store, to Slack and to Python."""
UNREAD = 40 * 1024 * 1024
"""Bytes that may wait unread over all connections."""
HEAD = 128 * 1024
"""Bytes of a request besides its body. Whoever has sent more sends what nobody asked for, and goes."""
PROGRESS = 64 * 1024
"""Bytes of a body after which its connection counts as a fresh one."""
LOOK_EVERY = 0.5
"""Seconds between two looks for connections whose time is over."""
AT_A_TIME = 20
"""Connections that are closed in one go, so that nobody waits while thousands are."""
FREE_REQUESTS = 20
"""Requests over a connection before one is verified, and one more for each second. That is enough for the health pages,
and nothing else is open to strangers."""

Note = Callable[[int, str, str, str], None]
"""Logs a request that was turned away: status, reason, source, remote address."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.web")


@dataclass(frozen=True, slots=True)
class Limits:
    """What all connections together, and each of them, may take."""

    most: int = 1000
    """Connections at once. Behind a proxy there are seldom more than a few dozen."""
    head: float = 10.0
    """Seconds for a request's head, from its first byte; for the first request from the connection's start."""
    idle: float = 75.0
    """Seconds for which a connection may stay open with nothing asked, or with an answer that nobody fetches."""
    unread: int = UNREAD


class Stage(IntEnum):
    """What a connection is at."""

    HEAD = auto()
    """A request's head is not whole, or the last answer is on its way."""
    BODY = auto()
    """A request's body is not whole. Its time is up to whoever reads it."""
    WORK = auto()
    """A whole request waits for its answer."""
    IDLE = auto()
    """Every request has its answer."""
    AUTHENTICATED = auto()
    """Every request has its answer, and one of them was verified."""


UNAUTHENTICATED = (Stage.HEAD, Stage.IDLE, Stage.BODY)
"""Of these the oldest goes when there are too many connections. Where there are none, an idle one goes whose sender has
proven itself; and never one whose request is in work."""


class Connection(web.RequestHandler):
    """One client."""

    def __init__(self, manager: web.Server, connections: "Connections") -> None:
        limits = connections.limits
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as AppRunner passes it on
            auto_decompress=False,
            max_line_size=MAX_LINE,
            lingering_time=2.0,
            # aiohttp's own clock stands still while an answer is not fetched: `Connections` keeps the time.
            keepalive_timeout=max(limits.head, limits.idle) + 60.0,
            read_bufsize=READ_AHEAD,
        )
        self.unread = 0
        self.verified = False
        """Whether a request came over it that was verified."""
        self.stage = Stage.HEAD
        self.since = 0.0
        """When the stage began (or a body came on), by the loop's clock."""
        self.remote = ""
        self.address = ""
        """What connections of one sender have in common."""
        self.wire: asyncio.Transport | None = None
        """aiohttp forgets the transport when it closes it, while what is written may wait for ever."""
        self._connections = connections
        self._closing = False
        self._broken = False
        """Whether something came that is no HTTP: what follows it is none either."""
        self._progress = 0
        self._opened = 0.0
        self._requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection."""
        self.wire = cast("asyncio.Transport", transport)
        self.remote = str((transport.get_extra_info("peername") or ("",))[0])
        self.address = sender(self.remote)
        self._opened = self._loop.time()
        super().connection_made(transport)
        self._connections.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._connections.closed(self)
        self.wire = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what came, and pass it on."""
        # What comes after the last answer is thrown away as it comes, and does not count.
        if not self._broken and (self._closing or self._connections.received(self, len(data))):
            super().data_received(data)
            if self._messages and not isinstance(self._messages[-1][0], RawRequestMessage):
                self._broken = True
                self._forget_what_is_no_http()

    def _forget_what_is_no_http(self) -> None:
        """aiohttp puts what was sent into its error, four bytes for each and more than once, and makes another one of
        whatever comes after it: 10 MB of garbage would take 100."""
        failed, payload = self._messages.pop()
        if not isinstance(failed, RawRequestMessage):
            kind = type(failed.exc)
            self._messages.append((type(failed)(failed.status, kind.__new__(kind), ""), payload))

    def begun(self, *, whole: bool) -> None:
        """A request's head is there, and the whole request if it has no body."""
        self._connections.enter(self, Stage.WORK if whole else Stage.BODY)

    def taken(self, size: int) -> None:
        """So many bytes of a body have passed into the bound of the bodies."""
        self._connections.count(self, -size)
        self._progress += size
        if self._progress >= PROGRESS:
            self._progress = 0
            self._connections.enter(self, Stage.BODY)

    def whole(self) -> None:
        """The request's body is there."""
        self._connections.enter(self, Stage.WORK)

    def answered(self, *, last: bool) -> bool:
        """A request has its answer, the connection's last one or not. Returns whether it has to be the last one."""
        self._requests += 1
        in_a_hurry = not self.verified and self._requests > FREE_REQUESTS + self._loop.time() - self._opened
        last = last or in_a_hurry or self.unread > HEAD
        self._closing = last
        self._connections.count(self, -self.unread)
        idle = Stage.AUTHENTICATED if self.verified else Stage.IDLE
        self._connections.enter(self, Stage.HEAD if last else idle)
        return last

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
        return responses.error(status)


class Connections:
    """Every open connection, by its stage, and in each stage the one first that has been there for longest."""

    def __init__(self, note: Note, limits: Limits = Limits()) -> None:
        self.note = note
        self.limits = limits
        self.unread = 0
        """Bytes that were received and not taken in, over all connections."""
        self.most = min(limits.most, max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES))
        """Connections at once: as many as the limits say, and as there are files for."""
        self._open: dict[Stage, dict[Connection, None]] = {stage: {} for stage in Stage}
        self._number = 0
        self._by_address: Counter[str] = Counter()
        self._look: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return self._number

    def opened(self, connection: Connection) -> None:
        """A connection more; if that is one too many, another one goes."""
        loop = asyncio.get_running_loop()
        if self._number >= self.most:
            self._drop(self._least(connection.address) or connection, "too many connections at once")
            if connection.wire is None:
                return
        connection.since = loop.time()
        self._open[connection.stage][connection] = None
        self._number += 1
        self._by_address[connection.address] += 1
        if self._look is None:
            self._look = loop.call_later(LOOK_EVERY, self._drop_those_whose_time_is_over)

    def closed(self, connection: Connection) -> None:
        """A connection less."""
        if connection in self._open[connection.stage]:
            del self._open[connection.stage][connection]
            self._number -= 1
            self.unread -= connection.unread
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]

    def enter(self, connection: Connection, stage: Stage) -> None:
        """A connection is at this stage from now on."""
        if connection in self._open[connection.stage]:
            del self._open[connection.stage][connection]
            self._open[stage][connection] = None
            connection.stage = stage
            connection.since = asyncio.get_running_loop().time()

    def received(self, connection: Connection, size: int) -> bool:
        """Bytes arrived; returns whether they may be used.

        If too many wait, the connection goes that goes on sending. One that has sent little is spared, and the one that
        has sent the most goes for it.
        """
        stage = connection.stage
        if connection not in self._open[stage]:
            return False
        if stage in (Stage.IDLE, Stage.AUTHENTICATED):
            self.enter(connection, Stage.HEAD)
        if connection.unread > HEAD and stage is not Stage.BODY:
            self._drop(connection, "too many bytes that are no body")
            return False
        if self.unread + size > self.limits.unread:
            lasting = connection.unread + size <= HEAD
            self._drop(max(self._all(), key=_unread) if lasting else connection, "too many bytes wait unread")
            if not lasting:
                return False
        self.count(connection, size)
        return True

    def count(self, connection: Connection, size: int) -> None:
        """So many bytes more (or less) wait on a connection."""
        if connection in self._open[connection.stage]:
            connection.unread += size
            self.unread += size

    def _all(self) -> Iterator[Connection]:
        for connections in self._open.values():
            yield from connections

    def _least(self, newcomer: str) -> Connection | None:
        """The connection that has the least claim to stay when one comes from the address ``newcomer``.

        An address that holds a quarter of all has to make room for itself. So one sender cannot drive the others out by
        opening connections, however fast; and behind a proxy, where all come from one, the oldest of all goes.
        """
        of = newcomer if self._by_address[newcomer] > self.most // 4 else None
        candidates = [found for stage in UNAUTHENTICATED if (found := self._oldest(stage, of))]
        if candidates:
            return min(candidates, key=_since)
        return self._oldest(Stage.AUTHENTICATED, of) or self._oldest(Stage.AUTHENTICATED, None)

    def _oldest(self, stage: Stage, address: str | None) -> Connection | None:
        return next((one for one in self._open[stage] if address is None or one.address == address), None)

    def _drop_those_whose_time_is_over(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        number = 0
        for stage, limit in (
            (Stage.HEAD, self.limits.head),
            (Stage.IDLE, self.limits.idle),
            (Stage.AUTHENTICATED, self.limits.idle),
        ):
            while number < AT_A_TIME and (oldest := self._oldest(stage, None)) and oldest.since <= now - limit:
                begun = stage is Stage.HEAD and oldest.unread
                self._drop(oldest, "the head did not come in time" if begun else "", status=408)
                number += 1
        self._look = None
        if self._number:
            again = LOOK_EVERY if number < AT_A_TIME else LOOK_EVERY / 50
            self._look = loop.call_later(again, self._drop_those_whose_time_is_over)

    def _drop(self, connection: Connection, reason: str, status: int = 503) -> None:
        self.closed(connection)
        wire, connection.wire = connection.wire, None
        if wire is None:
            return
        if reason:
            self.note(status, reason, "-", connection.remote)
        if connection.stage in (Stage.IDLE, Stage.AUTHENTICATED) and not reason and not wire.get_write_buffer_size():
            wire.close()  # It has all its answers: nothing went wrong, and it may be told so.
        else:
            wire.abort()


def sender(address: str) -> str:
    """An address, or the network of an IPv6 address: who has one of those has them all."""
    if ":" not in address:
        return address
    with suppress(ValueError):
        found = ipaddress.IPv6Address(address)
        return str(found.ipv4_mapped or ipaddress.IPv6Network((int(found), 64), strict=False).network_address)
    return address


def raise_open_files() -> None:
    """Let this process open as many files as it may: a connection is one of them, and shells give 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS names no number as its hard limit, and takes none above another.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if 0 <= soft < SPARE_FILES * 2:
        log.warning("few files may be open at once", files=soft, hint="raise the limit, such as with `ulimit -n 65536`")


def _unread(connection: Connection) -> int:
    return connection.unread


def _since(connection: Connection) -> float:
    return connection.since
