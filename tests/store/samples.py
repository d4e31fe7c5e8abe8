"""Requests, events and entries for the store's tests, and direct access to its file."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.events import Event, Request
from bridge.routing.decide import Planned
from bridge.sources.stored_event import with_payload
from bridge.store import (
    AcceptResult,
    Arrival,
    Attempt,
    Delivery,
    DeliveryResult,
    Hold,
    NewEvent,
    Query,
    ReplayResult,
    Store,
)

DAY = 86_400.0
NOW = 1_800_000_000.0
LIMIT = 2**40
POST = Attempt(NOW + 5, OutcomeKind.OK, 200, "ok", 0.25)
URL = "https://hooks.slack.com/services/T000/B000/secretsecretsecret"
OTHER = "https://hooks.slack.com/services/T000/B000/anothersecret"
_numbers = count(1)


def request(body: bytes | object = None, **headers: str) -> Request:
    """Return a request as the accept path passes it on, for a GitLab pipeline unless another body is given."""
    value = {"object_kind": "pipeline", "object_attributes": {"status": "failed"}} if body is None else body
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Request("POST", "https://bridge.example.com/webhooks/gitlab", {"x-gitlab-event": "Hook", **headers}, raw)


def event(*keys: str, event_id: str = "", source: str = "gitlab", provider: str = "gitlab", now: float = NOW) -> Event:
    """Return an event with these keys, or with a unique key."""
    number = next(_numbers)
    return Event(
        id=event_id or f"event-{number:06}",
        source=source,
        provider=provider,
        type="pipeline.failed",
        keys=keys or (f"own:{number}",),
        payload={"not": "kept"},
        subject="7#12",
        name="Nightly",
        url="https://gitlab.example.com/p/12",
        actor="Ada",
        occurred_at=now - 1,
        received_at=now,
        confidential=True,
        test=True,
    )


def entry(
    one: Event | None = None,
    *,
    channels: Sequence[str] = ("general",),
    deliveries: Sequence[Planned] | None = None,
    part: int = 0,
    ttl: float = DAY,
) -> NewEvent:
    """Return an entry whose deliveries wait in these channels."""
    planned = tuple(Planned(channel, "a route", None) for channel in channels) if deliveries is None else deliveries
    one = one or event()
    return NewEvent(one, part, tuple(planned), tuple(ttl for _ in one.keys))


async def receive(store: Store, one: Request, entries: Sequence[NewEvent], now: float) -> list[AcceptResult]:
    """Accept a batch of one request."""
    [results] = await store.accept([Arrival(one, tuple(entries))], now)
    return results


async def held(store: Store, channel: str = "general") -> Hold:
    """Hold a channel's queue."""
    return await store.hold(channel, "me", 60.0)


async def claim(store: Store, n: int, channel: str = "general") -> list[Delivery]:
    """Return waiting deliveries of a channel."""
    return await (await held(store, channel)).claim(n)


async def settle(store: Store, results: Sequence[DeliveryResult], now: float, channel: str = "general") -> None:
    """Record results of deliveries."""
    await (await held(store, channel)).settle(results, now)


async def accept(store: Store, *entries: NewEvent, now: float = NOW) -> list[AcceptResult]:
    """Accept entries of one request."""
    return await receive(store, request(), entries or (entry(),), now)


async def settle_all(store: Store, state: str, channel: str = "general", now: float = NOW) -> list[int]:
    """Settle the waiting deliveries of a channel, and return them."""
    assert state != DeliveryState.WAITING
    claimed = [delivery.id for delivery in await claim(store, 10_000, channel)]
    await settle(store, [DeliveryResult(number, DeliveryState(state), "because") for number in claimed], now, channel)
    return claimed


async def settle_first(store: Store, channel: str = "general") -> list[int]:
    """Settle the first waiting delivery of a channel, and return it."""
    claimed = [delivery.id for delivery in await claim(store, 1, channel)]
    await settle(store, [DeliveryResult(number, DeliveryState.DELIVERED, "") for number in claimed], NOW, channel)
    return claimed


async def replay_all(store: Store, query: Query | None = None, now: float = NOW + 3600) -> list[ReplayResult]:
    """Read a selection and replay it at once."""
    found, cursor = await store.changes_since(query or Query(), None)
    return await store.replay(found, cursor, now)


async def payload_of(store: Store, delivery: Delivery) -> Mapping[str, object]:
    """Return the payload of a delivery's event, as it is made to be rendered."""
    return with_payload(delivery.event, await store.request_of(delivery.id), delivery.part).payload


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Return rows of the file, read by another connection."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def execute(path: Path, *statements: str) -> None:
    """Change the file directly, by another connection."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            db.execute(statement)
        db.commit()
