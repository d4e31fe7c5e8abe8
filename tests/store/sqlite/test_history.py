"""Tests of histories with rows that only a file can have."""

from dataclasses import replace
from pathlib import Path

from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import NOW, accept, entry, event, execute, settle_all


async def test_a_summarized_delivery_comes_with_its_digest(path: Path, stored: SqliteStore) -> None:
    one = event()
    await accept(stored, entry(one))
    await settle_all(stored, "summarized")
    execute(
        path,
        "UPDATE deliveries SET summarized_in = 'd1'",
        "INSERT INTO digests VALUES ('d1', 'general', 1, 1800000005, '{\"text\": \"12 events\"}', 1)",
    )
    event_history = await stored.event_history(one.id)
    assert event_history is not None
    digest = event_history.deliveries[0].digest
    assert digest is not None
    assert (digest.id, digest.posted_at, digest.message) == ("d1", NOW + 5, {"text": "12 events"})


async def test_a_body_that_is_unreadable_by_now_is_shown_as_it_is(path: Path, stored: SqliteStore) -> None:
    one = event()
    await accept(stored, entry(one))
    execute(path, "UPDATE requests SET body = x'ff'")
    event_history = await stored.event_history(one.id)
    assert event_history is not None
    assert (event_history.event, event_history.request.body) == (replace(one, payload={}), b"\xff")
