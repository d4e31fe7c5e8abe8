"""Read request bodies within limits: on each body, on all of them together, and on time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

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
MIN_STALL_BYTES = 4 * 1024
"""An upload with fewer bytes is never dropped for stalling."""
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


@dataclass(slots=True, eq=False)
class _Reading:
    """A body that is being read."""

    timeout: asyncio.Timeout
    large: int
    """Bytes reserved of the large share."""
    began: float
    since: float
    """When it last advanced by PROGRESS, by the loop's clock."""
    taken: int = 0
    at_since: int = 0
    waits: bool = False
    """Whether it waits for memory, so that it is not stalled by the client."""

    def arrived(self, size: int, now: float) -> None:
        self.taken += size
        if self.taken - self.at_since >= PROGRESS:
            self.at_since = self.taken
            self.since = now


class BodyBudget:
    """Limit in bytes for all bodies in memory."""

    def __init__(self, limit: int, *, wait: float = WAIT, read_time: float = READ_TIME, pace: float = PACE) -> None:
        self._all = ByteSemaphore(limit)
        self._large = ByteSemaphore(max(limit - HEADROOM, limit // 2, 1))
        self._beyond_ordinary = ByteSemaphore(self._large.limit)
        self._wait = wait
        self._read_time = read_time
        self._pace = pace
        self._readings: set[_Reading] = set()
        self._stall_timer: asyncio.TimerHandle | None = None

    @property
    def used(self) -> int:
        """Bytes that arrived and are still needed."""
        return self._all.used

    @asynccontextmanager
    async def body(self, request: web.Request, limit: int) -> AsyncIterator[bytes]:  # noqa: C901 - to be rewritten
        """Read the raw body; its bytes count until the block ends. ``limit`` is the provider's own limit in bytes.

        Bytes count as they arrive and not as they are announced: a client that announces much and sends nothing takes
        no memory from others. Raises BodyTooLargeError, NoMemoryLeftError, BrokenBodyError.
        """
        limit = min(limit, self._large.limit)
        announced = request.content_length or 0
        if announced > limit:
            raise BodyTooLargeError
        taken = large = beyond = 0
        patience = self._wait
        loop = asyncio.get_running_loop()
        try:
            try:
                if announced > SMALL:
                    self._watch_stalled()
                    patience *= LARGE_WAIT_FACTOR
                    patience -= await self._large.take(announced, patience)
                    large = announced
                chunks: list[bytes] = []
                more_time = SMALL
                async with asyncio.timeout(self._read_time) as timeout:
                    reading = _Reading(timeout, large, loop.time(), loop.time())
                    self._readings.add(reading)
                    try:
                        async for chunk in request.content.iter_any():
                            if taken + len(chunk) > limit:
                                raise BodyTooLargeError
                            wanted = [(self._all, len(chunk))]
                            if taken + len(chunk) > ORDINARY:
                                wanted.insert(0, (self._beyond_ordinary, taken + len(chunk) - beyond))
                            if taken + len(chunk) > SMALL and not large:
                                wanted.insert(0, (self._large, limit))
                            waited = 0.0
                            for room, size in wanted:
                                waited += await self._take(request, reading, room, size, patience - waited)
                                if room is self._large:
                                    large = reading.large = size
                                elif room is self._beyond_ordinary:
                                    beyond += size
                            taken += len(chunk)
                            if isinstance(request.protocol, Connection):
                                request.protocol.body_read(len(chunk))
                            reading.arrived(len(chunk), loop.time())
                            chunks.append(chunk)
                            if len(chunks) > MOST_PIECES:
                                chunks = [b"".join(chunks)]
                            if waited:  # The delay was ours, not the client's.
                                patience -= waited
                                reading.began += waited
                                timeout.reschedule((timeout.when() or 0.0) + waited)
                            if taken >= more_time:
                                more_time += SMALL
                                timeout.reschedule((timeout.when() or 0.0) + SMALL / SLOWEST)
                                if taken != announced:
                                    await self._slow_down(request, reading)
                    finally:
                        self._readings.discard(reading)
            except (TimeoutError, web.RequestPayloadError, ConnectionError) as error:
                error.__traceback__ = None  # The stream keeps the error, and with it the whole request.
                raise BrokenBodyError(type(error).__name__) from None
            # Copying 25 MB would delay other requests.
            body = await asyncio.to_thread(_joined, chunks) if taken > SMALL else _joined(chunks)
            if isinstance(request.protocol, Connection):
                request.protocol.body_complete()
            yield body
        finally:
            self._all.give(taken)
            self._beyond_ordinary.give(beyond)
            self._large.give(large)

    async def _take(
        self, request: web.Request, reading: _Reading, room: ByteSemaphore, size: int, patience: float
    ) -> float:
        """Take memory for a chunk. Pause receiving meanwhile: aiohttp would fill its buffer again."""
        if room.has(size):
            return await room.take(size, patience)
        transport = request.transport
        reading.waits = True
        if transport is not None:
            transport.pause_reading()
        try:
            self._watch_stalled()
            waited = await room.take(size, patience)
        finally:
            reading.waits = False
            if transport is not None:
                transport.resume_reading()
        reading.since += waited
        return waited

    async def _slow_down(self, request: web.Request, reading: _Reading) -> None:
        """Pause receiving while the body is ahead of its pace."""
        transport = request.transport
        ahead = reading.began + reading.taken / self._pace - asyncio.get_running_loop().time()
        if transport is None or ahead <= 0:
            return
        reading.waits = True
        transport.pause_reading()
        try:
            await asyncio.sleep(ahead)
        finally:
            reading.waits = False
            transport.resume_reading()
        reading.since += ahead

    def _watch_stalled(self) -> None:
        """Start dropping stalled uploads while others wait for memory."""
        if self._stall_timer is None:
            self._stall_timer = asyncio.get_running_loop().call_later(STALLED / 5, self._drop_stalled)

    def _drop_stalled(self) -> None:
        """Drop the largest stalled uploads."""
        loop = asyncio.get_running_loop()
        self._stall_timer = None
        among_all = self._all.in_demand or self._beyond_ordinary.in_demand
        if not among_all and not self._large.in_demand:
            return
        self._watch_stalled()
        stalling = [
            one
            for one in self._readings
            if (one.large or (among_all and one.taken > MIN_STALL_BYTES))
            and not one.waits
            and loop.time() - one.since > STALLED
        ]
        for one in sorted(stalling, key=_size, reverse=True)[:10]:
            self._readings.discard(one)
            one.timeout.reschedule(loop.time())


def _joined(chunks: list[bytes]) -> bytes:
    """Join the chunks of a body and release them."""
    body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    chunks.clear()
    return body


def _size(reading: _Reading) -> int:
    return reading.taken
