"""Tests of `bridge events` and `bridge events show` beside a running service."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bridge.cli.events import following
from bridge.core.states import DeliveryState
from bridge.demo.slack_simulator import rate_limited
from bridge.store import DeliveryResult, Query, StoreUnavailableError
from bridge.store.sqlite import schema
from tests.cli.command import run
from tests.cli.running_service import RunningService, running_service
from tests.delivery.harness import WatchedStore
from tests.messages.rendering import first_shown
from tests.store.conftest import opened
from tests.store.samples import NOW, accept, entry, event, settle, settle_all

KEYS = [
    *("delivery", "event", "state", "reason", "source", "type", "line", "name", "subject", "actor", "channel", "route"),
    *(
        "template",
        "template_fault",
        "attempts",
        "confidential",
        "received_at",
        "settled_at",
        "replayed_at",
        "summarized_in",
    ),
]


async def test_a_line_a_delivery_newest_last_and_every_option_narrows_it(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        pipeline, order = await service.send("gitlab/pipeline.failed", "shopify/orders/create")
        issue = await service.dead()
        await service.settled()
        done = await service.run("events")
        assert (done.status, done.err) == (0, "")
        lines = done.out.splitlines()
        assert [line[21:30].strip() for line in lines] == ["delivered", "delivered", "delivered", "dead"]
        assert pipeline[:16] in lines[0]
        assert "gitlab/pipeline.failed → #ops  ❌ Pipeline #90211" in lines[0]
        assert "gitlab/pipeline.failed → #general" in lines[1]
        assert lines[3].endswith("(rejected, and so was its text alone: 400 invalid_blocks)")
        assert "\x1b" not in done.out

        for options, found in {
            ("--state", "dead"): [issue],
            ("--source", "shopify"): [order],
            ("--channel", "ops"): [pipeline],
            ("--channel", "#ops"): [pipeline],
            ("--type", "orders"): [order],
            ("--type", "issue", "--type", "orders/*"): [order, issue],
            ("--type", "!pipeline"): [order, issue],
            ("--id", order): [order],
            ("--text", "VOUCHER DISAPPEARS"): [issue],
            ("--text", "%"): [],
            ("--since", "1h", "--limit", "2"): [order, issue],
            ("--until", "1h"): [],
            ("--since", "2020-01-01", "--until", "2020-01-01"): [],
            ("--state", "waiting"): [],
        }.items():
            done = await service.run("events", "--json", *options)
            assert [row["event"] for row in done.objects()] == found, options
            assert done.status == 0
            assert ("no delivery matches" in done.err) is (not found)


@pytest.mark.slow
async def test_the_line_of_a_delivered_message_is_the_first_that_slack_shows(tmp_path: Path) -> None:
    names = (
        "gitlab/push",
        "gitlab/note.merge_request",
        "stripe/charge.failed",
        "shopify/orders/create",
        "shopify/refunds/create",
    )
    async with running_service(tmp_path) as service:
        await service.send(*names)
        await service.settled()
        rows = (await service.run("events", "--json")).objects()
        shown = [json.loads((await service.run("events", "show", f"#{row['delivery']}", "--json")).out) for row in rows]
    assert [row["state"] for row in rows] == ["delivered"] * len(names)
    posted = [history["deliveries"][0]["message"] for history in shown]
    assert [row["line"] for row in rows] == [first_shown(message) for message in posted]


async def test_json_has_a_line_a_delivery_with_the_keys_of_the_docs(tmp_path: Path) -> None:
    docs = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
    async with running_service(tmp_path) as service:
        issue = await service.dead()
        (row,) = (await service.run("events", "--json")).objects()
    assert [*row] == KEYS
    assert [key for key in KEYS if f"`{key}`" not in docs] == []
    assert (row["event"], row["state"], row["attempts"], row["summarized_in"]) == (issue, "dead", 2, None)
    assert str(row["received_at"]).endswith("Z")


@pytest.mark.slow
async def test_follow_shows_new_and_changed_deliveries_until_ctrl_c(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await service.send("gitlab/issue.open")
        await service.settled()
        process = await service.begin("events", "--follow", "--json", "--channel", "general")
        assert process.stdout
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), 20))
        assert first["type"] == "issue.open"
        service.slack.script("general", rate_limited(3))
        (order,) = await service.send("shopify/orders/create")
        seen: list[dict[str, object]] = []
        while not seen or seen[-1]["state"] != "delivered":
            seen.append(json.loads(await asyncio.wait_for(process.stdout.readline(), 20)))
        assert {row["event"] for row in seen} == {order}
        assert [row["state"] for row in seen][:1] == ["waiting"]
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 10)
        assert (process.returncode, err) == (0, b"")


async def test_blocked_channels_are_printed_first(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await service.send("gitlab/issue.open")
        service.execute("INSERT INTO destination_states VALUES ('old', 'stopped', 'no_service', 1800000000, 0)")
        done = await service.run("events")
    assert done.err == "bridge: #old: stopped since 2027-01-15 08:00:00: no_service\n"
    assert "gitlab/issue.open → #general" in done.out


async def test_show_prints_every_detail(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        service.slack.script("ops", rate_limited(1))
        (event_id,) = await service.send("gitlab/pipeline.failed")
        await service.settled()
        done = await service.run("events", "show", event_id, "--body")
        output = (await service.run("events", "show", event_id[:20], "--json")).out
        by_number = (await service.run("events", "show", "#1", "--json", "--body")).out
        secrets = [value for name, value in service.environ.items() if "SECRETS__" in name or "CHANNELS__" in name]
    assert (done.status, done.err) == (0, "")
    for part in (
        f"event     {event_id}\n",
        "request   POST /webhooks/gitlab, ",
        "keys      delivery:",
        "a resend is a duplicate until",
        '"object_kind"',
        "#1 → #ops: delivered",
        "by the route 'broken pipelines'",
        "limited  429 rate_limited",
        "ok  200 ok",
        "❌ Pipeline #90211 for !284",
        "By today's routes it would go to #ops, #general:",
        "✓ broken pipelines\n",
        "✓ events: matches pipeline.failed",
    ):
        assert part in done.out, part
    event_history = json.loads(output)
    assert [*event_history] == ["event", "arrival", "keys", "deliveries", "today"]
    assert event_history["event"]["id"] == event_id
    assert [delivery["channel"] for delivery in event_history["deliveries"]] == ["ops", "general"]
    assert [post["kind"] for post in event_history["deliveries"][0]["posts"]] == ["rate_limited", "ok"]
    assert event_history["deliveries"][0]["message"]["text"].startswith(":x: Pipeline")
    assert [route["matched"] for route in event_history["today"]["routes"]] == [True, True]
    assert "body" not in event_history["arrival"]
    assert json.loads(json.loads(by_number)["arrival"].pop("body"))["object_kind"] == "pipeline"
    for secret in [*secrets, "hooks.slack.com", "X-Gitlab-Token", "services/T"]:
        assert secret not in done.out + output + by_number


async def test_show_prints_the_line_of_each_delivery(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/short.j2").write_text("*Broken:* {{ link(event.url, event.subject) }} :fire:")
    (tmp_path / "templates/none.j2").write_text('{% extends "message.j2" %}{% block skip %}enough{% endblock %}')
    routes = "".join(
        f'[[routes]]\nname = "{name}"\nchannels = ["{channel}"]\n{template}\n'
        for name, channel, template in (
            ("shipped", "general", ""),
            ("short", "ops", 'template = "short.j2"'),
            ("none", "quiet", 'template = "none.j2"'),
        )
    )
    async with running_service(tmp_path, routes=routes) as service:
        (event_id,) = await service.send("gitlab/pipeline.failed")
        await service.settled()
        show = await service.run("events", "show", event_id, "--json")
        text = (await service.run("events", "show", event_id)).out
        listed = (await service.run("events", "--json")).objects()
    deliveries = {delivery["channel"]: delivery for delivery in json.loads(show.out)["deliveries"]}
    assert deliveries["general"]["line"].startswith("❌ Pipeline #90211 for !284 Keep the voucher")
    assert deliveries["ops"]["line"] == "Broken: 41/pipelines/90211 🔥"
    assert deliveries["quiet"]["line"] == json.loads(show.out)["event"]["line"] != ""
    assert {row["channel"]: row["line"] for row in listed} == {
        channel: delivery["line"] for channel, delivery in deliveries.items()
    }
    assert f"\n    {deliveries['quiet']['line']}\n" in text


async def test_show_decides_by_todays_routes_and_works_without_them(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        (tmp_path / "routes.toml").write_text('[[routes]]\nname = "no"\nsource = "stripe"\nchannels = ["x"]\n')
        done = await service.run("events", "show", event_id)
        assert "by the route 'all'" in done.out
        assert "By today's routes it would go to no channel:\n✗ no\n" in done.out
        (tmp_path / "routes.toml").write_text("nonsense")
        done = await service.run("events", "show", event_id)
        assert (done.status, "routes.toml" in done.err) == (0, True)
        assert "by the route 'all'" in done.out


async def test_hostile_ids_name_nothing_and_end_with_1(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        one, two = await service.send("gitlab/issue.open", "gitlab/push")
        for name in ("%", "_", "' OR 1=1 --", "#", "999", "é\u202e", "x" * 5000, one + "0", "\udcff"):
            done = await service.run("events", "show", name)
            assert (done.status, done.out) == (1, ""), name
            assert "`bridge events` lists them" in done.err
            assert done.err.count("\n") == 1
        done = await service.run("events", "show", one[:3])
        assert (done.status, done.out) == (2, "")
        assert f"could be {one} or {two}: write more of it" in done.err
        for option in ("--id", "--digest"):
            done = await service.run("events", option, "nothing%")
            assert (done.status, done.out) == (1, "")
            assert "'nothing%'" in done.err


async def test_received_text_cannot_control_the_terminal(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
        service.execute(
            "UPDATE events SET name = 'a' || char(27) || '[2J[b]x[/b]', actor = char(10) || 'y'",
            "UPDATE deliveries SET line = 'a' || char(27) || '[2J[b]x[/b]', reason = char(27) || ']0;evil'",
            'UPDATE deliveries SET message = \'{"text": "\\u001b[2J"}\'',
            "UPDATE requests SET body = x'1b5b324aff'",
        )
        done = await service.run("events", FORCE_COLOR="")
        shown = await service.run("events", "show", event_id, "--body")
    assert (done.status, shown.status) == (0, 0)
    assert "\x1b" not in done.out + shown.out
    assert "[b]x[/b]" in done.out
    assert len(done.out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--state", "ded"), "did you mean `dead`?"),
        (("--state", "told"), "the state 'told' is called 'summarized' now"),
        (("--since", "yesterday"), 'such as "2h"'),
        (("--until", ""), "--until"),
        (("--type", "push."), "remove it: a pattern also matches"),
        (("--type", ""), "is empty"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_wrong_usage_ends_with_2_and_the_hint(tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    done = run(tmp_path, "events", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("events",), ("events", "show", "1"), ("replay", "--dead"), ("check", "--store")])
def test_an_error_in_the_stores_url_is_a_diagnostic_with_its_code(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, *command, environ={"BRIDGE_STORE": "mysql://hush@x/y"})
    said = "BRIDGE_STORE: names no known kind of store (write sqlite:////folder/bridge.db) [setting-invalid]"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bridge: {said}\n")


@pytest.mark.parametrize("command", [("events",), ("events", "show", "1"), ("replay", "--dead")])
def test_without_a_store_that_can_be_read_there_is_one_line_and_2(tmp_path: Path, command: tuple[str, ...]) -> None:
    def refused(**environ: str) -> str:
        done = run(tmp_path, *command, environ=environ)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "`bridge serve` makes it" in refused()
    assert "BRIDGE_STORE" in refused(BRIDGE_STORE="sqlite:///:memory:")
    assert "BRIDGE_STORE" in refused(BRIDGE_STORE="mysql://secret@x/y")
    (tmp_path / "bridge.db").write_bytes(b"no database at all" * 100)
    assert "not an SQLite database" in refused()
    (tmp_path / "bridge.db").unlink()
    (tmp_path / "bridge.db").mkdir()
    assert "bridge.db" in refused()


async def test_an_empty_store_has_no_deliveries_yet(path: Path) -> None:
    await opened(f"sqlite:///{path}").close()
    empty = await asyncio.to_thread(run, path.parent, "events")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "no deliveries yet" in empty.stderr
    assert "no delivery matches" in (await asyncio.to_thread(run, path.parent, "events", "--source", "gitlab")).stderr


async def test_following_misses_nothing_and_waits_for_a_store_that_is_locked(path: Path) -> None:
    owner, other = opened(f"sqlite:///{path}"), WatchedStore(f"sqlite:///{path}", owner=False)
    await accept(owner, entry(event("first")))
    turns: asyncio.Queue[str] = asyncio.Queue()

    async def sleep(seconds: float) -> None:
        assert seconds == 1.0
        if await turns.get() == "locked":
            other.changes_errors.append(StoreUnavailableError("locked"))

    async def states(batches: AsyncIterator[object]) -> list[tuple[int, str]]:
        batch = await asyncio.wait_for(anext(batches), 5)
        assert isinstance(batch, list)
        return [(row.delivery, row.state) for row in batch]

    batches = following(other, Query(), sleep)
    assert await states(batches) == [(1, "waiting")]
    await settle_all(owner, "delivered")
    for turn in ("quiet", "locked", "quiet", "quiet"):
        turns.put_nowait(turn)
    assert await states(batches) == [(1, "delivered")]
    await accept(owner, entry(event("second")), now=NOW)
    await settle(owner, [DeliveryResult(2, DeliveryState.DEAD, "no")], NOW)
    turns.put_nowait("quiet")
    assert await states(batches) == [(2, "dead")]
    await batches.aclose()
    await other.close()
    await owner.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


async def test_colours_are_for_terminals(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await service.dead()
        done = await service.run("events", FORCE_COLOR="1")
    assert "\x1b[1;31m" in done.out
    assert isinstance(service, RunningService)


def test_the_store_of_an_older_version_is_refused_and_not_migrated(tmp_path: Path) -> None:
    file = tmp_path / "bridge.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        schema.migrate(db, 2)
    for arguments in (("events",), ("replay", "--dead")):
        done = run(tmp_path, *arguments, environ={"BRIDGE_STORE": f"sqlite:///{file}"})
        assert done.returncode == 2
        assert "older version of Bridge: start `bridge serve` of this version" in done.stderr
        assert done.stderr.count("\n") == 1
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
