"""Choose the template of an event by its routes and its type."""

from bridge.events import Event
from bridge.live.snapshot import Snapshot
from bridge.messages.choice import choose
from bridge.routing.decide import decide


def template_for(event: Event, snapshot: Snapshot) -> str:
    """Return the template of the first matching route with an existing one, else the most specific by type."""
    there = {*snapshot.templates.names()}
    named = (planned.template for planned in decide(event, snapshot.routes).deliveries)
    return next((name for name in named if name in there), None) or choose(event, snapshot.templates)
