"""The last state of each group that a channel was shown, for routes with ``notify = "on_change"``."""

import json
import sqlite3
from collections.abc import Iterable

from bridge.routing.on_change import GroupState, LastState, compare
from bridge.store.models import GroupKey
from bridge.store.sqlite.records import json_text, seconds, text

KEPT_FOR = 180 * 24 * 3600.0
"""Seconds without a run after which a group is forgotten. Longer than events: a branch may stay red for months."""
MOST = 50_000
"""Groups kept, the last compared ones: about 20 MB."""
BATCH = 1_000
"""Groups forgotten in one transaction, so that an arrival never waits long."""


def written(state: GroupState) -> str:
    """Return a delivery's state for its column."""
    return json_text(
        {
            "group": state.group,
            "state": state.state,
            "good": state.good,
            "kind": state.kind,
            "order": state.order,
            "at": seconds(state.at),
        }
    )


def read(column: str | None) -> GroupState | None:
    """Return a delivery's state from its column. It is shown without one if a damaged file garbled it."""
    if column is None:
        return None
    try:
        fields = json.loads(column)
        return GroupState(**{**fields, "order": _numbers(fields["order"])})
    except (ValueError, TypeError, KeyError):
        return None


def last_of(db: sqlite3.Connection, channel: str, key: GroupKey) -> LastState | None:
    """Return the last state of a group; None without one."""
    row = db.execute(
        "SELECT state, kind, run, occurred_at FROM last_states "
        "WHERE channel = ? AND route = ? AND source = ? AND name = ?",
        _key(channel, key),
    ).fetchone()
    if row is None:
        return None
    state, kind, run, occurred_at = row
    try:
        return LastState(state, kind, _numbers(json.loads(run)), occurred_at)
    except (ValueError, TypeError):
        return LastState(state, kind, (), occurred_at)


def remember(db: sqlite3.Connection, channel: str, key: GroupKey, state: GroupState, now: float) -> None:
    """Write the last state of a group."""
    db.execute(
        "INSERT OR REPLACE INTO last_states (channel, route, source, name, state, kind, run, occurred_at, compared_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *_key(channel, key),
            text(state.state),
            text(state.kind),
            json_text(state.order),
            seconds(state.at),
            now,
        ),
    )


def make_uncertain(db: sqlite3.Connection, summarized: Iterable[tuple[str, str, int, str | None]], now: float) -> None:
    """Forget the last state of each group of which a digest stands for another state: the next one is then shown.

    ``summarized`` are channel, route, event and state of its deliveries. The digest does not tell states, so nobody
    could say which one people have in mind.
    """
    for channel, route, event, column in summarized:
        if (state := read(column)) is None:
            continue
        (source,) = db.execute("SELECT source FROM events WHERE seq = ?", (event,)).fetchone()
        key = GroupKey(route, source, state.group)
        last = last_of(db, channel, key)
        known = state.state if state.good else ""
        if last is not None:
            known = last.state if last.state == state.state else ""
        # Whatever its state was: a run that is older than one in the digest is no news any more.
        newest = state if last is None or compare(state, last).remembered else last
        if last is None or known != last.state or newest is state:
            shown = GroupState(state.group, known, False, newest.kind, newest.order, newest.at)
            remember(db, channel, key, shown, now)


def prune(db: sqlite3.Connection, now: float) -> None:
    """Forget groups without a run for long, and the oldest of too many, a few at a time."""
    (number,) = db.execute("SELECT count(*) FROM last_states").fetchone()
    db.execute(
        "DELETE FROM last_states WHERE (channel, route, source, name) IN ("
        "SELECT channel, route, source, name FROM last_states WHERE compared_at <= ? ORDER BY compared_at LIMIT ?)",
        (now - KEPT_FOR, BATCH),
    )
    if number > MOST:
        db.execute(
            "DELETE FROM last_states WHERE (channel, route, source, name) IN ("
            "SELECT channel, route, source, name FROM last_states ORDER BY compared_at LIMIT ?)",
            (min(number - MOST, BATCH),),
        )


def _numbers(order: Iterable[object]) -> tuple[int, ...]:
    """Return the numbers of an order. Raises ValueError, TypeError."""
    return tuple(int(str(number)) for number in order)


def _key(channel: str, key: GroupKey) -> tuple[str, str, str, str]:
    return text(channel), text(key.route), text(key.source), text(key.group)
