"""What a chaos run amounts to: what was lost, what came twice and why, and whether order was kept. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

LISTED = 10
"""Faults of a kind that are told one by one."""

SHORTEST_START = 0.2
"""Seconds that a process needs at least until its first post."""

End = Literal["SIGKILL", "SIGTERM", "by itself"]


@dataclass(frozen=True, slots=True)
class Shown:
    """One post that a channel shows."""

    at: float
    """Unix seconds."""
    markers: tuple[str, ...]
    """Of the events in it, in the order in which they stand there."""
    answered: bool = True
    """Whether whoever posted it was told `ok` while it still waited for the answer, if it lived that long."""


@dataclass(frozen=True, slots=True)
class Life:
    """One process. Times are in Unix seconds."""

    began: float
    """Before it was started."""
    end: End
    full_until: float = 0.0
    """When its disk was full last: what was posted before may not have been put on record."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One delivery in the store at the end. They are given in the order in which their events were accepted."""

    event: str
    """Its id."""
    marker: str
    channel: str
    state: str = "delivered"
    reason: str = ""
    posted: int = 1
    """How many of its attempts are on record as `ok`."""


@dataclass(frozen=True, slots=True)
class Record:
    """What was seen of a run."""

    acked: Mapping[str, Sequence[str]]
    """The channels that each acknowledged event must reach, by the event's marker."""
    shown: Mapping[str, Sequence[Shown]]
    """What each channel shows, oldest first."""
    kept: Sequence[Kept]
    lives: Sequence[Life]


@dataclass(slots=True)
class Verdict:
    """The counts, in messages: an event in one channel is one."""

    messages: int = 0
    """Of acknowledged events: what had to be shown."""
    lost: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    """Duplicates that nothing explains."""
    killed: int = 0
    """Duplicates because the process died between the post and its record."""
    unanswered: int = 0
    """Duplicates because Slack took the post and its answer was lost."""
    stopped: int = 0
    """Duplicates because the process was stopped before a store that could not write had the post on record."""
    posts: Counter[str] = field(default_factory=Counter)
    """The posts behind these, of which one may carry several messages: `killed`, `unanswered` and `stopped`."""
    event_log: list[str] = field(default_factory=list)
    """What the store says that cannot be."""

    def violations(self) -> Iterator[str]:
        """Everything that must not be, in lines."""
        for what, found in (
            ("lost", self.lost),
            ("out of order", self.out_of_order),
            ("an unexplained duplicate", self.unexplained),
            ("the ledger", self.event_log),
        ):
            yield from (f"{what}: {one}" for one in found[:LISTED])
            if len(found) > LISTED:
                yield f"{what}: and {len(found) - LISTED} more"


def judge(record: Record) -> Verdict:
    """Count, and find what must not be."""
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
    """First appearances must come in the order of acceptance."""
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
    """A message may be shown again only if its post before could not be put on record, or nobody knew that it was one.

    A lane has one post in flight, and puts it on record before the next: of each life only the last post of a channel
    can be missing there.
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
                verdict.unexplained.append(f"{marker} stands twice in one post in #{channel}")
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
    """Which life posted it. The last bytes of a dead process arrive before the next one can have made any."""
    return max((number for number, life in enumerate(lives) if life.began + SHORTEST_START <= post.at), default=0)
