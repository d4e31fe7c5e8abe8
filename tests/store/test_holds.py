"""Tests of holds: whose calls change a channel's queue."""

import pytest

from bridge.core.states import DeliveryState
from bridge.store import DeliveryResult, HoldLostError, Query, RepeatWindow, Store
from tests.store.conftest import opened
from tests.store.samples import NOW, accept, entry, event, held

DELIVERED = DeliveryResult(1, DeliveryState.DELIVERED)


async def test_an_owner_that_holds_again_keeps_its_token(store: Store) -> None:
    first = await store.hold("general", "me", 60.0)
    again = await store.hold("general", "me", 60.0)
    assert first.token == again.token
    await accept(store)
    await first.settle([DELIVERED], NOW)
    assert await again.claim(9) == []


async def test_tokens_grow_and_what_an_older_hold_writes_is_refused(store: Store) -> None:
    await accept(store, entry(channels=("general", "b")))
    old = await store.hold("general", "me", 60.0)
    beside = await store.hold("b", "me", 60.0)
    new = await store.hold("general", "another", 60.0)
    assert new.token > old.token
    for call in (
        old.settle([DELIVERED], NOW),
        old.close_window(RepeatWindow("r", "s", "f", "l", 60.0)),
        old.count_backlog("d1", ["fail"], NOW),
        old.record_digest("d1", {}, NOW),
        old.settle_digest("d1", NOW),
        old.record_render_fault(1, "killed"),
    ):
        with pytest.raises(HoldLostError):
            await call
    assert [delivery.id for delivery in await new.claim(9)] == [1]
    await new.settle([DELIVERED], NOW)
    await beside.settle([DeliveryResult(2, DeliveryState.DELIVERED)], NOW)
    assert (await new.unfinished_digests(), await new.claim(9)) == ([], [])
    newest = await store.hold("general", "me", 60.0)
    assert newest.token > new.token


async def test_holds_of_different_channels_have_nothing_to_do_with_each_other(store: Store) -> None:
    hold = await store.hold("a", "me", 60.0)
    await store.hold("b", "another", 60.0)
    await hold.settle([], NOW)


async def test_tokens_grow_over_a_restart_and_fence_off_a_process_that_still_runs(url: str, lasting: Store) -> None:
    await accept(lasting)
    old = await lasting.hold("general", "host:1", 60.0)
    beside = opened(url, owner=False)
    new = await beside.hold("general", "host:2", 60.0)
    assert new.token > old.token
    with pytest.raises(HoldLostError):
        await old.settle([DELIVERED], NOW)
    await new.settle([DELIVERED], NOW)
    await beside.close()
    await lasting.close()
    again = opened(url)
    assert (await again.hold("general", "host:2", 60.0)).token == new.token
    assert (await again.hold("general", "host:3", 60.0)).token > new.token
    await again.close()


async def test_a_rendering_that_was_ended_by_force_is_marked_until_the_delivery_waits_anew(store: Store) -> None:
    one = event("k")
    await accept(store, entry(one, channels=("general",)))
    hold = await held(store)
    await hold.record_render_fault(1, "pipeline.j2: over 1 s")
    await hold.settle([DeliveryResult(1, DeliveryState.WAITING, "busy", template_fault="pipeline.j2:3: x")], NOW)
    assert [delivery.template_fault for delivery in await hold.claim(9)] == ["pipeline.j2: over 1 s"]
    await hold.settle([DeliveryResult(1, DeliveryState.DEAD)], NOW)
    await hold.record_render_fault(1, "too late")
    await accept(store, entry(event("k")))
    assert [(delivery.id, delivery.template_fault) for delivery in await hold.claim(9)] == [(1, "")]
    await hold.record_render_fault(1, "again")
    await hold.settle([DeliveryResult(1, DeliveryState.DEAD)], NOW)
    rows, cursor = await store.changes_since(Query(), None)
    await store.replay(rows, cursor, NOW)
    assert [(delivery.id, delivery.template_fault) for delivery in await hold.claim(9)] == [(1, "")]
    await hold.settle([DeliveryResult(1, DeliveryState.WAITING, "busy", template_fault="pipeline.j2:3: x")], NOW)
    assert [delivery.template_fault for delivery in await hold.claim(9)] == [""]
