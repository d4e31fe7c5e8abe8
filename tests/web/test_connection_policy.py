"""Tests of the connection policy: tables and properties, without sockets and without waiting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.web.connection_policy import (
    EXPIRE_BATCH,
    FREE_REQUESTS,
    MAX_HEAD,
    PROGRESS,
    ConnectionRecord,
    ConnectionTable,
    Drop,
    Limits,
    Reason,
    Stage,
    client_network,
)


def table_of(*stages: Stage, limits: Limits | None = None) -> tuple[ConnectionTable, list[ConnectionRecord]]:
    """Open one connection a second, each from its own network, and move each to its stage."""
    table = ConnectionTable(limits or Limits(most=len(stages)))
    records = []
    for second, stage in enumerate(stages):
        record = ConnectionRecord(f"network {second}", second)
        assert table.open(record, second) is None
        record.verified = stage is Stage.AUTHENTICATED
        table.enter(record, stage, second)
        records.append(record)
    return table, records


@pytest.mark.parametrize(
    ("stages", "closed"),
    [
        ([Stage.HEAD, Stage.HEAD], 0),
        ([Stage.WORK, Stage.IDLE, Stage.HEAD], 1),
        ([Stage.AUTHENTICATED, Stage.BODY, Stage.IDLE], 1),
        ([Stage.AUTHENTICATED, Stage.WORK, Stage.BODY], 2),
        ([Stage.WORK, Stage.AUTHENTICATED, Stage.AUTHENTICATED], 1),
        ([Stage.WORK, Stage.WORK], None),
    ],
    ids=["oldest", "idle", "body before authenticated", "newest body", "oldest authenticated", "none in work"],
)
def test_which_connection_is_closed_for_a_new_one(stages: list[Stage], closed: int | None) -> None:
    table, records = table_of(*stages)
    new = ConnectionRecord("new", 100)
    assert table.open(new, 100) == Drop(new if closed is None else records[closed], Reason.TOO_MANY)
    assert (new in table, len(table)) == (closed is not None, len(stages))


def test_a_network_with_a_quarter_of_all_connections_makes_room_for_itself() -> None:
    table = ConnectionTable(Limits(most=8))
    others = [ConnectionRecord(f"network {number}", 0) for number in range(5)]
    greedy = [ConnectionRecord("greedy", 0) for _ in range(20)]
    for now, record in enumerate([*others, *greedy]):
        table.open(record, now)
    assert all(record in table for record in others)
    assert [record in table for record in greedy[-3:]] == [True] * 3


@pytest.mark.parametrize(
    ("stage", "unread", "age", "reason", "status", "graceful"),
    [
        (Stage.HEAD, 1, 9.9, None, 0, False),
        (Stage.HEAD, 1, 10.0, Reason.HEAD_TIMEOUT, 408, False),
        (Stage.HEAD, 0, 10.0, Reason.IDLE, 408, False),
        (Stage.IDLE, 0, 74.9, None, 0, False),
        (Stage.IDLE, 0, 75.0, Reason.IDLE, 408, True),
        (Stage.AUTHENTICATED, 0, 75.0, Reason.IDLE, 408, True),
        (Stage.BODY, 1, 10_000.0, None, 0, False),
        (Stage.WORK, 1, 10_000.0, None, 0, False),
    ],
)
def test_when_a_connection_expires(
    stage: Stage, unread: int, age: float, reason: Reason | None, status: int, graceful: bool
) -> None:
    table, [record] = table_of(stage, limits=Limits())
    table.count(record, unread)
    drops = table.expire(age)
    assert drops == ([Drop(record, reason)] if reason else [])
    assert [(drop.status, drop.graceful) for drop in drops] == ([(status, graceful)] if reason else [])
    assert (len(table), table.unread) == ((0, 0) if reason else (1, unread))


def test_connections_expire_in_batches() -> None:
    table, records = table_of(*[Stage.HEAD] * (EXPIRE_BATCH + 5), limits=Limits())
    assert [drop.record for drop in table.expire(1000)] == records[:EXPIRE_BATCH]
    assert [drop.record for drop in table.expire(1000)] == records[EXPIRE_BATCH:]
    assert table.expire(1000) == []


def test_over_the_unread_limit_the_largest_connection_is_closed_for_one_that_sent_little() -> None:
    table, [small, large] = table_of(Stage.BODY, Stage.BODY, limits=Limits(unread=3 * MAX_HEAD))
    assert table.receive(large, 3 * MAX_HEAD, 2) is None
    assert table.receive(small, 10, 2) == Drop(large, Reason.UNREAD)
    assert (small in table, table.unread) == (True, 10)


def test_over_the_unread_limit_a_connection_that_sent_much_is_closed() -> None:
    table, [other, sender] = table_of(Stage.BODY, Stage.BODY, limits=Limits(unread=5 * MAX_HEAD))
    assert table.receive(other, 4 * MAX_HEAD, 2) is None
    assert table.receive(sender, 2 * MAX_HEAD, 2) == Drop(sender, Reason.UNREAD)
    assert (other in table, table.unread) == (True, 4 * MAX_HEAD)


def test_bytes_outside_a_body_are_limited() -> None:
    table, [record] = table_of(Stage.WORK, limits=Limits())
    assert table.receive(record, MAX_HEAD + 1, 0) is None
    assert table.receive(record, 1, 0) == Drop(record, Reason.NO_BODY)
    assert (len(table), table.unread) == (0, 0)


def test_a_first_byte_starts_a_head() -> None:
    table, [record] = table_of(Stage.IDLE, limits=Limits())
    table.receive(record, 1, 50)
    assert (record.stage, record.since) == (Stage.HEAD, 50)


def test_a_body_that_advances_counts_as_fresh() -> None:
    table, [record] = table_of(Stage.BODY, limits=Limits())
    table.receive(record, 2 * PROGRESS, 1)
    table.read_body(record, PROGRESS - 1, 7)
    assert (record.since, table.unread) == (0, PROGRESS + 1)
    table.read_body(record, 1, 8)
    assert (record.since, table.unread) == (8, PROGRESS)


def test_requests_of_unauthenticated_clients_are_limited() -> None:
    table, [record] = table_of(Stage.WORK, limits=Limits())
    assert [table.respond(record, 0, last=False) for _ in range(FREE_REQUESTS + 1)] == [False] * FREE_REQUESTS + [True]
    assert not table.respond(record, 2, last=False)
    record.verified = True
    assert [table.respond(record, 2, last=False) for _ in range(100)] == [False] * 100
    assert record.stage is Stage.AUTHENTICATED


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_the_network_of_a_client(address: str, network: str) -> None:
    assert client_network(address) == network


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["open", "close", "receive", "head", "read", "work", "respond", "verify", "expire"]),
        st.integers(0, 30),
        st.integers(0, 100_000),
        st.floats(0, 30),
    ),
    max_size=60,
)


@given(STEPS)
def test_totals_and_limits_hold_for_any_client_behaviour(steps: list[tuple[str, int, int, float]]) -> None:
    table = ConnectionTable(Limits(most=5, unread=300_000))
    records: list[ConnectionRecord] = []
    now = 0.0
    for action, index, size, seconds in steps:
        now += seconds
        working = [record for record in table if record.stage is Stage.WORK]
        if action in ("open", "expire"):
            record = ConnectionRecord(f"network {index % 3}", now)
            drops = [table.open(record, now)] if action == "open" else table.expire(now)
            records.append(record)
            assert all(record in table for record in working)
        else:
            drops = [_act(table, records[index % len(records)], action, size, now)] if records else []
        left = list(table)
        assert len(table) == len(left) <= table.limits.most
        assert table.unread == sum(record.unread for record in left) <= table.limits.unread
        assert not any(drop.record in table for drop in drops if drop)
        for stage in Stage:
            times = [record.since for record in left if record.stage is stage]
            assert times == sorted(times)


def _act(table: ConnectionTable, record: ConnectionRecord, action: str, size: int, now: float) -> Drop | None:
    """Apply the action of its client to a connection."""
    match action:
        case "close":
            table.close(record)
        case "receive" if record in table:
            return table.receive(record, size, now)
        case "head":
            table.enter(record, Stage.BODY, now)
        case "read":
            table.read_body(record, min(size, record.unread), now)
        case "work":
            table.enter(record, Stage.WORK, now)
        case "respond":
            table.respond(record, now, last=bool(size % 2))
        case "verify":
            record.verified = True
    return None
