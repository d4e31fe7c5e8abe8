"""Clock that the test sets."""

import asyncio

PATIENCE = 20.0
"""Real seconds after which a test that waits for a sleeper has failed."""


class HandClock:
    """Keeps bridge.delivery.clock.Clock. Time passes only with ``advance``."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._start = now
        self._passed = 0.0
        self._sleepers: dict[asyncio.Future[None], float] = {}
        self._slept = asyncio.Event()

    def now(self) -> float:
        return self._start + self._passed

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[waker] = self._passed + seconds
        self._slept.set()
        try:
            await waker
        finally:
            self._sleepers.pop(waker, None)

    async def asleep(self, tasks: int = 1) -> float:
        """Wait until so many tasks sleep, and return the seconds until the first one wakes."""
        async with asyncio.timeout(PATIENCE):
            while len(self._sleepers) < tasks:
                self._slept.clear()
                await self._slept.wait()
        return min(self._sleepers.values()) - self._passed

    def advance(self, seconds: float) -> None:
        """Advance the time, and wake the tasks whose sleep is over."""
        self._passed += seconds
        for waker, due in list(self._sleepers.items()):
            if due <= self._passed + 1e-6:
                del self._sleepers[waker]
                if not waker.done():
                    waker.set_result(None)

    def set_forward(self, seconds: float) -> None:
        """Set the machine's clock, while no time passes."""
        self._start += seconds

    async def skip(self) -> float:
        """Wait until a task sleeps, advance the time to its end, and return the seconds."""
        seconds = await self.asleep()
        self.advance(seconds)
        return seconds
