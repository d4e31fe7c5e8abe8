"""What every test of this room stands on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.delivery.rate_limiter import Pacer
from bridge.delivery.slack import Poster, open_session
from bridge.delivery.worker_deps import Means
from bridge.demo.slack_simulator import SlackSimulator
from bridge.store import open_store
from tests.delivery.clock import HandClock
from tests.delivery.scene import Scene, WatchedStore, render


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
async def scene(slack: SlackSimulator, tmp_path: Path) -> AsyncIterator[Scene]:
    """A scene whose pacers hold nothing up, so that every sleep is a back-off or a pause."""
    clock = HandClock()
    database = f"sqlite:///{tmp_path / 'bridge.db'}"
    store = WatchedStore(open_store(database, limit=2**30, owner=True))
    urls: dict[str, str] = {}
    pacers: dict[str, Pacer] = {}

    def pacer_of(url: str) -> Pacer:
        return pacers.setdefault(url, Pacer(clock, per_second=1000.0, burst=1000))

    async with open_session() as session:
        poster = Poster(session, clock, time_limit=0.2)
        means = Means(store, poster, render, urls.get, pacer_of, clock, lambda: 1.0, "test")
        scene = Scene(slack, store, database, clock, means, urls, pacers)
        yield scene
        for lane in scene.lanes:
            lane.cancel()
        await asyncio.gather(*scene.lanes, return_exceptions=True)
    await store.close()
