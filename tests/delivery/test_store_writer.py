"""Tests that a post is recorded as soon as the store is available. An end of the process before that posts it twice."""

import asyncio

import pytest

from bridge.delivery.store_writer import StoreWriter
from bridge.store import HoldLostError, StoreUnavailableError
from tests.delivery.harness import Harness

DRAIN = 7.0
"""Seconds that a stopping service gives its workers."""


async def test_a_stop_after_the_store_has_recovered_leaves_nothing_off_the_record(harness: Harness) -> None:
    await harness.accept("first")
    harness.store.settle_errors.extend([StoreUnavailableError("the disk is full")] * 5)
    worker = harness.start()
    for _ in range(4):
        await harness.clock.skip()
    await harness.clock.asleep()
    # There is room again, but the writer has not retried yet.
    assert not harness.store.settle_errors
    worker.stop()
    for _ in range(int(DRAIN)):
        harness.clock.advance(1)
        await asyncio.wait(harness.workers, timeout=0.1)
    assert await harness.states() == ["delivered"]


@pytest.mark.parametrize("error", [HoldLostError("another owner has it"), ValueError("a bug")])
async def test_what_no_retry_can_store_is_left_to_the_caller(harness: Harness, error: Exception) -> None:
    tries = 0

    async def write() -> None:
        nonlocal tries
        tries += 1
        raise error

    with pytest.raises(type(error)):
        await StoreWriter("general", harness.deps).retry_until_stored(write)
    assert tries == 1


async def test_a_lost_hold_is_never_answered_with_a_smaller_record(harness: Harness) -> None:
    async def lost() -> None:
        raise HoldLostError("another owner has it")

    async def smaller() -> None:
        raise AssertionError("the delivery is another owner's")

    with pytest.raises(HoldLostError):
        await StoreWriter("general", harness.deps).retry_until_stored(lost, smaller)
