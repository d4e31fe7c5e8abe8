"""Tests of `bridge explain`: which routes match a recorded body, and why."""

import asyncio
import json
from pathlib import Path

import pytest

from bridge.core.states import DeliveryState
from bridge.events import Request
from bridge.routing.decide import Planned
from bridge.routing.on_change import GroupState
from bridge.samples import sample_event, samples
from bridge.sources import PROVIDERS
from bridge.store import DeliveryResult, GroupKey, NewEvent, open_store
from tests.cli.command import run
from tests.store.samples import receive, settle

NOW = 1_795_392_000.0
REQUEST = Request("POST", "https://bridge.example.com/webhooks/gitlab", {}, b"{}")
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


ON_CHANGE = """
[[routes]]
name = "main"
source = "gitlab"
events = ["pipeline"]
notify = "on_change"
channels = ["deploys"]
"""


def changing(folder: Path, name: str) -> str:
    recorded(folder, name)
    (folder / "routes.toml").write_text(ON_CHANGE, "utf-8")
    return "saved.json"


async def show(folder: Path, state: str, name: str) -> None:
    """Write a store in which the channel was shown a state of a sample's group."""
    event = sample_event(samples()[name], "gitlab", NOW)
    run_state = PROVIDERS["gitlab"].run_state(event)
    assert run_state is not None
    shown = GroupState(run_state.group, state)
    store = open_store(f"sqlite:///{folder}/bridge.db", limit=2**30, owner=True)
    planned = Planned("deploys", "main", None, group_state=shown)
    await receive(store, REQUEST, [NewEvent(event, 0, (planned,), tuple(9.0 for _ in event.keys))], NOW)
    remembered = (GroupKey("main", "gitlab", shown.group), shown)
    await settle(store, [DeliveryResult(1, DeliveryState.DELIVERED, remembers=remembered)], NOW)
    await store.close()


@pytest.mark.parametrize(
    ("name", "shown", "result"),
    [
        ("gitlab/pipeline.success", "failed", "it is success, so it would be shown now"),
        ("gitlab/pipeline.failed", "failed", "it is failed, so it would be skipped now: state is unchanged: failed"),
    ],
)
async def test_a_state_is_compared_with_the_last_one_in_the_store(
    tmp_path: Path, name: str, shown: str, result: str
) -> None:
    saved = changing(tmp_path, name)
    await show(tmp_path, shown, name)
    done = await asyncio.to_thread(run, tmp_path, "explain", "gitlab", "--payload", saved)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        "→ #deploys, template gitlab/pipeline.j2: shown if the state differs from the last shown: "
        f"{shown}\n    {result}\n"
    )


async def test_a_group_without_a_last_state_says_so(tmp_path: Path) -> None:
    await show(tmp_path, "failed", "gitlab/pipeline.failed")
    saved = changing(tmp_path, "gitlab/pipeline.success")
    done = await asyncio.to_thread(run, tmp_path, "explain", "gitlab", "--payload", saved)
    assert "the last shown: none yet\n    it is success, so it would be skipped now: the first known" in done.stdout


def test_without_a_store_the_last_state_is_unknown_and_no_store_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, "explain", "gitlab", "--payload", changing(tmp_path, "gitlab/pipeline.failed"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "the last shown, which is unknown here: there is no store at " in done.stdout
    assert not (tmp_path / "bridge.db").exists()
    in_memory = {"BRIDGE_STORE": "sqlite:///:memory:"}
    done = run(tmp_path, "explain", "gitlab", "--payload", "saved.json", environ=in_memory)
    assert done.stdout.endswith("which is unknown here: BRIDGE_STORE is in memory\n")


def test_a_run_without_a_result_is_skipped(tmp_path: Path) -> None:
    done = run(tmp_path, "explain", "gitlab", "--payload", changing(tmp_path, "gitlab/pipeline.canceled"))
    assert "    ✓ notify: on_change: canceled does not count\n" in done.stdout
    assert done.stdout.endswith("gitlab/pipeline.j2: skipped, canceled is no result to compare\n")
