"""Tests of `bridge replay` beside a running service, with processes, a store and the posts in the channels."""

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from bridge.demo.slack_simulator import rate_limited
from tests.cli.command import run
from tests.cli.running_service import running_service
from tests.store.conftest import opened
from tests.store.samples import accept, claim, entry, event, settle_all

VOUCHER = "Voucher disappears"


async def test_the_dead_wait_again_and_are_posted_once_with_when_it_happened(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        event_id = await service.dead()
        await service.send("shopify/orders/create")
        await service.slack.wait_for("general", 1)
        await service.settled()
        done = await service.run("replay", "--dead")
        assert (done.status, done.err) == (0, "")
        assert "(waits as #1)" in done.out
        assert done.out.endswith("1 waits to be posted\n")
        await service.slack.wait_for("general", 2)
        await service.settled()
        (text,) = (text for text in service.texts() if VOUCHER in text)
        assert "Sent again: this happened" in text
        (row,) = (await service.run("events", "--json", "--id", event_id)).objects()
        assert (row["state"], row["delivery"], row["attempts"]) == ("delivered", 1, 3)
        assert row["replayed_at"] is not None
        assert (await service.run("replay", "--dead")).status == 1


@pytest.mark.slow
async def test_two_replays_at_once_do_not_post_twice(tmp_path: Path) -> None:
    """Replay dead and delivered ones by four processes that start together, beside the running service."""
    async with running_service(tmp_path) as service:
        await service.dead("gitlab/issue.open")
        await service.send("shopify/orders/create", "gitlab/pipeline.failed", "stripe/charge.failed")
        await service.slack.wait_for("general", 3)
        await service.slack.wait_for("ops", 1)
        await service.settled()
        before = len(service.texts()) + len(service.texts("ops"))
        selectors = ("--since", "1h", "--yes")
        # Slack limits the rate, so that nothing is posted before all have replayed.
        service.slack.always("general", rate_limited(3))
        service.slack.always("ops", rate_limited(3))
        done = await asyncio.gather(*(service.run_process("replay", "--json", *selectors) for _ in range(4)))
        service.slack.always("general", None)
        service.slack.always("ops", None)
        assert [one.status for one in done] == [0] * 4
        output = [row for one in done for row in one.objects()]
        assert len(output) == 4 * 5
        assert sum(row["replayed"] is True for row in output) == 5
        await service.settled()
        again = [*service.texts(), *service.texts("ops")]
        assert len(again) == before + 5
        assert sum("Sent again" in text for text in again) == 5
        assert sum(VOUCHER in text for text in again) == 1


@pytest.mark.slow
async def test_any_delivery_is_created_again_by_id_number_route_channel_source_and_type(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        pipeline, order = await service.send("gitlab/pipeline.failed", "shopify/orders/create")
        await service.slack.wait_for("general", 2)
        await service.slack.wait_for("ops", 1)
        await service.settled()
        for arguments, channels in {
            (pipeline,): ["ops", "general"],
            (pipeline, "--channel", "general"): ["general"],
            ("1",): ["ops"],
            ("#2", pipeline): ["ops", "general"],
            ("--route", "broken pipelines"): ["ops"],
            ("--source", "shopify"): ["general"],
            ("--type", "orders"): ["general"],
            (order[:20],): ["general"],
            ("--until", "2030-01-01", "--channel", "ops"): ["ops"],
        }.items():
            done = await service.run("replay", "--json", *arguments)
            assert (done.status, done.err) == (0, ""), arguments
            assert sorted(str(row["channel"]) for row in done.objects()) == sorted(channels), arguments
            assert all(row["replayed"] for row in done.objects())
            await service.settled()
        assert len({row["event"] for row in (await service.run("events", "--json")).objects()}) == 2


async def test_a_waiting_delivery_is_skipped_with_the_reason(tmp_path: Path) -> None:
    async with running_service(
        tmp_path,
        routes='[[routes]]\nname = "all"\nchannels = ["nowhere"]\n',
        BRIDGE_CHANNELS__NOWHERE="http://127.0.0.1:9/services/T1/B1/x",
    ) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        done = await service.run("replay", event_id)
    assert (done.status, done.err) == (0, "")
    assert "(skipped: it waits already)" in done.out
    assert done.out.endswith("0 wait to be posted, 1 skipped\n")


async def test_a_confidential_event_goes_to_no_channel_that_is_not_private(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
        service.execute("UPDATE events SET confidential = 1", "UPDATE deliveries SET state = 'skipped'")
        for options in ((), ("--dry-run",)):
            done = await service.run("replay", event_id, *options)
            assert done.status == 1
            assert "(skipped: the event is confidential and general is not private)" in done.out
        assert service.rows("SELECT count(*) FROM deliveries") == [(1,)]
        (tmp_path / "routes.toml").write_text("[channels.general]\nprivate = true\n")
        assert (await service.run("replay", event_id)).status == 0


async def test_without_a_running_service_it_reports_that_they_wait(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
    done = await service.run("replay", event_id)
    assert done.status == 0
    assert done.err == "bridge: no `bridge serve` runs on this store: the deliveries wait until one does\n"


async def test_events_of_one_request_are_replayed_in_their_order(tmp_path: Path) -> None:
    """They have one time, and random ids."""
    store = opened(f"sqlite:///{tmp_path / 'bridge.db'}")
    names = [f"id-{(7 * number) % 10}" for number in range(10)]
    # Private, because the samples' events are confidential.
    (tmp_path / "routes.toml").write_text("[channels.general]\nprivate = true\n")
    await accept(store, *(entry(event(event_id=name), part=part) for part, name in enumerate(names)))
    await settle_all(store, "delivered")
    await store.close()
    done = await asyncio.to_thread(run, tmp_path, "replay", "--yes", "--since", "2020-01-01")
    assert "10 wait to be posted" in done.stdout
    again = opened(f"sqlite:///{tmp_path / 'bridge.db'}")
    assert [delivery.event.id for delivery in await claim(again, 99)] == names
    await again.close()


@pytest.mark.slow
async def test_a_dry_run_shows_the_old_error_and_the_new_message_and_sends_nothing(tmp_path: Path) -> None:
    templates = tmp_path / "templates/gitlab"
    templates.mkdir(parents=True)
    broken = templates / "issue.j2"
    broken.write_text('{% extends "message.j2" %}\n{% block title %}{{ 1 / 0 }}{% endblock %}\n')
    async with running_service(tmp_path, BRIDGE_TEMPLATES=str(tmp_path / "templates")) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
        done = await service.run("replay", event_id, "--dry-run")
        assert done.status == 1
        assert "template failed: templates/gitlab/issue.j2:2: ZeroDivisionError" in done.out
        assert "template fails: templates/gitlab/issue.j2:2: ZeroDivisionError" in done.out

        broken.write_text('{% extends "message.j2" %}\n{% block title %}Fixed: {{ event.actor }}{% endblock %}\n')
        done = await service.run("replay", event_id, "--dry-run")
        assert (done.status, done.err) == (0, "")
        was, _, new = done.out.partition("  today, with gitlab/issue.j2:\n")
        assert "template failed: templates/gitlab/issue.j2:2: ZeroDivisionError" in was
        assert "Fixed: Leila Haddad" in new
        assert "Sent again: this happened" in new
        wide = await service.run("replay", event_id, "--dry-run", FORCE_COLOR="1", COLUMNS="160")
        assert any("delivered (#1)" in line and "today, with" in line for line in wide.out.splitlines())
        narrow = await service.run("replay", event_id, "--dry-run", FORCE_COLOR="1", COLUMNS="70")
        assert not any("delivered (#1)" in line and "today, with" in line for line in narrow.out.splitlines())
        (output,) = (await service.run("replay", event_id, "--dry-run", "--json")).objects()
        assert "ZeroDivisionError" in str(output["template_fault"])
        assert "Fixed: Leila Haddad" in str(output["new"])
        assert "Template gitlab/issue.j2:2 failed" in str(output["old"])
        assert service.rows("SELECT count(*), max(state) FROM deliveries") == [(1, "delivered")]

        broken.write_text('{% extends "message.j2" %}\n{% block skip %}enough of it{% endblock %}\n')
        done = await service.run("replay", event_id, "--dry-run")
        assert (done.status, "skipped by the template: enough of it" in done.out) == (0, True)


@pytest.mark.slow
async def test_many_deliveries_need_confirmation_on_a_terminal_and_are_refused_in_a_pipe(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        await service.send("gitlab/issue.open")
        await service.settled()
        service.execute(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) "
            "INSERT INTO deliveries (event, channel, route, state, reason) SELECT 1, 'c' || i, 'all', 'dead', '' FROM n"
        )
        done = await service.run("replay", "--dead")
        assert (done.status, done.out) == (2, "")
        assert "would send 250 messages again: add --yes" in done.err
        assert await _on_a_terminal(service.folder, dict(service.environ), "n\n") == 1
        assert service.rows("SELECT count(*) FROM deliveries WHERE state = 'dead'") == [(250,)]
        assert await _on_a_terminal(service.folder, dict(service.environ), "y\n") == 0
        assert service.rows("SELECT count(*) FROM deliveries WHERE state = 'dead'") == [(0,)]
        service.execute("UPDATE deliveries SET state = 'dead' WHERE channel LIKE 'c%'")
        assert (await service.run("replay", "--dead", "--yes")).out.endswith("250 wait to be posted\n")


async def _on_a_terminal(folder: Path, environ: dict[str, str], answer: str) -> int:
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", "replay", "--dead"),
            cwd=folder,
            env={**os.environ, **environ},
            stdin=theirs,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=theirs,
        )
        os.write(ours, answer.encode())
        return await asyncio.wait_for(process.wait(), 30)
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("arguments", [(), ("--dry-run",), ("--yes",), ("--since", "later"), ("--type", "!")])
def test_wrong_usage_ends_with_2_and_the_hint(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, "replay", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("bridge: ")
    assert "Traceback" not in done.stderr


async def test_an_unknown_delivery_exits_1_and_sends_nothing(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
        for arguments in (
            (event_id, "nothing%"),
            ("--route", "%"),
            ("--source", "' OR 1=1"),
            ("--dead",),
            ("999",),
            (event_id, "--dead"),
        ):
            done = await service.run("replay", *arguments)
            assert (done.status, done.out) == (1, ""), arguments
            assert "`bridge events` lists" in done.err
        assert service.rows("SELECT count(*) FROM deliveries") == [(1,)]
        await service.send("gitlab/push")
        done = await service.run("replay", event_id[:3])
        assert (done.status, "write more of it" in done.err) == (2, True)
