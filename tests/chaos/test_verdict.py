"""Tests of the verdict of a chaos run: each record is a good one with a defect."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bridge.demo.slack_simulator import Post
from tests.chaos.chaos import Report, kept, shown, verdict_of
from tests.chaos.failure_plan import TOO_LATE
from tests.chaos.verdict import Kept, Life, Record, Shown, judge
from tests.slack.simulator import Fault


def names(*numbers: int) -> tuple[str, ...]:
    return tuple(f"ev{number:07d}x" for number in numbers)


LIVES = (Life(0, "SIGKILL"), Life(10, "SIGTERM"), Life(20, "SIGTERM"))
POSTS = (
    Shown(1, names(1)),
    Shown(2, names(2)),
    Shown(3, names(3, 4)),
    Shown(11, names(5)),
    Shown(21, names(6)),
)
GOOD = Record(
    acked=dict.fromkeys(names(1, 2, 3, 4, 5, 6), ("general",)),
    shown={"general": POSTS},
    kept=[Kept(f"id of {marker}", marker, "general") for marker in names(1, 2, 3, 4, 5, 6)],
    lives=LIVES,
)


def showing(*posts: Shown) -> Record:
    return replace(GOOD, shown={"general": posts})


def test_a_good_record_has_no_violation() -> None:
    verdict = judge(GOOD)
    assert list(verdict.violations()) == []
    assert (verdict.messages, verdict.killed, verdict.unanswered) == (6, 0, 0)


def test_a_lost_event_is_reported() -> None:
    verdict = judge(showing(*POSTS[:1], *POSTS[2:]))
    assert verdict.lost == ["ev0000002x was acknowledged and never shown in #general"]


def test_an_event_that_the_store_does_not_have_is_reported() -> None:
    verdict = judge(replace(GOOD, kept=GOOD.kept[:-1]))
    assert sorted(verdict.event_log) == [
        "ev0000006x is shown in #general and not in the store",
        "ev0000006x was acknowledged and is not in the store",
    ]


def test_an_event_that_reached_one_of_its_channels_only_is_lost() -> None:
    both = replace(GOOD, acked={**GOOD.acked, names(1)[0]: ("general", "other")}, shown={**GOOD.shown, "other": ()})
    assert judge(both).lost == ["ev0000001x was acknowledged and never shown in #other"]


@pytest.mark.parametrize(
    "posts",
    [
        (POSTS[1], POSTS[0], *POSTS[2:]),
        (*POSTS[:2], Shown(3, names(4, 3)), *POSTS[3:]),
        (*POSTS[:2], POSTS[3], POSTS[2], POSTS[4]),
    ],
    ids=["two posts", "within a post", "several"],
)
def test_a_swapped_order_is_reported(posts: Sequence[Shown]) -> None:
    verdict = judge(showing(*posts))
    assert len(verdict.out_of_order) == 1
    assert verdict.lost == []


def test_an_unacknowledged_event_may_be_shown_and_must_keep_its_order() -> None:
    acked = {marker: channels for marker, channels in GOOD.acked.items() if marker != names(2)[0]}
    assert list(judge(replace(GOOD, acked=acked)).violations()) == []
    assert judge(replace(showing(POSTS[1], POSTS[0], *POSTS[2:]), acked=acked)).out_of_order


def test_a_kill_explains_a_second_post_of_the_last_one_before_it() -> None:
    verdict = judge(showing(*POSTS[:3], Shown(11, names(3, 4)), Shown(12, names(5)), *POSTS[4:]))
    assert list(verdict.violations()) == []
    assert (verdict.killed, verdict.posts) == (2, {"killed": 1})


@pytest.mark.parametrize(
    ("posts", "why"),
    [
        ((*POSTS[:3], Shown(11, names(2)), *POSTS[3:]), "not the last post before the kill"),
        ((*POSTS[:3], Shown(4, names(3, 4)), *POSTS[3:]), "no kill in between"),
        ((*POSTS[:4], Shown(21, names(5)), *POSTS[4:]), "a SIGTERM leaves time for the record"),
        ((*POSTS[:2], Shown(3, names(3, 4, 3)), *POSTS[3:]), "twice in a post"),
    ],
)
def test_any_other_second_post_is_reported(posts: Sequence[Shown], why: str) -> None:
    verdict = judge(showing(*posts))
    assert verdict.unexplained, why
    assert verdict.killed == 0


@pytest.mark.parametrize(("full_until", "explained"), [(12, True), (10.5, False)])
def test_a_full_disk_before_a_stop_explains_a_second_post(full_until: float, explained: bool) -> None:
    lives = (LIVES[0], replace(LIVES[1], full_until=full_until), LIVES[2])
    verdict = judge(replace(showing(*POSTS[:4], Shown(21, names(5)), *POSTS[4:]), lives=lives))
    assert (verdict.stopped, len(verdict.unexplained)) == ((1, 0) if explained else (0, 1))


def test_an_answer_that_was_lost_explains_a_second_post() -> None:
    verdict = judge(showing(Shown(1, names(1), answered=False), Shown(1.5, names(1)), *POSTS[1:]))
    assert list(verdict.violations()) == []
    assert (verdict.unanswered, verdict.posts) == (1, {"unanswered": 1})


FIRST = GOOD.kept[0]


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (replace(FIRST, state="dead", reason="500"), "ev0000001x in #general ended as dead: 500"),
        (replace(FIRST, state="waiting"), "ev0000001x in #general ended as waiting: "),
        (replace(FIRST, posted=2), "ev0000001x in #general is on record as posted 2 times"),
        (replace(FIRST, posted=0), "ev0000001x in #general is on record as posted 0 times"),
    ],
)
def test_an_impossible_event_log_is_reported(first: Kept, expected: str) -> None:
    assert judge(replace(GOOD, kept=[first, *GOOD.kept[1:]])).event_log == [expected]


def test_an_event_that_was_accepted_twice_is_reported() -> None:
    twice = Kept("another id", names(1)[0], "general")
    assert judge(replace(GOOD, kept=[*GOOD.kept, twice])).event_log[0].startswith("ev0000001x was accepted 2 times")


def test_many_violations_are_listed_in_few_lines() -> None:
    verdict = judge(replace(GOOD, acked=dict.fromkeys(names(*range(100, 200)), ("general",)), kept=GOOD.kept))
    lines = list(verdict.violations())
    assert len(lines) < 25
    assert "lost: and 90 more" in lines


def test_events_are_found_in_the_blocks_of_a_post_in_order_or_in_its_text() -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"a {name} b {name}"}} for name in names(7, 8)]
    assert shown(Post({"text": "ev0000009x", "blocks": blocks}, 1.0)).markers == names(7, 8)
    bar = [{"color": "good", "blocks": blocks}]
    assert shown(Post({"text": "ev0000008x and more", "attachments": bar}, 1.0)).markers == names(7, 8)
    assert shown(Post({"text": "ev0000009x"}, 1.0)).markers == names(9)
    assert shown(Post({"text": "", "blocks": [*blocks, blocks[0]]}, 1.0)).markers == names(7, 8, 7)


@pytest.mark.parametrize(
    ("answered", "known"),
    [
        ("200 ok", True),
        ("200 ok, 0.3 s late", True),
        (f"200 ok, {TOO_LATE:g} s late", False),
        (Fault.RESET_AFTER_BODY.name, False),
        (Fault.BREAK_OFF.name, False),
    ],
)
def test_a_post_is_answered_if_its_sender_received_the_ok(answered: str, known: bool) -> None:
    assert shown(Post({"text": ""}, 1.0, answered)).answered is known


def test_the_command_fails_on_any_violation_and_keeps_the_store(tmp_path: Path) -> None:
    lost = judge(showing(*POSTS[1:]))
    bad = (Report(GOOD, lost, {}, []), Report(GOOD, judge(GOOD), {}, ["the service ended by itself"]))
    for report in bad:
        assert verdict_of(report, tmp_path, Console(quiet=True)) == 1
        assert tmp_path.exists()
    assert verdict_of(Report(GOOD, judge(GOOD), {}, []), tmp_path, Console(quiet=True)) == 0
    assert not tmp_path.exists()


def test_a_damaged_store_is_not_read_for_the_verdict(tmp_path: Path) -> None:
    store = tmp_path / "bridge.db"
    store.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises((AssertionError, sqlite3.DatabaseError)):
        kept(store)
