"""What is known about the message at the head of a queue, and what a worker does next: plain values."""

from dataclasses import dataclass
from enum import StrEnum

from bridge.core.states import WorkerState
from bridge.delivery.outcome import Outcome

FIRST_LIMIT = 6.0
"""Seconds for a post that Slack has not shown yet."""
PATIENT_LIMIT = 30.0
"""Seconds for a post that Slack may have shown: a slow answer is better than another copy."""
LAST_TRY = "not answered for an hour, while Slack answered each probe"


class Step(StrEnum):
    """What a worker does next."""

    POST = "post"
    """Post the same again: its text alone if the state says so."""
    PROBE = "probe"
    """Send a probe."""
    DONE = "done"
    """Slack shows it."""
    GIVE_UP = "give up"
    """The message is at fault. A batch is split, a delivery dead, a digest replaced by batches, a notice dropped."""


@dataclass(frozen=True, slots=True)
class StepPolicy:
    """What may become of a message that is at fault."""

    text_alone: bool
    """Whether it may be sent as text alone, once. Not for what stands for several deliveries: these are given up."""


SINGLE = StepPolicy(text_alone=True)
SHARED = StepPolicy(text_alone=False)


@dataclass(frozen=True, slots=True)
class StepState:
    """What has happened so far to the message at the head of the queue, and to its channel."""

    failures: int = 0
    """Failures by the network in a row, of posts and probes."""
    own_failures: int = 0
    """Slack's own failures on the message."""
    uncertain: int = 0
    """Outcomes after which Slack may have shown the message."""
    since: float | None = None
    """Time of the first failure by the network, if every probe since then was answered."""
    post_at: float = 0.0
    """Time of the next try."""
    failed: Outcome | None = None
    """The outcome of a post that the next probe explains."""
    held: bool = False
    """Whether only probes are sent, until one is answered as a working webhook does."""
    doubted: bool = False
    """Whether it was refused as by a closed destination, and the probe was answered: the destination may be back."""
    as_text: str = ""
    """The reason to send only its text; "" while the whole message is sent."""
    is_last_try: bool = False
    """Whether its text is sent for the last time."""
    status: WorkerState = WorkerState.RUNNING
    limited: int = 0
    """Pauses in a row for which Slack named no time."""
    limited_since: float | None = None
    """Time of the first of the 429s in a row."""
    slow: bool = False
    """Whether Slack took the last post only after ``FIRST_LIMIT``."""

    def next_message(self) -> "StepState":
        """Return the state for another message at the head: what is about the channel stays."""
        return StepState(status=self.status, limited=self.limited, limited_since=self.limited_since, slow=self.slow)

    @property
    def is_retry(self) -> bool:
        """Whether the message was tried already, so that no other may go before it."""
        return self != self.next_message()

    @property
    def text_reason(self) -> str:
        """The reason to send only its text; "" for the whole message."""
        return self.as_text or (LAST_TRY if self.is_last_try else "")

    @property
    def time_limit(self) -> float:
        """Seconds for the next post."""
        return PATIENT_LIMIT if self.uncertain or self.is_last_try or self.slow else FIRST_LIMIT


@dataclass(frozen=True, slots=True)
class Action:
    """What follows an outcome: wait, then do the step, with the state."""

    step: Step
    state: StepState
    wait: float = 0.0
    """Seconds before the step."""
    pause: float = 0.0
    """Seconds in which nobody may post to the webhook."""
    reason: str = ""
    """For ``GIVE_UP``: why."""
    alert: bool = False
    """Whether somebody should know that Slack answers nothing but 429."""
