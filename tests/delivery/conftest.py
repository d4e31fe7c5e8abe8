"""Fixtures of the delivery tests."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.delivery.rate_limiter import RateLimiter
from bridge.delivery.slack import Poster, open_session
from bridge.delivery.worker_deps import WorkerDeps
from tests.delivery.clock import HandClock
from tests.delivery.harness import Harness, WatchedStore, render
from tests.slack.simulator import SlackSimulator


@pytest.fixture(autouse=True)
def _no_proxy_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    async with SlackSimulator() as slack:
        yield slack


@pytest.fixture
async def poster() -> AsyncIterator[Poster]:
    async with open_session() as session:
        yield Poster(session, HandClock())


@pytest.fixture
async def harness(slack: SlackSimulator, tmp_path: Path) -> AsyncIterator[Harness]:
    """Return a harness whose rate limiters never wait, so that every sleep is a back-off or a pause."""
    clock = HandClock()
    database = f"sqlite:///{tmp_path / 'bridge.db'}"
    store = WatchedStore(database)
    urls: dict[str, str] = {}
    limiters: dict[str, RateLimiter] = {}

    def limiter_of(url: str) -> RateLimiter:
        return limiters.setdefault(url, RateLimiter(clock, per_second=1000.0, burst=1000))

    async with open_session() as session:
        poster = Poster(session, clock, time_scale=1 / 30)
        deps = WorkerDeps(store, poster, render, urls.get, limiter_of, clock, lambda: 1.0, "test")
        harness = Harness(slack, store, database, clock, deps, urls, limiters)
        yield harness
        for worker in harness.workers:
            worker.cancel()
        await asyncio.gather(*harness.workers, return_exceptions=True)
    await store.close()
