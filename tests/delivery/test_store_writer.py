"""What was posted is put on record as soon as the store lets it: until then, an end of the process posts it twice."""

import asyncio

from bridge.store import StoreUnavailableError
from tests.delivery.scene import Scene

DRAIN = 7.0
"""Seconds that a service which stops gives its workers."""


async def test_a_stop_after_the_store_has_recovered_leaves_nothing_off_the_record(scene: Scene) -> None:
    await scene.accept("first")
    scene.store.settle_errors.extend([StoreUnavailableError("the disk is full")] * 5)
    worker = scene.start()
    for _ in range(4):
        await scene.clock.skip()
    await scene.clock.asleep()
    # There is room again, and nobody has noticed.
    assert not scene.store.settle_errors
    worker.stop()
    for _ in range(int(DRAIN)):
        scene.clock.advance(1)
        await asyncio.wait(scene.workers, timeout=0.1)
    assert await scene.states() == ["delivered"]
