"""Read a store with a possibly damaged file, as it is or repaired in memory. Write nothing."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from bridge.store.models import StoreRefusedError
from bridge.store.sqlite import schema
from bridge.store.sqlite.file_sizes import length
from bridge.store.sqlite.files import MEMORY
from bridge.store.sqlite.ownership import beside, marked

LARGEST = 2**30
"""Maximum size in bytes of a file to repair in memory."""

_MAGIC = b"SQLite format 3\0"
_HEADER, _PAGE = 100, 4096
NOT_NOW = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Error codes without information about the file, see https://www.sqlite.org/rescode.html."""


class NoStoreError(StoreRefusedError):
    """There is no store of ours. The text is one line with a hint."""


def find(place: str) -> Path:
    """Return the file if it is readable, and is or was a store."""
    if place == MEMORY:
        raise NoStoreError("BRIDGE_STORE is in memory, which nothing outlives: there is no file to look at")
    try:
        path = Path(place).resolve()
        remains = _remains(path)
        if not path.is_file() and (path.exists() or not length(beside(path, "wal"))):
            found = "no file" if path.exists() else "not there"
            raise NoStoreError(
                f"there is no store at {path}, which is {found}: `bridge serve` makes it, or BRIDGE_STORE is wrong"
            )
        beginning = _beginning(path)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise NoStoreError(
            f"the store at {place!r} cannot be read ({why}): run this as the user that runs Bridge"
        ) from None
    if not beginning and not remains:
        raise NoStoreError(f"there is no store at {path}, which is an empty file: `bridge serve` makes it one")
    if beginning[: len(_MAGIC)] != _MAGIC and not remains:
        raise NoStoreError(f"{path} is not an SQLite database: let BRIDGE_STORE name another file")
    return path


def _remains(path: Path) -> bool:
    """Return whether a file beside it shows that there was a store."""
    with contextlib.suppress(FileNotFoundError):
        if marked(beside(path, "lock").read_text("ascii", "replace")):
            return True
    return not at_rest(path)


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEADER)
    except FileNotFoundError:
        return b""


def at_rest(path: Path) -> bool:
    return not length(beside(path, "wal"))


def file_error(path: Path) -> str:
    """Return the damage visible from outside; "" for none."""
    beginning = _beginning(path)
    if not beginning:
        return (
            "it is empty, where there had been a store" if path.exists() else "it is gone, and its -wal alone is left"
        )
    if beginning[: len(_MAGIC)] != _MAGIC:
        return "its beginning is overwritten"
    # A file with a -wal may be shorter than its header says, until that is moved into it.
    if at_rest(path) and (missing := _length_by_header(beginning) - length(path)) > 0:
        return f"it is cut short: {missing} of {_length_by_header(beginning)} bytes are missing at its end"
    return ""


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection to the readable part. Raises NoStoreError, sqlite3.Error."""
    with closing(_opened(path)) as db:
        try:
            schema.check(db, str(path))
        except StoreRefusedError as error:
            raise NoStoreError(str(error).replace(f" ({schema.CHECK_HINT})", "")) from None
        if schema.is_blank(db):
            if not _remains(path):
                raise NoStoreError(f"there is no store in {path}, which holds nothing: `bridge serve` makes it one")
            raise sqlite3.DatabaseError("it holds nothing any more, where there had been a store")
        yield db


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file as it is if its list of tables is readable; else repair it in memory."""
    problem = file_error(path)
    if not length(path):
        raise sqlite3.DatabaseError(problem)
    first: sqlite3.Error | None = None
    for make in (_as_it_is, _with_beginning, _with_first_page):
        if make is _as_it_is and problem:
            continue
        db = make(path)
        db.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            db.execute("BEGIN")
            db.execute("SELECT count(name) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            db.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in NOT_NOW:
                raise
            first = first or error
        else:
            return db
    raise first or sqlite3.DatabaseError(problem)


def _as_it_is(path: Path) -> sqlite3.Connection:
    # Without `immutable` SQLite would put an empty -wal and a -shm beside a file that no process has open.
    url = f"file:{quote(str(path))}?mode=ro{'&immutable=1' if at_rest(path) else ''}"
    return sqlite3.connect(url, uri=True, isolation_level=None)


def _with_beginning(path: Path) -> sqlite3.Connection:
    """Replace a lost header by the header of every store, and a missing end by zeros."""
    data = _read(path)
    return _in_memory(data[:_HEADER] if data.startswith(_MAGIC) else _fresh()[:_HEADER], data[_HEADER:])


def _with_first_page(path: Path) -> sqlite3.Connection:
    """Replace the first page by a new store's: the tables of version 1 always begin at the same pages."""
    first = _fresh()[:_PAGE]
    return _in_memory(first, _read(path)[_PAGE:])


def _fresh() -> bytes:
    """Return a store of version 1: its list of tables fits into the first page."""
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
def readable(path: Path) -> Iterator[sqlite3.Connection]:
    """Open as ``reading`` does. Raises StoreRefusedError if nothing is readable."""
    try:
        with reading(path) as db:
            yield db
    except sqlite3.Error as error:
        raise StoreRefusedError(f"{path} cannot be saved from: {error}") from None


def _length_by_header(beginning: bytes) -> int:
    """Return the size in bytes, see https://www.sqlite.org/fileformat2.html#the_database_header."""
    return int.from_bytes(beginning[28:32], "big") * int.from_bytes(beginning[16:18], "big")


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a service from starting meanwhile. Raises StoreRefusedError if one runs: its posts would be repeated."""
    try:
        lock = os.open(beside(path, "lock"), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreRefusedError(
            f"the store {path} is in use: stop `bridge serve` first, or messages that it posts now would come again"
        ) from None
    finally:
        os.close(lock)
