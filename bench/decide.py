"""Measure the cost of deciding on the accept path: 50 routes with and without conditions, and one condition alone.

    python bench/decide.py

Prints microseconds for one event, the best of several rounds.
"""

import json
import timeit
from pathlib import Path

from bridge import __file__ as bridge
from bridge.events import Event
from bridge.routing.conditions import compile_condition
from bridge.routing.decide import decide
from bridge.routing.routes_file import Routes, parse_routes

ROUNDS, TURNS = 7, 2_000


def fifty_routes(matching: int, *, conditions: bool) -> Routes:
    """Return 50 routes, ``matching`` of them for the event's type; each may have a condition that is not met."""
    text = []
    for number in range(50):
        events = ["pipeline", "!pipeline.running"] if number < matching else [f"push.{number}", "*.never"]
        text.append(f"[[routes]]\nevents = {events}\nchannels = ['channel-{number}']\nsource = 'gitlab'")
        if conditions:
            text.append(f"when = \"payload.object_attributes.ref == 'topic-{number}'\"")
    return parse_routes("\n".join(text))


def microseconds(event: Event, routes: Routes) -> float:
    decide(event, routes)
    return min(timeit.repeat(lambda: decide(event, routes), number=TURNS, repeat=ROUNDS)) / TURNS * 1e6


def main() -> None:
    payload = json.loads(Path(bridge).with_name("samples").joinpath("gitlab", "pipeline.failed.json").read_bytes())
    event = Event(
        id="0",
        source="gitlab",
        provider="gitlab",
        type="pipeline.failed",
        keys=(),
        payload=payload,
        subject="",
        name="",
        url="",
        actor="",
        occurred_at=None,
        received_at=0.0,
        confidential=False,
        test=False,
    )
    condition = compile_condition("payload.object_attributes.ref == 'main'")
    one = min(timeit.repeat(lambda: condition(event, payload), number=TURNS, repeat=ROUNDS)) / TURNS * 1e6
    print(f"{one:7.1f} µs  one condition by itself")  # noqa: T201 - a bench prints
    for title, routes in {
        "50 routes, 1 fits": fifty_routes(1, conditions=False),
        "50 routes, 5 fit": fifty_routes(5, conditions=False),
        "50 routes, all with a condition, 1 fits": fifty_routes(1, conditions=True),
        "50 routes, all with a condition, 5 fit": fifty_routes(5, conditions=True),
        "50 routes, all with a condition, all fit": fifty_routes(50, conditions=True),
    }.items():
        print(f"{microseconds(event, routes):7.1f} µs  {title}")  # noqa: T201


if __name__ == "__main__":
    main()
