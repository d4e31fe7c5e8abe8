"""What would happen to an event, and why: a pure answer that server, explain, check and tests share."""

from dataclasses import dataclass
from typing import Literal

State = Literal["waiting", "delivered", "skipped", "told", "dead", "dropped"]
"""The states of a delivery. A decision plans only ``waiting`` and ``skipped`` ones."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One condition of one route, and whether the event met it. ``detail`` says what was compared, or the error."""

    condition: Literal["enabled", "source", "events", "when", "stop"]
    met: bool
    detail: str
    error: bool = False
    """True if the condition could not be evaluated (then it is not met)."""


@dataclass(frozen=True, slots=True)
class RouteVerdict:
    """One route's answer. Conditions after the first that is not met are still listed where they cost nothing."""

    route: str
    matched: bool
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A delivery to be made: one event for one channel."""

    channel: str
    route: str
    template: str | None
    """The route's own template, or None for the most specific one by the event's type."""
    state: State = "waiting"
    reason: str = ""
    """Why it is skipped at once (a confidential event and a channel that is not private)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Every route with each condition's verdict, and the deliveries that follow."""

    routes: tuple[RouteVerdict, ...]
    deliveries: tuple[Planned, ...]
