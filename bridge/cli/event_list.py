"""Read the store beside a running service, and show deliveries as lines or JSON."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from rich.text import Text

from bridge.cli.errors import complain, refuse
from bridge.cli.time_args import iso_time, local_time, parse_time
from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.config.errors import suggestion
from bridge.config.settings import Settings
from bridge.core.payload import clean
from bridge.core.states import DeliveryState
from bridge.live.startup_checks import store_errors
from bridge.routing import patterns
from bridge.store import DeliveryRow, Query, Store, StoreRefusedError, StoreUnavailableError, Upkeep, open_store

STYLES = {DeliveryState.WAITING: "yellow", DeliveryState.DELIVERED: "green", DeliveryState.DEAD: "bold red"}
"""Highlighted states; the others are dim."""
RENAMED_STATES = {"told": DeliveryState.SUMMARIZED}
"""States by the names of earlier versions."""
SHORT = 16
"""Characters of an id that identify it: the first twelve are the millisecond."""

T = TypeVar("T")


def in_store(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run a function with the store of BRIDGE_STORE. End the command if it cannot be opened."""
    if errors := store_errors(settings):
        refuse(errors)
    if settings.store.endswith(":///:memory:"):
        problem = ("is in memory, which other processes cannot read", "set it to a file")
        refuse([error(Code.SETTING_INVALID, *problem, file="BRIDGE_STORE")])
    try:
        return asyncio.run(_with_store(settings, work))
    except StoreRefusedError as refused:
        refuse([str(refused)])
    except StoreUnavailableError as unavailable:
        refuse([f"the store is unavailable ({unavailable}): try again, or see `bridge health --ready`"])


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
    """Return the query for some options. End the command on an invalid one."""
    if state in RENAMED_STATES:
        refuse([f"the state {state!r} is called {str(RENAMED_STATES[state])!r} now"])
    if state is not None and state not in list(DeliveryState):
        hint = suggestion(state, list(DeliveryState), "docs/delivery.md lists the states")
        refuse([f"there is no state {state!r} ({hint})"])
    errors = [f"--type {pattern!r} {problem}" for pattern in types if (problem := patterns.problem(pattern))]
    now = time.time()
    times: list[float | None] = []
    for name, written in (("since", since), ("until", until)):
        try:
            times.append(None if written is None else parse_time(written, now, end=name == "until"))
        except ValueError as error:
            errors.append(f"--{name} {clean(written or '', 80)!r} {error}")
    if errors:
        refuse(errors)
    return Query(
        state=None if state is None else DeliveryState(state),
        source=source,
        channel=None if channel is None else channel.removeprefix("#"),
        route=route,
        types=tuple(types),
        since=times[0],
        until=times[1],
    )


async def report_blocked_channels(store: Upkeep) -> None:
    """Print the blocked channels on stderr."""
    complain(
        f"#{clean(row.channel)}: {row.state} since {local_time(row.since)}: {clean(row.detail)}"
        for row in await store.destination_states()
    )


def line(row: DeliveryRow) -> Text:
    """Return one delivery as one line."""
    style = STYLES.get(row.state, "dim")
    text = Text()
    text.append(local_time(row.received_at), "dim").append(f"  {row.state:10}", style)
    text.append(f"  {row.event[:SHORT]}", "dim")
    text.append(f"  {clean(row.source)}/{clean(row.type)}").append(f" → #{clean(row.channel)}", "cyan")
    text.append(f"  {clean(row.line)}")
    if why := "; ".join(reasons(row)):
        text.append(f"  ({why})", style)
    return text


def reasons(row: DeliveryRow) -> list[str]:
    """Return the reason of a delivery's state, and further notes on it."""
    lines = [clean(row.reason, 300)] if row.reason else []
    if (summary := clean(row.summarized_in or "")) and summary not in " ".join(lines):
        lines.append(summary if summary.startswith("repeat") else f"in digest {summary}")
    if row.template_fault:
        lines.append(f"template failed: {clean(row.template_fault, 900)}")
    if row.replayed_at is not None:
        lines.append(f"replayed {local_time(row.replayed_at)}")
    return lines


def as_json(row: DeliveryRow) -> dict[str, object]:
    """Return one delivery for scripts; docs/operations.md lists the keys."""
    return {
        "delivery": row.delivery,
        "event": row.event,
        "state": row.state,
        "reason": row.reason,
        "source": row.source,
        "type": row.type,
        "line": row.line,
        "name": row.name,
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
        "summarized_in": row.summarized_in,
    }
