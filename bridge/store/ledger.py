"""Questions to the ledger: which deliveries there are, and how many."""

import sqlite3
from collections import Counter

from bridge.store import Counts, Query, Row
from bridge.store.records import text
from bridge.store.room import size_of


def find(db: sqlite3.Connection, query: Query) -> list[Row]:
    """Deliveries with their events' columns, newest first."""
    asked = [
        ("d.state = ?", query.state),
        ("e.source = ?", query.source),
        ("d.channel = ?", query.channel),
        ("e.id = ?", query.event),
    ]
    given = [(condition, text(value)) for condition, value in asked if value is not None]
    where = "".join(f" AND {condition}" for condition, _ in given)
    sql = f"""
        SELECT d.id, e.id, e.source, e.type, e.title, d.channel, d.route, d.state, d.reason, d.attempts,
               e.received_at, d.settled_at, d.template_fault
        FROM deliveries d JOIN events e ON e.seq = d.event WHERE TRUE{where} ORDER BY d.id DESC LIMIT ?
    """  # noqa: S608 (the conditions are those above)
    rows = db.execute(sql, (*(value for _, value in given), max(0, query.limit)))
    return [Row(*row) for row in rows]


def counts(db: sqlite3.Connection, limit: int) -> Counts:
    """Deliveries by state, and the waiting ones by channel."""
    states: Counter[str] = Counter()
    waiting: dict[str, int] = {}
    for state, channel, number in db.execute("SELECT state, channel, count(*) FROM deliveries GROUP BY state, channel"):
        states[state] += number
        if state == "waiting":
            waiting[channel] = number
    return Counts(states, waiting, size_of(db), limit)
