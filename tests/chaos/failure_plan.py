"""Plan of a channel's webhook: mostly Slack's normal answers, with a failure now and then."""

import random
from collections import Counter, deque
from collections.abc import Callable

from bridge.demo.slack_simulator import rate_limited
from tests.slack.answers import BAD_GATEWAY, EMPTY_500, HTML_200, INVALID_BLOCKS, NO_SERVICE
from tests.slack.behaviours import slow_but_shown
from tests.slack.simulator import Behaviour, Fault, Late

TOO_LATE = 7.0
"""Seconds: later than a bridge waits for an answer."""
CLEAR = 3
"""Requests without a failure after each one. A message that meets too many failures is rightly taken as their cause."""

_FAILURES: tuple[tuple[str, int, tuple[Behaviour | None, ...]], ...] = (
    ("429", 6, (rate_limited(1),)),
    ("500, empty", 6, (EMPTY_500,)),
    ("500 three times", 2, (EMPTY_500,) * 3),
    ("502 for a while", 2, (BAD_GATEWAY,) * 5),
    ("200 with HTML", 2, (HTML_200,)),
    ("reset before reading", 5, (Fault.RESET_BEFORE_BODY,)),
    ("reset after reading", 6, (Fault.RESET_AFTER_BODY,)),
    ("answer broken off", 3, (Fault.BREAK_OFF,)),
    ("closed", 3, (Fault.CLOSE,)),
    ("slow", 6, (Late(0.3), Late(0.1), Late(0.2))),
    ("refused", 2, (INVALID_BLOCKS,)),
    ("no service", 1, (NO_SERVICE,)),
    ("too late", 1, (Late(TOO_LATE),)),
    ("every other one 502", 2, (BAD_GATEWAY, None) * 4),
    ("slow but shown", 1, (slow_but_shown(TOO_LATE),) * 2),
)
"""Name, weight and next answers of each failure. None says twice that a single message is the cause."""


class FailurePlan:
    """Plan for ``SlackSimulator.always``.

    ``every`` is the mean number of seconds between two failures. ``taken`` is called when a post is accepted, before
    it is answered.
    """

    def __init__(
        self,
        random: random.Random,
        clock: Callable[[], float],
        every: float,
        taken: Callable[[], None],
        failures: Counter[str],
    ) -> None:
        self._random = random
        self._clock = clock
        self._every = every
        self._taken = taken
        self._failures = failures
        self._next: deque[Behaviour | None] = deque()
        self._due = clock() + random.expovariate(1 / every)
        self.calm = False
        """Set at the end: no failure any more."""

    def __call__(self) -> Behaviour | None:
        behaviour = None if self.calm else self._failure()
        if behaviour is None:
            self._taken()
        return behaviour

    def _failure(self) -> Behaviour | None:
        if not self._next and self._clock() >= self._due:
            weights = [weight for _, weight, _ in _FAILURES]
            name, _, behaviours = self._random.choices(_FAILURES, weights)[0]
            self._failures[name] += 1
            self._next.extend((*behaviours, *(None,) * CLEAR))
            self._due = self._clock() + self._random.expovariate(1 / self._every)
        return self._next.popleft() if self._next else None
