"""Tests of the recipes of docs/gitlab.md for pipelines, with real requests: only changes, and no child pipelines."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from bridge.config.settings import load_settings
from bridge.core.payload import map_at, text_at
from bridge.core.states import DeliveryState
from bridge.events import Request
from bridge.live.snapshot import load_snapshot
from bridge.routing.routes_file import parse_routes
from bridge.samples import samples
from bridge.service.service import Service
from bridge.store import Query
from tests.bridges import Bridge, environment, sample_request
from tests.service.process import minimal, send, serving
from tests.service.recipes import ROOT, recipes
from tests.slack.simulator import SlackSimulator

RECIPE = recipes()["docs/gitlab.md: code"].toml
NOW = time.time()
PROJECT = {
    "id": 57,
    "path_with_namespace": "tidewater/booking",
    "default_branch": "main",
    "web_url": "https://g.example",
}
PARENT = {"project": {"id": 57}, "pipeline_id": 90210, "job_id": 7}


def pipeline(number: int, status: str, *, ref: str = "main", **more: object) -> Request:
    """Return the signed request of a pipeline's result."""
    body = map_at(samples()["gitlab/pipeline.success"].body)
    attributes = map_at(body, "object_attributes")
    changed = {"id": number, "status": status, "ref": ref, "source": "push", "finished_at": None}
    run = {**body, "object_attributes": {**attributes, **changed}, "project": PROJECT, "merge_request": None, **more}
    return sample_request("gitlab/pipeline.success", body=run)


def shown(slack: SlackSimulator, channel: str) -> list[str]:
    """Return number and result of each pipeline that a channel shows."""
    texts = [text_at(one.body, "text") for one in slack.posts(channel)]
    found = [re.search(r"Pipeline #(\d+).*(passed|failed)", text) for text in texts]
    return [f"{one[1]} {one[2]}" for one in found if one]


@asynccontextmanager
async def running(folder: Path, slack: SlackSimulator, routes: str) -> AsyncIterator[Bridge]:
    """Run a bridge with these routes, and a URL for each of their channels."""
    (folder / "routes.toml").write_text(routes, "utf-8")
    urls = {f"BRIDGE_CHANNELS__{name.upper()}": slack.webhook(name) for name in parse_routes(routes).channel_names()}
    settings, _ = load_settings(environment(folder, slack, **urls), dotenv=folder / "-", secrets_dir=folder / "-")
    service = Service(settings, load_snapshot(settings))
    await service.start()
    try:
        async with aiohttp.ClientSession() as client:
            yield Bridge(service, slack, client)
    finally:
        await service.stop()


async def post(bridge: Bridge, *requests: Request) -> None:
    for request in requests:
        status, _, _ = await bridge.send(request)
        assert status == 200


LAST = sample_request("gitlab/deployment.failed")
"""A request that the recipe posts to each of its channels: whatever was sent before is decided when it is shown."""


async def test_the_recipe_tells_when_main_breaks_and_when_it_is_fixed(tmp_path: Path) -> None:
    runs = [
        (1, "success"),
        (2, "failed"),
        (3, "running"),
        (3, "failed"),
        (4, "canceled"),
        (5, "success"),
        (6, "success"),
    ]
    async with SlackSimulator() as slack, running(tmp_path, slack, RECIPE) as bridge:
        await post(bridge, *(pipeline(*run) for run in runs), LAST)
        await slack.wait_for("deploys", 3)
        assert shown(slack, "deploys") == ["2 failed", "5 passed"]
        # The next route tells the team of each failure.
        await slack.wait_for("dev", 3)
        assert shown(slack, "dev") == ["2 failed", "3 failed"]
        rows = await bridge.service.store.find(Query(state=DeliveryState.SKIPPED, channel="deploys"))
        assert [row.reason for row in rows] == [
            *("state is unchanged: success", "state is unchanged: failed", "the first known state is success")
        ]


async def test_other_branches_and_merge_requests_and_children_do_not_count_for_main(tmp_path: Path) -> None:
    request = {"iid": 7, "source_branch": "main"}
    async with SlackSimulator() as slack, running(tmp_path, slack, RECIPE) as bridge:
        others = [
            pipeline(2, "success", ref="topic"),
            pipeline(3, "success", merge_request=request),
            pipeline(4, "success", source_pipeline=PARENT),
        ]
        await post(bridge, pipeline(1, "failed"), *others, pipeline(5, "success"), LAST)
        await slack.wait_for("deploys", 3)
        assert shown(slack, "deploys") == ["1 failed", "5 passed"]


async def test_a_pipeline_that_waits_for_a_manual_job_can_count_as_passed(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "gitlab.md").read_text("utf-8")
    [state] = re.findall(r"```toml\n(state = .+)\n```", page)
    routes = RECIPE.replace('notify = "on_change"', f'notify = "on_change"\n{state}')
    routes = routes.replace('"pipeline.success"]', '"pipeline.success", "pipeline.manual"]')
    runs = [(1, "failed"), (2, "manual"), (2, "success"), (3, "manual"), (4, "failed")]
    async with SlackSimulator() as slack, running(tmp_path, slack, routes) as bridge:
        await post(bridge, *(pipeline(*run) for run in runs), LAST)
        await slack.wait_for("deploys", 4)
        assert shown(slack, "deploys") == ["1 failed", "4 failed"]
        assert "waits" in text_at(slack.posts("deploys")[1].body, "text")


async def test_the_first_recipe_of_the_reference_tells_when_main_breaks_and_when_it_is_fixed(tmp_path: Path) -> None:
    routes = recipes()["docs/routes.md: main breaks, main is fixed"].toml
    last = "[[routes]]\nsource = 'gitlab'\nevents = ['deployment']\nchannels = ['deploys']\n"
    runs = [(1, "failed"), (2, "failed"), (3, "success"), (4, "success")]
    async with SlackSimulator() as slack, running(tmp_path, slack, routes + last) as bridge:
        await post(bridge, *(pipeline(*run) for run in runs), LAST)
        await slack.wait_for("deploys", 3)
        assert shown(slack, "deploys") == ["1 failed", "3 passed"]


async def test_the_recipe_for_subscriptions_tells_each_status_once(tmp_path: Path) -> None:
    routes = recipes()["docs/routes.md: a subscription changes its status"].toml
    async with SlackSimulator() as slack, running(tmp_path, slack, routes) as bridge:
        for number, (subscription, status) in enumerate(
            [
                ("sub_1", "trialing"),
                ("sub_1", "active"),
                ("sub_2", "active"),
                ("sub_1", "active"),
                ("sub_1", "past_due"),
            ]
        ):
            await post(bridge, subscription_updated(number, subscription, status))
        await slack.wait_for("billing", 4)
        rows = await bridge.service.store.find(Query(state=DeliveryState.SKIPPED))
        assert [row.reason for row in rows] == ["state is unchanged: active"]


def subscription_updated(number: int, subscription: str, status: str) -> Request:
    body = samples()["stripe/customer.subscription.updated"].body
    data = map_at(body, "data")
    changed = {**map_at(data, "object"), "id": subscription, "status": status}
    return sample_request(
        "stripe/customer.subscription.updated",
        body={**map_at(body), "id": f"evt_{number}", "created": int(NOW) + number, "data": {**data, "object": changed}},
    )


@pytest.mark.parametrize(
    ("condition", "kept"),
    [
        ("not payload.source_pipeline", ["1 passed"]),
        ("payload.source_pipeline.project.id != payload.project.id", ["1 passed", "3 passed"]),
    ],
)
async def test_pipelines_that_another_one_started_are_left_out(tmp_path: Path, condition: str, kept: list[str]) -> None:
    routes = recipes()[f'docs/gitlab.md: when = "{condition}"'].toml
    upstream = {**PARENT, "project": {"id": 41}}
    async with SlackSimulator() as slack, running(tmp_path, slack, routes) as bridge:
        first, child, downstream = (
            pipeline(1, "success"),
            pipeline(2, "success", source_pipeline=PARENT),
            pipeline(3, "success", source_pipeline=upstream),
        )
        await post(bridge, first, child, downstream, sample_request("gitlab/deployment.failed"))
        await slack.wait_for("general", len(kept) + 1)
        assert shown(slack, "general") == kept


@pytest.mark.slow
async def test_a_bridge_that_is_killed_remembers_the_last_state(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(RECIPE, "utf-8")
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        environ = minimal(slack, **{f"BRIDGE_CHANNELS__{name}": slack.webhook(name) for name in ("dev", "deploys")})
        rounds = [
            [pipeline(1, "success"), pipeline(2, "failed"), sample_request("gitlab/deployment.failed")],
            [pipeline(3, "failed"), pipeline(4, "success"), sample_request("gitlab/deployment.blocked")],
            [pipeline(5, "success"), pipeline(6, "failed"), sample_request("gitlab/deployment.rejected")],
        ]
        for number, requests in enumerate(rounds, start=1):
            async with serving(environ, tmp_path) as (process, base, _):
                for request in requests:
                    status, answer = await send(client, base, request)
                    assert (status, answer["status"]) == (200, "accepted")
                # The last one is posted after the others are recorded. Killed then, it may be posted twice.
                while len({text_at(one.body, "text") for one in slack.posts("deploys")}) < 2 * number:
                    await slack.wait_for("deploys", len(slack.posts("deploys")) + 1)
                process.kill()
        assert shown(slack, "deploys") == ["2 failed", "4 passed", "6 failed"]
