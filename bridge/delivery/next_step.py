"""Decide what follows an outcome. Pure: every post of a channel goes by this, and nothing else does.

Only an answer that Slack wrote, or a 4xx of whoever stands in the way, can condemn a message. A probe right after it
tells whether the message is at fault, or all that is posted there. A failure of the network says nothing about the
message: it is tried again, for ever while probes fail too, and for an hour while each of them is answered.
"""

from dataclasses import replace

from bridge.core.states import OutcomeKind, WorkerState
from bridge.delivery.outcome import GONE_CODES, Outcome
from bridge.delivery.step import FIRST_LIMIT, Action, Step, StepPolicy, StepState

FAILURES = 3
"""Failures in a row before a probe finds out: is Slack down, or is it this message?"""
OWN_FAILURES = 6
"""Slack's own failures before a probe, if it says `rollup_error` or fails on text alone: mostly these pass."""
MAX_BACK_OFF = 60.0
"""Longest back-off in seconds; also the longest time between two probes while a message waits for its next try."""
PROBE_EVERY = 300.0
"""Seconds between two probes of a destination that is gone."""
UNCERTAIN_WAITS = (5.0, 30.0, 120.0, 600.0, 1800.0)
"""Seconds before the next try after the first, second, … outcome that may have shown the message."""
PAUSES = (5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
"""Seconds of the first, second, … pause in a row after a 429 without a time."""
LIMITED_ALERT = 600.0
"""Seconds of nothing but 429 after which somebody is told."""
HOUR = 3600.0
"""Seconds of failures by the network, with each probe answered, after which a message gets its last try."""


def next_step(outcome: Outcome, state: StepState, policy: StepPolicy, *, now: float, jitter: float) -> Action:
    """Return what follows an outcome: of a probe after ``Step.PROBE``, else of a post.

    ``now`` is in seconds that never jump, ``jitter`` from 0 up to 1.
    """
    if outcome.kind == OutcomeKind.RATE_LIMITED:
        return _limited(outcome, state, now, jitter)
    state = replace(state, limited=0, limited_since=None)
    if state.failed is not None:
        return _judge(outcome, replace(state, failed=None), state.failed, policy, now, jitter)
    if state.held:
        return _held(outcome, state, jitter)
    if outcome.kind == OutcomeKind.OK:
        return Action(Step.DONE, StepState(slow=outcome.seconds > FIRST_LIMIT))
    if outcome.by_slack:
        return _refused(outcome, state, jitter)
    return _unanswered(outcome, state, now, jitter)


def back_off(failures: int, jitter: float) -> float:
    """Return the seconds before the next try after ``failures``: 1, 2, 4 … 60, half of it random, at least 1."""
    return max(1.0, _spread(min(MAX_BACK_OFF, 2.0 ** min(failures - 1, 10)), jitter))


def _spread(seconds: float, jitter: float) -> float:
    return seconds * (0.5 + jitter / 2)


def _limited(outcome: Outcome, state: StepState, now: float, jitter: float) -> Action:
    """Pause the webhook. A 429 counts for nothing else, and its pause is no part of the hour."""
    asked = outcome.retry_after
    pause = jitter / 2 + (PAUSES[min(state.limited, len(PAUSES) - 1)] if asked is None else asked)
    since = now if state.limited_since is None else state.limited_since
    state = replace(
        state,
        limited=state.limited + (asked is None),
        limited_since=since,
        since=None if state.since is None else state.since + pause,
    )
    step = Step.PROBE if state.held or state.failed is not None else Step.POST
    return Action(step, state, pause=pause, alert=now - since >= LIMITED_ALERT)


def _refused(outcome: Outcome, state: StepState, jitter: float) -> Action:
    """Ask with a probe what a 4xx is about. After Slack's own failure, first try a few times more."""
    state = replace(state, failures=0, since=None)
    if outcome.kind == OutcomeKind.UNAVAILABLE:
        state = replace(state, own_failures=state.own_failures + 1)
        # An empty 500 to blocks comes for each that webhooks cannot show; any other failure of Slack mostly passes.
        tries = OWN_FAILURES if outcome.answer or state.text_reason else FAILURES
        if state.own_failures < tries:
            return Action(Step.POST, state, wait=back_off(state.own_failures, jitter))
    return Action(Step.PROBE, replace(state, failed=outcome))


def _unanswered(outcome: Outcome, state: StepState, now: float, jitter: float) -> Action:
    """Back off without end. From the third failure on, probes tell whether Slack answers at all."""
    uncertain, asked = state.uncertain + outcome.uncertain, outcome.retry_after or 0.0
    wait = max(back_off(state.failures + 1, jitter), asked)
    if outcome.uncertain:
        wait = max(wait, _spread(UNCERTAIN_WAITS[min(uncertain, len(UNCERTAIN_WAITS)) - 1], jitter))
    elif outcome.stale_connection and not state.failures:
        wait = 0.0
    state = replace(
        state,
        failures=state.failures + 1,
        uncertain=uncertain,
        since=(now if state.since is None else state.since) + asked,  # a wait that was asked for is no part of the hour
        post_at=now + wait,
    )
    if state.failures < FAILURES and not state.is_last_try and wait <= max(asked, MAX_BACK_OFF):
        return Action(Step.POST, state, wait=wait)
    return Action(Step.PROBE, replace(state, failed=outcome), wait=asked)


def _judge(probe: Outcome, state: StepState, failed: Outcome, policy: StepPolicy, now: float, jitter: float) -> Action:
    """Compare the answer to a probe with the outcome of the post before it."""
    if not probe.webhook_alive:
        return _held(probe, state, jitter)
    if failed.by_slack:
        if failed.kind == OutcomeKind.DESTINATION_GONE and not state.doubted:
            return Action(Step.POST, replace(state, doubted=True, status=WorkerState.RUNNING))
        if probe.answer != failed.answer and failed.answer not in GONE_CODES:
            return _at_fault(failed, state, policy)
        # A word about the destination says nothing about the message, and a word that both got may be a working
        # webhook's too: only another post can tell when it works again.
        return Action(Step.POST, replace(state, own_failures=0, status=WorkerState.STOPPED), wait=PROBE_EVERY)
    if state.is_last_try:
        return _give_up(f"not answered for an hour, nor was its text alone: {failed.summary}", state)
    if state.since is not None and now - state.since >= HOUR:
        if policy.text_alone:
            return Action(Step.POST, replace(state, is_last_try=True))
        return _give_up(f"not answered for an hour: {failed.summary}", state)
    wait = max(state.post_at - now, 0.0)
    if wait > MAX_BACK_OFF:
        return Action(Step.PROBE, replace(state, failed=failed), wait=MAX_BACK_OFF)
    return Action(Step.POST, state, wait=wait)


def _held(probe: Outcome, state: StepState, jitter: float) -> Action:
    """Send probes until one is answered, and then the message unchanged: what failed before says nothing now."""
    if probe.webhook_alive:
        uncertain, as_text = state.uncertain, state.as_text
        return Action(Step.POST, StepState(uncertain=uncertain, as_text=as_text, slow=state.slow))
    state = replace(state, failures=max(state.failures, FAILURES), since=None, held=True, is_last_try=False)
    if probe.by_slack and probe.kind != OutcomeKind.UNAVAILABLE:
        return Action(Step.PROBE, replace(state, status=WorkerState.STOPPED), wait=PROBE_EVERY)
    if state.status == WorkerState.STOPPED:
        return Action(Step.PROBE, state, wait=PROBE_EVERY)
    wait = max(back_off(state.failures, jitter), probe.retry_after or 0.0)
    return Action(Step.PROBE, replace(state, failures=state.failures + 1, status=WorkerState.UNAVAILABLE), wait=wait)


def _at_fault(failed: Outcome, state: StepState, policy: StepPolicy) -> Action:
    """Send the text alone, once. What is refused even so, or cannot be reduced to its text, is given up."""
    fails = failed.kind == OutcomeKind.UNAVAILABLE
    if policy.text_alone and not state.text_reason:
        reason = f"Slack fails on it: {failed.summary}" if fails else failed.summary
        return Action(
            Step.POST, replace(state, as_text=reason, own_failures=0, doubted=False, status=WorkerState.RUNNING)
        )
    if not policy.text_alone:
        return _give_up(failed.summary, state)
    reason = "Slack fails on it, and on its text alone" if fails else "rejected, and so was its text alone"
    return _give_up(f"{reason}: {failed.summary}", state)


def _give_up(reason: str, state: StepState) -> Action:
    return Action(Step.GIVE_UP, replace(state.next_message(), status=WorkerState.RUNNING), reason=reason)
