"""`bridge events`: what became of what arrived."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress

import typer

from bridge.cli.errors import NO, complain, out
from bridge.cli.event_list import as_json, in_store, line, tell_lanes
from bridge.cli.loading import settings_or_end
from bridge.store import DeliveryRow, Query, Store, StoreUnavailableError

POLL_EVERY = 1.0
"""Seconds between two looks for what is new."""


def events(query: Query, *, as_lines: bool, follow: bool) -> None:
    """Print the newest deliveries that a query wants, the newest last; with ``follow`` go on until Ctrl C.

    ``as_lines`` prints each as one line of JSON. Status 1 if an id or a digest was asked for that nothing has.
    """

    async def work(store: Store) -> int:
        await tell_lanes(store)
        async with aclosing(following(store, query, asyncio.sleep)) as batches:
            async for rows in batches:
                _print(rows, as_lines=as_lines)
                if not follow:
                    return len(rows)
        return 0

    found = 0
    with suppress(KeyboardInterrupt):
        found = in_store(settings_or_end(), work)
    if found or follow:
        return
    if query.id_prefix or query.told_in:
        asked = f"whose id begins with {query.id_prefix!r}" if query.id_prefix else f"told in {query.told_in!r}"
        complain([f"there is no delivery {asked}: `bridge events` lists them, and what is old is pruned"])
        raise typer.Exit(NO)
    complain(["nothing is found: ask for less, or see `bridge events` without options"])


async def following(
    store: Store, query: Query, sleep: Callable[[float], Awaitable[None]]
) -> AsyncGenerator[Sequence[DeliveryRow], None]:
    """What a query wants, and then what is new or has changed, for ever. Each batch is oldest first."""
    rows, mark = await store.changes_since(query, None)
    yield rows[::-1]
    changed = False
    while True:
        await sleep(POLL_EVERY)
        # A store that is locked for now is asked again, for all that is new since.
        with suppress(StoreUnavailableError):
            changed = await store.changed() or changed
            if changed:
                rows, mark = await store.changes_since(query, mark)
                changed = False
                if rows:
                    yield rows[::-1]


def _print(rows: Sequence[DeliveryRow], *, as_lines: bool) -> None:
    console = out()
    for row in rows:
        if as_lines:
            print(json.dumps(as_json(row), ensure_ascii=False))  # noqa: T201 (typer.echo flushes each)
        else:
            console.print(line(row))
    console.file.flush()
