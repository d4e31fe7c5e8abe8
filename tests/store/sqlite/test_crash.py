"""Tests of crashes: acknowledged events are stored completely, and a full disk loses nothing."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.conftest import opened_sqlite
from tests.store.samples import claim, rows

ROOT = Path(__file__).parents[3]
KILLS = 12


def burst_until_killed(path: Path, turn: int, lines: int) -> set[str]:
    """Run a process that accepts, kill it after some lines, and return its acknowledgements."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.burst_child", str(path), str(turn)], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        acknowledged = [child.stdout.readline() for _ in range(lines)]
        child.kill()
        # Lines written before its death count as well.
        acknowledged += child.stdout.readlines()
    assert child.returncode == -9
    return {line.decode().strip() for line in acknowledged if line.endswith(b"\n")}


@pytest.mark.slow
def test_kill_at_any_moment_loses_nothing_acknowledged_and_leaves_nothing_half_written(path: Path) -> None:
    moments = random.Random(20)
    acknowledged: set[str] = set()
    for turn in range(KILLS):
        acknowledged |= burst_until_killed(path, turn, moments.choice([1, 5, 40, 300]) + moments.randrange(30))
        # The first look is at the file as the crash left it, before its log is checkpointed.
        assert rows(path, "PRAGMA integrity_check") == [("ok",)]
        assert rows(path, "PRAGMA foreign_key_check") == []
        kept = {str(event_id) for (event_id,) in rows(path, "SELECT id FROM events")}
        assert acknowledged - kept == set()
    assert len(acknowledged) > KILLS * 20
    whole = """
        SELECT count(*) FROM events e WHERE (SELECT count(*) FROM deliveries d WHERE d.event = e.seq) = 2
        AND EXISTS (SELECT 1 FROM requests r WHERE r.id = e.request)
        AND EXISTS (SELECT 1 FROM keys k WHERE k.event = e.id)
    """
    assert rows(path, whole) == [(len(kept),)]
    assert rows(path, "SELECT count(*) FROM keys") == [(len(kept),)]
    # Both events of a request, or none.
    halves = """
        SELECT count(*) FROM events e WHERE e.part = 1
        AND NOT EXISTS (SELECT 1 FROM events f WHERE f.request = e.request AND f.part = 0)
    """
    assert rows(path, halves) == [(0,)]


async def test_after_a_kill_everything_acknowledged_is_claimed_in_order(path: Path) -> None:
    acknowledged = burst_until_killed(path, 0, 100)
    store = opened_sqlite(f"sqlite:///{path}")
    for channel in ("a", "b"):
        claimed = await claim(store, 100_000, channel)
        ids = [delivery.event.id for delivery in claimed]
        assert acknowledged <= set(ids)
        assert len(ids) == len(set(ids))
        assert [delivery.id for delivery in claimed] == sorted(delivery.id for delivery in claimed)
    await store.close()


def test_a_store_whose_files_may_not_grow_refuses_new_events_keeps_old_ones_and_recovers(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.full_disk_process", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    number, status = done.stdout.split()
    assert int(number) > 5
    assert status == "accepted"
    assert rows(path, "SELECT count(*) FROM events") == [(int(number) + 1,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
