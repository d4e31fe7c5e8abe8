"""Verdict of a chaos run: losses, duplicates with their causes, and order. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

LISTED = 10
"""Violations of a kind that are listed one by one."""

SHORTEST_START = 0.2
"""Minimum seconds from the start of a process to its first post."""

End = Literal["SIGKILL", "SIGTERM", "by itself"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One post that a channel shows."""

    at: float
    """Unix seconds."""
    markers: tuple[str, ...]
    """Markers of its events, in their order in the post."""
    answered: bool = True
    """Whether the sender got the `ok`, unless its process died first."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process. Times are in Unix seconds."""

    began: float
    """Time before its start."""
    end: End
    full_until: float = 0.0
    """Time of its last full disk. Posts before it may be unrecorded."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One delivery in the store at the end. Deliveries are in the order of acceptance of their events."""

    event: str
    """The id of the event."""
    marker: str
    channel: str
    state: str = "delivered"
    reason: str = ""
    posted: int = 1
    """The number of its attempts recorded as `ok`."""


@dataclass(frozen=True, slots=True)
class Record:
    """Observations of a run."""

    acked: Mapping[str, Sequence[str]]
    """The channels that each acknowledged event must reach, by the event's marker."""
    shown: Mapping[str, Sequence[Shown]]
    """The posts that each channel shows, oldest first."""
    kept: Sequence[Kept]
    lives: Sequence[Life]


@dataclass(slots=True)
class Verdict:
    """Counts in messages: an event in one channel is one."""

    messages: int = 0
    """Messages that had to be shown, for acknowledged events."""
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Duplicates without an explanation."""
    killed: int = 0
    """Duplicates because the process died between the post and its record."""
    unanswered: int = 0
    """Duplicates because Slack accepted the post and its answer was lost."""
    stopped: int = 0
    """Duplicates because the process was stopped before an unavailable store had recorded the post."""
    posts: Counter[str] = field(default_factory=Counter)
    """The posts behind these, by cause: `killed`, `unanswered` and `stopped`. A post may carry several messages."""
    event_log: list[str] = field(default_factory=list)
    """Impossible contents of the store."""

    def violations(self) -> Iterator[str]:
        """Return every violation, as lines."""
        for what, found in (
            ("lost", self.lost),
            ("out of order", self.out_of_order),
            ("an unexplained duplicate", self.unexplained),
            ("the event log", self.event_log),
        ):
            yield from (f"{what}: {one}" for one in found[:LISTED])
            if len(found) > LISTED:
                yield f"{what}: and {len(found) - LISTED} more"


def judge(record: Record) -> Verdict:
    """Count, and find violations."""
    verdict = Verdict()
    _judge_event_log(record, verdict)
    kept: dict[str, list[Kept]] = defaultdict(list)
    for one in record.kept:
        kept[one.channel].append(one)
    for channel, posts in record.shown.items():
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, post in enumerate(posts):
            for place, marker in enumerate(post.markers):
                places[marker].append((number, place))
        _judge_order(channel, kept[channel], places, verdict)
        _judge_duplicates(channel, posts, record.lives, places, verdict)
        known = {one.marker for one in kept[channel]}
        verdict.event_log += [
            f"{marker} is shown in #{channel} and not in the store" for marker in places.keys() - known
        ]
        for marker, channels in record.acked.items():
            if channel in channels:
                verdict.messages += 1
                if marker not in places:
                    verdict.lost.append(f"{marker} was acknowledged and never shown in #{channel}")
    return verdict


def _judge_event_log(record: Record, verdict: Verdict) -> None:
    events: dict[str, set[str]] = defaultdict(set)
    for one in record.kept:
        events[one.marker].add(one.event)
        if one.state != "delivered":
            verdict.event_log.append(f"{one.marker} in #{one.channel} ended as {one.state}: {one.reason}")
        elif one.posted != 1:
            verdict.event_log.append(f"{one.marker} in #{one.channel} is on record as posted {one.posted} times")
    for marker, ids in events.items():
        if len(ids) > 1:
            verdict.event_log.append(f"{marker} was accepted {len(ids)} times, as {', '.join(sorted(ids))}")
    verdict.event_log += [
        f"{marker} was acknowledged and is not in the store" for marker in record.acked.keys() - events
    ]


def _judge_order(
    channel: str, kept: Iterable[Kept], places: Mapping[str, Sequence[tuple[int, int]]], verdict: Verdict
) -> None:
    """Check that first appearances are in the order of acceptance."""
    order = [one.marker for one in kept if one.marker in places]
    for before, after in pairwise(dict.fromkeys(order)):
        if places[before][0] > places[after][0]:
            verdict.out_of_order.append(f"#{channel} shows {after} before {before}, which was accepted earlier")


def _judge_duplicates(
    channel: str,
    posts: Sequence[Shown],
    lives: Sequence[Life],
    places: Mapping[str, Sequence[tuple[int, int]]],
    verdict: Verdict,
) -> None:
    """Explain each repeated message: its earlier post was not recorded, or its sender got no answer.

    A channel worker has one post in flight, and records it before the next. So only the last post of each life in a
    channel can be missing from the record.
    """
    last: dict[int, int] = {}
    for number, post in enumerate(posts):
        last[_life_of(post, lives)] = number
    blamed: set[tuple[str, int]] = set()
    for marker, found in places.items():
        for (number, _), (again, _) in pairwise(found):
            post, life = posts[number], lives[_life_of(posts[number], lives)]
            unrecorded = last[_life_of(post, lives)] == number
            if number == again:
                verdict.unexplained.append(f"{marker} is twice in one post in #{channel}")
            elif not post.answered:
                verdict.unanswered += 1
                blamed.add(("unanswered", number))
            elif unrecorded and life.end != "SIGTERM":
                verdict.killed += 1
                blamed.add(("killed", number))
            elif unrecorded and post.at <= life.full_until:
                verdict.stopped += 1
                blamed.add(("stopped", number))
            else:
                verdict.unexplained.append(
                    f"{marker} in #{channel}: post {number} was answered, yet {again} repeats it"
                )
    verdict.posts.update(reason for reason, _ in blamed)


def _life_of(post: Shown, lives: Sequence[Life]) -> int:
    """Return the number of the life that sent a post.

    The last bytes of a dead process arrive before the next process can send any.
    """
    return max((number for number, life in enumerate(lives) if life.began + SHORTEST_START <= post.at), default=0)
