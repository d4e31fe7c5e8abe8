"""Tests that the recipes of the documentation do what their pages say, with real requests to a real bridge."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bridge.core.payload import text_at
from bridge.core.states import DeliveryState
from bridge.demo.slack_simulator import Answer
from bridge.routing.routes_file import parse_routes
from bridge.samples import samples
from bridge.sources import PROVIDERS
from bridge.store import DeliveryRow, Query
from tests.bridges import PUBLIC_URL, ROUTES, SECRETS, Bridge, bridge
from tests.service.recipes import Recipe, recipes
from tests.slack.simulator import SlackSimulator

RECIPES = recipes()
WITH_TESTS_OF_THEIR_OWN = {
    "main breaks, main is fixed",
    "a subscription changes its status",
    'when = "not payload.source_pipeline"',
    'when = "payload.source_pipeline.project.id != payload.project.id"',
}
"""Names of recipes that tests/service/test_on_change.py tests."""


@dataclass(frozen=True)
class Sent:
    """One request, and the channels in which its message is shown."""

    sample: str
    channels: tuple[str, ...] = ()
    changed: Mapping[str, object] = field(default_factory=dict)
    """Changes of the sample's body: path -> value. A form's path is a parameter's name."""
    becomes: str = ""
    """The type that it has with the changes; "" for the sample's."""

    @property
    def type(self) -> str:
        """Return the event's type."""
        return self.becomes or samples()[self.sample].type


def shown(sample: str, *channels: str, **changed: object) -> Sent:
    return Sent(sample, channels, {path.replace("__", "."): value for path, value in changed.items()})


def ignored(sample: str, **changed: object) -> Sent:
    return shown(sample, **changed)


def dial(status: str) -> Mapping[str, object]:
    """Return the parameters that the action of <Dial> adds."""
    return {"CallStatus": "in-progress", "DialCallStatus": status, "DialCallSid": f"CA{status.encode().hex():0>32}"}


MAIN = {"object_attributes__ref": "main"}
TEST_MODE = {"livemode": False}

ROUTING: Mapping[str, Sequence[Sent]] = {
    "README.md: broken pipelines": [
        shown("gitlab/pipeline.failed", "deploys", "oncall", **MAIN),
        shown("gitlab/build.failed", "deploys", "oncall", ref="main"),
        ignored("gitlab/pipeline.failed", object_attributes__ref="fix/typo", object_attributes__id=2),
        ignored("gitlab/build.failed", ref="fix/typo", build_id=2),
        ignored("gitlab/pipeline.success", **MAIN),
    ],
    "docs/gitlab.md: no child pipelines": [
        shown("gitlab/pipeline.failed", "dev", object_attributes__source="push"),
        ignored("gitlab/pipeline.failed", object_attributes__source="parent_pipeline", object_attributes__id=2),
        ignored("gitlab/pipeline.failed", object_attributes__source="pipeline", object_attributes__id=3),
    ],
    "docs/gitlab.md: code": [
        shown("gitlab/push", "dev"),
        shown("gitlab/tag_push", "dev"),
        shown("gitlab/merge_request.open", "dev"),
        shown("gitlab/note.merge_request", "dev"),
        shown("gitlab/release.create", "dev"),
        shown("gitlab/pipeline.failed", "dev", "deploys"),
        shown("gitlab/deployment.failed", "dev", "deploys"),
        shown("gitlab/deployment.blocked", "dev", "deploys"),
        shown("gitlab/deployment.rejected", "dev", "deploys"),
        ignored("gitlab/pipeline.running"),
        ignored("gitlab/deployment.success"),
        ignored("gitlab/build.failed"),
        ignored("gitlab/issue.open"),
    ],
    "docs/routes.md: broken main": [
        shown("gitlab/pipeline.failed", "deploys", "oncall", **MAIN),
        shown("gitlab/issue.open", "general"),
        shown("gitlab/merge_request.open", "general"),
        ignored("gitlab/pipeline.failed", object_attributes__ref="fix/typo", object_attributes__id=2),
        ignored("gitlab/pipeline.success", **MAIN),
        ignored("gitlab/build.failed"),
        ignored("stripe/charge.failed"),
    ],
    'docs/routes.md: events = ["pipeline", "!pipeline.running", "!pipeline.pending"]': [
        shown("gitlab/pipeline.success", "general"),
        shown("gitlab/pipeline.failed", "general"),
        ignored("gitlab/pipeline.running"),
        ignored("gitlab/pipeline.pending"),
        ignored("gitlab/push"),
    ],
    'docs/routes.md: events = ["!build", "!emoji"]': [
        shown("gitlab/push", "general"),
        shown("stripe/charge.failed", "general"),
        ignored("gitlab/build.failed"),
        ignored("gitlab/emoji.award"),
    ],
    "docs/routes.md: when = \"payload.object_attributes.ref == 'main'\"": [
        shown("gitlab/pipeline.failed", "general", **MAIN),
        ignored("gitlab/pipeline.failed", object_attributes__ref="fix/typo", object_attributes__id=2),
        ignored("gitlab/push"),
    ],
    'docs/routes.md: when = "payload.data.object.amount >= 50000 and event.test == false"': [
        shown("stripe/charge.failed", "general", data__object__amount=50_000),
        ignored("stripe/charge.failed", id="evt_2", data__object__amount=49_999),
        ignored("stripe/charge.failed", id="evt_3", data__object__amount=50_000, **TEST_MODE),
        ignored("stripe/customer.created"),
    ],
    "docs/routes.md: when = \"payload.project.path_with_namespace in ['shop/web', 'shop/api']\"": [
        shown("gitlab/issue.open", "general", project__path_with_namespace="shop/api"),
        ignored("gitlab/merge_request.open", project__path_with_namespace="shop/app"),
    ],
    "docs/routes.md: when = \"payload.labels | selectattr('title', 'equalto', 'urgent') | list\"": [
        shown("gitlab/issue.open", "general", labels=[{"title": "bug"}, {"title": "urgent"}]),
        ignored("gitlab/merge_request.open", labels=[{"title": "not urgent"}]),
        ignored("gitlab/push"),
    ],
    "docs/routes.md: when = \"payload.object_attributes.ref.startswith('release/')\"": [
        shown("gitlab/pipeline.failed", "general", object_attributes__ref="release/1.2"),
        ignored("gitlab/pipeline.failed", object_attributes__ref="main", object_attributes__id=2),
        ignored("gitlab/push"),
    ],
    'docs/shopify.md: events = ["orders", "!orders/updated"]': [
        shown("shopify/orders/create", "general"),
        shown("shopify/orders/cancelled", "general"),
        ignored("shopify/orders/updated"),
        ignored("shopify/draft_orders/create"),
    ],
    'docs/stripe.md: events = ["charge.dispute", "payout.failed"]': [
        shown("stripe/charge.dispute.created", "general"),
        shown("stripe/charge.dispute.closed", "general"),
        shown("stripe/payout.failed", "general"),
        ignored("stripe/charge.failed"),
        ignored("stripe/payout.paid"),
    ],
    'docs/stripe.md: when = "not event.test"': [
        shown("stripe/charge.failed", "general"),
        ignored("stripe/charge.failed", id="evt_2", **TEST_MODE),
    ],
    'docs/stripe.md: when = "payload.data.object.amount >= 100000"': [
        shown("stripe/charge.failed", "general", data__object__amount=100_000),
        ignored("stripe/charge.failed", id="evt_2", data__object__amount=99_999),
        ignored("stripe/invoice.paid"),  # it has a total
    ],
    "docs/twilio.md: phone and messages": [
        shown("twilio/message.received", "support"),
        shown("twilio/message.undelivered", "support"),
        shown("twilio/message.failed", "support"),
        shown("twilio/call.no-answer", "support"),
        shown("twilio/call.failed", "support"),
        *(
            Sent("twilio/call.received", ("support",), dial(status), f"call.dial.{status}")
            for status in ("no-answer", "busy", "failed")
        ),
        Sent("twilio/call.received", (), dial("completed"), "call.dial.completed"),
        shown("twilio/recording.completed", "support"),
        shown("twilio/debugger.error", "support"),
        ignored("twilio/message.delivered"),
        ignored("twilio/call.completed"),
        ignored("twilio/debugger.warning"),
    ],
}
"""Recipes of routes: what is sent, in order, and where it is shown."""
SOURCES = {
    "docs/gitlab.md: sources.gitlab-old": "gitlab/issue.open",
    "docs/routes.md: sources.stripe-eu": "stripe/charge.failed",
    "docs/shopify.md: sources.shopify-outlet": "shopify/orders/create",
    "docs/stripe.md: sources.stripe-test": "stripe/charge.failed",
    "docs/twilio.md: sources.twilio-support": "twilio/message.received",
}
"""Recipes of a source, and a sample of its provider."""
OTHERS = {
    'docs/delivery.md: repeat = "10m"',
    "docs/routes.md: channels.security",
    "docs/routes.md: alerts",
    "docs/routes.md: people",
}
"""Recipes with a test below."""


def test_every_recipe_of_the_docs_is_tested_here() -> None:
    known = {*ROUTING, *SOURCES, *OTHERS}
    assert {key for key, recipe in RECIPES.items() if recipe.name not in WITH_TESTS_OF_THEIR_OWN} == known
    assert all(any(sent.channels for sent in case) for case in ROUTING.values())
    assert all(any(not sent.channels for sent in case) for case in ROUTING.values())


def body_of(sent: Sent) -> object:
    """Return the sample's body with the changes."""
    body = deepcopy(samples()[sent.sample].body)
    for path, value in sent.changed.items():
        if isinstance(body, list):
            body = [pair for pair in body if pair[0] != path] + [[path, value]]
            continue
        *steps, last = path.split(".")
        place = body
        for step in steps:
            assert isinstance(place, dict), path
            place = place[step]
        assert isinstance(place, dict), path
        place[last] = value
    return body


async def send(running: Bridge, sent: Sent, source: str = "", secret: str = "") -> tuple[int, str]:
    """Send a signed request to a source, and return the answer's status and the event's id ("" without one)."""
    sample = samples()[sent.sample]
    source = source or sample.provider
    request = PROVIDERS[sample.provider].request_for(
        sample.type,
        body_of(sent),
        secret or SECRETS[sample.provider],
        time.time(),
        url=f"{PUBLIC_URL}/webhooks/{source}",
    )
    status, headers, body = await running.send(request)
    answer = json.loads(body) if headers["Content-Type"].startswith("application/json") else {}
    return status, text_at(answer, "id")


async def settled(running: Bridge) -> list[DeliveryRow]:
    """Return every delivery, oldest first, once none waits."""
    async with asyncio.timeout(20):
        while True:
            rows = await running.service.store.find(Query())
            if all(row.state is not DeliveryState.WAITING for row in rows):
                return rows[::-1]
            await asyncio.sleep(0.02)


async def deliveries(running: Bridge) -> list[tuple[str, str, str]]:
    """Return source, type and channel of everything that Slack has shown, oldest first."""
    rows = await settled(running)
    assert {row.state for row in rows} == {DeliveryState.DELIVERED}
    return [(row.source, row.type, row.channel) for row in rows]


def prepared(folder: Path, recipe: Recipe, slack: SlackSimulator, more: str = "") -> dict[str, str]:
    """Write the recipe as routes.toml, its channels fast, and return the URLs of its channels as variables."""
    names = parse_routes(recipe.toml + more).channel_names()
    fast = "".join(f"[channels.{name}]\npace = '50/s'\n" for name in names if f"[channels.{name}]" not in recipe.toml)
    (folder / "routes.toml").write_text(f"{recipe.toml}\n{more}\n{fast}", "utf-8")
    return {f"BRIDGE_CHANNELS__{name.upper()}": slack.webhook(name) for name in names}


@pytest.mark.parametrize("key", ROUTING)
async def test_a_route_shows_what_it_says_and_nothing_else(tmp_path: Path, key: str) -> None:
    async with SlackSimulator() as slack, bridge(tmp_path, **prepared(tmp_path, RECIPES[key], slack)) as running:
        for sent in ROUTING[key]:
            assert (await send(running, sent))[0] == 200
        expected = [
            (samples()[sent.sample].provider, sent.type, channel) for sent in ROUTING[key] for channel in sent.channels
        ]
        assert sorted(await deliveries(running)) == sorted(expected)
        assert all(slack.posts(channel) for _, _, channel in expected)


@pytest.mark.parametrize("key", SOURCES)
async def test_a_source_has_a_url_and_a_secret_of_its_own(tmp_path: Path, key: str) -> None:
    sample, name = SOURCES[key], RECIPES[key].name.removeprefix("sources.")
    own = SECRETS[sample.partition("/")[0]] + "0"
    secret = {f"BRIDGE_SECRETS__{name.upper().replace('-', '_')}": own}
    async with SlackSimulator() as slack:
        variables = prepared(tmp_path, RECIPES[key], slack, ROUTES)
        async with bridge(tmp_path, **variables, **secret) as running:
            sent = Sent(sample)
            assert (await send(running, sent, name, own))[0] == 200
            assert (await send(running, sent, name))[0] == 401
            assert (await send(running, sent))[0] == 200
            kind = samples()[sample].type
            assert await deliveries(running) == [(name, kind, "general"), (sample.partition("/")[0], kind, "general")]


async def test_a_repeat_of_one_subject_is_shown_once_and_another_subject_is_shown(tmp_path: Path) -> None:
    recipe = RECIPES['docs/delivery.md: repeat = "10m"']
    again = {"id": "evt_2"}
    other = {"id": "evt_3", "data.object.id": "ch_other", "data.object.payment_intent": "pi_other"}
    async with SlackSimulator() as slack, bridge(tmp_path, **prepared(tmp_path, recipe, slack)) as running:
        for changed in ({}, again, other):
            assert (await send(running, Sent("stripe/charge.failed", changed=changed)))[0] == 200
        states = [row.state for row in await settled(running)]
        assert states == [DeliveryState.DELIVERED, DeliveryState.SUMMARIZED, DeliveryState.DELIVERED]
        assert len(slack.posts("general")) == 2


async def test_a_private_channel_shows_confidential_events_and_others_do_not(tmp_path: Path) -> None:
    recipe = RECIPES["docs/routes.md: channels.security"]
    everything = "[[routes]]\nname = 'all'\nchannels = ['security', 'general']\n"
    async with SlackSimulator() as slack, bridge(tmp_path, **prepared(tmp_path, recipe, slack, everything)) as running:
        issue = Sent("gitlab/issue.open", changed={"event_type": "confidential_issue"})
        assert (await send(running, issue))[0] == 200
        states = {row.channel: row.state for row in await settled(running)}
        assert states["security"] is DeliveryState.DELIVERED
        assert states.get("general", DeliveryState.SKIPPED) is DeliveryState.SKIPPED
        assert (len(slack.posts("security")), len(slack.posts("general"))) == (1, 0)


async def test_the_alerts_channel_is_told_of_a_channel_that_slack_closed(tmp_path: Path) -> None:
    recipe = RECIPES["docs/routes.md: alerts"]
    everything = "[[routes]]\nname = 'all'\nchannels = ['general']\n"
    async with SlackSimulator() as slack:
        slack.always("general", Answer(404, "no_service"))
        async with bridge(tmp_path, **prepared(tmp_path, recipe, slack, everything)) as running:
            assert (await send(running, Sent("gitlab/issue.open")))[0] == 200
            (alert,) = await slack.wait_for("ops", 1)
            assert "general" in json.dumps(alert.body)


async def test_a_person_of_the_table_is_mentioned(tmp_path: Path) -> None:
    recipe = RECIPES["docs/routes.md: people"]
    everything = "[[routes]]\nname = 'all'\nchannels = ['general']\n"
    people = [{"id": 1, "name": "Ada Example", "username": "ada"}, {"id": 2, "name": "Tomás", "username": "tomas"}]
    async with SlackSimulator() as slack, bridge(tmp_path, **prepared(tmp_path, recipe, slack, everything)) as running:
        assert (await send(running, Sent("gitlab/merge_request.open", changed={"reviewers": people})))[0] == 200
        (post,) = await slack.wait_for("general", 1)
        assert "<@U012AB3CD>" in json.dumps(post.body)
        assert "@tomas" not in json.dumps(post.body)
