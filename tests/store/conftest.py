"""A store in a file, and one of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import LIMIT


def opened(url: str, *, limit: int = LIMIT, owner: bool = True) -> SqliteStore:
    """An open SQLite store."""
    store = open_store(url, limit=limit, owner=owner)
    assert isinstance(store, SqliteStore)
    return store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store's file is."""
    return tmp_path / "bridge.db"


@pytest.fixture
async def stored(path: Path) -> AsyncIterator[SqliteStore]:
    """A store in a file."""
    store = opened(f"sqlite:///{path}")
    yield store
    await store.close()


@pytest.fixture(params=["file", "memory"])
async def store(request: pytest.FixtureRequest, path: Path) -> AsyncIterator[SqliteStore]:
    """A store of each kind: what holds for one must hold for the other."""
    store = opened(f"sqlite:///{path}" if request.param == "file" else "sqlite:///:memory:")
    yield store
    await store.close()
