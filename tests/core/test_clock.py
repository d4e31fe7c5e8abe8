"""Tests of the clocks, and of a sleep that an event ends."""

import asyncio
import time

from bridge.core.clock import SystemClock, sleep_unless
from tests.delivery.clock import HandClock


async def test_the_system_clock_shows_the_machines_time() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert abs(clock.now() - time.time()) < 5
    assert clock.monotonic() >= before


async def test_a_sleep_lasts_its_time() -> None:
    clock, event = HandClock(), asyncio.Event()
    sleeping = asyncio.create_task(sleep_unless(clock, 5, event))
    assert await clock.asleep() == 5
    clock.advance(4.9)
    await asyncio.sleep(0)
    assert not sleeping.done()
    clock.advance(0.1)
    assert await sleeping is False


async def test_an_event_ends_a_sleep() -> None:
    clock, event = HandClock(), asyncio.Event()
    sleeping = asyncio.create_task(sleep_unless(clock, 5, event))
    await clock.asleep()
    event.set()
    assert await sleeping is True
