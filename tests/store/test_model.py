"""Property test of the store against a simple model in memory: both agree after any order of calls."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.core.states import DeliveryState, OutcomeKind
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState
from bridge.store import AcceptResult, Attempt, DeliveryResult, GroupKey, NewEvent
from tests.store.conftest import ENGINES, MEMORY, opened
from tests.store.samples import DAY, NOW, claim, event, receive, request, settle

CHANNELS = ("a", "b")
GROUP = GroupKey("r", "gitlab", "7/pipeline/main")
T = TypeVar("T")


@dataclass
class Sent:
    """Delivery in the model."""

    channel: str
    state: DeliveryState
    settled_at: float | None
    attempts: int = 0
    revived: bool = False


@dataclass
class Arrived:
    """Event in the model."""

    id: str
    received_at: float
    deliveries: list[Sent]


class Model:
    """Model of the store's behaviour, as simple as possible."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], tuple[str, float]] = {}
        self.events: list[Arrived] = []
        self.last_states: dict[str, str] = {}
        """By channel."""

    def accept(self, entry: NewEvent, now: float) -> AcceptResult:
        """Accept one entry."""
        source = entry.event.source
        seen = [self.keys[source, key] for key in entry.event.keys if (source, key) in self.keys]
        first = next((event_id for event_id, expires_at in seen if expires_at > now), None)
        if first is None:
            sent = [Sent(p.channel, p.state, None if p.state == "waiting" else now) for p in entry.deliveries]
            self.events.append(Arrived(entry.event.id, now, sent))
            waiting = tuple(p.channel for p in entry.deliveries if p.state == "waiting")
            outcome = AcceptResult("accepted", entry.event.id, waiting)
        else:
            dead = [d for e in self.events if e.id == first for d in e.deliveries if d.state == "dead"]
            for delivery in dead:
                delivery.state, delivery.settled_at, delivery.revived = DeliveryState.WAITING, None, True
            outcome = AcceptResult("revived" if dead else "duplicate", first, tuple(d.channel for d in dead))
        for key, ttl in zip(entry.event.keys, entry.ttls, strict=True):
            owner, expires_at = self.keys.get((source, key), (outcome.id, now))
            if expires_at <= now or expires_at > now + ttl:
                self.keys[source, key] = (outcome.id if expires_at <= now else owner, now + ttl)
        return outcome

    def waiting(self, channel: str) -> list[tuple[str, Sent]]:
        """Return a channel's waiting deliveries in order."""
        return [(e.id, d) for e in self.events for d in e.deliveries if d.channel == channel and d.state == "waiting"]

    def prune(self, now: float, retention: float) -> int:
        """Drop old and settled events."""
        before = now - retention

        def old(arrived: Arrived) -> bool:
            return arrived.received_at <= before and all(
                d.state not in ("waiting", "dead") and d.settled_at is not None and d.settled_at <= before
                for d in arrived.deliveries
            )

        kept = [arrived for arrived in self.events if not old(arrived)]
        dropped = len(self.events) - len(kept)
        self.events = kept
        self.keys = {key: value for key, value in self.keys.items() if value[1] > now}
        return dropped


class StoreAgainstModel(RuleBasedStateMachine):
    """Call both, and compare the results."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.model = Model()
        self.now = NOW

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    @initialize(kind=st.sampled_from([*ENGINES, "memory"]))
    def open(self, kind: str) -> None:
        self.url = MEMORY if kind == "memory" else ENGINES[kind](Path(self.folder.name))
        self.store = opened(self.url)

    @rule(
        wanted=st.lists(
            st.tuples(
                st.sampled_from(["gitlab", "other"]),
                st.lists(st.sampled_from("klm"), max_size=3),
                st.lists(
                    st.tuples(st.sampled_from(CHANNELS), st.sampled_from(["waiting", "waiting", "skipped"])),
                    max_size=2,
                    unique_by=lambda planned: planned[0],
                ),
                st.lists(st.sampled_from([5.0, 50.0]), min_size=3, max_size=3),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def accept(self, wanted: list[tuple[str, list[str], list[tuple[str, DeliveryState]], list[float]]]) -> None:
        entries = []
        for part, (source, keys, planned, ttls) in enumerate(wanted):
            one = event(*(keys or ["its own"]), source=source, now=self.now)
            deliveries = tuple(Planned(channel, "r", None, state) for channel, state in planned)
            entries.append(NewEvent(one, part, deliveries, tuple(ttls[: len(one.keys)])))
        kept = self.run(receive(self.store, request(), entries, self.now))
        assert kept == [self.model.accept(entry, self.now) for entry in entries]

    @rule(
        channel=st.sampled_from(CHANNELS),
        n=st.integers(1, 3),
        state=st.sampled_from(DeliveryState),
        posted=st.booleans(),
        shown=st.sampled_from(["", "failed", "success"]),
    )
    def settle(self, channel: str, n: int, state: DeliveryState, posted: bool, shown: str) -> None:
        claimed = self.run(claim(self.store, n, channel))
        attempt = Attempt(self.now, OutcomeKind.OK, 200, "ok", 0.1) if posted else None
        remembers = (GROUP, GroupState(GROUP.group, shown)) if shown else None
        results = [DeliveryResult(d.id, state, attempt=attempt, remembers=remembers) for d in claimed]
        self.run(settle(self.store, results, self.now))
        if claimed and shown:
            self.model.last_states[channel] = shown
        for _, delivery in self.model.waiting(channel)[:n]:
            delivery.state = state
            delivery.settled_at = None if state == "waiting" else self.now
            delivery.attempts += posted

    @rule(seconds=st.sampled_from([1.0, 5.0, 49.0, -49.0, -DAY, DAY]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(retention=st.sampled_from([0.0, 10.0, 100.0]))
    def prune(self, retention: float) -> None:
        assert self.run(self.store.prune(self.now, retention)) == self.model.prune(self.now, retention)

    @rule()
    def reopen(self) -> None:
        if self.url != MEMORY:
            self.run(self.store.close())
            self.store = opened(self.url)

    @invariant()
    def waiting_deliveries_and_counts_agree(self) -> None:
        if not hasattr(self, "store"):
            return
        for channel in CHANNELS:
            claimed = [(d.event.id, d.attempts, d.revived) for d in self.run(claim(self.store, 1000, channel))]
            assert claimed == [(event_id, d.attempts, d.revived) for event_id, d in self.model.waiting(channel)]
            last = self.run(self.store.last_states({channel: GROUP}))[channel]
            assert (last.state if last else None) == self.model.last_states.get(channel)
        counts = self.run(self.store.counts())
        assert counts.states == Counter(d.state for e in self.model.events for d in e.deliveries)
        assert counts.waiting == {c: len(self.model.waiting(c)) for c in CHANNELS if self.model.waiting(c)}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.close())
        self.run(self.loop.shutdown_default_executor())
        self.loop.close()
        self.folder.cleanup()


StoreAgainstModel.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestStoreAgainstModel = pytest.mark.slow(StoreAgainstModel.TestCase)
