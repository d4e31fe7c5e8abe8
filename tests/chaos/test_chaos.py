"""A short chaos run. `make chaos` is the same for longer."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos.chaos import Plan, run
from tests.chaos.verdict import Shown, judge

pytestmark = pytest.mark.slow


async def test_nothing_is_lost_or_swapped_and_every_duplicate_is_explained(tmp_path: Path) -> None:
    plan = Plan(seconds=15, seed=7, kill_every=1.5, fill_every=3, failure_every=0.7)
    report = await run(plan, tmp_path)
    assert report.violations() == []
    assert report.counts["events acknowledged"] >= 20
    assert report.verdict.messages == 2 * report.counts["events acknowledged"]
    assert report.counts["kills (SIGKILL)"] + report.counts["stops (SIGTERM)"] >= 2

    # The same record with a loss and with a changed order: the verdict must show both.
    posts = report.record.shown["alone"]
    first, last = posts[0].markers[0], posts[-1].markers[0]
    without = [replace(post, markers=tuple(m for m in post.markers if m != first)) for post in posts]
    lost = judge(replace(report.record, shown={**report.record.shown, "alone": without}))
    assert [line.split()[0] for line in lost.lost] == [first]
    ahead: list[Shown] = [replace(posts[0], markers=(last,)), *posts]
    swapped = judge(replace(report.record, shown={**report.record.shown, "alone": ahead}))
    assert len(swapped.out_of_order) == 1
    assert last in swapped.out_of_order[0]
