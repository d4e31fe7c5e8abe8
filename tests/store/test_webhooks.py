"""Tests of the rates and pauses of webhooks."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.store import Store
from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened
from tests.store.samples import DAY, NOW, rows

URL = "https://hooks.slack.com/services/T000/B000/secretsecretsecret"
OTHER = "https://hooks.slack.com/services/T000/B000/anothersecret"


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


@given(st.lists(st.tuples(st.floats(-2 * DAY, 2 * DAY), st.sampled_from([0.01, 1.0, 50.0]), st.integers(1, 5))))
async def test_no_wait_is_longer_than_an_even_rate_asks_for(steps: list[tuple[float, float, int]]) -> None:
    store, now = opened("sqlite:///:memory:"), NOW
    for seconds, rate, burst in steps:
        now += seconds
        assert 0.0 <= await store.reserve(URL, rate, burst, now) <= 1 / rate + 1e-3
    await store.close()


async def test_rates_and_pauses_survive_a_restart_and_are_shared_by_processes(path: Path, stored: SqliteStore) -> None:
    for _ in range(3):
        assert await stored.reserve(URL, 1.0, 3, NOW) == 0.0
    await stored.pause(OTHER, NOW + 60, NOW)
    beside = opened(f"sqlite:///{path}", owner=False)
    assert await beside.reserve(URL, 1.0, 3, NOW) > 0.0
    assert await beside.paused_until(OTHER, NOW) == NOW + 60
    await beside.close()
    await stored.close()
    again = opened(f"sqlite:///{path}")
    assert await again.reserve(URL, 1.0, 3, NOW) > 0.0
    assert await again.paused_until(OTHER, NOW) == NOW + 60
    await again.close()


async def test_the_url_is_not_in_the_store_and_its_digest_differs_between_stores(
    path: Path, stored: SqliteStore
) -> None:
    other = opened(f"sqlite:///{path.with_name('other.db')}")
    for store in (stored, other):
        await store.pause(URL, NOW + 60, NOW)
        await store.reserve(URL, 1.0, 1, NOW)
        await store.close()
    written = path.read_bytes()
    assert written
    for part in (URL, "hooks.slack.com", "secretsecretsecret", "T000"):
        assert part.encode() not in written
    digests = [rows(file, "SELECT digest FROM webhooks") for file in (path, path.with_name("other.db"))]
    assert [len(found) for found in digests] == [1, 1]
    assert digests[0] != digests[1]


async def test_webhooks_that_nobody_uses_are_forgotten(path: Path, stored: SqliteStore) -> None:
    await stored.reserve(URL, 1.0, 1, NOW)
    await stored.pause(OTHER, NOW + 3600, NOW)
    await stored.prune(NOW + 600, 60.0)
    assert rows(path, "SELECT count(*) FROM webhooks") == [(1,)]
    assert await stored.paused_until(OTHER, NOW + 600) == NOW + 3600
