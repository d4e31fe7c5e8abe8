"""Tests of holds: whose calls change a channel's queue."""

import pytest

from bridge.core.states import DeliveryState
from bridge.store import DeliveryResult, HoldLostError, RepeatWindow
from bridge.store.sqlite.store import SqliteStore
from tests.store.samples import NOW, accept, entry

DELIVERED = DeliveryResult(1, DeliveryState.DELIVERED)


async def test_an_owner_that_holds_again_keeps_its_token(store: SqliteStore) -> None:
    first = await store.hold("general", "me", 60.0)
    again = await store.hold("general", "me", 60.0)
    assert first.token == again.token
    await accept(store)
    await first.settle([DELIVERED], NOW)
    assert await again.claim(9) == []


async def test_tokens_grow_and_what_an_older_hold_writes_is_refused(store: SqliteStore) -> None:
    await accept(store, entry(channels=("general", "b")))
    old = await store.hold("general", "me", 60.0)
    beside = await store.hold("b", "me", 60.0)
    new = await store.hold("general", "another", 60.0)
    assert new.token > old.token
    for call in (
        old.settle([DELIVERED], NOW),
        old.close_window(RepeatWindow("r", "s", "f", "l", NOW)),
        old.count_backlog("d1", ["fail"], NOW),
        old.record_digest("d1", {}, NOW),
        old.settle_digest("d1", NOW),
    ):
        with pytest.raises(HoldLostError):
            await call
    assert [delivery.id for delivery in await new.claim(9)] == [1]
    await new.settle([DELIVERED], NOW)
    await beside.settle([DeliveryResult(2, DeliveryState.DELIVERED)], NOW)
    assert (await new.unfinished_digests(), await new.claim(9)) == ([], [])
    newest = await store.hold("general", "me", 60.0)
    assert newest.token > new.token


async def test_holds_of_different_channels_have_nothing_to_do_with_each_other(store: SqliteStore) -> None:
    hold = await store.hold("a", "me", 60.0)
    await store.hold("b", "another", 60.0)
    await hold.settle([], NOW)
