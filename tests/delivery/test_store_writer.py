"""Tests that a post is recorded as soon as the store is available. An end of the process before that posts it twice."""

import asyncio

from bridge.store import StoreUnavailableError
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
