"""What is left of a store whose file is damaged: looked at without a change, and copied row by row into a new one."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bridge.store.models import StoreRefusedError
from bridge.store.recovery.damaged_file import (
    NOT_NOW,
    NoStoreError,
    at_rest,
    fault_of_file,
    find,
    held,
    readable,
    reading,
)
from bridge.store.sqlite import schema
from bridge.store.sqlite.files import MEMORY, beside, length

GAP = 50_000
"""Numbers that are tried one by one behind what cannot be read: a page of pages stands for no more rows."""
KEYS_FOR = 72 * 3600.0
"""Seconds for which keys are remembered that were lost and that their events still hold: as long as any provider's."""

_ORDER = {
    "requests": ("id",),
    "events": ("seq",),
    "keys": ("source", "key"),
    "deliveries": ("id",),
    "attempts": ("delivery", "number"),
    "digests": ("id",),
    "repeats": ("channel", "route", "subject", "print"),
    "lanes": ("channel",),
}
"""The tables with what orders their rows; first those that others refer to."""

Row = tuple[str | bytes | int | float | None, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """What can be read, and so be saved."""

    events: int = 0
    states: Mapping[str, int] | None = None
    """Deliveries by state; None where nothing can be read at all."""
    oldest: float | None = None
    """When the event of the oldest waiting delivery was received, in Unix seconds."""
    bodiless: int = 0
    """Waiting deliveries whose body is lost: their messages will hold title and link alone."""
    lost: int = 0
    """Deliveries that can be read and whose event cannot."""

    @property
    def waiting(self) -> int:
        """Deliveries that are still to be posted."""
        return (self.states or {}).get("waiting", 0)


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look at a store found."""

    path: Path
    size: int
    """Bytes, the -wal included."""
    damage: Mapping[str, str]
    """What is wrong, by table; by `file` where it is the file as a whole. Empty: the store is fine."""
    left: Left


def examine(place: str) -> Examined:
    """Look at all of a store and change nothing; beside a running service too. Raises NoStoreError."""
    path = find(place)
    while True:
        rested = at_rest(path)
        found = _examine(path)
        # A service that started meanwhile may have changed a file that was taken to be at rest.
        if rested == at_rest(path):
            return found


def save(place: str, target: Path) -> Left:
    """Copy what can be read into a new store at ``target``. Raises NoStoreError, StoreRefusedError, OSError."""
    path = find(place)
    for file in (target, beside(target, "wal"), beside(target, "journal")):
        if os.path.lexists(file):
            raise StoreRefusedError(
                f"{file} is there already, and nothing is overwritten: name a file that is not there"
            )
    with held(path), readable(path) as source:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as new:
                left = _salvage(source, new)
            if not left.events:
                raise StoreRefusedError(f"no event of {path} can be read: there is nothing to save")
        except BaseException:
            for file in (target, beside(target, "journal")):
                file.unlink(missing_ok=True)
            raise
    return left


def _examine(path: Path) -> Examined:
    size = length(path) + length(beside(path, "wal"))
    damage: dict[str, str] = {}
    left = Left()
    try:
        if said := fault_of_file(path):
            damage["file"] = said
        with reading(path) as db:
            # What was made of it in memory has no path.
            if not damage and not Path(db.execute("PRAGMA database_list").fetchone()[2]).is_absolute():
                damage["file"] = "its list of tables cannot be read"
            damage |= _damage(db)
            if damage:
                with closing(sqlite3.connect(MEMORY, isolation_level=None)) as new:
                    left = _salvage(db, new, bodies=False)
            else:
                left = _left(db)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOT_NOW:
            raise NoStoreError(
                f"the store {path} cannot be read ({error}): run this as the user that runs Bridge"
            ) from None
        damage.setdefault("file", str(error))
    return Examined(path, size, damage, left)


def _damage(db: sqlite3.Connection) -> dict[str, str]:
    """What is wrong, by table."""
    with closing(sqlite3.connect(MEMORY, isolation_level=None)) as new:
        for statements in schema.MIGRATIONS[: int(db.execute("PRAGMA user_version").fetchone()[0])]:
            for statement in statements:
                new.execute(statement)
        expected = {str(row[0]) for row in new.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    found = {}
    for table in filter(expected.__contains__, _ORDER):
        if said := _damage_of(db, table):
            found[table] = said
    return found


def _damage_of(db: sqlite3.Connection, table: str) -> str:
    """What is wrong with a table and its indexes, in one line; "" if nothing is."""
    try:
        said = [" ".join(str(row[0]).split()) for row in db.execute(f"PRAGMA integrity_check({table})")]
    except sqlite3.Error as error:
        said = [str(error)]
    if said == ["ok"]:
        return ""
    return said[0] + (f" (and {len(said) - 1} more)" if len(said) > 1 else "")


def _salvage(source: sqlite3.Connection, new: sqlite3.Connection, *, bodies: bool = True) -> Left:
    """Copy every row that can be read into a new database, and see to it that the rows there fit together."""
    schema.migrate(new)
    new.execute("BEGIN")
    for table in _ORDER:
        columns = _columns(source, table) & _columns(new, table)
        if not set(_ORDER[table]) <= columns:
            continue  # it came with a later version, or nothing of it is known any more
        # What orders the rows comes first, and the body last: not all of it may be needed.
        names = [*_ORDER[table], *sorted(columns - {*_ORDER[table], "body"}), *(["body"] if "body" in columns else [])]
        marks = ", ".join("?" * len(names))
        insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 (our own names)
        new.executemany(
            insert, (row if bodies or table != "requests" else (*row[:-1], b"") for row in _rows(source, table, names))
        )
    left = _fit_together(new, keys_are_lost=bool(_damage_of(source, "keys")))
    new.execute("COMMIT")
    return left


def _fit_together(new: sqlite3.Connection, *, keys_are_lost: bool) -> Left:
    missing = "SELECT request FROM events WHERE request NOT IN (SELECT id FROM requests)"
    bodiless = new.execute(
        f"SELECT count(*) FROM deliveries d JOIN events e ON e.seq = d.event "  # noqa: S608 (our own text)
        f"WHERE d.state = 'waiting' AND e.request IN ({missing})"
    ).fetchone()[0]
    # An event without its request would never be claimed; with an empty one it is posted by its title.
    new.execute(
        "INSERT OR IGNORE INTO requests (id, method, url, headers, body) "  # noqa: S608 (our own text)
        f"SELECT request, 'POST', '', '{{}}', x'' FROM ({missing})"
    )
    lost = new.execute("DELETE FROM deliveries WHERE event NOT IN (SELECT seq FROM events)").rowcount
    new.execute("DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries)")
    new.execute(
        "INSERT OR IGNORE INTO keys (source, key, event, expires_at) "
        "SELECT e.source, k.value, e.id, e.received_at + ? "
        "FROM events e, json_each(CASE WHEN ? AND json_valid(e.keys) THEN e.keys ELSE '[]' END) k",
        (KEYS_FOR, keys_are_lost),
    )
    return _left(new, bodiless, lost)


def _left(db: sqlite3.Connection, bodiless: int = 0, lost: int = 0) -> Left:
    events = db.execute("SELECT count(*) FROM events").fetchone()[0]
    states = dict(db.execute("SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state").fetchall())
    oldest = db.execute(
        "SELECT min(e.received_at) FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.state = 'waiting'"
    ).fetchone()[0]
    return Left(events, states, oldest, bodiless, lost)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    try:
        return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return set()


def _rows(db: sqlite3.Connection, table: str, names: Sequence[str]) -> Iterator[Row]:
    """Every row that can be read, whatever lies between."""
    select = f"SELECT {', '.join(names)} FROM {table} NOT INDEXED"  # noqa: S608 (our own names)
    order = _ORDER[table]
    if len(order) > 1 or table in ("digests", "lanes"):
        # From either end up to what cannot be read.
        for direction in ("ASC", "DESC"):
            try:
                yield from db.execute(f"{select} ORDER BY {', '.join(f'{name} {direction}' for name in order)}")
                return
            except sqlite3.Error:
                continue
        return
    number, last = order[0], -1
    while True:
        with contextlib.suppress(sqlite3.Error):
            for row in db.execute(f"{select} WHERE {number} > ? ORDER BY {number}", (last,)):
                last = int(str(row[0]))
                yield row
            return
        for row in _one_by_one(db, f"{select} WHERE {number} = ?", range(last + 1, last + GAP)):
            last = int(str(row[0]))
            yield row
            break
        else:
            return


def _one_by_one(db: sqlite3.Connection, select: str, numbers: Sequence[int]) -> Iterator[Row]:
    for number in numbers:
        with contextlib.suppress(sqlite3.Error):
            yield from db.execute(select, (number,))
