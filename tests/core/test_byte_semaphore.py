"""Tests of bytes that tasks share."""

import asyncio

import pytest

from bridge.core.byte_semaphore import ByteSemaphore, NoMemoryLeftError


async def test_tasks_wait_in_line_for_bytes() -> None:
    room = ByteSemaphore(10)
    await room.take(10, 5)
    second = asyncio.create_task(room.take(4, 5))
    third = asyncio.create_task(room.take(6, 5))
    await asyncio.sleep(0)
    assert not second.done()
    room.give(10)
    waited = await asyncio.gather(second, third)
    assert min(waited) > 0
    assert room.used == 10


async def test_a_task_that_waits_too_long_is_rejected_and_blocks_no_other() -> None:
    room = ByteSemaphore(10)
    await room.take(8, 5)
    with pytest.raises(NoMemoryLeftError):
        await room.take(5, 0.02)
    await room.take(2, 5)
    assert room.used == 10


async def test_a_cancelled_task_gives_its_bytes_back() -> None:
    room = ByteSemaphore(10)
    await room.take(10, 5)
    waiting = asyncio.create_task(room.take(10, 5))
    await asyncio.sleep(0)
    room.give(10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert room.used == 0


async def test_a_size_above_the_limit_waits_for_all_bytes_and_takes_no_more() -> None:
    room = ByteSemaphore(10)
    await room.take(1)
    waiting = asyncio.create_task(room.take(99))
    await asyncio.sleep(0)
    assert not waiting.done()
    room.give(1)
    await waiting
    assert room.used == 10
    room.give(99)
    assert room.used == 0
