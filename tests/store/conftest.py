"""Fixtures of the contract suite: a store of each engine. ``stored`` is one in a SQLite file."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest

from bridge.store import Store, open_store
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import LIMIT

ENGINES: Mapping[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder / 'bridge.db'}",
}
"""The URL of a new database, by engine. Another engine is one more line: every test in ``tests/store`` runs with it."""
MEMORY = "sqlite:///:memory:"
"""A store that ends with its process, for `bridge demo`."""


def opened(url: str, *, owner: bool = True) -> Store:
    """Open a store of any engine."""
    return open_store(url, limit=LIMIT, owner=owner)


def opened_sqlite(url: str, *, limit: int = LIMIT, owner: bool = True) -> SqliteStore:
    """Open a SQLite store."""
    store = open_store(url, limit=limit, owner=owner)
    assert isinstance(store, SqliteStore)
    return store


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a new database of each engine, which may be opened again, also by two at once."""
    return ENGINES[request.param](tmp_path)


@pytest.fixture
async def lasting(url: str) -> AsyncIterator[Store]:
    """Open the store at ``url``."""
    store = opened(url)
    yield store
    await store.close()


@pytest.fixture(params=[*ENGINES, "memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Open a store of each kind: every test must pass with all of them."""
    store = opened(MEMORY if request.param == "memory" else ENGINES[request.param](tmp_path))
    yield store
    await store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a SQLite file."""
    return tmp_path / "bridge.db"


@pytest.fixture
async def stored(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store in a SQLite file."""
    store = opened_sqlite(f"sqlite:///{path}")
    yield store
    await store.close()
