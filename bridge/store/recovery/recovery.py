"""Examine a damaged store without changes, and copy its readable rows into a new one."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.store.models import StoreRefusedError
from bridge.store.recovery.damaged_file import (
    NOT_NOW,
    NoStoreError,
    at_rest,
    file_error,
    find,
    held,
    readable,
    reading,
)
from bridge.store.sqlite import schema
from bridge.store.sqlite.file_sizes import length
from bridge.store.sqlite.files import MEMORY
from bridge.store.sqlite.ownership import beside
from bridge.store.sqlite.records import literals

GAP = 50_000
"""Row numbers tried one by one after an unreadable page: an interior page refers to at most this many rows."""
KEYS_FOR = 72 * 3600.0
"""Seconds to remember keys that were lost and restored from their events: the longest of any provider."""

_RENAMED = {"told": DeliveryState.SUMMARIZED}
"""Delivery states of older schema versions."""
_WAITING = literals(DeliveryState.WAITING)
_STATES = literals(*DeliveryState)
_KINDS = ", ".join(f"'{kind}'" for kind in OutcomeKind)

Row = tuple[str | bytes | int | float | None, ...]


@dataclass(frozen=True, slots=True)
class Left:
    """The readable part, which can be saved."""

    events: int = 0
    states: Mapping[str, int] | None = None
    """Deliveries by state; None if nothing is readable."""
    oldest: float | None = None
    """Arrival of the oldest waiting delivery's event, in Unix seconds."""
    bodiless: int = 0
    """Waiting deliveries with a lost body: their messages will have only a plain line and a link."""
    lost: int = 0
    """Readable deliveries with an unreadable event, or an unreadable state."""

    @property
    def waiting(self) -> int:
        """Deliveries still to be posted."""
        return (self.states or {}).get(DeliveryState.WAITING, 0)


@dataclass(frozen=True, slots=True)
class Examined:
    """Result of an examination."""

    path: Path
    size: int
    """Bytes, with the -wal."""
    damage: Mapping[str, str]
    """Damage by table; by `file` for the file as a whole. Empty for a healthy store."""
    left: Left


def examine(place: str) -> Examined:
    """Examine a whole store without changes, also beside a running service. Raises NoStoreError."""
    path = find(place)
    while True:
        rested = at_rest(path)
        found = _examine(path)
        # A service that started meanwhile may have changed a file that was taken to be at rest.
        if rested == at_rest(path):
            return found


def save(place: str, target: Path) -> Left:
    """Copy the readable part into a new store at ``target``. Raises NoStoreError, StoreRefusedError, OSError."""
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
        if message := file_error(path):
            damage["file"] = message
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
    """Return the damage by table."""
    found = {}
    for table in schema.tables_of(int(db.execute("PRAGMA user_version").fetchone()[0])):
        if message := _damage_of(db, table):
            found[table] = message
    return found


def _damage_of(db: sqlite3.Connection, table: str) -> str:
    """Return the damage of a table and its indexes, in one line; "" for none."""
    try:
        errors = [" ".join(str(row[0]).split()) for row in db.execute(f"PRAGMA integrity_check({table})")]
    except sqlite3.Error as error:
        errors = [str(error)]
    if errors == ["ok"]:
        return ""
    return errors[0] + (f" (and {len(errors) - 1} more)" if len(errors) > 1 else "")


def _salvage(source: sqlite3.Connection, new: sqlite3.Connection, *, bodies: bool = True) -> Left:
    """Copy every readable row into a new database, and make the rows there consistent."""
    # Rows go into tables of the version that wrote them, and are then migrated like those of any older store.
    version = _version_of(source)
    schema.migrate(new, version)
    new.execute("BEGIN")
    for table, key in schema.tables_of(version).items():
        columns = _columns(source, table) & _columns(new, table)
        if not set(key) <= columns:
            continue  # nothing of this table can be read
        # The key comes first, and the body last: not all of it may be needed.
        names = [*key, *sorted(columns - {*key, "body"}), *(["body"] if "body" in columns else [])]
        marks = ", ".join("?" * len(names))
        insert = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 (our own names)
        new.executemany(
            insert,
            (row if bodies or table != "requests" else (*row[:-1], b"") for row in _rows(source, table, key, names)),
        )
    new.execute("COMMIT")
    schema.migrate(new)
    new.execute("BEGIN")
    left = _fit_together(new, keys_are_lost=bool(_damage_of(source, "keys")))
    new.execute("COMMIT")
    return left


def _version_of(source: sqlite3.Connection) -> int:
    """Return the schema version whose columns match the source's best, the oldest of several.

    The version in the header may be lost with the header.
    """

    def matches(version: int) -> int:
        with closing(sqlite3.connect(MEMORY, isolation_level=None)) as new:
            schema.migrate(new, version)
            return sum(len(_columns(new, table) & _columns(source, table)) for table in schema.tables_of(version))

    return max(range(1, schema.VERSION + 1), key=matches)


def _fit_together(new: sqlite3.Connection, *, keys_are_lost: bool) -> Left:
    missing = "SELECT request FROM events WHERE request NOT IN (SELECT id FROM requests)"
    bodiless = new.execute(
        f"SELECT count(*) FROM deliveries d JOIN events e ON e.seq = d.event "  # noqa: S608 (our own text)
        f"WHERE d.state = {_WAITING} AND e.request IN ({missing})"
    ).fetchone()[0]
    # An event without its request would never be claimed; with an empty one it is posted by its plain line.
    new.execute(
        "INSERT OR IGNORE INTO requests (id, method, url, headers, body) "  # noqa: S608 (our own text)
        f"SELECT request, 'POST', '', '{{}}', x'' FROM ({missing})"
    )
    # The end of a lost page reads as zeros, also in the middle of a row: a state that is none cannot be read again.
    lost = new.execute(
        f"DELETE FROM deliveries WHERE event NOT IN (SELECT seq FROM events) OR state NOT IN ({_STATES})"  # noqa: S608
    ).rowcount
    new.execute(
        f"DELETE FROM attempts WHERE delivery NOT IN (SELECT id FROM deliveries) OR kind NOT IN ({_KINDS})"  # noqa: S608
    )
    new.execute(
        "INSERT OR IGNORE INTO keys (source, key, event, expires_at) "
        "SELECT e.source, k.value, e.id, e.received_at + ? "
        "FROM events e, json_each(CASE WHEN ? AND json_valid(e.keys) THEN e.keys ELSE '[]' END) k",
        (KEYS_FOR, keys_are_lost),
    )
    return _left(new, bodiless, lost)


def _left(db: sqlite3.Connection, bodiless: int = 0, lost: int = 0) -> Left:
    events = db.execute("SELECT count(*) FROM events").fetchone()[0]
    states: dict[str, int] = {}
    for state, number in db.execute("SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state"):
        states[_RENAMED.get(state, state)] = number
    oldest = db.execute(
        "SELECT min(e.received_at) FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.state = ?",
        (DeliveryState.WAITING,),
    ).fetchone()[0]
    return Left(events, states, oldest, bodiless, lost)


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    try:
        return {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}
    except sqlite3.Error:
        return set()


def _rows(db: sqlite3.Connection, table: str, key: Sequence[str], names: Sequence[str]) -> Iterator[Row]:
    """Yield every readable row, and skip the damage in between."""
    select = f"SELECT {', '.join(names)} FROM {table} NOT INDEXED"  # noqa: S608 (our own names)
    if table not in schema.NUMBERED:
        # From both ends up to the unreadable part.
        for direction in ("ASC", "DESC"):
            try:
                yield from db.execute(f"{select} ORDER BY {', '.join(f'{name} {direction}' for name in key)}")
                return
            except sqlite3.Error:
                continue
        return
    number, last = key[0], -1
    while True:
        with contextlib.suppress(sqlite3.Error):
            for row in db.execute(f"{select} WHERE {number} > ? ORDER BY {number}", (last,)):
                if int(str(row[0])) <= last:  # a page whose end is lost reads as rows with the number 0
                    break
                last = int(str(row[0]))
                yield row
            else:
                return
        for row in _rows_by_number(db, f"{select} WHERE {number} = ?", range(last + 1, last + GAP)):
            last = int(str(row[0]))
            yield row
            break
        else:
            return


def _rows_by_number(db: sqlite3.Connection, select: str, numbers: Sequence[int]) -> Iterator[Row]:
    for number in numbers:
        with contextlib.suppress(sqlite3.Error):
            yield from db.execute(select, (number,))
