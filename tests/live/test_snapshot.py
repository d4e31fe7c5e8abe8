"""Tests of the snapshot: routes, templates and settings as one value, or all errors together."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from bridge.config.errors import ConfigurationError
from bridge.config.settings import load_settings
from bridge.live.snapshot import Snapshot, load_snapshot
from bridge.sources import PROVIDERS
from tests.diagnostics import plain_all

URL = "https://hooks.slack.com/services/T0/B0/hush"
GOOD = {"BRIDGE_SECRETS__GITLAB": "hush-token", "BRIDGE_CHANNELS__GENERAL": URL}


def load(environ: dict[str, str], folder: Path, routes: str | None = None) -> Snapshot:
    if routes is not None:
        (folder / "routes.toml").write_text(routes, "utf-8")
        environ = environ | {"BRIDGE_ROUTES": str(folder / "routes.toml")}
    settings, _ = load_settings(environ, dotenv=folder / "none", secrets_dir=folder / "none")
    return load_snapshot(settings)


def errors(environ: dict[str, str], folder: Path, routes: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(environ, folder, routes)
    assert "hush" not in str(caught.value)
    return [line.removeprefix(f"{folder}/") for line in plain_all(caught.value.diagnostics)]


@pytest.fixture(autouse=True)
def _empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")


def test_one_secret_and_one_channel_are_enough(tmp_path: Path) -> None:
    snapshot = load(GOOD, tmp_path)
    gitlab = snapshot.sources["gitlab"]
    assert list(snapshot.sources) == ["gitlab"]
    assert (gitlab.provider, gitlab.secrets, gitlab.dedupe_ttl) == (PROVIDERS["gitlab"], ("hush-token",), 86_400)
    general = snapshot.channels["general"]
    assert (general.url.get_secret_value(), general.policy.private, general.policy.pace) == (URL, False, 1.0)
    assert snapshot.public_url is None
    assert snapshot.off == tuple(sorted({*PROVIDERS} - {"gitlab"}))
    assert {route.name for route in snapshot.routes.routes} == {*PROVIDERS}


def test_the_tables_of_sources_and_channels_apply(tmp_path: Path) -> None:
    snapshot = load(
        GOOD
        | {
            "BRIDGE_SECRETS__STRIPE_EU": '["whsec_hush_1", "whsec_hush_2"]',
            "BRIDGE_CHANNELS__TEAM_A": URL,
            "BRIDGE_PUBLIC_URL": "https://hooks.example.com/",
        },
        tmp_path,
        """
        [sources.stripe-eu]
        provider = "stripe"
        dedupe_ttl = "2h"
        [channels.team-a]
        private = true
        pace = "2/s"
        [[routes]]
        channels = ["team-a"]
        """,
    )
    stripe = snapshot.sources["stripe-eu"]
    assert (stripe.name, stripe.provider, stripe.dedupe_ttl) == ("stripe-eu", PROVIDERS["stripe"], 7200)
    assert stripe.secrets == ("whsec_hush_1", "whsec_hush_2")
    assert (snapshot.channels["team-a"].policy.private, snapshot.channels["team-a"].policy.pace) == (True, 2.0)
    assert set(snapshot.channels) == {"general", "team-a"}
    assert snapshot.public_url == "https://hooks.example.com"
    assert "stripe" in snapshot.off


def test_the_routes_in_the_working_directory_override_the_packaged_ones(tmp_path: Path) -> None:
    (tmp_path / "empty" / "routes.toml").write_text("[[routes]]\nname = 'mine'\nchannels = ['general']\n")
    assert [route.name for route in load(GOOD, tmp_path).routes.routes] == ["mine"]


def test_it_shows_no_secret_and_cannot_be_changed(tmp_path: Path) -> None:
    snapshot = load(GOOD, tmp_path)
    assert "hush" not in repr(snapshot)
    assert "hush" not in str(snapshot)
    with pytest.raises(FrozenInstanceError):
        snapshot.public_url = "https://example.com"  # type: ignore[misc]  # that it cannot be set is the test


def test_every_error_is_reported_at_once(tmp_path: Path) -> None:
    found = errors(
        {"BRIDGE_CHANNELS__GENERAL": "http://hush"},
        tmp_path,
        "[[routes]]\nsource = 'gitlba'\nchannels = ['general', 'ops']\ntemplate = 'shopify/ordres.j2'\n",
    )
    assert [error.split(" ")[0] for error in found] == [
        "routes.toml:2:",
        "routes.toml:3:",
        "BRIDGE_CHANNELS__GENERAL:",
        "no",
        "routes.toml:4:",
    ]
    assert found[-1] == (
        "routes.toml:4: `template` in [[routes]] names 'shopify/ordres.j2', which does not exist "
        "(did you mean `shopify/orders.j2`?)"
    )


def test_errors_of_the_file_come_with_those_of_the_urls(tmp_path: Path) -> None:
    found = errors(GOOD | {"BRIDGE_CHANNELS__OPS": "http://hush"}, tmp_path, "[[routes]]\nchanels = ['hush']\n")
    assert [error.split(" ")[0] for error in found] == ["routes.toml:1:", "routes.toml:2:", "BRIDGE_CHANNELS__OPS:"]


def test_a_removed_templates_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    environ = GOOD | {"BRIDGE_TEMPLATES": str(tmp_path / "mine")}
    settings, _ = load_settings(environ, dotenv=tmp_path / "none", secrets_dir=tmp_path / "none")
    (tmp_path / "mine").rmdir()
    with pytest.raises(ConfigurationError, match=r"the templates cannot be read: .* \(name a readable folder"):
        load_snapshot(settings)


@pytest.mark.parametrize("name", ["routes.toml", "templates"])
@pytest.mark.parametrize("kind", ["folder or file", "loop", "dangling"])
def test_an_unreadable_file_or_folder_is_an_error_and_not_replaced_by_the_packaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    """Docker creates a folder in place of a missing file that is to be mounted."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / name
    if kind == "loop":
        place.symlink_to(name)
    elif kind == "dangling":
        place.symlink_to("nowhere")
    elif name == "templates":
        place.write_text("")
    else:
        place.mkdir()
    settings, _ = load_settings(GOOD, dotenv=tmp_path / "none", secrets_dir=tmp_path / "none")
    with pytest.raises(ConfigurationError, match=name):
        load_snapshot(settings)
