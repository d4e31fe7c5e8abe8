"""Read request bodies within limits: on each body, on all of them together, and on time.

Bytes count as they arrive, and not as they are announced: a client that announces much and sends nothing takes no
memory from others. No body holds memory and waits for more of it that others hold who wait as well:

- up to ORDINARY bytes wait for the rest among the unread bytes of their connection, which ``ConnectionTable`` limits;
- a body up to SMALL takes memory for its whole length, in order, once it is more than ordinary;
- a larger one first reserves its length, so that all that are received fit together, and takes memory as it arrives;
  so does one without a length, once it is more than ordinary, and reserves the most that it may be.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from bridge.core.byte_semaphore import ByteSemaphore
from bridge.web.connection_policy import PROGRESS
from bridge.web.connections import Connection

SMALL = 1024 * 1024
"""Bytes. A body up to this size may use the whole budget; a larger one first reserves bytes of the large share."""
ORDINARY = 64 * 1024
"""Bytes. Most webhooks are smaller."""
HEADROOM = 4 * 1024 * 1024
"""Bytes that larger bodies leave free, so that a few of them cannot delay ordinary ones."""
STALLED = 0.5
"""When memory is short, drop an upload that has not advanced by PROGRESS bytes for this many seconds."""
MOST_PIECES = 1000
"""Chunks in which a body is held: a body that arrives byte by byte would take forty times its size."""
WAIT = 5.0
"""Seconds that a body waits for memory before it is rejected."""
LARGE_WAIT_FACTOR = 1.6
"""Factor by which a large body waits longer: they are read one by one, and GitLab, which sends the largest, waits
10 s."""
READ_TIME = 15.0
"""Seconds for a body: no provider waits longer for its response (Twilio 15 s, GitLab 10 s, Shopify 5 s). A large body
that arrives steadily gets more: GitLab's time-out counts while it waits, and not while it sends."""
SLOWEST = 256 * 1024
"""Bytes a second: the slowest upload for which a large body gets more time."""
PACE = 64 * 1024 * 1024
"""Bytes a second at which a large body is received at most, so that 25 MB take 0.4 s. Otherwise a client that sends
25 MB at loopback speed, again and again, would take the processor from all others (``bench/hostile.py``)."""


class BodyTooLargeError(Exception):
    """The body is larger than the provider's limit."""


class BrokenBodyError(Exception):
    """The body did not arrive completely, or not in time."""


class _Upload:
    """A body that is being received, and the memory that it holds."""

    def __init__(self, request: web.Request, limit: int, patience: float) -> None:
        self.request = request
        self.announced = request.content_length
        self.limit = limit
        self.patience = patience
        """Seconds that it still waits for memory."""
        self.size = 0
        self.covered = 0
        """Bytes for which it holds memory, at least those that arrived once it is more than ordinary."""
        self.beyond = 0
        """Bytes of these that ordinary bodies do not need."""
        self.reserved = 0
        """Bytes reserved of the large share."""
        self.timeout = asyncio.timeout(None)
        self.waits = False
        """Whether the delay is ours, so that it is not stalled by the client."""
        self._chunks: list[bytes] = []
        self._connection = request.protocol if isinstance(request.protocol, Connection) else None
        self._read = 0
        """Bytes that its connection counts as read."""
        self._began = self._since = asyncio.get_running_loop().time()
        self._size_since = 0
        """The size when it last advanced by PROGRESS, at ``_since``."""

    def add(self, chunk: bytes) -> None:
        """Add a chunk. Raises BodyTooLargeError."""
        self.size += len(chunk)
        if self.size > self.limit:
            raise BodyTooLargeError
        self._chunks.append(chunk)
        if len(self._chunks) > MOST_PIECES:
            self._chunks = [b"".join(self._chunks)]
        if self.size - self._size_since >= PROGRESS:
            self._size_since, self._since = self.size, asyncio.get_running_loop().time()

    def count_as_read(self) -> None:
        """Tell the connection that there is memory for what arrived."""
        if self._connection:
            self._connection.body_read(self.size - self._read)
        self._read = self.size

    def stalls(self, now: float) -> bool:
        """Return whether its client keeps memory from others."""
        return not self.waits and now - self._since > STALLED

    def ahead(self, now: float, pace: float) -> float:
        """Return the seconds by which it is ahead of its pace."""
        return self._began + self.size / pace - now

    def more_time(self, seconds: float) -> None:
        """Extend its time limit."""
        if (due := self.timeout.when()) is not None:
            self.timeout.reschedule(due + seconds)

    @contextmanager
    def on_hold(self) -> Iterator[None]:
        """Receive nothing inside the block: aiohttp would fill its buffer again. Its time stands still meanwhile."""
        loop, transport = asyncio.get_running_loop(), self.request.transport
        began, self.waits = loop.time(), True
        if transport:
            transport.pause_reading()
        try:
            yield
        finally:
            waited, self.waits = loop.time() - began, False
            if transport:
                transport.resume_reading()
            self._since += waited
            self._began += waited
            self.more_time(waited)

    async def joined(self) -> bytes:
        """Return the whole body. Joining 25 MB on the loop would delay other requests."""
        chunks, self._chunks = self._chunks, []
        body = chunks[0] if len(chunks) == 1 else await _join(chunks, self.size)
        if self._connection:
            self._connection.body_complete()
        return body


async def _join(chunks: list[bytes], size: int) -> bytes:
    return await asyncio.to_thread(b"".join, chunks) if size > SMALL else b"".join(chunks)


class BodyBudget:
    """Limit in bytes for all bodies in memory."""

    def __init__(self, limit: int, *, wait: float = WAIT, read_time: float = READ_TIME, pace: float = PACE) -> None:
        self._all = ByteSemaphore(limit)
        self._large = ByteSemaphore(max(limit - HEADROOM, limit // 2, 1))
        self._beyond_ordinary = ByteSemaphore(self._large.limit)
        self._wait = wait
        self._read_time = read_time
        self._pace = pace
        self._uploads: set[_Upload] = set()
        """Those that hold memory or a reservation, and are not complete."""
        self._stall_timer: asyncio.TimerHandle | None = None

    @property
    def used(self) -> int:
        """Bytes that are taken."""
        return self._all.used

    @asynccontextmanager
    async def body(self, request: web.Request, limit: int) -> AsyncIterator[bytes]:
        """Read the raw body; its bytes count until the block ends. ``limit`` is the provider's own limit in bytes.

        Raises BodyTooLargeError, NoMemoryLeftError, BrokenBodyError.
        """
        limit = min(limit, self._large.limit)
        if (request.content_length or 0) > limit:
            raise BodyTooLargeError
        upload = _Upload(request, limit, self._wait)
        try:
            try:
                await self._receive(upload)
            except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
                error.__traceback__ = None  # The stream keeps the error, and with it the whole request.
                raise BrokenBodyError(type(error).__name__) from None
            finally:
                self._uploads.discard(upload)
            yield await upload.joined()
        finally:
            self._all.give(upload.covered)
            self._beyond_ordinary.give(upload.beyond)
            self._large.give(upload.reserved)

    async def _receive(self, upload: _Upload) -> None:
        if (upload.announced or 0) > SMALL:
            await self._reserve(upload, upload.announced or 0)
        extended = SMALL
        async with upload.timeout as timeout:
            timeout.reschedule(asyncio.get_running_loop().time() + self._read_time)
            async for chunk in upload.request.content.iter_any():
                upload.add(chunk)
                if upload.size > ORDINARY:
                    await self._cover(upload)
                if upload.size >= extended:
                    extended += SMALL
                    upload.more_time(SMALL / SLOWEST)
                    ahead = upload.ahead(asyncio.get_running_loop().time(), self._pace)
                    if ahead > 0 and upload.size != upload.announced:
                        with upload.on_hold():
                            await asyncio.sleep(ahead)
            await self._cover(upload)

    async def _reserve(self, upload: _Upload, size: int) -> None:
        """Reserve the length of a large body: together they fit."""
        upload.patience *= LARGE_WAIT_FACTOR
        await self._take(upload, self._large, size)
        upload.reserved = size
        self._uploads.add(upload)

    async def _cover(self, upload: _Upload) -> None:
        """Take memory for what arrived; for a body up to SMALL that is more than ordinary, for all of it."""
        if upload.size > ORDINARY and upload.announced is None and not upload.reserved:
            await self._reserve(upload, upload.limit)  # it may be as long as that
        wanted = upload.size if upload.reserved or upload.size <= ORDINARY else upload.announced or upload.size
        more = wanted - upload.covered
        if more > 0:
            if upload.size > ORDINARY:
                await self._take(upload, self._beyond_ordinary, more)
                upload.beyond += more
                self._uploads.add(upload)
            await self._take(upload, self._all, more)
            upload.covered = wanted
        upload.count_as_read()

    async def _take(self, upload: _Upload, room: ByteSemaphore, size: int) -> None:
        if room.has(size):
            await room.take(size)
            return
        with upload.on_hold():
            self._watch_stalled()
            upload.patience -= await room.take(size, max(upload.patience, 0.0))

    def _watch_stalled(self) -> None:
        """Start dropping stalled uploads while others wait for memory."""
        if self._stall_timer is None:
            self._stall_timer = asyncio.get_running_loop().call_later(STALLED / 5, self._drop_stalled)

    def _drop_stalled(self) -> None:
        """Drop the stalled uploads that hold the most."""
        now = asyncio.get_running_loop().time()
        self._stall_timer = None
        among_all = self._all.in_demand or self._beyond_ordinary.in_demand
        if not among_all and not self._large.in_demand:
            return
        self._watch_stalled()
        stalled = [one for one in self._uploads if (one.reserved or among_all) and one.stalls(now)]
        for one in sorted(stalled, key=_held, reverse=True)[:10]:
            self._uploads.discard(one)
            one.timeout.reschedule(now)


def _held(upload: _Upload) -> int:
    return max(upload.covered, upload.reserved)
