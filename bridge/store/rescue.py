"""What is left of a store whose file is damaged: looked at without a change, and copied row by row into a new one."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from bridge.store import StoreRefused, schema
from bridge.store.files import MEMORY, beside, length, marked

GAP = 50_000
"""Numbers that are tried one by one behind what cannot be read: a page of pages stands for no more rows."""
KEYS_FOR = 72 * 3600.0
"""Seconds for which keys are remembered that were lost and that their events still hold: as long as any provider's."""
LARGEST = 2**30
"""Bytes of a file without its beginning that are read into memory."""

_MAGIC = b"SQLite format 3\0"
_HEADER, _PAGE = 100, 4096
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

_NOT_NOW = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""What says nothing about the file, see https://www.sqlite.org/rescode.html."""

Row = tuple[str | bytes | int | float | None, ...]


class NoStore(StoreRefused):
    """There is no store of ours. The text is one line with the mend."""


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
    """Look at all of a store and change nothing; beside a running service too. Raises NoStore."""
    path = _path(place)
    while True:
        at_rest = _at_rest(path)
        found = _examine(path)
        # A service that started meanwhile may have changed a file that was taken to be at rest.
        if at_rest == _at_rest(path):
            return found


def save(place: str, target: Path) -> Left:
    """Copy what can be read into a new store at ``target``. Raises NoStore, StoreRefused, OSError."""
    path = _path(place)
    for file in (target, beside(target, "wal"), beside(target, "journal")):
        if os.path.lexists(file):
            raise StoreRefused(f"{file} is there already, and nothing is overwritten: name a file that is not there")
    with _held(path), _readable(path) as source:
        os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with closing(sqlite3.connect(target, isolation_level=None)) as new:
                left = _salvage(source, new)
            if not left.events:
                raise StoreRefused(f"no event of {path} can be read: there is nothing to save")
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
        if said := _fault_of_file(path):
            damage["file"] = said
        with _reading(path) as db:
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
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
            raise NoStore(f"the store {path} cannot be read ({error}): run this as the user that runs Bridge") from None
        damage.setdefault("file", str(error))
    return Examined(path, size, damage, left)


def _path(place: str) -> Path:
    """The file, if it can be read and if there is, or was, a store in it."""
    if place == MEMORY:
        raise NoStore("BRIDGE_STORE is in memory, which nothing outlives: there is no file to look at")
    try:
        path = Path(place).resolve()
        remains = _remains(path)
        if not path.is_file() and (path.exists() or not length(beside(path, "wal"))):
            what = "no file" if path.exists() else "not there"
            raise NoStore(
                f"there is no store at {path}, which is {what}: `bridge serve` makes it, or BRIDGE_STORE is wrong"
            )
        beginning = _beginning(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NoStore(f"the store at {place!r} cannot be read ({why}): run this as the user that runs Bridge") from None
    if not beginning and not remains:
        raise NoStore(f"there is no store at {path}, which is an empty file: `bridge serve` makes it one")
    if beginning[: len(_MAGIC)] != _MAGIC and not remains:
        raise NoStore(f"{path} is not an SQLite database: let BRIDGE_STORE name another file")
    return path


def _remains(path: Path) -> bool:
    """Whether something beside the file says that there was a store in it."""
    with contextlib.suppress(FileNotFoundError):
        if marked(beside(path, "lock").read_text("ascii", "replace")):
            return True
    return not _at_rest(path)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEADER)
    except FileNotFoundError:
        return b""


def _at_rest(path: Path) -> bool:
    return not length(beside(path, "wal"))


def _fault_of_file(path: Path) -> str:
    """What can be seen of a file from outside to be wrong; "" if nothing can."""
    beginning = _beginning(path)
    if not beginning:
        return (
            "it is empty, where there had been a store" if path.exists() else "it is gone, and its -wal alone is left"
        )
    if beginning[: len(_MAGIC)] != _MAGIC:
        return "its beginning is overwritten"
    # A file with a -wal may be shorter than its header says, until that is moved into it.
    if _at_rest(path) and (missing := _length_by_header(beginning) - length(path)) > 0:
        return f"it is cut short: {missing} of {_length_by_header(beginning)} bytes are missing at its end"
    return ""


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads what can be read, on one snapshot, and writes nothing. Raises NoStore, sqlite3.Error."""
    with closing(_opened(path)) as db:
        try:
            schema.check(db, str(path))
        except StoreRefused as error:
            raise NoStore(str(error).replace(f" ({schema.LOOK})", "")) from None
        if schema.is_blank(db):
            if not _remains(path):
                raise NoStore(f"there is no store in {path}, which holds nothing: `bridge serve` makes it one")
            raise sqlite3.DatabaseError("it holds nothing any more, where there had been a store")
        yield db


def _opened(path: Path) -> sqlite3.Connection:
    """The file as it is, if its list of tables can be read; else what can be made of it in memory."""
    fault = _fault_of_file(path)
    if not length(path):
        raise sqlite3.DatabaseError(fault)
    first: sqlite3.Error | None = None
    for make in (_as_it_is, _with_beginning, _with_first_page):
        if make is _as_it_is and fault:
            continue
        db = make(path)
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(name) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            db.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NOT_NOW:
                raise
            first = first or error
        else:
            return db
    raise first or sqlite3.DatabaseError(fault)


def _as_it_is(path: Path) -> sqlite3.Connection:
    # Without `immutable` SQLite would put an empty -wal and a -shm beside a file that nobody has open.
    url = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if _at_rest(path) else ''}"
    return sqlite3.connect(url, uri=True, isolation_level=None)


def _with_beginning(path: Path) -> sqlite3.Connection:
    """With the header that each of our files has, if its own is lost, and with zeros for what is cut off."""
    data = _read(path)
    return _in_memory(data[:_HEADER] if data.startswith(_MAGIC) else _fresh()[:_HEADER], data[_HEADER:])


def _with_first_page(path: Path) -> sqlite3.Connection:
    """With the first page of a store that was just made: the tables of the first version begin where they always do."""
    first = _fresh()[:_PAGE]
    return _in_memory(first, _read(path)[_PAGE:])


def _fresh() -> bytes:
    """A store as the first version made it, whose list of tables fits into its first page."""
    with closing(sqlite3.connect(MEMORY, isolation_level=None)) as new:
        for statement in schema.MIGRATIONS[0]:
            new.execute(statement)
        new.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
        new.execute("PRAGMA user_version = 1")
        return new.serialize()


def _read(path: Path) -> bytes:
    if (size := length(path)) > LARGEST:
        raise sqlite3.DatabaseError(f"its beginning cannot be read, and with {size} bytes it is too large to be mended")
    return path.read_bytes()


def _in_memory(beginning: bytes, rest: bytes) -> sqlite3.Connection:
    header = bytearray(beginning)
    pages = max((len(beginning) + len(rest)) // _PAGE, len(_fresh()) // _PAGE)
    if beginning.startswith(_MAGIC):
        pages = min(max(pages, int.from_bytes(header[28:32], "big")), LARGEST // _PAGE)
    header[18:20] = b"\1\1"  # no -wal
    header[28:32] = pages.to_bytes(4, "big")
    header[32:40] = bytes(8)  # no list of free pages
    db = sqlite3.connect(MEMORY, isolation_level=None)
    db.deserialize((bytes(header) + rest)[: pages * _PAGE].ljust(pages * _PAGE, b"\0"))
    return db


@contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    """As ``_reading``. Raises StoreRefused where nothing can be read."""
    try:
        with _reading(path) as db:
            yield db
    except sqlite3.Error as error:
        raise StoreRefused(f"{path} cannot be saved from: {error}") from None


def _length_by_header(beginning: bytes) -> int:
    """Bytes, see https://www.sqlite.org/fileformat2.html#the_database_header."""
    return int.from_bytes(beginning[28:32], "big") * int.from_bytes(beginning[16:18], "big")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Keep a service from starting meanwhile. Raises StoreRefused if one runs: what it posts now would come twice."""
    try:
        lock = os.open(beside(path, "lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreRefused(
            f"the store {path} is in use: stop `bridge serve` first, or messages that it posts now would come again"
        ) from None
    finally:
        os.close(lock)


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
