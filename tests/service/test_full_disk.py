"""Tests of a bridge on a full disk, with a real process on a real small file system."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bridge.demo.slack_simulator import rate_limited
from bridge.events import Request
from tests.bridges import sample_request
from tests.service.process import minimal, send, serving
from tests.slack.simulator import SlackSimulator
from tests.small_disk import fill, needs_small_disk, small_disk

pytestmark = [pytest.mark.slow, needs_small_disk]

WAITING = 30


@dataclass
class Backlog:
    """A full disk with deliveries that wait since Slack is away, and the service that is to post them."""

    folder: Path
    slack: SlackSimulator
    environ: dict[str, str]
    client: aiohttp.ClientSession

    def issue(self, number: int, text: str = "") -> Request:
        sample = json.loads(sample_request("gitlab/issue.open").body)
        attributes = {**sample["object_attributes"], "id": number, "iid": number, "title": f"event-{number}-end"}
        return sample_request(
            "gitlab/issue.open", body={**sample, "object_attributes": {**attributes, "description": text}}
        )

    def states(self) -> dict[str, int]:
        with closing(sqlite3.connect(f"file:{self.folder}/bridge.db?mode=ro", uri=True, timeout=10)) as db:
            return dict(db.execute("SELECT state, count(*) FROM deliveries GROUP BY state").fetchall())

    def shown(self) -> Sequence[str]:
        written = [json.dumps(post.body) for post in self.slack.posts("general")]
        return [f"event-{number}-end" for number in range(WAITING) for text in written if f"event-{number}-end" in text]

    async def until_delivered(self, number: int, within: float = 30) -> None:
        async with asyncio.timeout(within):
            while self.states().get("delivered", 0) < number:  # noqa: ASYNC110 (another process changes it)
                await asyncio.sleep(0.1)

    async def until_ready(self, base: str, status: int) -> None:
        async with asyncio.timeout(10):
            while True:
                async with self.client.get(base + "/readyz") as response:
                    if response.status == status:
                        return
                await asyncio.sleep(0.1)


@asynccontextmanager
async def backlog(size: str = "12m", **more: str) -> AsyncIterator[Backlog]:
    with small_disk(size) as folder:
        (folder / "routes.toml").write_text(
            '[channels.general]\npace = "100/s"\npack = false\n[[routes]]\nname = "all"\nchannels = ["general"]\n'
        )
        async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
            environ = minimal(slack, BRIDGE_STORE_LIMIT="8MiB", BRIDGE_STORE=f"sqlite:///{folder}/bridge.db", **more)
            slack.always("general", rate_limited(3))
            yield Backlog(folder, slack, environ, client)


async def accept_all(it: Backlog, base: str) -> None:
    for number in range(WAITING):
        assert (await send(it.client, base, it.issue(number, "x" * 5000)))[0] == 200


async def test_on_a_full_disk_what_waits_is_posted_once_and_recorded_while_new_events_get_503() -> None:
    async with backlog() as it:
        async with serving(it.environ, it.folder) as (process, base, output):
            await accept_all(it, base)
            filler = fill(it.folder)
            await it.until_ready(base, 503)
            it.slack.always("general", None)
            refused = 0
            async with asyncio.timeout(60):
                while it.states().get("delivered", 0) < WAITING:
                    status, _ = await send(it.client, base, it.issue(1000 + refused, "x" * 20_000))
                    assert status == 503
                    refused += 1
                    await asyncio.sleep(0.2)
            assert refused
            assert sorted(it.shown()) == sorted(f"event-{number}-end" for number in range(WAITING))
            process.send_signal(signal.SIGKILL)
            await process.wait()
        fill(it.folder)  # somebody else takes the room of the reserve
        assert sum("is full: new events are answered with 503" in line for line in output) == 1
        async with serving(it.environ, it.folder) as (process, base, output):
            assert it.states() == {"delivered": WAITING}
            await it.until_ready(base, 503)
            filler.unlink()
            await it.until_ready(base, 200)
            assert (await send(it.client, base, it.issue(WAITING)))[0] == 200
            await it.until_delivered(WAITING + 1)
            assert len(it.shown()) == WAITING
            assert sum("has room again" in line for line in output) == 1
            assert (it.folder / "bridge.db.reserve").stat().st_size == 2**20
        assert it.states() == {"delivered": WAITING + 1}


async def test_without_a_reserve_everything_is_posted_once_when_there_is_room() -> None:
    async with backlog() as it:
        async with serving(it.environ, it.folder) as (_, base, _):
            await accept_all(it, base)
            (it.folder / "bridge.db.reserve").unlink()
            filler = fill(it.folder)
            it.slack.always("general", None)
            assert (await send(it.client, base, it.issue(1000)))[0] == 503
            await asyncio.sleep(2)  # it tries to record what it posts
            filler.unlink()
            await it.until_delivered(WAITING)
            await it.until_ready(base, 200)
        assert sorted(it.shown()) == sorted(f"event-{number}-end" for number in range(WAITING))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_it_starts_on_a_full_disk_and_posts_what_waits(end: signal.Signals) -> None:
    async with backlog() as it:
        async with serving(it.environ, it.folder) as (process, base, _):
            await accept_all(it, base)
            await asyncio.sleep(1)  # the reserve is made by itself, half a second after the start
            fill(it.folder)
            process.send_signal(end)
            await process.wait()
        # After a stop SQLite's files are gone; somebody else takes their room.
        fill(it.folder)
        it.slack.always("general", None)
        async with serving(it.environ, it.folder) as (process, base, _):
            await it.until_delivered(WAITING)
            assert (await send(it.client, base, it.issue(1000)))[0] == 503
            process.send_signal(end)
            await process.wait()
        fill(it.folder)
        async with serving(it.environ, it.folder):
            assert it.states() == {"delivered": WAITING}
        assert sorted(it.shown()) == sorted(f"event-{number}-end" for number in range(WAITING))
