"""`bridge replay`: send dead or wrong messages again, with today's templates."""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bridge.cli.errors import NO, complain, out, refuse
from bridge.cli.event_history import Indented, message_of, named
from bridge.cli.event_list import SHORT, as_json, in_store
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.config.errors import ConfigurationError
from bridge.core.payload import clean
from bridge.core.states import DeliveryState
from bridge.delivery.post import delivery_notes
from bridge.live.snapshot import Snapshot
from bridge.messages import Rendered
from bridge.messages.shared_renderer import render
from bridge.messages.terminal import show
from bridge.routing.routes_file import Routes, load_routes
from bridge.sources.stored_event import with_payload
from bridge.store import Cursor, DeliveryRow, EventLog, Query, Store, StoredDelivery
from bridge.store.ids import delivery_number

ASK_FROM = 20
"""Number of deliveries above which it asks for confirmation."""
BATCH = 100
"""Deliveries in one call, so that the service never waits long."""
PAUSE = 0.02
"""Seconds between two transactions, for the service's own."""
WIDE = 100
"""Columns needed to show old and new side by side."""
WHY = {
    "waiting": "it waits already",
    "changed": "it was replayed or settled meanwhile",
    "gone": "it was pruned meanwhile",
}


@dataclass(frozen=True, slots=True)
class _Selection:
    """The deliveries to send again, the oldest event first, and the skipped ones with the reason."""

    rows: tuple[DeliveryRow, ...]
    skipped: tuple[tuple[DeliveryRow, str], ...]
    cursor: Cursor


def replay(names: Sequence[str], query: Query, *, dry_run: bool, yes: bool, as_lines: bool) -> None:
    """Send deliveries of the ids and the query again; ``dry_run`` only shows the messages.

    Status 1 if there is nothing to send, if something may not be sent, or in a dry run if a template fails.
    """
    settings = settings_or_end()
    try:
        snapshot = without_secrets(settings) if dry_run else None
        routes = snapshot.routes if snapshot else load_routes(settings.routes_file)
    except ConfigurationError as error:
        refuse(error.diagnostics)

    async def work(store: Store) -> bool:
        selection = await _select(store, names, query, routes)
        if snapshot is not None:
            return await _show(store, selection, snapshot, as_lines=as_lines)
        _ask(len(selection.rows), yes=yes)
        return await _send(store, selection, as_lines=as_lines)

    if not in_store(settings, work):
        raise typer.Exit(NO)


async def _select(store: EventLog, names: Sequence[str], query: Query, routes: Routes) -> _Selection:
    """Return the latest delivery of each selected event to each channel."""
    found, cursor = await store.changes_since(replace(query, limit=0 if names else None), None)
    for name in names:
        event_id = await named(store, name)
        number = None if name == event_id else delivery_number(name)
        asked = replace(query, limit=None, event=event_id, deliveries=None if number is None else (number,))
        found.extend(await store.find(asked))
    if not found:
        complain(["no delivery matches: `bridge events` lists all"])
        raise typer.Exit(NO)
    latest: dict[tuple[str, str], DeliveryRow] = {}
    for row in sorted(found, key=lambda row: row.delivery):
        latest[row.event, row.channel] = row
    rows: list[DeliveryRow] = []
    skipped: list[tuple[DeliveryRow, str]] = []
    for row in latest.values():
        if row.state == DeliveryState.WAITING:
            skipped.append((row, WHY["waiting"]))
        elif row.confidential and not routes.channel(row.channel).private:
            skipped.append((row, f"the event is confidential and {row.channel} is not private"))
        else:
            rows.append(row)
    rows.sort(key=lambda row: (row.accepted, row.delivery))
    return _Selection(tuple(rows), tuple(skipped), cursor)


def _ask(number: int, *, yes: bool) -> None:
    if yes or number <= ASK_FROM:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        refuse([f"that would send {number} messages again: add --yes to confirm, or --dry-run to see them"])
    if not typer.confirm(f"Send {number} messages again?", err=True):
        raise typer.Exit(NO)


async def _send(store: Store, selection: _Selection, *, as_lines: bool) -> bool:
    """Queue the deliveries again. Return whether nothing is left out against the request."""
    good = True
    for row, why in selection.skipped:
        _print_result(row, None, why, as_lines=as_lines)
        good = good and why == WHY["waiting"]
    waiting = 0
    for start in range(0, len(selection.rows), BATCH):
        if start:
            await asyncio.sleep(PAUSE)
        for one in await store.replay(selection.rows[start : start + BATCH], selection.cursor, time.time()):
            _print_result(one.row, one.delivery, WHY.get(one.why, ""), as_lines=as_lines)
            waiting += one.delivery is not None
            good = good and one.why != "gone"
    if waiting and not await store.served():
        complain(["no `bridge serve` runs on this store: the deliveries wait until one does"])
    if not as_lines:
        over = len(selection.rows) + len(selection.skipped) - waiting
        summary = f"{waiting} {'waits' if waiting == 1 else 'wait'} to be posted"
        out().print(Text(f"{summary}, {over} skipped" if over else summary, "bold"))
    return good


def _print_result(row: DeliveryRow, delivery: int | None, why: str, *, as_lines: bool) -> None:
    if as_lines:
        record = as_json(row) | {"replayed": delivery is not None, "waits_as": delivery, "why": why}
        typer.echo(json.dumps(record, ensure_ascii=False))
        return
    line = Text().append("– " if delivery is None else "✓ ", "yellow" if delivery is None else "green")
    line.append_text(_name(row))
    out().print(line.append(f" (skipped: {clean(why)})" if why else f" (waits as #{delivery})", "dim"))


def _name(row: DeliveryRow) -> Text:
    named = Text().append(f"{row.event[:SHORT]}  ", "dim").append(f"{clean(row.source)}/{clean(row.type)}")
    return named.append(f" → #{clean(row.channel)}", "cyan").append(f"  {clean(row.line)}")


async def _show(store: Store, selection: _Selection, snapshot: Snapshot, *, as_lines: bool) -> bool:
    """Print the old and the new messages. Return whether every template works."""
    good = True
    for row, why in selection.skipped:
        _print_result(row, None, why, as_lines=as_lines)
        good = good and why == WHY["waiting"]
    rows = {row.delivery: row for row in selection.rows}
    numbers = list(rows)
    for start in range(0, len(numbers), BATCH):
        for old in await store.stored_deliveries(numbers[start : start + BATCH]):
            new = render(
                with_payload(old.delivery.event, await store.request_of(old.delivery.id), old.delivery.part),
                snapshot.templates,
                old.delivery.template,
                notes=delivery_notes(replace(old.delivery, replayed_at=time.time()), time.time()),
            )
            good = good and not new.error
            _show_one(rows[old.delivery.id], old, new, as_lines=as_lines)
    return good


def _show_one(row: DeliveryRow, old: StoredDelivery, new: Rendered, *, as_lines: bool) -> None:
    if as_lines:
        record = as_json(row) | {
            "old": {"message": old.message},
            "new": {
                "template": new.template,
                "template_fault": str(new.error or ""),
                "skip": new.skip,
                "message": None if new.message is None else new.message.body(),
            },
        }
        typer.echo(json.dumps(record, ensure_ascii=False))
        return
    console = out()
    console.print(_name(row))
    before, after = Group(*_before(row, old)), Group(*_after(new))
    was, would_be = f"{row.state} (#{row.delivery})", f"today, with {clean(new.template)}"
    if not console.is_terminal:
        _plainly(console, was, before)
        _plainly(console, would_be, after)
        return
    panels = (Panel(before, title=was, title_align="left"), Panel(after, title=would_be, title_align="left"))
    if console.width < WIDE:
        for panel in panels:
            console.print(panel, soft_wrap=False)
        return
    grid = Table.grid(expand=True)
    for _ in panels:
        grid.add_column(ratio=1)
    grid.add_row(*panels)
    console.print(grid, soft_wrap=False)


def _plainly(console: Console, title: str, inner: RenderableType) -> None:
    console.print(Text(f"  {title}:"))
    console.print(Indented(inner), soft_wrap=False)


def _before(row: DeliveryRow, old: StoredDelivery) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if row.template_fault:
        lines.append(Text(f"template failed: {clean(row.template_fault, 900)}", "red"))
    if row.reason:
        lines.append(Text(clean(row.reason, 300), "red" if row.state == DeliveryState.DEAD else "yellow"))
    if old.message is not None:
        lines.append(show(message_of(old.message)))
    return lines or [Text("nothing was posted", "dim")]


def _after(new: Rendered) -> list[RenderableType]:
    lines: list[RenderableType] = []
    if new.error:
        lines.append(Text(f"template fails: {new.error}", "bold red"))
    if new.message is None:
        lines.append(Text(f"skipped by the template: {clean(new.skip)}", "yellow"))
    else:
        lines.append(show(new.message))
    return lines
