"""The tables of the SQLite file. Each schema version is one migration."""

import sqlite3
from contextlib import closing

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
        # Ids are never reused (AUTOINCREMENT): a channel worker identifies the delivery at its head by its id.
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
        # For claims (the rowid is the last column of every index, so a channel's waiting deliveries are in order),
        # counts, and queries of the event log by state.
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
        # The summary of a `told` (now `summarized`) delivery: a digest's id, or `repeat of` and another delivery's id.
        "ALTER TABLE deliveries ADD COLUMN told_in TEXT",
        # The time of its replay; a replay is a new delivery, beside the first.
        "ALTER TABLE deliveries ADD COLUMN replayed_at REAL",
        "CREATE INDEX deliveries_told_in ON deliveries (told_in) WHERE told_in IS NOT NULL",
        # A digest summarizes the deliveries that waited, up to one. It is recorded once it was posted; then its
        # deliveries are settled a few at a time, and it is done.
        """CREATE TABLE digests (
            id TEXT PRIMARY KEY,
            channel TEXT NOT NULL,
            upto INTEGER NOT NULL,      -- the last delivery in its summary
            posted_at REAL NOT NULL,
            message TEXT NOT NULL,      -- JSON as posted
            done INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
        # Repeat windows: within one, repeats of a message are counted and not posted.
        """CREATE TABLE repeats (
            channel TEXT NOT NULL,
            route TEXT NOT NULL,
            subject TEXT NOT NULL,
            print TEXT NOT NULL,        -- fingerprint of the message
            first INTEGER NOT NULL,     -- the delivery that was shown
            title TEXT NOT NULL,        -- of that message, as mrkdwn
            since REAL NOT NULL,
            until REAL NOT NULL,
            more INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (channel, route, subject, print)
        ) WITHOUT ROWID""",
        "CREATE INDEX repeats_until ON repeats (channel, until)",
        # Channels that are blocked: other processes read them, and each is alerted once.
        """CREATE TABLE lanes (
            channel TEXT PRIMARY KEY,
            state TEXT NOT NULL,        -- stopped or away
            detail TEXT NOT NULL,
            since REAL NOT NULL,
            told INTEGER NOT NULL DEFAULT 0
        ) WITHOUT ROWID""",
    ),
    (
        # The field's terms: delivery state `told` → `summarized`, channel worker `away` → `unavailable`.
        "DROP INDEX deliveries_told_in",
        "ALTER TABLE deliveries RENAME COLUMN told_in TO summarized_in",
        "CREATE INDEX deliveries_summarized_in ON deliveries (summarized_in) WHERE summarized_in IS NOT NULL",
        "UPDATE deliveries SET state = 'summarized' WHERE state = 'told'",
        """UPDATE attempts SET kind = CASE kind
            WHEN 'limited' THEN 'rate_limited'
            WHEN 'refused' THEN 'rejected'
            WHEN 'dead_destination' THEN 'destination_gone'
            ELSE 'unavailable'
        END WHERE kind IN ('limited', 'refused', 'dead_destination', 'away')""",
        "ALTER TABLE repeats RENAME COLUMN print TO fingerprint",
        "ALTER TABLE repeats RENAME COLUMN more TO repeats",
        "ALTER TABLE repeats RENAME TO repeat_windows",
        "DROP INDEX repeats_until",
        "CREATE INDEX repeat_windows_until ON repeat_windows (channel, until)",
        "ALTER TABLE lanes RENAME COLUMN told TO alerted",
        "ALTER TABLE lanes RENAME TO destination_states",
        "UPDATE destination_states SET state = 'unavailable' WHERE state = 'away'",
    ),
    (
        # The message's first line as plain text; '' before it is rendered.
        "ALTER TABLE deliveries ADD COLUMN line TEXT NOT NULL DEFAULT ''",
        # What its owner calls the thing: a merge request's title, an order's number.
        "ALTER TABLE events ADD COLUMN name TEXT NOT NULL DEFAULT ''",
        # The line of what earlier versions stored; '' since then. Copying it into each delivery would write the whole
        # file again at the start. The column keeps its place: recovery reads a store without its first page by the
        # columns of version 1.
        "ALTER TABLE events RENAME COLUMN title TO former_line",
        "ALTER TABLE repeat_windows RENAME COLUMN title TO line",
    ),
    (
        # Routes with `notify = "on_change"`: the state that a delivery shows, as JSON, and the last one of each group.
        "ALTER TABLE deliveries ADD COLUMN group_state TEXT",
        """CREATE TABLE last_states (
            channel TEXT NOT NULL,
            route TEXT NOT NULL,
            source TEXT NOT NULL,
            name TEXT NOT NULL,         -- of the group
            state TEXT NOT NULL,        -- '' if it is uncertain
            kind TEXT NOT NULL,         -- of the last run that was compared
            run TEXT NOT NULL,          -- its order, a JSON list
            occurred_at REAL,
            compared_at REAL NOT NULL,
            PRIMARY KEY (channel, route, source, name)
        ) WITHOUT ROWID""",
        "CREATE INDEX last_states_compared_at ON last_states (compared_at)",
    ),
    (
        # A digest stamps the waiting deliveries that it counts with its id, and settles these alone. Those of posted
        # digests that are not done yet were counted by their number.
        """UPDATE deliveries SET summarized_in = (
            SELECT g.id FROM digests g WHERE NOT g.done AND g.channel = deliveries.channel AND deliveries.id <= g.upto
            AND (deliveries.replayed_at IS NULL OR deliveries.replayed_at <= g.posted_at) ORDER BY g.upto LIMIT 1
        ) WHERE state = 'waiting' AND channel IN (SELECT channel FROM digests WHERE NOT done)""",
        # The error of a rendering that was ended by force, while the delivery waits.
        "ALTER TABLE deliveries ADD COLUMN render_fault TEXT NOT NULL DEFAULT ''",
        # When a window was opened: `since` is earlier if repeats of the window before wait for their notice. A window
        # that has not been opened yet was opened before the clock was set back, and has ended.
        "ALTER TABLE repeat_windows ADD COLUMN opened_at REAL NOT NULL DEFAULT 0",
        "UPDATE repeat_windows SET opened_at = since",
        "CREATE INDEX repeat_windows_opened_at ON repeat_windows (channel, opened_at)",
        # Who holds each channel's queue; a result of an older hold is refused.
        """CREATE TABLE holds (
            channel TEXT PRIMARY KEY,
            owner TEXT NOT NULL,
            token INTEGER NOT NULL      -- only grows
        ) WITHOUT ROWID""",
        # The rate and the pause of each webhook. Its URL is a secret: only a salted digest of it is stored.
        """CREATE TABLE webhooks (
            digest BLOB PRIMARY KEY,
            next_post_at REAL NOT NULL, -- at an even rate: a post may be early by less than the burst
            paused_at REAL NOT NULL,
            paused_until REAL NOT NULL
        ) WITHOUT ROWID""",
        "CREATE TABLE salts (name TEXT PRIMARY KEY, salt BLOB NOT NULL) WITHOUT ROWID",
    ),
)
"""The statements from each version to the next. A released one is never changed.

An entry only expands: it adds tables, columns and indexes, and fills them. What it makes needless is dropped by the
entry after it, so that the version between can still read both. To drop in version 7: ``digests.upto`` (since version
6 a digest's deliveries have its stamp).
"""

VERSION = len(MIGRATIONS)

NUMBERED = ("requests", "events", "deliveries")
"""Tables with a number as their key. The others are ordered by text, or by several columns."""

CHECK_HINT = "`bridge check --store` examines it and changes nothing"

FULL_CHECK_BYTES = 64 * 2**20
"""Maximum size for a check of the whole store when it is opened: a tenth of a second."""


def check(db: sqlite3.Connection, name: str) -> None:
    """Refuse another program's database, or one of a newer version. Change nothing. Raises StoreRefusedError."""
    if _pragma(db, "application_id") != APPLICATION_ID:
        if _pragma(db, "user_version") or db.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise StoreRefusedError(
                f"{name} is another program's database: let BRIDGE_STORE name a file of its own ({CHECK_HINT})"
            )
    elif (version := _pragma(db, "user_version")) > VERSION:
        raise StoreRefusedError(
            f"{name} was written by a newer version (its tables have version {version}, this program knows {VERSION}): "
            f"upgrade, or let BRIDGE_STORE name another file ({CHECK_HINT})"
        )


def is_older(db: sqlite3.Connection) -> bool:
    """Return whether an older version wrote the tables, so that they need a migration."""
    return 0 < _pragma(db, "user_version") < VERSION


def is_blank(db: sqlite3.Connection) -> bool:
    """Return whether a database is empty, like a new one."""
    return not _pragma(db, "user_version") and not db.execute("SELECT 1 FROM sqlite_master").fetchone()


def migrate(db: sqlite3.Connection, to: int | None = None) -> int:
    """Migrate the tables to a version, by default ours, in one transaction. Return the version before, 0 for none."""
    to = VERSION if to is None else to
    if (version := _pragma(db, "user_version")) >= to:
        return version
    db.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been faster.
        version = _pragma(db, "user_version")
        for statements in MIGRATIONS[version:to]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        write_version(db, to)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return version


def tables_of(version: int) -> dict[str, tuple[str, ...]]:
    """Return the tables of a version with their key columns. A table comes after those that it refers to."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as new:
        migrate(new, version)
        names = new.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {
            name: tuple(
                column
                for (column,) in new.execute("SELECT name FROM pragma_table_info(?) WHERE pk ORDER BY pk", (name,))
            )
            for (name,) in names.fetchall()
        }


def damage(db: sqlite3.Connection) -> str:
    """Return the first damage within the tables, in one line; "" for none.

    In a large store the requests are left out: with their bodies they may be a hundred times the rest, and the start
    waits for this. `bridge check --store` examines everything.
    """
    small = _pragma(db, "page_count") * _pragma(db, "page_size") <= FULL_CHECK_BYTES
    for table in tables_of(VERSION):
        if table == "requests" and not small:
            continue
        message = str(db.execute(f"PRAGMA quick_check({table})").fetchone()[0])
        if message != "ok":
            return " ".join(message.split())
    return ""


def write_version(db: sqlite3.Connection, version: int | None = None) -> None:
    """Write the version, by default ours, into the file's header: the smallest possible write."""
    db.execute(f"PRAGMA user_version = {VERSION if version is None else version}")


def _pragma(db: sqlite3.Connection, name: str) -> int:
    return int(db.execute(f"PRAGMA {name}").fetchone()[0])
