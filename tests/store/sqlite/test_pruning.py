"""Tests of pruning: settled and old events are removed with all their rows, others stay."""

from pathlib import Path

import pytest

from bridge.core.states import SETTLED, DeliveryState, OutcomeKind
from bridge.routing.decide import Planned
from bridge.store import Attempt, DeliveryResult, Query
from bridge.store.sqlite import pruning
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import DAY, NOW, accept, claim, entry, event, receive, request, rows, settle, settle_all

TABLES = ("requests", "events", "keys", "deliveries", "attempts")


def sizes(path: Path) -> dict[str, object]:
    """Return the number of rows in each table."""
    return {table: rows(path, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}  # noqa: S608 (the names above)


async def test_settled_events_are_pruned_with_all_their_rows(path: Path, stored: SqliteStore) -> None:
    await accept(stored, entry(channels=("a", "b")), entry(channels=("a",)))
    for channel in ("a", "b"):
        for delivery in await claim(stored, 10, channel):
            await settle(
                stored,
                [
                    DeliveryResult(
                        delivery.id, DeliveryState.DELIVERED, attempt=Attempt(NOW, OutcomeKind.OK, 200, "ok", 1)
                    )
                ],
                NOW,
            )
    assert await stored.prune(NOW + DAY, DAY) == 2
    assert sizes(path) == dict.fromkeys(TABLES, 0)


@pytest.mark.parametrize("state", sorted(SETTLED))
async def test_each_settled_state_may_be_pruned(store: SqliteStore, state: str) -> None:
    await accept(store)
    await settle_all(store, state)
    assert await store.prune(NOW + 2 * DAY, DAY) == 1


async def test_waiting_and_dead_deliveries_keep_their_events(store: SqliteStore) -> None:
    await accept(store, entry(channels=("a", "waits")))
    await accept(store, entry(channels=("a", "dies")))
    await settle_all(store, "delivered", "a")
    await settle_all(store, "dead", "dies")
    assert await store.prune(NOW + 365 * DAY, DAY) == 0
    assert len(await store.find(Query())) == 4


async def test_an_event_is_old_only_when_its_last_delivery_was_settled_that_long_ago(store: SqliteStore) -> None:
    await accept(store, now=NOW)
    await settle_all(store, "delivered", now=NOW + 10 * DAY)
    assert await store.prune(NOW + 10.5 * DAY, DAY) == 0
    assert await store.prune(NOW + 11 * DAY, DAY) == 1


async def test_an_event_skipped_at_once_is_pruned_too(store: SqliteStore) -> None:
    await accept(store, entry(deliveries=(Planned("open", "r", None, DeliveryState.SKIPPED, "not private"),)))
    assert await store.prune(NOW + DAY, DAY) == 1


async def test_a_request_stays_while_one_of_its_events_does(path: Path, stored: SqliteStore) -> None:
    await accept(stored, entry(channels=("a",)), entry(channels=("b",)))
    await settle_all(stored, "delivered", "a")
    assert await stored.prune(NOW + 2 * DAY, DAY) == 1
    assert sizes(path)["requests"] == 1
    await settle_all(stored, "delivered", "b")
    assert await stored.prune(NOW + 2 * DAY, DAY) == 1
    assert sizes(path)["requests"] == 0


async def test_expired_keys_are_removed_and_others_stay_with_or_without_their_events(
    path: Path, stored: SqliteStore
) -> None:
    await accept(stored, entry(event("short"), ttl=10))
    await accept(stored, entry(event("long"), ttl=10 * DAY))
    await settle_all(stored, "delivered")
    await stored.prune(NOW + 2 * DAY, DAY)
    assert rows(path, "SELECT key FROM keys") == [("long",)]


async def test_much_is_dropped_in_many_small_transactions(path: Path, stored: SqliteStore) -> None:
    number = pruning.BATCH * 3 + 7
    await accept(stored, *(entry(ttl=1) for _ in range(number)))
    await settle_all(stored, "delivered")
    commits = stored.commits
    assert await stored.prune(NOW + 2 * DAY, DAY) == number
    assert stored.commits - commits >= 8  # 4 of keys, 4 of events
    assert sizes(path) == dict.fromkeys(TABLES, 0)


async def test_events_behind_a_window_of_waiting_ones_are_found(
    stored: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "WINDOW", 3)
    await accept(stored, *(entry(channels=("waits",)) for _ in range(10)))
    await accept(stored, entry(), entry())
    await accept(stored, entry(event(now=NOW + 5 * DAY)))
    await settle_all(stored, "delivered")
    assert await stored.prune(NOW + 3 * DAY, DAY) == 2


def test_large_bodies_make_smaller_batches() -> None:
    half = pruning.BATCH_BYTES // 2
    window = pruning.EventRange(tuple((seq, half) for seq in range(5)), None)
    assert list(window.batches()) == [[0, 1], [2, 3], [4]]
    assert list(pruning.EventRange(((1, 10 * half), (2, 1)), None).batches()) == [[1], [2]]
    assert list(pruning.EventRange((), None).batches()) == []


async def test_an_event_that_woke_up_after_the_look_stays(path: Path, stored: SqliteStore) -> None:
    await receive(stored, request(), [entry(event("k"))], NOW)
    await settle_all(stored, "dead")
    await receive(stored, request(), [entry(event("k"))], NOW)
    seqs = [int(str(seq)) for (seq,) in rows(path, "SELECT seq FROM events")]
    assert await stored._writer.write(lambda db: pruning.drop_events(db, seqs, NOW + DAY)) == 0
    assert sizes(path)["deliveries"] == 1
