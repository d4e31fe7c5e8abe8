"""Measure the gain of group commit, and the cost of a long queue.

    python bench/store.py

Prints ratios measured in one run on one machine; absolute rates differ between machines.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from statistics import median

from bridge.events import Event, Request, new_id
from bridge.routing.decide import Planned
from bridge.sources import PROVIDERS
from bridge.store import Arrival, NewEvent, open_store
from bridge.store.sqlite import worker
from bridge.store.sqlite.store import SqliteStore

CONCURRENT = 64
ROUNDS = 5
CALLS = 3000
WAITING = 100_000
BODY = b'{"object_kind": "pipeline", "object_attributes": {"status": "failed"}, "padding": "' + b"x" * 4000 + b'"}'
REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {"x-gitlab-event": "Pipeline Hook"}, BODY)


def entries() -> Iterator[tuple[list[Arrival], float]]:
    """Yield the arguments of accepts, all of them new."""
    first = PROVIDERS["gitlab"].events(REQUEST, "gitlab", 0.0)[0]
    for number in count():
        now = time.time()
        event: Event = replace(first, id=new_id(now), keys=(f"id:{number}",), received_at=now)
        entry = NewEvent(event, 0, (Planned("general", "everything", None),), (86_400.0,))
        yield [Arrival(REQUEST, (entry,))], now


async def burst(store: SqliteStore, new: Iterator[tuple[list[Arrival], float]], calls: int) -> float:
    """Measure accepts per second, with as many at once as connections in the design's measurements."""

    async def one_after_the_other() -> None:
        for _ in range(calls // CONCURRENT):
            await store.accept(*next(new))

    start = time.perf_counter()
    await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENT)))
    return calls // CONCURRENT * CONCURRENT / (time.perf_counter() - start)


async def single_accept_seconds(store: SqliteStore, new: Iterator[tuple[list[Arrival], float]]) -> float:
    """Return the median seconds of a single accept."""
    taken = []
    for _ in range(500):
        start = time.perf_counter()
        await store.accept(*next(new))
        taken.append(time.perf_counter() - start)
    return median(taken)


async def main(say: Callable[[str], object]) -> None:
    """Measure and print."""
    new = entries()
    with tempfile.TemporaryDirectory() as folder:

        def fresh(name: str) -> SqliteStore:
            store = open_store(f"sqlite:///{Path(folder) / name}", limit=2**40, owner=True)
            assert isinstance(store, SqliteStore)
            return store

        grouped, single = [], []
        store = fresh("group.db")
        commits = 0
        group = worker.GROUP
        for _ in range(ROUNDS):
            before = store.commits
            grouped.append(await burst(store, new, CALLS))
            commits += store.commits - before
            worker.GROUP = 1
            single.append(await burst(store, new, CALLS // 4))
            worker.GROUP = group
        await store.close()
        say(
            f"group commit / commit per accept, {CONCURRENT} at once: {median(grouped) / median(single):.1f} "
            f"({median(grouped):.0f} and {median(single):.0f} accepts a second; "
            f"{ROUNDS * (CALLS // CONCURRENT * CONCURRENT) / commits:.0f} accepts a commit)"
        )

        empty, full = fresh("empty.db"), fresh("full.db")
        await burst(full, new, WAITING)
        rates, waits = ([], []), ([], [])  # type: tuple[list[float], list[float]], tuple[list[float], list[float]]
        for _ in range(ROUNDS):
            for index, store in enumerate((empty, full)):
                rates[index].append(await burst(store, new, CALLS))
                waits[index].append(await single_accept_seconds(store, new))
        say(
            f"accept with {WAITING} waiting / with none: "
            f"{median(waits[1]) / median(waits[0]):.2f} in seconds alone ({median(waits[1]) * 1e6:.0f} µs), "
            f"{median(rates[1]) / median(rates[0]):.2f} in accepts a second ({median(rates[1]):.0f})"
        )
        claims = []
        for store in (empty, full):
            taken = []
            hold = await store.hold("general", "bench", 60.0)
            for _ in range(200):
                start = time.perf_counter()
                await hold.claim(1)
                taken.append(time.perf_counter() - start)
            claims.append(median(taken))
        say(f"claim with {WAITING} waiting / with few: {claims[1] / claims[0]:.2f} ({claims[1] * 1e6:.0f} µs)")
        start = time.perf_counter()
        await full.counts()
        say(f"counts with {WAITING} waiting: {(time.perf_counter() - start) * 1e3:.0f} ms")
        await full.close()
        start = time.perf_counter()
        full = fresh("full.db")
        await (await full.hold("general", "bench", 60.0)).claim(1)
        say(f"opening with {WAITING} waiting, up to the first claim: {(time.perf_counter() - start) * 1e3:.0f} ms")
        await empty.close()
        await full.close()


if __name__ == "__main__":
    asyncio.run(main(lambda line: sys.stdout.write(line + "\n")))
