"""Whose message is rendered next: channels share the time fairly, so that a quiet one does not wait for a busy one."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_MOST_CHANNELS = 1000
"""Channels whose last cost is remembered."""


@dataclass(slots=True)
class _Queue(Generic[_Item]):
    waiting: deque[_Item] = field(default_factory=deque)
    start: float = 0.0
    """When its next turn would start, in seconds of fairly shared time."""
    cost: float = 0.0
    """Seconds that its last turn took. A channel without one has the next turn."""


class Turns(Generic[_Item]):
    """Items that wait, by channel. One item is a turn; the turn that would end first in fairly shared time is next.

    So a channel whose messages take long gets the same time as the others, and a message that comes alone waits for the
    one turn that has begun. This is fair queueing by finish times: Demers, Keshav, Shenker, "Analysis and Simulation of
    a Fair Queueing Algorithm" (1989).
    """

    def __init__(self) -> None:
        self._queues: dict[str, _Queue[_Item]] = {}
        self._now = 0.0
        """The start of the turn taken last."""

    def add(self, channel: str, item: _Item) -> None:
        """Let an item wait for a turn of its channel."""
        queue = self._queues.setdefault(channel, _Queue())
        if not queue.waiting:
            queue.start = max(queue.start, self._now)
        queue.waiting.append(item)

    def take(self) -> tuple[str, _Item] | None:
        """Return the item whose turn is next, and its channel; None if nothing waits."""
        waiting = [
            (queue.start + queue.cost, len(queue.waiting), name)
            for name, queue in self._queues.items()
            if queue.waiting
        ]
        if not waiting:
            return None
        *_, channel = min(waiting)
        queue = self._queues[channel]
        self._now = max(self._now, queue.start)
        queue.start += queue.cost
        return channel, queue.waiting.popleft()

    def took(self, channel: str, seconds: float) -> None:
        """Count the seconds that the last turn of a channel took."""
        queue = self._queues.setdefault(channel, _Queue())
        queue.start += seconds - queue.cost
        queue.cost = seconds
        if len(self._queues) > _MOST_CHANNELS:
            self._queues = {name: queue for name, queue in self._queues.items() if queue.waiting}

    def drain(self) -> Iterator[_Item]:
        """Take all items, in no certain order."""
        while taken := self.take():
            yield taken[1]
