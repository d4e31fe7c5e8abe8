"""Tests of `bridge explain`: which routes match a recorded body, and why."""

import json
from pathlib import Path

from bridge.samples import samples
from tests.cli.command import run

ROUTES = """
[[routes]]
name = "broken main"
source = "gitlab"
events = ["pipeline.failed"]
when = "payload.object_attributes.ref == 'main'"
channels = ["deploys"]

[[routes]]
name = "orders"
source = "shopify"
channels = ["orders"]
template = "shopify/orders.j2"
"""


def recorded(folder: Path, name: str) -> str:
    (folder / "routes.toml").write_text(ROUTES, "utf-8")
    (folder / "saved.json").write_text(json.dumps(samples()[name].body), "utf-8")
    return "saved.json"


def test_every_condition_shows_its_verdict_and_no_match_exits_1(tmp_path: Path) -> None:
    done = run(tmp_path, "explain", "gitlab", "--payload", recorded(tmp_path, "gitlab/pipeline.failed"))
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("gitlab/pipeline.failed: GitLab pipeline failed")
    assert "✗ broken main\n    ✓ enabled\n    ✓ source: is gitlab\n" in done.stdout
    assert "    ✗ when: payload.object_attributes.ref == 'main'" in done.stdout
    assert "✗ orders\n" in done.stdout
    assert done.stdout.endswith("→ nowhere: no route matches\n")


def test_the_target_channel_is_shown_with_its_template(tmp_path: Path) -> None:
    saved = recorded(tmp_path, "shopify/orders/create")
    done = run(tmp_path, "explain", "shopify", "--payload", saved, "--type", "orders/create")
    assert done.returncode == 0
    assert "✓ orders\n" in done.stdout
    assert done.stdout.endswith("→ #orders, template shopify/orders.j2\n")


def test_a_body_that_does_not_say_its_type_needs_it(tmp_path: Path) -> None:
    done = run(tmp_path, "explain", "shopify", "--payload", recorded(tmp_path, "shopify/orders/create"))
    assert done.returncode == 2
    assert "does not name its event type: add --type" in done.stderr


def test_an_unknown_source_and_a_file_that_is_none_end_with_2(tmp_path: Path) -> None:
    saved = recorded(tmp_path, "gitlab/push")
    assert "did you mean `gitlab`?" in run(tmp_path, "explain", "gitlub", "--payload", saved).stderr
    assert "cannot read nothing.json" in run(tmp_path, "explain", "gitlab", "--payload", "nothing.json").stderr
