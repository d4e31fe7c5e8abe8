"""Tests of what a SQLite file keeps of webhooks."""

from pathlib import Path

from bridge.store.sqlite.store import SqliteStore
from tests.store.conftest import opened_sqlite
from tests.store.samples import NOW, OTHER, URL, rows


async def test_the_url_is_not_in_the_store_and_its_digest_differs_between_stores(
    path: Path, stored: SqliteStore
) -> None:
    other = opened_sqlite(f"sqlite:///{path.with_name('other.db')}")
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
