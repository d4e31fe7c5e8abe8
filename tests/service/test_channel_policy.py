"""Test that a setting of a channel goes from routes.toml to its worker in one object."""

from pathlib import Path

from bridge.config.settings import load_settings
from bridge.live.snapshot import load_snapshot
from bridge.routing.schema import ChannelPolicy
from bridge.service.service import Service

DOCS = Path(__file__).parents[2] / "docs/routes.md"
ROUTES = """
[channels.general]
private = true
pace = "30/m"
pack = false
digest_after = 50
[[routes]]
name = "all"
channels = ["general"]
"""


def test_the_policy_that_routes_toml_gives_is_the_one_that_the_worker_has(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(ROUTES, "utf-8")
    url = "https://hooks.slack.com/services/T0/B0/x"
    environ = {
        "BRIDGE_ROUTES": str(tmp_path / "routes.toml"),
        "BRIDGE_CHANNELS__GENERAL": url,
        "BRIDGE_SECRETS__GITLAB": "a-token",
    }
    settings, _ = load_settings(environ, dotenv=tmp_path / "none", secrets_dir=tmp_path / "none")
    snapshot = load_snapshot(settings)
    policy = snapshot.routes.channel("general")
    assert policy == ChannelPolicy.model_construct(private=True, pace=0.5, pack=False, digest_after=50)
    assert Service(settings, snapshot)._destinations()["general"].policy is policy


def test_every_setting_is_in_the_docs() -> None:
    docs = DOCS.read_text("utf-8").partition("## `[channels")[2]
    assert [name for name in ChannelPolicy.model_fields if f"\n{name} = " not in docs] == []
