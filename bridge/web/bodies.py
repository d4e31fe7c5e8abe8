"""Reading request bodies with a bound on each, on all of them together, and on the time one may take."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bridge.web.connections import Connection

SMALL = 1024 * 1024
"""Bytes. A body up to this size shares the whole bound; a larger one first takes a place among the large."""
HEADROOM = 4 * 1024 * 1024
"""Bytes that large bodies leave free, so that a few of them cannot keep ordinary webhooks waiting."""
WAIT = 5.0
"""Seconds that a body waits for room before it is turned away."""
READ_TIME = 15.0
"""Seconds for a body: no provider waits longer for its answer (Twilio 15 s, GitLab 10 s, Shopify 5 s). A large one that
is on its way is given more: GitLab's clock runs while it waits, and not while it sends."""
SLOWEST = 256 * 1024
"""Bytes a second: the slowest line for which a large body is given more time."""


class TooLarge(Exception):
    """The body is larger than this source may send."""


class NoRoom(Exception):
    """Too many bodies are in memory at once, and none was finished in time."""


class Broken(Exception):
    """The body did not arrive whole, or not in time."""


class Room:
    """A number of bytes that many tasks share; who finds too few left waits in line."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    def has(self, size: int) -> bool:
        """Whether ``size`` bytes can be taken at once."""
        return not self._line and self.used + size <= self.limit

    async def take(self, size: int, wait: float) -> float:
        """Take ``size`` bytes, after ``wait`` seconds in line at most. Returns how long it took. Raises NoRoom."""
        if self.has(size):
            self.used += size
            return 0.0
        started = asyncio.get_running_loop().time()
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((size, turn))
        try:
            async with asyncio.timeout(wait):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give(size)  # Our turn came in the very moment in which we were told to stop waiting.
            else:
                self._line = deque(entry for entry in self._line if entry[1] is not turn)
                self._serve()
            if isinstance(error, TimeoutError):
                raise NoRoom from None
            raise
        return asyncio.get_running_loop().time() - started

    def give(self, size: int) -> None:
        """Give ``size`` bytes back."""
        self.used -= size
        self._serve()

    def _serve(self) -> None:
        while self._line and self.used + self._line[0][0] <= self.limit:
            size, turn = self._line.popleft()
            if not turn.done():
                self.used += size
                turn.set_result(None)


class Inflight:
    """The bodies in memory at once, within a limit in bytes that they share."""

    def __init__(self, limit: int, *, wait: float = WAIT, read_time: float = READ_TIME) -> None:
        self._all = Room(limit)
        self._large = Room(max(limit - HEADROOM, limit // 2, 1))
        self._wait = wait
        self._read_time = read_time

    @property
    def used(self) -> int:
        """Bytes that have arrived and are not done with."""
        return self._all.used

    @asynccontextmanager
    async def body(self, request: web.Request, limit: int) -> AsyncIterator[bytes]:
        """The raw body, whose bytes count until the block ends. ``limit`` is the source's own bound in bytes.

        Bytes count as they arrive and not as they are announced: a sender that announces much and sends nothing takes
        no room from the others. Raises TooLarge, NoRoom, Broken.
        """
        limit = min(limit, self._large.limit)
        announced = request.content_length or 0
        if announced > limit:
            raise TooLarge
        taken = 0
        large = 0
        patience = self._wait
        try:
            try:
                if announced > SMALL:
                    patience -= await self._large.take(announced, patience)
                    large = announced
                chunks: list[bytes] = []
                more_time = SMALL
                async with asyncio.timeout(self._read_time) as reading:
                    async for chunk in request.content.iter_any():
                        if taken + len(chunk) > limit:
                            raise TooLarge
                        if taken + len(chunk) > SMALL and not large:
                            waited = await self._large.take(limit, patience)
                            large = limit
                        else:
                            waited = 0.0
                        waited += await self._take(request, len(chunk), patience - waited)
                        taken += len(chunk)
                        chunks.append(chunk)
                        if waited:  # That was our fault, and not the sender's.
                            patience -= waited
                            reading.reschedule((reading.when() or 0.0) + waited)
                        if taken >= more_time:
                            more_time += SMALL
                            reading.reschedule((reading.when() or 0.0) + SMALL / SLOWEST)
            except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
                raise Broken(type(error).__name__) from None
            body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            del chunks
            if isinstance(request.protocol, Connection):
                request.protocol.whole()
            yield body
        finally:
            self._all.give(taken)
            self._large.give(large)

    async def _take(self, request: web.Request, size: int, patience: float) -> float:
        """Take room for a chunk. Meanwhile nothing more is received: aiohttp would fill its buffer anew."""
        transport = request.transport
        if transport is not None and not self._all.has(size):
            transport.pause_reading()
            try:
                waited = await self._all.take(size, patience)
            finally:
                transport.resume_reading()
        else:
            waited = await self._all.take(size, patience)
        if isinstance(request.protocol, Connection):
            request.protocol.taken(size)
        return waited
