"""`bridge check --store`."""

import json
import shlex
import time
from collections.abc import Mapping
from pathlib import Path

import humanize
import typer
from rich.text import Text

from bridge.cli.errors import NO, WRONG, complain, out, refuse
from bridge.cli.loading import settings_or_end
from bridge.live.startup_checks import store_errors
from bridge.store import StoreRefusedError
from bridge.store.recovery.recovery import Examined, Left, examine
from bridge.store.recovery.recovery import save as save_to
from bridge.store.sqlite.ownership import beside


def check_store(*, as_json: bool, save: Path | None) -> None:
    """Print the state of the store; exit status 1 if it is damaged, 2 if there is no store of Bridge.

    With ``save``, copy all readable data into a new store there; exit status 0 on success.
    """
    settings = settings_or_end()
    place = settings.store.partition(":///")[2]
    try:
        if errors := store_errors(settings):
            raise StoreRefusedError(str(errors[0]))
        if save is not None:
            _print_saved(Path(place).resolve(), save, save_to(place, save), as_json=as_json)
            return
        found = examine(place)
    except StoreRefusedError as error:
        if as_json:
            _print_json({"status": "none", "fault": str(error)})
        complain([str(error)])
        raise typer.Exit(WRONG) from None
    except OSError as error:
        refuse([f"cannot write {save} ({error.strerror or error}): name a file in a folder that can be written"])
    if as_json:
        _print_json(_report(found))
    else:
        _print(found)
    if found.damage:
        raise typer.Exit(NO)


def _print(found: Examined) -> None:
    console = out()
    left = found.left
    for table, damage in found.damage.items():
        what = "the file" if table == "file" else f"the table {table}"
        console.print(Text("error: ", "bold red").append(f"{what} is damaged: {damage}", "none"))
    if not found.damage:
        console.print(f"{found.path}: {_events(left)}, {humanize.naturalsize(found.size, binary=True)}")
        console.print(f"deliveries: {_states(left)}{_waits_for(left)}")
        console.print(Text("the store is fine", "bold green"))
        return
    if left.states is None or not left.events:
        console.print(f"{found.path}: nothing of it can be read. Restore a backup, if there is one")
        console.print(f"to try SQLite's own recovery: sqlite3 {shlex.quote(str(found.path))} .recover")
    else:
        console.print(f"{found.path}: {_events(left)} can be read")
        console.print(f"deliveries that can be read: {_states(left)}{_waits_for(left)}")
        for number, what in (
            (
                left.bodiless,
                "waiting deliveries have lost their body: their messages will have only a plain line and a link",
            ),
            (left.lost, "deliveries are lost: their event cannot be read"),
        ):
            if number:
                console.print(f"{number} {what}")
        saved = found.path.with_name(f"{found.path.name}.saved")
        console.print("to save them, with Bridge stopped:")
        for line in ("bridge check --store --save " + shlex.quote(str(saved)), *_moves(found.path, saved)):
            console.print(f"  {line}")
    console.print(Text("the store is damaged", "bold red"))


def _moves(path: Path, saved: Path) -> list[str]:
    """Return the commands to replace the damaged store by the saved one. An old -wal must not meet a new file."""
    old = [path, *(file for file in (beside(path, "wal"), beside(path, "shm")) if file.exists())]
    moves = [(file, file.with_name(file.name.replace(path.name, f"{path.name}.damaged", 1))) for file in old]
    return [f"mv {shlex.quote(str(one))} {shlex.quote(str(other))}" for one, other in (*moves, (saved, path))]


def _print_saved(path: Path, target: Path, left: Left, *, as_json: bool) -> None:
    if as_json:
        _print_json({"status": "saved", "store": str(path), "saved": str(target), **_left(left)})
        return
    console = out()
    console.print(f"{target}: {_events(left)}; deliveries: {_states(left)}{_waits_for(left)}")
    console.print("to use it, with Bridge stopped:")
    for line in _moves(path, target.resolve()):
        console.print(f"  {line}")


def _report(found: Examined) -> dict[str, object]:
    return {
        "status": "damaged" if found.damage else "fine",
        "store": str(found.path),
        "bytes": found.size,
        "damage": dict(found.damage),
        **_left(found.left),
    }


def _left(left: Left) -> dict[str, object]:
    return {
        "events": left.events,
        "deliveries": dict(left.states or {}),
        "oldest_waiting": left.oldest,
        "bodiless": left.bodiless,
        "lost": left.lost,
    }


def _print_json(report: Mapping[str, object]) -> None:
    """Print the result in the shape of docs/operations.md, "When the store is damaged": scripts depend on it."""
    typer.echo(json.dumps(report, indent=2, ensure_ascii=False))


def _events(left: Left) -> str:
    return f"{left.events:,} {'event' if left.events == 1 else 'events'}"


def _states(left: Left) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in (left.states or {}).items()) or "none"


def _waits_for(left: Left) -> str:
    if left.oldest is None:
        return ""
    return f" (the oldest waits for {humanize.naturaldelta(max(0.0, time.time() - left.oldest))})"
