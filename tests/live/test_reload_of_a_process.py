"""Tests of reload in a process: templates and a channel's URL are applied, an invalid configuration is not."""

import asyncio
import json
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.bridges import sample_request
from tests.service.process import minimal, send, serving
from tests.slack.answers import NO_SERVICE
from tests.slack.simulator import SlackSimulator

pytestmark = pytest.mark.slow

PATIENCE = 20.0


async def logged(output: list[str], event: str, times: int = 1) -> list[dict[str, object]]:
    """Return the log lines of an event, once there are ``times`` of them."""
    async with asyncio.timeout(PATIENCE):
        while True:
            entries = [json.loads(line) for line in output if line.startswith("{")]
            if len(found := [entry for entry in entries if entry["event"] == event]) >= times:
                return found
            await asyncio.sleep(0.05)


async def test_a_template_a_broken_file_and_a_signal(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 - the second needs the first
        async with serving(minimal(slack), tmp_path) as (process, base, output):
            # A template: the folder did not exist before.
            folder = tmp_path / "templates" / "gitlab"
            folder.mkdir(parents=True)
            (folder / "issue.open.j2").write_text("new text")
            [entry] = await logged(output, "configuration reloaded")
            assert entry["changed"] == "1 template"
            assert (await send(client, base, sample_request("gitlab/issue.open")))[0] == 200
            assert "new text" in json.dumps([post.body for post in await slack.wait_for("general", 1)])

            # An invalid file: the previous configuration stays in force.
            (tmp_path / "routes.toml").write_text('[[routes]]\nchanels = ["general"]\n')
            [first, _] = await logged(output, "configuration refused, the previous one stays in force", 2)
            assert (first["file"], first["line"]) == ("routes.toml", 1)
            assert (await send(client, base, sample_request("gitlab/issue.close")))[0] == 200
            await slack.wait_for("general", 2)

            # A signal: at once.
            (tmp_path / "routes.toml").write_text('[[routes]]\nname = "none"\nevents = "none"\nchannels = "general"\n')
            process.send_signal(signal.SIGHUP)
            assert (await logged(output, "configuration reloaded", 2))[1]["changed"] == "the routes"
            status, answer = await send(client, base, sample_request("gitlab/merge_request.open"))
            assert (status, answer["status"]) == (200, "ignored")
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_a_new_url_in_a_secrets_file_revives_a_dead_channel_and_nothing_is_lost(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[alerts]\nchannel = "ops"\n[[routes]]\nname = "all"\nchannels = ["general"]\n'
    )
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        environ = minimal(slack, BRIDGE_SECRETS_DIR=str(secrets), BRIDGE_CHANNELS__OPS=slack.webhook("ops"))
        url = secrets / "bridge_channels__general"
        url.write_text(environ.pop("BRIDGE_CHANNELS__GENERAL"))
        slack.always("general", NO_SERVICE)
        async with serving(environ, tmp_path) as (_, base, output):
            for name in ("issue.open", "merge_request.open", "merge_request.merge"):
                assert (await send(client, base, sample_request(f"gitlab/{name}")))[0] == 200
            await logged(
                output,
                "channel stopped",
            )
            [alert] = await slack.wait_for("ops", 1)
            assert str(alert.body["text"]).startswith(":rotating_light: #general is stopped: its webhook")
            async with client.get(f"{base}/readyz") as response:
                answer = await response.json()
                assert (response.status, answer["status"]) == (200, "degraded")
                assert answer["counts"]["channels_stopped"] == 1
                assert answer["counts"]["deliveries_held"] == 3
                assert "general" not in json.dumps(answer)
            new = tmp_path / "new"
            new.write_text(slack.webhook("new"))
            new.rename(url)
            [entry] = await logged(output, "configuration reloaded")
            assert entry["changed"] == "the channel general"
            posts = await slack.wait_for("new", 3)
            assert not slack.posts("general")
            [_, alert] = await slack.wait_for("ops", 2)
            back = ":white_check_mark: #general works again: 3 messages that waited are on their way"
            assert alert.body["text"] == back
    texts = [str(post.body["text"]) for post in posts]
    assert len(texts) == 3
    assert slack.webhook("new").rpartition("/")[2] not in "".join(output)
    assert "opened" in texts[0]
    assert "merged" in texts[2]
