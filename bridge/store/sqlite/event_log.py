"""Queries of the event log: rows and counts."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from bridge.core.states import OPEN, DeliveryState
from bridge.routing import patterns
from bridge.store.ids import delivery_number
from bridge.store.log_models import Cursor, DeliveryRow, Query
from bridge.store.models import Counts
from bridge.store.sqlite.quota import size_of
from bridge.store.sqlite.records import LINE, line_in, literals, text

_COLUMNS = f"""
    d.id, e.id, e.source, d.channel, d.route, d.state, d.reason, d.attempts, e.received_at, d.settled_at,
    d.template_fault, d.template, d.summarized_in, d.replayed_at, e.actor, e.confidential, e.seq, {LINE}
"""
"""The columns that ``rows_of`` reads."""
_LAST = "\U0010ffff"


def find(db: sqlite3.Connection, query: Query) -> list[DeliveryRow]:
    """Return deliveries with their events' columns, newest first."""
    numbers = _numbers(db, query)
    wanted = list(numbers if query.limit is None else islice(numbers, max(0, query.limit)))
    return rows_of(db, wanted)


def changes_since(db: sqlite3.Connection, query: Query, cursor: Cursor | None) -> tuple[list[DeliveryRow], Cursor]:
    """Return a query's rows and a cursor; with a cursor, only rows that are new or changed since."""
    open_now = {
        number: (str(state), int(attempts))
        for number, state, attempts in db.execute(
            f"SELECT id, state, attempts FROM deliveries WHERE state IN ({literals(*OPEN)})"  # noqa: S608 (our own text)
        )
    }
    last = int(db.execute("SELECT coalesce(max(id), 0) FROM deliveries").fetchone()[0])
    if cursor is None:
        return find(db, query), Cursor(last, open_now)
    changed = {n for n in cursor.open.keys() | open_now.keys() if cursor.open.get(n) != open_now.get(n)}
    new = db.execute("SELECT id FROM deliveries WHERE id > ?", (cursor.last,))
    moved = changed.union(number for (number,) in new)
    wanted = moved if query.deliveries is None else moved.intersection(query.deliveries)
    found = list(_numbers(db, query, tuple(wanted))) if wanted else []
    return rows_of(db, found), Cursor(last, open_now)


def rows_of(db: sqlite3.Connection, numbers: Sequence[int]) -> list[DeliveryRow]:
    """Return the rows of deliveries, newest first."""
    found = db.execute(
        f"SELECT {_COLUMNS} FROM deliveries d JOIN events e ON e.seq = d.event "  # noqa: S608 (our own text)
        "WHERE d.id IN (SELECT value FROM json_each(?)) ORDER BY d.id DESC",
        (json.dumps(numbers),),
    )
    rows = []
    for number, event, source, channel, route, state, reason, attempts, received_at, settled_at, *more in found:
        fault, template, summarized_in, replayed_at, actor, confidential, accepted, *facts = more
        line, _, event_type, subject, name = facts
        rows.append(
            DeliveryRow(
                delivery=number,
                event=event,
                source=source,
                type=event_type,
                line=line or line_in(*facts),
                channel=channel,
                route=route,
                state=DeliveryState(state),
                reason=reason,
                attempts=attempts,
                received_at=received_at,
                settled_at=settled_at,
                template_fault=fault,
                template=template,
                summarized_in=summarized_in if state == DeliveryState.SUMMARIZED else None,
                replayed_at=replayed_at,
                name=name,
                subject=subject,
                actor=actor,
                confidential=confidential == 1,
                accepted=accepted,
            )
        )
    return rows


def events_named(db: sqlite3.Connection, name: str) -> list[str]:
    """Return the ids of the events with a name."""
    asked = text(name)
    exact = db.execute("SELECT id FROM events WHERE id = ?", (asked,)).fetchall()
    if not exact and (number := delivery_number(name)) is not None:
        exact = db.execute(
            "SELECT e.id FROM deliveries d JOIN events e ON e.seq = d.event WHERE d.id = ?", (number,)
        ).fetchall()
    if not exact and asked:
        exact = db.execute(
            "SELECT id FROM (SELECT id, seq FROM events WHERE id >= ? AND id < ? ORDER BY id LIMIT 5) ORDER BY seq",
            (asked, asked + _LAST),
        ).fetchall()
    return [event_id for (event_id,) in exact]


def channels(db: sqlite3.Connection) -> frozenset[str]:
    """Return the channels that have deliveries, by a seek in the index for each."""
    found = db.execute(
        "WITH RECURSIVE each (state, channel) AS ("
        "SELECT state, channel FROM (SELECT state, channel FROM deliveries ORDER BY state, channel LIMIT 1) "
        "UNION ALL SELECT d.state, d.channel FROM each e JOIN deliveries d ON d.id = ("
        "SELECT id FROM deliveries n WHERE (n.state, n.channel) > (e.state, e.channel) ORDER BY n.state, n.channel "
        "LIMIT 1)) SELECT DISTINCT channel FROM each"
    )
    return frozenset(channel for (channel,) in found)


def counts(db: sqlite3.Connection, limit: int) -> Counts:
    """Count deliveries by state, and waiting ones by channel."""
    states: Counter[str] = Counter()
    waiting: dict[str, int] = {}
    for state, channel, number in db.execute("SELECT state, channel, count(*) FROM deliveries GROUP BY state, channel"):
        states[state] += number
        if state == DeliveryState.WAITING:
            waiting[channel] = number
    return Counts(states, waiting, size_of(db), limit)


def _numbers(db: sqlite3.Connection, query: Query, among: tuple[int, ...] | None = None) -> Iterator[int]:
    """Return the numbers of a query's deliveries, newest first.

    Apart from the rows: a delivery's row holds its message, and the indexes alone answer most queries.
    """
    among = query.deliveries if among is None else among
    asked = [
        ("d.state = ?", query.state),
        ("d.channel = ?", query.channel),
        ("d.route = ?", query.route),
        # A waiting delivery has the stamp of the last digest that counted it.
        (f"d.summarized_in = ? AND +d.state = {literals(DeliveryState.SUMMARIZED)}", query.summarized_in),
        ("d.id IN (SELECT value FROM json_each(?))", None if among is None else json.dumps(among)),
        ("e.source = ?", query.source),
        ("e.id = ?", query.event),
        ("e.id >= ?", query.id_prefix or None),
        ("e.id < ?", query.id_prefix + _LAST if query.id_prefix else None),
        ("e.received_at >= ?", query.since),
        ("d.id >= ?", None if query.since is None else _first_since(db, query.since)),
        ("e.received_at < ?", query.until),
    ]
    given = [(c, text(value) if isinstance(value, str) else value) for c, value in asked if value is not None]
    where = " AND ".join(condition for condition, _ in given) or "TRUE"
    looked_at = ["d.id", "e.type" if query.types else "''", *(("d.reason", "e.actor", LINE) if query.contains else ())]
    join = "JOIN events e ON e.seq = d.event" if query.types or query.contains or "e." in where else ""
    sql = f"SELECT {', '.join(looked_at)} FROM deliveries d {join} WHERE {where} ORDER BY d.id DESC"  # noqa: S608 (the conditions are those above)
    sought = text(query.contains).casefold()
    for number, event_type, *texts in db.execute(sql, [value for _, value in given]):
        if query.types and not patterns.verdict(query.types, event_type)[0]:
            continue
        if not sought or _holds(sought, *texts):
            yield number


def _holds(
    sought: str, reason: str, actor: str, line: str, provider: str, event_type: str, subject: str, name: str
) -> bool:
    """Return whether a text, case-folded, is in what the event log shows of a delivery."""
    shown = line_in(line, provider, event_type, subject, name)
    return any(sought in one.casefold() for one in (shown, name, subject, actor, reason))


def _first_since(db: sqlite3.Connection, moment: float) -> int:
    """Return a number below every delivery of events since a moment: ids of events begin with their time."""
    (seq,) = db.execute("SELECT min(seq) FROM events WHERE id >= ?", (f"{max(0, int(moment * 1000)):012x}",)).fetchone()
    (number,) = db.execute("SELECT min(id) FROM deliveries WHERE event >= ?", (seq,)).fetchone()
    return 2**62 if number is None else int(number)
