"""Tests of a bridge whose store's files are moved, deleted or replaced while it runs."""

import asyncio
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest

from tests.bridges import sample_request
from tests.service.process import minimal, send, serving, start
from tests.slack.simulator import SlackSimulator
from tests.store.samples import rows

pytestmark = pytest.mark.slow

ISSUE = sample_request("gitlab/issue.open")
PUSH = sample_request("gitlab/push")


async def ready(client: aiohttp.ClientSession, base: str, status: int) -> str:
    """Wait until the page of readiness has a status, and return its reason."""
    async with asyncio.timeout(5):
        while True:
            async with client.get(base + "/readyz") as response:
                content = await response.json()
                if response.status == status:
                    return str(content.get("reason", ""))
            await asyncio.sleep(0.1)


async def test_a_deleted_store_is_not_ready_acks_nothing_and_is_right_again_when_it_is_back(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 (the second needs the first)
        async with serving(minimal(slack), tmp_path) as (process, base, output):
            await ready(client, base, 200)
            (tmp_path / "away").mkdir()
            for file in tmp_path.glob("bridge.db*"):
                file.rename(tmp_path / "away" / file.name)
            assert (await send(client, base, ISSUE))[0] == 503
            assert "bridge.db is not there any more" in await ready(client, base, 503)
            # Nothing of it was remembered: it is no duplicate when the provider sends it again.
            for file in (tmp_path / "away").iterdir():
                file.rename(tmp_path / file.name)
            assert await ready(client, base, 200) == ""
            assert (await send(client, base, ISSUE))[1]["status"] == "accepted"
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
            lost = [line for line in output if "store lost" in line]
            assert len(lost) == 1
            assert "docs/operations.md" in lost[0]
    assert rows(tmp_path / "bridge.db", "SELECT count(*) FROM events") == [(1,)]


async def test_a_restored_copy_is_not_used_until_a_restart_and_then_it_is(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        async with serving(minimal(slack), tmp_path) as (process, base, _):
            assert (await send(client, base, ISSUE))[0] == 200
            await asyncio.to_thread(backup, tmp_path)
            for name in ("bridge.db-wal", "bridge.db-shm"):
                (tmp_path / name).unlink()
            (tmp_path / "copy.db").replace(tmp_path / "bridge.db")
            assert (await send(client, base, PUSH))[0] == 503
            assert "bridge.db is another file" in await ready(client, base, 503)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        async with serving(minimal(slack), tmp_path) as (_, base, _):
            assert (await send(client, base, ISSUE))[1]["status"] == "duplicate"
            assert (await send(client, base, PUSH))[1]["status"] == "accepted"


def backup(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "bridge.db")) as db, closing(sqlite3.connect(folder / "copy.db")) as copy:
        db.backup(copy)


def replace(lock: Path) -> None:
    shutil.copy(lock, lock.with_name("copy"))
    lock.with_name("copy").replace(lock)


async def test_without_its_lock_file_a_second_bridge_is_refused_all_the_same(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 (as above)
        async with serving(minimal(slack), tmp_path) as (first, base, _):
            for harm in (Path.unlink, replace):
                harm(tmp_path / "bridge.db.lock")
                second = await start(minimal(slack), tmp_path)
                _, error = await second.communicate()
                assert second.returncode == 2
                assert f"in use by process {first.pid}" in error.decode()
                assert await ready(client, base, 200) == ""
