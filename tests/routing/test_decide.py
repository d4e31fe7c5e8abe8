"""Tests of decide(): the routes that match an event, the reasons, and the deliveries."""

import json
from collections.abc import Mapping
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.packaged import packaged_routes
from bridge.core.states import DeliveryState
from bridge.events import Event
from bridge.routing.decide import REMEMBERED, Decision, Planned, RouteVerdict, Verdict, decide
from bridge.routing.patterns import verdict
from bridge.routing.routes_file import Routes, load_routes, parse_routes
from bridge.samples import SAMPLE_TIME, sample_event, samples


def routes(text: str) -> Routes:
    return parse_routes(dedent(text))


def event(
    event_type: str = "pipeline.failed",
    source: str = "gitlab",
    payload: Mapping[str, object] | None = None,
    *,
    confidential: bool = False,
) -> Event:
    return Event(
        id="0" * 26,
        source=source,
        provider="gitlab",
        type=event_type,
        keys=("id:1",),
        payload=payload or {},
        subject="7!12",
        name="",
        url="",
        actor="Ada",
        occurred_at=None,
        received_at=1_795_392_000.0,
        confidential=confidential,
        test=False,
    )


def matched(decision: Decision) -> list[str]:
    return [answer.route for answer in decision.routes if answer.matched]


def channels(decision: Decision) -> list[str]:
    return [planned.channel for planned in decision.deliveries]


def test_alerts_alone_decides_on_events_of_the_reserved_source() -> None:
    text = """\
        [[routes]]
        name = "everything"
        channels = ["general"]
        [[routes]]
        name = "by type"
        events = "channel.*"
        when = "payload.channel == 'deploys'"
        stop = true
        channels = ["ops", "general"]
        """
    alert = sample_event(samples()["bridge/channel.stopped"], "bridge", SAMPLE_TIME)
    assert decide(alert, routes(text)).deliveries == ()
    decision = decide(alert, routes(text + '        [alerts]\n        channel = "ops"\n'))
    assert decision.deliveries == (Planned("ops", "alerts", None),)
    assert matched(decision) == []
    assert "[alerts]" in verdict_on(decision, "everything", "source").detail
    assert channels(decide(event(), routes(text + '        [alerts]\n        channel = "ops"\n'))) == ["general"]


def verdict_on(decision: Decision, route: str, condition: str) -> Verdict:
    [found] = [
        one
        for answer in decision.routes
        if answer.route == route
        for one in answer.verdicts
        if one.condition == condition
    ]
    return found


TWO = routes("""\
    [[routes]]
    name = "failures"
    source = "gitlab"
    events = ["pipeline.failed", "build"]
    channels = ["deploys", "oncall"]
    template = "gitlab/short.j2"

    [[routes]]
    name = "all"
    channels = ["general", "deploys"]
    """)


def test_every_matching_route_posts_to_every_one_of_its_channels() -> None:
    decision = decide(event(), TWO)
    assert matched(decision) == ["failures", "all"]
    assert decision.deliveries == (
        Planned("deploys", "failures", "gitlab/short.j2"),
        Planned("oncall", "failures", "gitlab/short.j2"),
        Planned("general", "all", None),
    )


def test_a_channel_gets_an_event_once_by_the_first_route_that_matches() -> None:
    first, *_ = decide(event(), TWO).deliveries
    assert (first.channel, first.route, first.template) == ("deploys", "failures", "gitlab/short.j2")
    assert decide(event("push"), TWO).deliveries == (Planned("general", "all", None), Planned("deploys", "all", None))


def test_a_channel_that_a_route_names_twice_gets_an_event_once() -> None:
    assert channels(decide(event(), routes("[[routes]]\nchannels = ['a', 'b', 'a']"))) == ["a", "b"]


def test_every_route_is_listed_with_every_verdict_that_costs_nothing() -> None:
    assert decide(event("push", "stripe"), TWO).routes == (
        RouteVerdict(
            "failures",
            False,
            (
                Verdict("enabled", True, ""),
                Verdict("source", False, "stripe is not gitlab"),
                Verdict("events", False, "matches none of pipeline.failed, build"),
            ),
        ),
        RouteVerdict(
            "all",
            True,
            (
                Verdict("enabled", True, ""),
                Verdict("source", True, "any source"),
                Verdict("events", True, "every type"),
            ),
        ),
    )


def test_an_event_that_no_route_matches_has_no_deliveries() -> None:
    decision = decide(event("push"), routes("[[routes]]\nevents = 'build'\nchannels = 'a'"))
    assert decision.deliveries == ()
    assert matched(decision) == []


def test_no_routes_decide_nothing() -> None:
    assert decide(event(), routes("")) == Decision((), ())


def test_a_list_of_sources_means_any_of_them() -> None:
    rules = routes("[[routes]]\nname = 'r'\nsource = ['stripe', 'stripe-eu']\nchannels = 'a'")
    assert channels(decide(event(source="stripe-eu"), rules)) == ["a"]
    assert channels(decide(event(source="gitlab"), rules)) == []
    assert verdict_on(decide(event(), rules), "r", "source").detail == "gitlab is not stripe or stripe-eu"


def test_a_route_that_is_not_enabled_matches_nothing_and_stops_nothing() -> None:
    decision = decide(
        event(),
        routes("""\
            [[routes]]
            name = "off"
            enabled = false
            stop = true
            when = "1 / 0"
            channels = ["a"]
            [[routes]]
            channels = ["b"]
            """),
    )
    assert channels(decision) == ["b"]
    assert verdict_on(decision, "off", "enabled") == Verdict("enabled", False, "enabled = false")
    assert "when" not in [one.condition for one in decision.routes[0].verdicts]
    assert decision.errors == ()


class TestStop:
    RULES = routes("""\
        [[routes]]
        name = "main"
        when = "payload.ref == 'main'"
        channels = ["deploys"]
        stop = true
        [[routes]]
        name = "pipelines"
        events = ["pipeline"]
        when = "payload.ref"
        channels = ["general"]
        [[routes]]
        name = "builds"
        events = ["build"]
        channels = ["general"]
        """)

    def test_later_routes_are_not_asked(self) -> None:
        decision = decide(event(payload={"ref": "main"}), self.RULES)
        assert channels(decision) == ["deploys"]
        assert matched(decision) == ["main"]
        for name in ("pipelines", "builds"):
            assert verdict_on(decision, name, "stop") == Verdict("stop", False, "not asked: 'main' matched and stops")
        assert [one.condition for one in decision.routes[1].verdicts] == ["enabled", "source", "events", "stop"]

    def test_a_route_that_does_not_match_stops_nothing(self) -> None:
        decision = decide(event(payload={"ref": "topic"}), self.RULES)
        assert channels(decision) == ["general"]
        assert matched(decision) == ["pipelines"]


class TestWhen:
    def test_it_sees_the_payload(self) -> None:
        rules = routes("[[routes]]\nname = 'r'\nwhen = \"payload.ref == 'main'\"\nchannels = 'a'")
        met, unmet = decide(event(payload={"ref": "main"}), rules), decide(event(payload={"ref": "x"}), rules)
        assert (channels(met), channels(unmet)) == (["a"], [])
        assert verdict_on(met, "r", "when") == Verdict("when", True, "payload.ref == 'main'")
        assert verdict_on(unmet, "r", "when") == Verdict("when", False, "payload.ref == 'main'")

    @pytest.mark.parametrize(
        "when",
        ["event.type == 'pipeline.failed'", "event.source == 'gitlab' and not event.test", "event.actor == 'Ada'"],
    )
    def test_it_sees_the_event(self, when: str) -> None:
        assert channels(decide(event(), routes(f'[[routes]]\nwhen = "{when}"\nchannels = "a"'))) == ["a"]

    @pytest.mark.parametrize(
        "payload", [{}, {"a": None}, {"a": []}, {"a": "x"}, {"a": {"b": 1}}, {"a": {"b": {"c": 5}}}]
    )
    def test_a_missing_path_is_not_met_and_no_error(self, payload: Mapping[str, object]) -> None:
        decision = decide(event(payload=payload), routes("[[routes]]\nwhen = \"payload.a.b.c == 'x'\"\nchannels = 'a'"))
        assert (channels(decision), decision.errors) == ([], ())

    def test_one_that_cannot_be_evaluated_is_not_met_and_shows_its_error(self) -> None:
        rules = routes("""\
            [[routes]]
            name = "broken"
            when = "payload.n / 0 > 1"
            stop = true
            channels = ["a"]
            [[routes]]
            channels = ["b"]
            """)
        decision = decide(event(payload={"n": 1}), rules)
        assert channels(decision) == ["b"]
        [(route, found)] = decision.errors
        assert route == "broken"
        assert found == verdict_on(decision, "broken", "when")
        assert (found.met, found.error) == (False, True)
        assert found.detail.startswith("payload.n / 0 > 1: ")
        assert len(found.detail.splitlines()) == 1

    def test_it_runs_only_where_source_and_type_have_chosen_the_route(self) -> None:
        rules = routes("[[routes]]\nevents = 'build'\nwhen = 'payload.n / 0'\nchannels = 'a'")
        assert decide(event("push", payload={"n": 1}), rules).errors == ()
        assert len(decide(event("build.failed", payload={"n": 1}), rules).errors) == 1


class TestConfidential:
    RULES = routes("""\
        [channels.security]
        private = true
        [[routes]]
        name = "r"
        channels = ["general", "security"]
        """)

    def test_it_is_skipped_for_a_channel_that_is_not_private_and_the_reason_is_kept(self) -> None:
        decision = decide(event(confidential=True), self.RULES)
        assert matched(decision) == ["r"]
        assert decision.deliveries == (
            Planned(
                "general", "r", None, DeliveryState.SKIPPED, "the event is confidential and general is not private"
            ),
            Planned("security", "r", None),
        )

    def test_any_other_event_goes_to_both(self) -> None:
        assert [planned.state for planned in decide(event(), self.RULES).deliveries] == ["waiting", "waiting"]


def test_the_same_event_and_routes_give_the_same_answer_from_memory_too() -> None:
    first = decide(event(), TWO)
    for number in range(REMEMBERED + 10):
        decide(event(f"type.{number}"), TWO)
    assert decide(event(), TWO) == first
    assert decide(event("x" * 5000), TWO) == decide(event("x" * 5000), TWO)


def test_equal_decisions_are_one_object_to_save_memory() -> None:
    decisions = [decide(event(f"strange.{number}"), TWO) for number in range(50)]
    assert len({id(answer) for decision in decisions for answer in decision.routes}) == 2


def test_two_files_do_not_share_a_cache() -> None:
    one = routes("[[routes]]\nchannels = 'a'")
    other = routes("[[routes]]\nchannels = 'b'")
    assert (channels(decide(event(), one)), channels(decide(event(), other))) == (["a"], ["b"])


_types = st.sampled_from(["push", "build.failed", "build.success", "pipeline.failed"])
_patterns = st.sampled_from(["push", "build", "*.failed", "!build.success", "!push", "*"])
_route = st.fixed_dictionaries(
    {"channels": st.lists(st.sampled_from("abc"), min_size=1, max_size=3)},
    optional={
        "source": st.lists(st.sampled_from(["gitlab", "stripe"]), min_size=1, max_size=2),
        "events": st.lists(_patterns, min_size=1, max_size=3),
        "when": st.sampled_from(["payload.n", "payload.n / 0", "not payload.n"]),
        "enabled": st.booleans(),
        "stop": st.booleans(),
    },
)


def slow_reference(tables: list[dict[str, object]], arrived: Event, private: str) -> dict[str, tuple[str, str]]:
    """Return channel to route and state by the rules, one route after the other, without index or cache."""
    posted: dict[str, tuple[str, str]] = {}
    for number, table in enumerate(tables, start=1):
        sources, events = table.get("source"), table.get("events", [])
        assert sources is None or isinstance(sources, list)
        assert isinstance(events, list)
        if table.get("enabled") is False or (sources and arrived.source not in sources):
            continue
        if not verdict(events, arrived.type)[0]:
            continue
        when = {"payload.n": bool(arrived.payload.get("n")), "not payload.n": not arrived.payload.get("n")}
        if "when" in table and not when.get(str(table["when"])):
            continue
        names = table["channels"]
        assert isinstance(names, list)
        for name in names:
            state = "skipped" if arrived.confidential and name != private else "waiting"
            posted.setdefault(name, (f"route {number}", state))
        if table.get("stop"):
            break
    return posted


@pytest.mark.thorough
@given(st.lists(_route, max_size=5), _types, st.sampled_from(["gitlab", "stripe"]), st.integers(0, 1), st.booleans())
@settings(max_examples=300)
def test_it_agrees_with_a_slow_reference(
    tables: list[dict[str, object]], event_type: str, source: str, n: int, confidential: bool
) -> None:
    lines = ["[channels.a]", "private = true"]
    for table in tables:
        # JSON's lists, texts and booleans are valid TOML too.
        lines += ["[[routes]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())]
    arrived = event(event_type, source, {"n": n}, confidential=confidential)
    decision = decide(arrived, parse_routes("\n".join(lines)))
    assert {p.channel: (p.route, p.state) for p in decision.deliveries} == slow_reference(tables, arrived, "a")
    assert len(decision.routes) == len(tables)
    assert {planned.route for planned in decision.deliveries} <= set(matched(decision))
    for answer in decision.routes:
        assert answer.matched == all(one.met for one in answer.verdicts)


@pytest.mark.parametrize("sample", ["call.session.ended", "call.dequeue.bridged", "call.in-progress", "call.gather"])
def test_the_shipped_routes_leave_out_the_steps_of_a_call_that_goes_well(sample: str) -> None:
    shipped = load_routes(packaged_routes())
    one = samples()[f"twilio/{sample}"]
    assert decide(sample_event(one, "twilio", SAMPLE_TIME), shipped).deliveries == ()
    lost = samples()["twilio/call.session.failed"]
    assert decide(sample_event(lost, "twilio", SAMPLE_TIME), shipped).deliveries
