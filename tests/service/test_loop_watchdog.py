"""Tests of the watchdog of the event loop."""

import asyncio
import time

from structlog.testing import capture_logs

from bridge.core.counters import LOOP_STALLS, Counters
from bridge.service.loop_watchdog import watched_loop

STILL = 0.05


def hold_the_loop() -> None:
    """Hold it for long enough to be found by a thread that gets little of the processor."""
    until = time.monotonic() + 20 * STILL
    while time.monotonic() < until:
        time.sleep(STILL / 10)


async def test_a_loop_that_stands_still_is_logged_once_with_its_stack_and_counted() -> None:
    counters = Counters()
    with capture_logs() as logs, watched_loop(counters, STILL):
        await asyncio.sleep(STILL)
        hold_the_loop()
        await asyncio.sleep(STILL)
    while_it_lasts = [line for line in logs if line["event"] == "event loop stands still"]
    assert len(while_it_lasts) == 1
    assert "hold_the_loop" in while_it_lasts[0]["stack"]
    ended = [line for line in logs if line["event"] == "event loop stood still"]
    assert ended
    assert max(line["seconds"] for line in ended) >= 0.5
    assert counters.total(LOOP_STALLS) == len(ended)


async def test_a_loop_that_runs_is_not_logged() -> None:
    counters = Counters()
    with capture_logs() as logs, watched_loop(counters, 30.0):
        await asyncio.sleep(STILL)
    assert logs == []
    assert counters.total(LOOP_STALLS) == 0
