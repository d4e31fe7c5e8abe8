"""The SQLite file's tables, and how they come to be: each version of the schema is one migration."""

import sqlite3

from bridge.store.models import StoreRefusedError

APPLICATION_ID = 0x42724467
"""Marks a file as ours ("BrDg"), see https://www.sqlite.org/pragma.html#pragma_application_id."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # What arrived, once per request however many events it held. The body comes last, so that reading the columns
        # before it does not walk through its pages.
        """CREATE TABLE requests (
            id INTEGER PRIMARY KEY,
            method TEXT NOT NULL,
            url TEXT NOT NULL,
            headers TEXT NOT NULL,      -- JSON object; never a signature or token
            body BLOB NOT NULL          -- as received
        )""",
        """CREATE TABLE events (
            seq INTEGER PRIMARY KEY,    -- the order of acceptance
            id TEXT NOT NULL UNIQUE,
            source TEXT NOT NULL,
            provider TEXT NOT NULL,
            type TEXT NOT NULL,
            keys TEXT NOT NULL,         -- JSON list
            subject TEXT NOT NULL,
            title TEXT NOT NULL,
            url TEXT NOT NULL,
            actor TEXT NOT NULL,
            occurred_at REAL,           -- times are Unix seconds
            received_at REAL NOT NULL,
            confidential INTEGER NOT NULL,
            test INTEGER NOT NULL,
            request INTEGER NOT NULL REFERENCES requests (id),
            part INTEGER NOT NULL       -- which of the request's events this is
        )""",
        "CREATE INDEX events_request ON events (request)",
        # The dedupe cache. It outlives the events: a key may last longer than its event is kept.
        """CREATE TABLE keys (
            source TEXT NOT NULL,
            key TEXT NOT NULL,
            event TEXT NOT NULL,        -- the first arrival's id
            expires_at REAL NOT NULL,
            PRIMARY KEY (source, key)
        ) WITHOUT ROWID""",
        "CREATE INDEX keys_expires_at ON keys (expires_at)",
        # Ids are never used twice (AUTOINCREMENT): a lane knows the delivery at its head by its id.
        """CREATE TABLE deliveries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            event INTEGER NOT NULL REFERENCES events (seq),
            channel TEXT NOT NULL,
            route TEXT NOT NULL,
            template TEXT,
            state TEXT NOT NULL,
            reason TEXT NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            revived INTEGER NOT NULL DEFAULT 0,
            settled_at REAL,
            template_fault TEXT NOT NULL DEFAULT '',
            message TEXT                -- JSON as posted
        )""",
        # Serves the claims (the rowid is the last column of every index, so a channel's waiting ones are in order),
        # the counts, and the ledger's questions by state.
        "CREATE INDEX deliveries_state ON deliveries (state, channel)",
        "CREATE INDEX deliveries_event ON deliveries (event)",
        """CREATE TABLE attempts (
            delivery INTEGER NOT NULL REFERENCES deliveries (id),
            number INTEGER NOT NULL,
            at REAL NOT NULL,
            kind TEXT NOT NULL,
            status INTEGER,
            answer TEXT NOT NULL,
            seconds REAL NOT NULL,
            PRIMARY KEY (delivery, number)
        ) WITHOUT ROWID""",
    ),
    (
        # What tells of a delivery that is `told`: a digest's id, or `repeat of` and another delivery's id.
        "ALTER TABLE deliveries ADD COLUMN told_in TEXT",
        # When a person asked for it again; such a delivery is one of its own, beside the first.
        "ALTER TABLE deliveries ADD COLUMN replayed_at REAL",
        "CREATE INDEX deliveries_told_in ON deliveries (told_in) WHERE told_in IS NOT NULL",
        # A digest stands for what waited up to a delivery. It is written down once it was posted; then its deliveries
        # are settled a few at a time, and it is done.
        """CREATE TABLE digests (
            id TEXT PRIMARY KEY,
            channel TEXT NOT NULL,
            upto INTEGER NOT NULL,      -- the last delivery that it tells of
            posted_at REAL NOT NULL,
            message TEXT NOT NULL,      -- JSON as posted
            done INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        # The windows in which messages that read the same are folded into the first of them.
        """CREATE TABLE repeats (
            channel TEXT NOT NULL,
            route TEXT NOT NULL,
            subject TEXT NOT NULL,
            print TEXT NOT NULL,        -- what tells one message from another
            first INTEGER NOT NULL,     -- the delivery that was shown
            title TEXT NOT NULL,        -- of that message, as mrkdwn
            since REAL NOT NULL,
            until REAL NOT NULL,
            more INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (channel, route, subject, print)
        ) WITHOUT ROWID""",
        "CREATE INDEX repeats_until ON repeats (channel, until)",
        # Lanes that do not run, for other processes to see, and so that each trouble is told once.
        """CREATE TABLE lanes (
            channel TEXT PRIMARY KEY,
            state TEXT NOT NULL,        -- stopped or away
            detail TEXT NOT NULL,
            since REAL NOT NULL,
            told INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
    ),
)
"""The statements that lead from each version to the next. What was released is not changed any more."""

VERSION = len(MIGRATIONS)

LOOK = "`bridge check --store` looks at it and changes nothing"

QUICKLY = 64 * 2**20
"""Bytes up to which the whole of a store is looked at when it is opened: a tenth of a second."""


def check(db: sqlite3.Connection, name: str) -> None:
    """Refuse a database that is not ours, or that newer code wrote. Changes nothing. Raises StoreRefusedError."""
    if _pragma(db, "application_id") != APPLICATION_ID:
        if _pragma(db, "user_version") or db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreRefusedError(
                f"{name} is another program's database: let BRIDGE_STORE name a file of its own ({LOOK})"
            )
    elif (version := _pragma(db, "user_version")) > VERSION:
        raise StoreRefusedError(
            f"{name} was written by a newer version (its tables have version {version}, this program knows {VERSION}): "
            f"upgrade, or let BRIDGE_STORE name another file ({LOOK})"
        )


def is_blank(db: sqlite3.Connection) -> bool:
    """Whether a database holds nothing at all, as one that was just made."""
    return not _pragma(db, "user_version") and not db.execute("SELECT 1 FROM sqlite_master").fetchone()


def migrate(db: sqlite3.Connection) -> int:
    """Bring the tables to this version, in one transaction. Returns the version that they had, 0 for none."""
    if _pragma(db, "user_version") == VERSION:
        return VERSION
    db.execute("BEGIN IMMEDIATE")
    try:
        # Asked again: another process may have been faster.
        version = _pragma(db, "user_version")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        write_version(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return version


def damage(db: sqlite3.Connection) -> str:
    """What is wrong within the tables, in one line; "" if nothing is.

    In a large store the table of the requests is left out: with its bodies it may be a hundred times the rest, and
    whoever starts waits for this. `bridge check --store` looks at all of it.
    """
    small = _pragma(db, "page_count") * _pragma(db, "page_size") <= QUICKLY
    tables = ("events", "keys", "deliveries", "attempts", "digests", "repeats", "lanes")
    for table in (*tables, "requests") if small else tables:
        said = str(db.execute(f"PRAGMA quick_check({table})").fetchone()[0])
        if said != "ok":
            return " ".join(said.split())
    return ""


def write_version(db: sqlite3.Connection) -> None:
    """Write the version into the file's header: the smallest write there is."""
    db.execute(f"PRAGMA user_version = {VERSION}")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
