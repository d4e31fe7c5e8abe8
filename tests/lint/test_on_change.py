"""Tests of what `bridge check` says about routes with ``notify = "on_change"``."""

from collections.abc import Iterator

import pytest

from bridge.lint.check import check
from bridge.live.snapshot import Snapshot
from bridge.messages.compiling import load_templates
from bridge.routing.routes_file import parse_routes
from bridge.samples import samples

pytestmark = pytest.mark.thorough
ROUTES = """\
[[routes]]
name = "fine"
source = "gitlab"
events = ["deployment.success", "deployment.failed"]
notify = "on_change"
channels = ["a"]

[[routes]]
name = "all of gitlab"
source = "gitlab"
events = ["pipeline"]
channels = ["b"]

[[routes]]
name = "too late, and without a state"
source = "gitlab"
events = ["pipeline.failed", "release"]
notify = "on_change"
channels = ["b", "c"]

[[routes]]
name = "fails"
source = "stripe"
events = ["payout.paid"]
notify = "on_change"
state = "payload.data.object"
group_by = "payload.data.object.id"
channels = ["a"]
"""


SAMPLES = (
    *("gitlab/deployment.success", "gitlab/deployment.failed", "gitlab/pipeline.failed", "gitlab/release.create"),
    *("gitlab/release.update", "gitlab/release.delete", "stripe/payout.paid"),
)


@pytest.fixture(scope="module")
def reported() -> Iterator[list[str]]:
    few = {name: samples()[name] for name in SAMPLES}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bridge.lint.sample_runs.samples", lambda: few)
        snapshot = Snapshot(parse_routes(ROUTES), load_templates(None, {}), {}, {}, None, ())
        yield [str(one) for one in check(snapshot).diagnostics if one.file == "routes.toml"]


def test_a_route_below_another_for_its_channel_is_noted(reported: list[str]) -> None:
    [found] = [one for one in reported if "[route-too-late]" in one]
    assert found.startswith(
        "routes.toml:19:1: the route 'all of gitlab' above posts gitlab/pipeline.failed to a channel of this route"
    )
    assert "move this route above that one" in found


def test_events_without_a_state_are_noted(reported: list[str]) -> None:
    [found] = [one for one in reported if "[route-without-state]" in one]
    assert found.startswith("routes.toml:18:1: gitlab/release.create and 2 others would have no state, and be shown")


def test_an_expression_that_fails_for_a_sample_is_an_error_at_its_line(reported: list[str]) -> None:
    [found] = [one for one in reported if "[condition-failed]" in one]
    assert found.startswith(
        "routes.toml:26:1: `state` fails for stripe/payout.paid: shown in any case, it fails: payload"
    )
    assert "gives an object" in found


def test_nothing_else_is_said(reported: list[str]) -> None:
    assert len(reported) == 3
