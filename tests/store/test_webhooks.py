"""Tests of the rates and pauses of webhooks."""

import asyncio
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.store import Store
from tests.store.conftest import opened
from tests.store.samples import DAY, NOW, OTHER, URL

numbers = count()


async def posts(store: Store, seconds: float, *, rate: float = 1.0, burst: int = 3, start: float = NOW) -> list[float]:
    """Return the times of posts of somebody who posts whenever it is allowed."""
    times, now = [], start
    while now < start + seconds:
        wait = await store.reserve(URL, rate, burst, now)
        if wait == 0.0:
            times.append(round(now - start, 3))
        now += wait
    return times


async def test_posts_come_at_the_rate_after_a_burst(store: Store) -> None:
    assert await posts(store, 5.0) == [0, 0, 0, 1, 2, 3, 4]
    assert await posts(store, 2.0, start=NOW + 100) == [0, 0, 0, 1]
    assert await posts(store, 1.0, rate=4.0, burst=1, start=NOW + 200) == [0, 0.25, 0.5, 0.75]


async def test_a_refused_post_is_not_counted(store: Store) -> None:
    for _ in range(3):
        assert await store.reserve(URL, 1.0, 3, NOW) == 0.0
    for _ in range(9):
        assert await store.reserve(URL, 1.0, 3, NOW) == pytest.approx(1.0)
    assert await store.reserve(URL, 1.0, 3, NOW + 1.0) == 0.0


async def test_webhooks_do_not_wait_for_each_other(store: Store) -> None:
    assert await store.reserve(URL, 1.0, 1, NOW) == 0.0
    await store.pause(URL, NOW + 60, NOW)
    assert await store.reserve(OTHER, 1.0, 1, NOW) == 0.0
    assert (await store.paused_until(URL, NOW), await store.paused_until(OTHER, NOW)) == (NOW + 60, 0.0)


async def test_a_pause_holds_until_its_end_and_no_burst_follows(store: Store) -> None:
    assert await store.paused_until(URL, NOW) == 0.0
    await store.pause(URL, NOW + 60, NOW)
    await store.pause(URL, NOW + 30, NOW)
    assert await store.paused_until(URL, NOW + 59) == NOW + 60
    assert await store.paused_until(URL, NOW + 60) == 0.0
    assert await posts(store, 63.0) == [60, 61, 62]


async def test_a_corrected_rate_counts_at_once(store: Store) -> None:
    assert await store.reserve(URL, 1 / 3600, 1, NOW) == 0.0
    assert await store.reserve(URL, 1 / 3600, 1, NOW + 1) == pytest.approx(3599)
    assert await store.reserve(URL, 1.0, 1, NOW + 1) == pytest.approx(1.0)


@pytest.mark.parametrize("jump", [-DAY, -90.0, DAY])
async def test_a_clock_that_jumps_ends_a_pause_and_never_holds_a_rate(store: Store, jump: float) -> None:
    assert await store.reserve(URL, 1.0, 1, NOW) == 0.0
    await store.pause(URL, NOW + 60, NOW)
    assert await store.paused_until(URL, NOW + jump) == 0.0
    assert await store.reserve(URL, 1.0, 1, NOW + jump) <= 1.0
    assert await store.reserve(URL, 1.0, 1, NOW + jump + 1.0) == 0.0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.floats(-2 * DAY, 2 * DAY), st.sampled_from([0.01, 1.0, 50.0]), st.integers(1, 5))))
async def test_no_wait_is_longer_than_an_even_rate_asks_for(
    store: Store, steps: list[tuple[float, float, int]]
) -> None:
    now, webhook = NOW, f"{URL}/{next(numbers)}"
    for seconds, rate, burst in steps:
        now += seconds
        assert 0.0 <= await store.reserve(webhook, rate, burst, now) <= 1 / rate + 1e-3


async def test_rates_and_pauses_survive_a_restart_and_are_shared_by_processes(url: str, lasting: Store) -> None:
    for _ in range(3):
        assert await lasting.reserve(URL, 1.0, 3, NOW) == 0.0
    await lasting.pause(OTHER, NOW + 60, NOW)
    beside = opened(url, owner=False)
    assert await beside.reserve(URL, 1.0, 3, NOW) > 0.0
    assert await beside.paused_until(OTHER, NOW) == NOW + 60
    await beside.close()
    await lasting.close()
    again = opened(url)
    assert await again.reserve(URL, 1.0, 3, NOW) > 0.0
    assert await again.paused_until(OTHER, NOW) == NOW + 60
    await again.close()


async def test_two_processes_share_a_rate_also_when_they_ask_at_once(url: str, lasting: Store) -> None:
    beside = opened(url, owner=False)
    for second in range(4):
        asked = [store.reserve(URL, 1.0, 3, NOW + second) for store in (lasting, beside) * 10]
        assert (await asyncio.gather(*asked)).count(0.0) == (1 if second else 3)
    await beside.close()
