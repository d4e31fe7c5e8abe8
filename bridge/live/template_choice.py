"""Which template makes the message of an event, by the routes and by its type."""

from bridge.events import Event
from bridge.live.snapshot import Snapshot
from bridge.messages.render import choose
from bridge.routing.decide import decide


def template_for(event: Event, snapshot: Snapshot) -> str:
    """The template that an event gets: that of the first route that wants it and names one that is there, else the most
    specific one by its type."""
    there = {*snapshot.templates.names()}
    named = (planned.template for planned in decide(event, snapshot.routes).deliveries)
    return next((name for name in named if name in there), None) or choose(event, snapshot.templates)
