"""Tests of what follows an outcome: each rule, every sequence of up to five outcomes, and any course of events."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.core.states import OutcomeKind, WorkerState
from bridge.delivery.next_step import (
    FAILURES,
    HOUR,
    LIMITED_ALERT,
    MAX_BACK_OFF,
    OWN_FAILURES,
    PROBE_EVERY,
    UNCERTAIN_WAITS,
    back_off,
    next_step,
)
from bridge.delivery.outcome import Outcome, classify
from bridge.delivery.step import FIRST_LIMIT, PATIENT_LIMIT, SHARED, SINGLE, Action, Step, StepPolicy, StepState

FRESH = StepState()
PAGE = "<html><body>Forbidden by policy</body></html>"


def answer(status: int, body: str = "", **headers: str) -> Outcome:
    return classify(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, 0.0)


OK = answer(200, "ok")
NO_TEXT = answer(400, "no_text")
LIMITED = answer(429)
LIMITED_7 = answer(429, Retry_After="7")
INVALID_BLOCKS = answer(400, "invalid_blocks")
INVALID_TEAM = answer(403, "invalid_team")
MISSING = answer(400, "missing_text_or_fallback_or_attachments")
NO_SERVICE = answer(404, "no_service")
ARCHIVED = answer(410, "channel_is_archived")
RESTRICTED = answer(403, "restricted_action")
FORBIDDEN_PAGE = answer(403, PAGE)
EMPTY_500 = answer(500)
ROLLUP_ERROR = answer(500, "rollup_error")
BAD_GATEWAY = answer(502, PAGE)
COME_BACK = answer(503, Retry_After="120")
NO_NETWORK = Outcome(OutcomeKind.UNAVAILABLE, None, "cannot connect")
TIME_OUT = Outcome(OutcomeKind.UNAVAILABLE, None, "no answer in time", uncertain=True)
STALE = Outcome(OutcomeKind.UNAVAILABLE, None, "the connection broke", stale_connection=True)

EVERY = (OK, NO_TEXT, LIMITED, LIMITED_7, INVALID_BLOCKS, INVALID_TEAM, EMPTY_500, ROLLUP_ERROR, BAD_GATEWAY, TIME_OUT)
"""One of each kind. The others differ in the length of a wait."""


@dataclass(frozen=True)
class Course:
    """The steps of a worker that meets outcomes one after the other."""

    policy: StepPolicy = SINGLE
    now: float = 1000.0
    slowness: float = 0.1
    """Seconds that each request takes."""
    state: StepState = FRESH
    action: Action | None = None
    past: tuple[tuple[Step, StepState, Outcome, Action], ...] = ()
    """Each request that was sent, the state in which it was, its outcome and what followed."""
    past_now: float = 0.0
    """Time of the last outcome."""

    @property
    def step(self) -> Step:
        return self.action.step if self.action else Step.POST

    @property
    def is_over(self) -> bool:
        return self.step in (Step.DONE, Step.GIVE_UP)

    def then(self, outcome: Outcome, jitter: float = 1.0) -> "Course":
        """Return the course after the outcome of the request that the last step asks for."""
        now = self.now + self.slowness
        action = next_step(outcome, self.state, self.policy, now=now, jitter=jitter)
        return replace(
            self,
            now=now + max(action.wait, action.pause),
            past_now=now,
            state=action.state,
            action=action,
            past=(*self.past, (self.step, self.state, outcome, action)),
        )

    def after(self, *outcomes: Outcome) -> "Course":
        course = self
        for outcome in outcomes:
            course = course.then(outcome)
        return course

    @property
    def steps(self) -> list[str]:
        """Each step that was decided, with its wait."""
        return [
            f"{action.step}{' as text' * bool(action.state.text_reason and action.step is Step.POST)}"
            f"{f' after {action.wait:g} s' * (action.wait > 0)}{f' pause {action.pause:g} s' * (action.pause > 0)}"
            for _, _, _, action in self.past
        ]


ROWS: dict[str, tuple[tuple[Outcome, ...], list[str]]] = {
    "taken": ((OK,), ["done"]),
    "a 4xx, and a probe that is answered": ((INVALID_BLOCKS, NO_TEXT, OK), ["probe", "post as text", "done"]),
    "its text too": (
        (INVALID_BLOCKS, NO_TEXT, INVALID_BLOCKS, NO_TEXT),
        ["probe", "post as text", "probe", "give up"],
    ),
    "a 403 that always comes for this message": (
        (*(RESTRICTED, NO_TEXT) * 4,),
        ["probe", "post", "probe", "post as text", "probe", "post as text", "probe", "give up"],
    ),
    "a proxy's 403 page": ((FORBIDDEN_PAGE, NO_TEXT, OK), ["probe", "post", "done"]),
    "a destination that comes back before the probe": ((NO_SERVICE, NO_TEXT, OK), ["probe", "post", "done"]),
    "a word about the destination, and a probe that is answered": (
        (ARCHIVED, NO_TEXT, ARCHIVED, NO_TEXT, OK),
        ["probe", "post", "probe", "post after 300 s", "done"],
    ),
    "a probe that Slack takes": ((INVALID_BLOCKS, OK, OK), ["probe", "post as text", "done"]),
    "the same word to the probe": (
        (INVALID_TEAM, INVALID_TEAM, INVALID_TEAM, NO_TEXT, OK),
        ["probe", "probe after 300 s", "probe after 300 s", "post", "done"],
    ),
    "the proxy's page to the probe": ((FORBIDDEN_PAGE, FORBIDDEN_PAGE), ["probe", "probe after 300 s"]),
    "another 4xx to the probe": ((INVALID_BLOCKS, NO_SERVICE), ["probe", "probe after 300 s"]),
    "a closed webhook": ((NO_SERVICE, NO_SERVICE, NO_TEXT, OK), ["probe", "probe after 300 s", "post", "done"]),
    "a word of a working webhook to both": (
        (MISSING, MISSING, MISSING, MISSING, OK),
        ["probe", "post after 300 s", "probe", "post after 300 s", "done"],
    ),
    "stopped, and then away": (
        (NO_SERVICE, NO_SERVICE, BAD_GATEWAY, EMPTY_500, NO_TEXT),
        ["probe", "probe after 300 s", "probe after 300 s", "probe after 300 s", "post"],
    ),
    "a 4xx, and then away": (
        (INVALID_BLOCKS, TIME_OUT, NO_TEXT, OK),
        ["probe", "probe after 4 s", "post", "done"],
    ),
    "an empty 500": (
        (EMPTY_500, EMPTY_500, EMPTY_500, NO_TEXT, OK),
        ["post after 1 s", "post after 2 s", "probe", "post as text", "done"],
    ),
    "rollup_error": (
        (*[ROLLUP_ERROR] * 6, NO_TEXT),
        [*[f"post after {2**n} s" for n in range(5)], "probe", "post as text"],
    ),
    "a 500 to the probe too": (
        (EMPTY_500, EMPTY_500, EMPTY_500, EMPTY_500, EMPTY_500, NO_TEXT, OK),
        ["post after 1 s", "post after 2 s", "probe", "probe after 4 s", "probe after 8 s", "post", "done"],
    ),
    "the network, and Slack away": (
        (*[BAD_GATEWAY] * 9, NO_TEXT, OK),
        [
            *("post after 1 s", "post after 2 s", "probe"),
            *(f"probe after {seconds} s" for seconds in (4, 8, 16, 32, 60, 60)),
            *("post", "done"),
        ],
    ),
    "the network, and probes that are answered": (
        (NO_NETWORK, NO_NETWORK, NO_NETWORK, NO_TEXT, NO_NETWORK, NO_TEXT, OK),
        ["post after 1 s", "post after 2 s", "probe", "post after 4 s", "probe", "post after 8 s", "done"],
    ),
    "the network, and a probe that finds it closed": (
        (NO_NETWORK, NO_NETWORK, NO_NETWORK, NO_SERVICE),
        ["post after 1 s", "post after 2 s", "probe", "probe after 300 s"],
    ),
    "perhaps shown": (
        (TIME_OUT, TIME_OUT, TIME_OUT, NO_TEXT, NO_TEXT, OK),
        ["post after 5 s", "post after 30 s", "probe", "probe after 60 s", "post after 60 s", "done"],
    ),
    "a stale connection": ((STALE, STALE, OK), ["post", "post after 2 s", "done"]),
    "a time with a 503": ((COME_BACK, OK), ["post after 120 s", "done"]),
    "a time with a 503 again": (
        (COME_BACK, COME_BACK, COME_BACK, NO_TEXT, OK),
        ["post after 120 s", "post after 120 s", "probe after 120 s", "post", "done"],
    ),
    "a time with a 503 to the probe": (
        (NO_NETWORK, NO_NETWORK, NO_NETWORK, COME_BACK),
        ["post after 1 s", "post after 2 s", "probe", "probe after 120 s"],
    ),
    "429 with a time": ((LIMITED_7, LIMITED_7, OK), ["post pause 7.5 s", "post pause 7.5 s", "done"]),
    "429 without a time": (
        (*[LIMITED] * 8, OK),
        [*(f"post pause {n + 0.5} s" for n in (5, 10, 20, 40, 80, 160, 300, 300)), "done"],
    ),
    "429 to a probe": ((INVALID_BLOCKS, LIMITED_7, NO_TEXT), ["probe", "probe pause 7.5 s", "post as text"]),
    "429 between failures": (
        (EMPTY_500, LIMITED_7, EMPTY_500, LIMITED_7, EMPTY_500),
        ["post after 1 s", "post pause 7.5 s", "post after 2 s", "post pause 7.5 s", "probe"],
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_single_message(name: str) -> None:
    outcomes, steps = ROWS[name]
    assert Course(slowness=0.0).after(*outcomes).steps == steps


@pytest.mark.parametrize(
    "outcomes", [(INVALID_BLOCKS, NO_TEXT), (*[EMPTY_500] * 3, NO_TEXT), (*[ROLLUP_ERROR] * 6, NO_TEXT)]
)
def test_what_stands_for_several_is_given_up_instead_of_losing_its_layout(outcomes: tuple[Outcome, ...]) -> None:
    course = Course(SHARED).after(*outcomes)
    assert course.steps[-1] == "give up"
    assert course.state == StepState()


def test_a_network_that_fails_on_one_message_for_an_hour_gets_its_text_once_and_gives_up() -> None:
    course = Course()
    while not course.state.is_last_try:
        course = course.then(NO_TEXT if course.step is Step.PROBE else NO_NETWORK)
        assert not course.is_over
    assert HOUR <= course.now - 1000.0 < HOUR + 2 * MAX_BACK_OFF
    assert (course.step, course.state.time_limit) == (Step.POST, PATIENT_LIMIT)
    assert course.state.text_reason == "not answered for an hour, while Slack answered each probe"
    assert course.after(OK).step is Step.DONE
    dead = course.after(TIME_OUT, NO_TEXT)
    assert dead.steps[-2:] == ["probe", "give up"]
    assert dead.action
    assert dead.action.reason == "not answered for an hour, nor was its text alone: no answer in time"


def test_a_batch_on_which_the_network_fails_for_an_hour_is_split() -> None:
    course = Course(SHARED)
    while not course.is_over:
        course = course.then(NO_TEXT if course.step is Step.PROBE else TIME_OUT)
    assert course.now - 1000.0 >= HOUR
    assert course.step is Step.GIVE_UP


def test_a_probe_that_is_not_answered_starts_the_hour_again() -> None:
    course = Course()
    while course.now < 1000.0 + HOUR - 100:
        course = course.then(NO_TEXT if course.step is Step.PROBE else NO_NETWORK)
    while course.step is not Step.PROBE:
        course = course.then(NO_NETWORK)
    course = course.then(BAD_GATEWAY)
    again = course.now
    while not course.state.is_last_try:
        course = course.then(NO_TEXT if course.step is Step.PROBE else NO_NETWORK)
    assert course.now - again >= HOUR
    away = course.after(TIME_OUT, NO_NETWORK, NO_TEXT)
    assert (away.steps[-1], away.state.text_reason) == ("post", ""), "its layout is not lost to an outage"


def test_a_pause_is_no_part_of_the_hour() -> None:
    course = Course().after(NO_NETWORK, NO_NETWORK, answer(429, Retry_After="3600"), NO_NETWORK, NO_TEXT)
    assert (course.step, course.state.is_last_try) == (Step.POST, False)


def test_a_wait_that_a_503_asks_for_is_no_part_of_the_hour_either() -> None:
    closed = answer(503, Retry_After="3600")
    course = Course()
    for _ in range(10):
        course = course.then(NO_TEXT if course.step is Step.PROBE else closed)
    assert course.now - 1000.0 >= 5 * HOUR
    assert (course.is_over, course.state.is_last_try) == (False, False)


def test_time_limits_are_longer_once_slack_may_have_shown_the_message() -> None:
    assert Course().state.time_limit == FIRST_LIMIT
    assert Course().after(NO_NETWORK).state.time_limit == FIRST_LIMIT
    assert Course().after(TIME_OUT).state.time_limit == PATIENT_LIMIT
    assert Course().after(TIME_OUT, NO_NETWORK, NO_NETWORK, BAD_GATEWAY, NO_TEXT).state.time_limit == PATIENT_LIMIT
    slow = Course().after(replace(OK, seconds=7.0))
    assert slow.state.time_limit == PATIENT_LIMIT, "so that a slow Slack shows only the first message twice"
    assert slow.after(OK).state.time_limit == FIRST_LIMIT


def test_after_ten_minutes_of_429_somebody_is_told() -> None:
    course = Course()
    while course.now < 1000.0 + LIMITED_ALERT:
        course = course.then(LIMITED)
        assert course.action
        assert not course.action.alert
    course = course.then(LIMITED)
    assert course.action
    assert course.action.alert
    course = course.after(OK, LIMITED)
    assert course.action
    assert not course.action.alert


def test_a_status_lasts_until_a_probe_or_a_post_says_otherwise() -> None:
    away = Course().after(*[BAD_GATEWAY] * 4)
    assert away.state.status is WorkerState.UNAVAILABLE
    assert away.after(LIMITED_7).state.status is WorkerState.UNAVAILABLE
    assert away.after(NO_TEXT).state.status is WorkerState.RUNNING
    assert away.after(NO_SERVICE).state.status is WorkerState.STOPPED
    assert away.after(NO_SERVICE, BAD_GATEWAY).state.status is WorkerState.STOPPED
    assert Course().after(MISSING, MISSING).state.status is WorkerState.STOPPED
    assert Course().after(MISSING, MISSING, OK).state.status is WorkerState.RUNNING


def test_another_message_at_the_head_starts_anew_in_the_same_channel() -> None:
    state = Course().after(MISSING, MISSING).state
    assert state.next_message() == StepState(status=WorkerState.STOPPED)
    assert not StepState().is_retry
    assert not state.next_message().is_retry
    assert Course().after(NO_NETWORK).state.is_retry
    assert Course().after(INVALID_BLOCKS, NO_TEXT).state.is_retry


def test_back_offs_grow_to_a_minute_and_half_of_each_is_chance() -> None:
    assert [back_off(n, 1.0) for n in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [back_off(n, 0.0) for n in range(1, 10)] == [1, 1, 2, 4, 8, 16, 30, 30, 30]
    assert back_off(10_000, 1.0) == 60


def courses(start: Course, longest: int) -> Iterator[Course]:
    """Return the course of every sequence of up to ``longest`` outcomes."""
    for outcome in EVERY:
        course = start.then(outcome)
        yield course
        if longest > 1 and not course.is_over:
            yield from courses(course, longest - 1)


@pytest.mark.thorough
@pytest.mark.parametrize("slowness", [0.1, HOUR], ids=["quick", "an hour each"])
@pytest.mark.parametrize("policy", [SINGLE, SHARED], ids=["single", "shared"])
def test_every_sequence_of_up_to_five_outcomes(policy: StepPolicy, slowness: float) -> None:
    number = 0
    for course in courses(Course(policy, slowness=slowness), 5):
        number += 1
        check(course)
        assert heals(course), course.steps
    assert number > 20_000


def check(course: Course) -> None:
    """Assert what holds of every course, looking at its last step and what led to it."""
    kind, before, outcome, action = course.past[-1]
    assert 0.0 <= action.wait <= PROBE_EVERY
    assert (action.step is Step.DONE) == (kind is Step.POST and outcome.kind is OutcomeKind.OK)
    assert (action.pause > 0) == (outcome.kind is OutcomeKind.RATE_LIMITED)
    if action.pause:
        assert action.step is kind
        assert _counts(action.state) == _counts(before), "a 429 counts for nothing"
    elif kind is Step.PROBE:
        check_probe(course)
    else:
        check_post(course)


def _counts(state: StepState) -> StepState:
    return replace(state, limited=0, limited_since=None, since=None)


def check_post(course: Course) -> None:
    """Assert that a post alone condemns and holds nothing, and that retries wait, longer if it may be shown."""
    _, before, outcome, action = course.past[-1]
    assert action.step is not Step.GIVE_UP
    assert action.state.text_reason in ("", before.text_reason)
    assert not action.state.held
    if action.step is Step.POST:
        assert action.wait >= (UNCERTAIN_WAITS[0] if outcome.uncertain else 1.0)
    if any(entry[2].uncertain for entry in course.past if entry[0] is Step.POST) and not course.is_over:
        assert action.state.time_limit == PATIENT_LIMIT
    run = 0
    for entry in reversed(course.past):
        if entry[0] is Step.PROBE:
            break
        run += entry[2].kind is not OutcomeKind.RATE_LIMITED
    assert run < FAILURES + OWN_FAILURES, "a probe comes after a few failures"


def check_probe(course: Course) -> None:
    """Assert that only a probe which is answered condemns: a post refused otherwise, or one after an hour.

    It holds everything if it is not answered as a working webhook does, or as the post was.
    """
    _, before, probe, action = course.past[-1]
    after, failed = action.state, before.failed
    refused = failed is not None and failed.by_slack
    same = refused and failed is not None and failed.answer == probe.answer
    hour = before.is_last_try or (before.since is not None and course.past_now - before.since >= HOUR)
    assert after.held is not probe.webhook_alive
    if action.step is Step.GIVE_UP or (after.text_reason and not before.text_reason):
        assert failed is not None
        assert probe.webhook_alive
        assert (refused and not same) or (not refused and hour)
    if action.step is Step.GIVE_UP and course.policy.text_alone:
        assert before.text_reason, "its text was tried"
    assert course.policy.text_alone or not after.text_reason
    if probe.by_slack and not probe.webhook_alive and probe.kind is not OutcomeKind.UNAVAILABLE:
        assert after.status is WorkerState.STOPPED
    elif probe.webhook_alive and (failed is None or refused):
        assert (after.status is WorkerState.STOPPED) is bool(same and failed and failed.kind is OutcomeKind.REJECTED)


def heals(course: Course) -> bool:
    """Return whether the message is shown, or was given up, once Slack works again."""
    state, now = course.state, course.now
    since, post_at = (round(t - now) if t is not None else None for t in (state.since, max(state.post_at, now)))
    return course.is_over or _heals(replace(state, since=since, post_at=post_at or 0), course.step, course.policy)


@cache
def _heals(state: StepState, step: Step, policy: StepPolicy) -> bool:
    course = Course(policy, now=0.0, state=state, action=Action(step, state))
    rest = course.state.post_at
    while not course.is_over and course.now < max(rest, 0) + PROBE_EVERY + 10 * course.slowness:
        course = course.then(NO_TEXT if course.step is Step.PROBE else OK)
    return course.is_over


@dataclass
class Slack:
    """A simulated Slack, and the network before it."""

    network: Outcome | None = None
    """What every request comes to, if the network fails."""
    network_for: str = "all"
    """Requests on which it fails: all, posts."""
    refuses: Outcome | None = None
    """What every request is answered, for a closed destination."""
    poison: Outcome | None = None
    """What the message at the head is answered."""
    poison_text: Outcome | None = None
    """What its text alone is answered."""
    limits: list[Outcome] = field(default_factory=list)

    def meets(self, step: Step, state: StepState) -> Outcome:
        if self.limits:
            return self.limits.pop()
        if self.network and (self.network_for == "all" or step is Step.POST):
            return self.network
        if self.refuses:
            return self.refuses
        if step is Step.PROBE:
            return NO_TEXT
        return (self.poison_text if state.text_reason else self.poison) or OK


CONDEMNING = st.sampled_from([INVALID_BLOCKS, RESTRICTED, FORBIDDEN_PAGE, EMPTY_500, answer(413, PAGE)])
NETWORK = st.sampled_from([BAD_GATEWAY, NO_NETWORK, TIME_OUT, STALE, COME_BACK, answer(200, PAGE), answer(500, PAGE)])


class Worker(RuleBasedStateMachine):
    """A worker that posts one message after the other to a Slack whose failures come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.slack = Slack()
        self.state = StepState()
        self.step = Step.POST
        self.now = 0.0
        self.shown: list[int] = []
        self.dead: list[int] = []
        self.head = 0
        self.troubles_of_head: set[str] = set()
        self.policy = SINGLE
        self.quiet = 0.0
        """Time since which the network fails on posts only."""

    @initialize(policy=st.sampled_from([SINGLE, SHARED]))
    def kind_of_messages(self, policy: StepPolicy) -> None:
        self.policy = policy

    @rule(outcome=NETWORK, on=st.sampled_from(["all", "posts"]))
    def network_fails(self, outcome: Outcome, on: str) -> None:
        if not (self.slack.network and self.slack.network_for == on == "posts"):
            self.quiet = self.now
        self.slack.network, self.slack.network_for = outcome, on

    @rule()
    def network_heals(self) -> None:
        self.slack.network = None

    @rule(outcome=st.sampled_from([NO_SERVICE, INVALID_TEAM, FORBIDDEN_PAGE, MISSING]))
    def destination_closes(self, outcome: Outcome) -> None:
        self.slack.refuses = outcome

    @precondition(lambda self: self.state.failed is None)  # between a post and its probe, nobody can tell
    @rule()
    def destination_opens(self) -> None:
        self.slack.refuses = None

    @rule(whole=CONDEMNING, text=st.none() | CONDEMNING)
    def message_is_at_fault(self, whole: Outcome, text: Outcome | None) -> None:
        self.slack.poison, self.slack.poison_text = whole, text
        self.troubles_of_head.add("poison" if text is None else "poisoned text")

    @rule(outcomes=st.lists(st.sampled_from([LIMITED, LIMITED_7]), max_size=4))
    def is_rate_limited(self, outcomes: list[Outcome]) -> None:
        self.slack.limits.extend(outcomes)

    @rule(requests=st.integers(1, 30), jitter=st.floats(0.0, 1.0, exclude_max=True))
    def works(self, requests: int, jitter: float) -> None:
        for _ in range(requests):
            outcome = self.slack.meets(self.step, self.state)
            sent_text, step = self.state.text_reason, self.step
            self.now += 30.0 if outcome.uncertain else 0.1
            action = next_step(outcome, self.state, self.policy, now=self.now, jitter=jitter)
            self.now += max(action.wait, action.pause)
            self.state, self.step = action.state, action.step
            if action.step is Step.DONE:
                assert step is Step.POST
                if sent_text:
                    assert self.troubles_of_head or self.now - self.quiet >= HOUR
                self.end(self.shown)
            elif action.step is Step.GIVE_UP:
                guilty = "poisoned text" in self.troubles_of_head if self.policy.text_alone else self.troubles_of_head
                hour = self.slack.network_for == "posts" and self.now - self.quiet >= HOUR
                assert guilty or hour, "a healthy message was given up"
                self.end(self.dead)

    def end(self, where: list[int]) -> None:
        where.append(self.head)
        self.head += 1
        self.troubles_of_head = set()
        self.slack.poison = self.slack.poison_text = None
        self.state, self.step = self.state.next_message(), Step.POST

    @invariant()
    def in_order_and_none_twice(self) -> None:
        assert self.shown == sorted(set(self.shown))
        assert sorted([*self.shown, *self.dead]) == list(range(self.head))

    def teardown(self) -> None:
        if self.state.failed is None:
            self.slack = Slack()
            self.troubles_of_head.add("over")
            head = self.head
            self.works(10, 0.5)
            assert self.head > head, "it goes on once Slack works"


TestWorker = pytest.mark.thorough(Worker.TestCase)
TestWorker.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
