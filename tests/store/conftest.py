"""Fixtures: a store in a file, and a store of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import LIMIT


def opened(url: str, *, limit: int = LIMIT, owner: bool = True) -> SqliteStore:
    """Open a SQLite store."""
    store = open_store(url, limit=limit, owner=owner)
    assert isinstance(store, SqliteStore)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the store's file."""
    return tmp_path / "bridge.db"


@pytest.fixture
async def stored(path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store in a file."""
    store = opened(f"sqlite:///{path}")
    yield store
    await store.close()


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[SqliteStore]:
    """Open a store of each kind: every test must pass with both."""
    store = opened(f"sqlite:///{path}" if request.param == "file" else "sqlite:///:memory:")
    yield store
    await store.close()
