"""Tests of the errors that prevent a start of `bridge serve`: one line each, with a hint, without any value."""

from pathlib import Path
from textwrap import dedent

import pytest

from bridge.config.settings import load_settings
from bridge.live.startup_checks import startup_errors
from bridge.routing.routes_file import load_routes, parse_routes
from bridge.sources import PROVIDERS
from tests.diagnostics import plain_all

URL = "https://hooks.slack.com/services/T0/B0/hush"
GOOD = {"BRIDGE_SECRETS__GITLAB": "hush-token", "BRIDGE_CHANNELS__GENERAL": URL}
ONE = "[[routes]]\nchannels = ['general']\n"


def errors(environ: dict[str, str], routes: str = ONE) -> list[str]:
    settings, _ = load_settings(environ, dotenv=Path("/none"), secrets_dir=Path("/none"))
    found = plain_all(startup_errors(settings, parse_routes(dedent(routes)), PROVIDERS))
    assert all("hush" not in line for line in found)
    return found


def test_one_secret_and_one_channel_are_enough_for_the_shipped_routes() -> None:
    settings, warnings = load_settings(GOOD, dotenv=Path("/none"), secrets_dir=Path("/none"))
    shipped = load_routes(Path(__file__).parents[2] / "routes.toml")
    assert startup_errors(settings, shipped, PROVIDERS) == []
    assert warnings == []


def test_no_source_at_all() -> None:
    variables = ", ".join(f"BRIDGE_SECRETS__{name.upper()}" for name in PROVIDERS)
    assert errors({"BRIDGE_CHANNELS__GENERAL": URL}) == [
        f"no source is on (set the secret of at least one: {variables})"
    ]


def test_a_route_to_a_channel_without_a_url_is_reported_once_for_each_channel() -> None:
    assert errors(
        GOOD,
        """\
        [[routes]]
        channels = ["general", "team-a"]
        [[routes]]
        channels = [
            "team-a",
            "oncall",
        ]
        """,
    ) == [
        "routes.toml:2: channel 'team-a' has no URL (set BRIDGE_CHANNELS__TEAM_A to its Slack webhook URL)",
        "routes.toml:6: channel 'oncall' has no URL (set BRIDGE_CHANNELS__ONCALL to its Slack webhook URL)",
    ]


def test_a_route_that_is_off_needs_no_url() -> None:
    assert errors(GOOD, ONE + "[[routes]]\nenabled = false\nchannels = ['later']\n") == []


@pytest.mark.parametrize("routes", ["", "[[routes]]\nenabled = false\nchannels = ['general']"])
def test_no_route_at_all(routes: str) -> None:
    assert errors(GOOD, routes) == [
        "routes.toml: no route is enabled, so nothing would be posted (add a route under [[routes]])"
    ]


def test_a_url_whose_host_is_not_allowed() -> None:
    assert errors(GOOD | {"BRIDGE_CHANNELS__GENERAL": "https://example.com/services/T0/B0/hush"}) == [
        (
            "BRIDGE_CHANNELS__GENERAL: has a host that is not allowed (use a URL from Slack, or list its host in "
            "BRIDGE_SLACK_HOSTS)"
        )
    ]


def test_a_workflow_trigger() -> None:
    [error] = errors(GOOD | {"BRIDGE_CHANNELS__UNUSED": "https://hooks.slack.com/triggers/T0/1/hush"})
    assert error.startswith("BRIDGE_CHANNELS__UNUSED: starts a Slack workflow, which takes variables and")


def test_a_loopback_host_that_is_listed_may_be_http() -> None:
    local = {"BRIDGE_CHANNELS__GENERAL": "http://127.0.0.1:9/services/T0/B0/check"}
    assert errors(GOOD | local | {"BRIDGE_SLACK_HOSTS": '["127.0.0.1"]'}) == []
    assert len(errors(GOOD | local)) == 1


def test_a_secret_that_its_provider_could_not_have_made() -> None:
    [error] = errors(GOOD | {"BRIDGE_SECRETS__GITLAB": '["hush-token", "whsec_hush", "whsec_hush!"]'})
    assert error.startswith("BRIDGE_SECRETS__GITLAB: starts with whsec_ but is not a signing token")


def test_a_secret_for_no_known_source() -> None:
    assert errors(GOOD | {"BRIDGE_SECRETS__STRIPE_EU": "hush"}) == [
        (
            "BRIDGE_SECRETS__STRIPE_EU: is the secret of no known source (did you mean BRIDGE_SECRETS__STRIPE? Or "
            "add [sources.stripe-eu] with its provider to routes.toml)"
        )
    ]


def test_a_source_of_an_unknown_provider() -> None:
    assert errors(GOOD | {"BRIDGE_SECRETS__EU": "hush"}, "[sources.eu]\nprovider = 'strpie'\n" + ONE) == [
        "routes.toml:2: [sources.eu] has the unknown provider 'strpie' (did you mean `stripe`?)"
    ]


def test_a_provider_that_signs_the_url_needs_it() -> None:
    twilio = {"BRIDGE_SECRETS__TWILIO": "0123456789abcdef0123456789abcdef"}
    assert errors(GOOD | twilio) == [
        (
            "BRIDGE_PUBLIC_URL: is not set, but the source 'twilio' is on, which signs the URL that it calls "
            "(set it to the URL that providers call, such as https://hooks.example.com)"
        )
    ]
    assert errors(GOOD | twilio | {"BRIDGE_PUBLIC_URL": "https://hooks.example.com"}) == []


def test_all_diagnostics_are_reported_together() -> None:
    found = errors(
        {"BRIDGE_CHANNELS__GENERAL": "hush", "BRIDGE_SECRETS__X": "hush"},
        "[[routes]]\nsource = 'gitlba'\nchannels = ['general', 'ops']\n",
    )
    assert [error.split(" ")[0] for error in found] == [
        "routes.toml:2:",
        "routes.toml:3:",
        "BRIDGE_CHANNELS__GENERAL:",
        "BRIDGE_SECRETS__X:",
        "no",
    ]


def test_alerts_to_a_channel_without_a_url() -> None:
    assert errors(GOOD, ONE + "[alerts]\nchannel = 'ops'\n") == [
        "routes.toml:4: channel 'ops' has no URL (set BRIDGE_CHANNELS__OPS to its Slack webhook URL)"
    ]
    assert errors({**GOOD, "BRIDGE_CHANNELS__OPS": URL}, ONE + "[alerts]\nchannel = 'ops'\n") == []
