"""Tests of a bridge with a template that never ends, or whose render process is killed."""

import asyncio
import json
import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from bridge.events import Request
from tests.bridges import sample_request
from tests.service.process import minimal, send, serving
from tests.slack.answers import NO_SERVICE
from tests.slack.simulator import SlackSimulator
from tests.store.samples import rows

pytestmark = pytest.mark.slow

HANGS = "{{ ([[[1]*9999]*9999]*9999) == ([[[1]*9999]*9999]*9999) }}"
ROUTES = """
[[routes]]
events = ["push"]
channels = ["general"]

[[routes]]
events = ["issue.*", "note.*"]
channels = ["quiet"]
"""
ISSUE = sample_request("gitlab/issue.open")
NOTE = sample_request("gitlab/note.issue")
PUSH = sample_request("gitlab/push")


def children(parent: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(process.name))
    return found


async def test_a_template_that_never_ends_delays_no_one_and_hangs_once_also_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "templates" / "gitlab").mkdir(parents=True)
    (tmp_path / "templates" / "gitlab" / "push.j2").write_text(HANGS)
    (tmp_path / "routes.toml").write_text(ROUTES)
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        settings = minimal(slack, BRIDGE_CHANNELS__QUIET=slack.webhook("quiet"))
        slack.always("general", NO_SERVICE)
        async with serving(settings, tmp_path) as (process, base, _):
            await send(client, base, ISSUE)
            await slack.wait_for_hits("quiet", 1)
            await send(client, base, PUSH)
            began = time.monotonic()
            await send(client, base, NOTE)
            async with client.get(base + "/healthz") as response:
                assert response.status == 200
            assert time.monotonic() - began < 0.5
            await slack.wait_for_hits("quiet", 2)
            assert time.monotonic() - began < 3.5  # the limit of one second, and a new process on a busy machine
            (hit, *_) = await slack.wait_for_hits("general", 1)
            assert "took too long" in str(hit.body)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 9) == 0
        faults = rows(tmp_path / "bridge.db", "SELECT render_fault FROM deliveries WHERE render_fault != ''")
        assert faults == [("the template took too long and was cut off",)]
        slack.always("general", None)
        before = len(slack.hits("general"))
        async with serving(settings, tmp_path) as (process, base, output):
            hits = await slack.wait_for_hits("general", before + 1)
            if hits[-1].body == {"text": ""}:  # the probe after the failures before
                hits = await slack.wait_for_hits("general", before + 2)
            assert "took too long" in str(hits[-1].body)
            assert not [line for line in output if "render process ended" in line]
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


async def test_a_stop_while_a_template_hangs_ends_in_time(tmp_path: Path) -> None:
    (tmp_path / "templates" / "gitlab").mkdir(parents=True)
    (tmp_path / "templates" / "gitlab" / "push.j2").write_text(HANGS)
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 (the second needs the first)
        async with serving(minimal(slack), tmp_path) as (process, base, _):
            await send(client, base, PUSH)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 9) == 0
            assert time.monotonic() - began < 8


async def test_no_message_is_lost_or_shown_twice_while_render_processes_are_killed(tmp_path: Path) -> None:
    chance = random.Random(7)
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        (tmp_path / "routes.toml").write_text(ROUTES)
        async with serving(minimal(slack, BRIDGE_CHANNELS__QUIET=slack.webhook("quiet")), tmp_path) as (
            process,
            base,
            _,
        ):
            killed = 0
            for number in range(12):
                answer = await send(client, base, numbered(PUSH, number))
                assert answer[1]["status"] == "accepted"
                await asyncio.sleep(chance.random() * 0.5)
                for child in children(process.pid):
                    os.kill(child, signal.SIGKILL)
                    killed += 1
            assert killed
            for _ in range(200):
                if rows(tmp_path / "bridge.db", "SELECT count(*) FROM deliveries WHERE state = 'waiting'") == [(0,)]:
                    break
                await asyncio.sleep(0.2)
        shown = [str(hit.body) for hit in slack.hits("general")]
        assert [sum(f"branch-{number}x" in body for body in shown) for number in range(12)] == [1] * 12


def numbered(request: Request, number: int) -> Request:
    """Return another push: with an id, a key and a text of its own."""
    body = json.loads(request.body)
    body["checkout_sha"] = body["after"] = f"{number:040x}"
    body["ref"] = f"refs/heads/branch-{number}x"
    ids = ("webhook-id", "idempotency-key", "x-gitlab-event-uuid")
    headers = {name: f"n-{number}" if name.lower() in ids else value for name, value in request.headers.items()}
    return replace(request, headers=headers, body=json.dumps(body).encode())
