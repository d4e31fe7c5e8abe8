"""Tests of the rate limiter: one message a second after a small burst, none during a pause."""

import asyncio

import pytest

from bridge.delivery.rate_limiter import BURST, RateLimiter
from tests.delivery.clock import HandClock


async def took(clock: HandClock, limiter: RateLimiter, turns: int) -> list[float]:
    """Return the times of the first ``n`` turns."""

    async def run() -> list[float]:
        found = []
        for _ in range(turns):
            while not await limiter.acquire():
                await clock.sleep(limiter.wait())
            found.append(clock.monotonic())
        return found

    running = asyncio.create_task(run())
    while True:
        sleeper = asyncio.create_task(clock.skip())
        await asyncio.wait({running, sleeper}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            sleeper.cancel()
            return await running


async def test_a_small_burst_goes_at_once_then_one_a_second() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock)
    assert await took(clock, limiter, BURST + 3) == pytest.approx([0, 0, 0, 1, 2, 3])


async def test_the_burst_is_available_again_after_a_pause() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock)
    await took(clock, limiter, 5)
    clock.advance(100)
    start = clock.monotonic()
    assert await took(clock, limiter, 4) == pytest.approx([start, start, start, start + 1])


async def test_nothing_goes_in_a_pause_and_no_burst_follows() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock)
    limiter.pause(30)
    assert limiter.paused == 30
    assert await took(clock, limiter, 3) == pytest.approx([30, 31, 32])
    assert limiter.paused == 0


async def test_a_shorter_pause_does_not_cut_a_longer_one() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock)
    limiter.pause(30)
    limiter.pause(5)
    assert await took(clock, limiter, 1) == pytest.approx([30])


async def test_another_pace() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, per_second=0.5, burst=1)
    assert await took(clock, limiter, 3) == pytest.approx([0, 2, 4])
    limiter.per_second = 2
    start = clock.monotonic()
    times = await took(clock, limiter, 3)
    assert times[-1] - start <= 2 + 1


async def test_asking_how_long_takes_no_turn() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, burst=1)
    assert (limiter.wait(), limiter.wait()) == (0, 0)
    assert await took(clock, limiter, 2) == pytest.approx([0, 1])
    assert limiter.wait() == pytest.approx(1)


async def test_turns_go_in_the_order_asked_for() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, burst=1)
    order: list[int] = []

    async def ask(number: int) -> None:
        await limiter.acquire()
        order.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(4)]
    for _ in range(3):
        await clock.skip()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3]


def test_as_many_are_ready_as_may_go_at_once() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, per_second=1.0, burst=3)
    assert limiter.ready() == 3
    clock.advance(60)
    assert limiter.ready() == 3


async def test_a_used_turn_is_not_ready_again_before_its_time() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, per_second=1.0, burst=3)
    for left in (2, 1, 0):
        await limiter.acquire()
        assert limiter.ready() == left
    clock.advance(1.0)
    assert limiter.ready() == 1
    clock.advance(1.0)
    assert limiter.ready() == 2
    limiter.pause(5)
    assert limiter.ready() == 0


async def test_a_corrected_pace_counts_at_once_also_for_whoever_waits_already() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, per_second=0.001, burst=1)
    await limiter.acquire()
    assert limiter.wait() == pytest.approx(1000)
    waiting = asyncio.create_task(limiter.acquire())
    assert await clock.asleep() == pytest.approx(1000)
    limiter.per_second = 10.0
    assert limiter.wait() == pytest.approx(0.1)
    clock.advance(0.1)
    await waiting


async def test_another_pace_cuts_no_pause() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, per_second=1.0)
    limiter.pause(60)
    limiter.per_second = 100.0
    assert limiter.wait() == pytest.approx(60)


async def test_a_pause_sends_back_whoever_waits_already() -> None:
    clock = HandClock()
    limiter = RateLimiter(clock, burst=1)
    assert await limiter.acquire()
    second, third = (asyncio.create_task(limiter.acquire()) for _ in range(2))
    assert await clock.asleep() == pytest.approx(1)
    limiter.pause(3600)
    assert [await second, await third] == [False, False]
    assert limiter.wait() == pytest.approx(3600)
