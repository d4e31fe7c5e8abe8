"""The store as commands read it beside a running service, and its rows as they show them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, get_args

from rich.text import Text

from bridge.cli.errors import complain, refuse
from bridge.cli.time_args import iso_time, local_time, parse_time
from bridge.config.errors import suggestion
from bridge.config.settings import Settings
from bridge.core.payload import clean
from bridge.routing import patterns
from bridge.routing.decide import State
from bridge.store import DeliveryRow, Query, Store, StoreRefusedError, StoreUnavailableError, open_store

STATES: tuple[State, ...] = get_args(State)
STYLES = {"waiting": "yellow", "delivered": "green", "dead": "bold red"}
"""What stands out among the states; the rest is dim."""
SHORT = 16
"""Characters of an id that tell it from others: twelve of them are the millisecond."""

T = TypeVar("T")


def in_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something with the store that BRIDGE_STORE names. Ends the command where that cannot be."""
    if settings.store.endswith(":///:memory:"):
        refuse(["BRIDGE_STORE is in the memory of the service, where nobody else can look: let it name a file"])
    try:
        return asyncio.run(_with_store(settings, work))
    except StoreRefusedError as error:
        refuse([str(error)])
    except StoreUnavailableError as error:
        refuse([f"the store cannot be used now ({error}): try again, or see `bridge health --ready`"])


async def _with_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    store = open_store(settings.store, limit=settings.store_limit, owner=False)
    try:
        return await work(store)
    finally:
        await store.close()


def query_of(
    *,
    state: str | None = None,
    source: str | None = None,
    channel: str | None = None,
    route: str | None = None,
    types: Sequence[str] = (),
    since: str | None = None,
    until: str | None = None,
) -> Query:
    """The query that options ask for. Ends the command if one of them means nothing."""
    if state is not None and state not in STATES:
        refuse([f"there is no state {state!r} ({suggestion(state, STATES, 'docs/delivery.md lists the states')})"])
    faults = [f"--type {pattern!r} {problem}" for pattern in types if (problem := patterns.problem(pattern))]
    now = time.time()
    times: list[float | None] = []
    for name, written in (("since", since), ("until", until)):
        try:
            times.append(None if written is None else parse_time(written, now, end=name == "until"))
        except ValueError as error:
            faults.append(f"--{name} {clean(written or '', 80)!r} {error}")
    if faults:
        refuse(faults)
    return Query(
        state=state,
        source=source,
        channel=None if channel is None else channel.removeprefix("#"),
        route=route,
        types=tuple(types),
        since=times[0],
        until=times[1],
    )


async def tell_lanes(store: Store) -> None:
    """Say on stderr which channels get nothing now."""
    destination_states = await store.destination_states()
    complain(
        f"#{clean(lane.channel)}: the lane is {lane.state} since {local_time(lane.since)}: {clean(lane.detail)}"
        for lane in destination_states
    )


def line(row: DeliveryRow) -> Text:
    """One delivery in one line."""
    style = STYLES.get(row.state, "dim")
    told = Text()
    told.append(local_time(row.received_at), "dim").append(f"  {row.state:9}", style)
    told.append(f"  {row.event[:SHORT]}", "dim")
    told.append(f"  {clean(row.source)}/{clean(row.type)}").append(f" → #{clean(row.channel)}", "cyan")
    told.append(f"  {clean(row.title)}")
    if why := "; ".join(reasons(row)):
        told.append(f"  ({why})", style)
    return told


def reasons(row: DeliveryRow) -> list[str]:
    """Why a delivery is in its state, and what else there is to know of it."""
    told = [clean(row.reason, 300)] if row.reason else []
    if row.told_in and clean(row.told_in) not in " ".join(told):
        told.append(clean(row.told_in if row.told_in.startswith("repeat") else f"in digest {row.told_in}"))
    if row.template_fault:
        told.append(f"template failed: {clean(row.template_fault, 300)}")
    if row.replayed_at is not None:
        told.append(f"replayed {local_time(row.replayed_at)}")
    return told


def as_json(row: DeliveryRow) -> dict[str, object]:
    """One delivery for scripts; docs/operations.md tells the keys."""
    return {
        "delivery": row.delivery,
        "event": row.event,
        "state": row.state,
        "reason": row.reason,
        "source": row.source,
        "type": row.type,
        "title": row.title,
        "subject": row.subject,
        "actor": row.actor,
        "channel": row.channel,
        "route": row.route,
        "template": row.template,
        "template_fault": row.template_fault,
        "attempts": row.attempts,
        "confidential": row.confidential,
        "received_at": iso_time(row.received_at),
        "settled_at": iso_time(row.settled_at),
        "replayed_at": iso_time(row.replayed_at),
        "told_in": row.told_in,
    }
