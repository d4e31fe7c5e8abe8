"""Tests of how SQLite keeps requests."""

import json
from pathlib import Path

from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import NOW, accept, entry, event, receive, request, rows


async def test_the_request_is_kept_once_for_all_its_events_as_it_was_received(path: Path, stored: SqliteStore) -> None:
    raw = b'\xef\xbb\xbf{"a": "\xff\\ud800"}\x00'
    kept = request(raw, **{"x-odd": "caf\udce9"})
    await receive(stored, kept, [entry(part=0), entry(part=1)], NOW)
    ((method, url, headers, body),) = rows(path, "SELECT method, url, headers, body FROM requests")
    assert (method, url, body) == (kept.method, kept.url, raw)
    assert json.loads(str(headers)) == kept.headers
    assert rows(path, "SELECT part, request FROM events ORDER BY seq") == [(0, 1), (1, 1)]


async def test_a_request_of_duplicates_is_not_kept(path: Path, stored: SqliteStore) -> None:
    await accept(stored, entry(event("k")))
    await accept(stored, entry(event("k")))
    assert rows(path, "SELECT count(*) FROM requests") == [(1,)]
