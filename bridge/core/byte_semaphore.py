"""Share a number of bytes among tasks, in the order in which they ask."""

import asyncio
from collections import deque


class NoMemoryLeftError(Exception):
    """Too many bytes are in use, and too few were given back in time."""


class ByteSemaphore:
    """A number of bytes that tasks share. A task that needs more than are left waits in line."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def in_demand(self) -> bool:
        """Whether a task waits."""
        return bool(self._line)

    def has(self, size: int) -> bool:
        """Return whether ``size`` bytes can be taken without waiting."""
        return not self._line and self.used + size <= self.limit

    async def take(self, size: int, wait: float | None = None) -> float:
        """Take ``size`` bytes, after at most ``wait`` seconds in line; return the wait. Raises NoMemoryLeftError.

        A size above the limit counts as the limit, here and in ``give``: it waits until it has all bytes for itself.
        """
        size = min(size, self.limit)
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
                self.give(size)  # The bytes were granted at the moment of the time-out or cancellation.
            else:
                self._line = deque(entry for entry in self._line if entry[1] is not turn)
                self._serve()
            if isinstance(error, TimeoutError):
                raise NoMemoryLeftError from None
            raise
        return asyncio.get_running_loop().time() - started

    def give(self, size: int) -> None:
        """Give ``size`` bytes back."""
        self.used -= min(size, self.limit)
        self._serve()

    def _serve(self) -> None:
        while self._line and self.used + self._line[0][0] <= self.limit:
            size, turn = self._line.popleft()
            if not turn.done():
                self.used += size
                turn.set_result(None)
