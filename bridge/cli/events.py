"""`bridge events`: list the deliveries in the event log."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

import typer

from bridge.cli.errors import NO, complain, out
from bridge.cli.event_list import as_json, in_store, line, report_blocked_channels
from bridge.cli.loading import settings_or_end
from bridge.store import DeliveryRow, Query, Store, StoreUnavailableError

POLL_EVERY = 1.0
"""Seconds between two checks for new rows."""


def events(query: Query, *, as_lines: bool, follow: bool) -> None:
    """Print the newest deliveries of a query, the newest last; with ``follow`` continue until Ctrl C.

    ``as_lines`` prints each as one line of JSON. Status 1 for an unknown id or digest.
    """

    async def work(store: Store) -> int:
        await report_blocked_channels(store)
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
    if query.id_prefix or query.summarized_in:
        asked = (
            f"with the event id {query.id_prefix!r}" if query.id_prefix else f"in the digest {query.summarized_in!r}"
        )
        complain([f"there is no delivery {asked}: `bridge events` lists them, and old ones are pruned"])
        raise typer.Exit(NO)
    if replace(query, limit=None) == Query(limit=None):
        complain(["no deliveries yet: an event that matches a route makes one for each of its channels"])
    else:
        complain(["no delivery matches: use fewer options, or none for all deliveries"])


async def following(
    store: Store, query: Query, sleep: Callable[[float], Awaitable[None]]
) -> AsyncGenerator[Sequence[DeliveryRow], None]:
    """Yield the rows of a query, then new and changed rows for ever. Each batch is oldest first."""
    rows, mark = await store.changes_since(query, None)
    yield rows[::-1]
    changed = False
    while True:
        await sleep(POLL_EVERY)
        # A locked store is asked again later: nothing is missed.
        with suppress(StoreUnavailableError):
            changed = bool(await store.changes()) or changed
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
