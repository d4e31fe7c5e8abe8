"""Running service in its own process, with a simulated Slack, a store, and commands beside it."""

import asyncio
import json
import sqlite3
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bridges import environment, sample_request
from tests.cli.command import environment_of, run
from tests.service.process import send, serving
from tests.slack.answers import INVALID_BLOCKS, NO_TEXT
from tests.slack.simulator import SlackSimulator

ROUTES = """
[channels.general]
pace = "100/s"
[channels.ops]
pace = "100/s"

[[routes]]
name = "broken pipelines"
source = "gitlab"
events = ["pipeline.failed"]
channels = ["ops"]

[[routes]]
name = "all"
channels = ["general"]
"""


@dataclass(frozen=True)
class Done:
    """Result of a command."""

    status: int
    out: str
    err: str

    def objects(self) -> list[dict[str, object]]:
        """Return the printed lines of JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class RunningService:
    """Service in a folder, running or stopped."""

    folder: Path
    environ: Mapping[str, str]
    slack: SlackSimulator
    base: str = ""

    async def run(self, *arguments: str, **more: str) -> Done:
        """Run `bridge …` beside the service, in this process."""
        environ = {"TZ": "UTC", **self.environ, **more}
        done = await asyncio.to_thread(run, self.folder, *arguments, environ=environ)
        return Done(done.returncode, done.stdout, done.stderr)

    async def run_process(self, *arguments: str) -> Done:
        """Run `bridge …` beside the service, as a process."""
        process = await self.begin(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def begin(self, *arguments: str, **more: str) -> Process:
        """Start `bridge …` as a process."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bridge", *arguments),
            cwd=self.folder,
            env=environment_of({"TZ": "UTC", **self.environ, **more}),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )

    async def send(self, *names: str) -> list[str]:
        """Send samples to the service, and return the ids of their events."""
        ids = []
        async with aiohttp.ClientSession() as client:
            for name in names:
                status, answer = await send(client, self.base, sample_request(name))
                assert status == 200
                ids.append(str(answer["id"]))
        return ids

    async def dead(self, name: str = "gitlab/issue.open", channel: str = "general") -> str:
        """Send a sample that Slack rejects twice, and return the id of its event."""
        await self.settled()
        self.slack.script(channel, INVALID_BLOCKS, NO_TEXT, INVALID_BLOCKS)
        (event_id,) = await self.send(name)
        await self.settled()
        return event_id

    async def until(self, sql: str, count: int = 1) -> None:
        """Wait until a count in the store is reached."""
        async with asyncio.timeout(20):
            while self.rows(sql)[0][0] != count:  # noqa: ASYNC110 (another process changes it)
                await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Wait until no delivery waits."""
        await self.until("SELECT count(*) FROM deliveries WHERE state = 'waiting'", 0)

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        """Return rows of the store."""
        with closing(sqlite3.connect(self.folder / "bridge.db", timeout=10)) as db:
            return db.execute(sql).fetchall()

    def execute(self, *statements: str) -> None:
        """Change the store directly, from this process."""
        with closing(sqlite3.connect(self.folder / "bridge.db", timeout=10)) as db:
            for statement in statements:
                db.execute(statement)
            db.commit()

    def texts(self, channel: str = "general") -> Sequence[str]:
        """Return the bodies of the posts that a channel shows."""
        return [json.dumps(post.body, ensure_ascii=False) for post in self.slack.posts(channel)]


@asynccontextmanager
async def running_service(folder: Path, *, routes: str = ROUTES, **more: str) -> AsyncIterator[RunningService]:
    """Run a service until the block ends."""
    (folder / "routes.toml").write_text(routes, "utf-8")
    async with SlackSimulator() as slack:
        channels = {f"BRIDGE_CHANNELS__{name.upper()}": slack.webhook(name) for name in ("ops", "quiet")}
        environ = environment(folder, slack, **channels, **more)
        async with serving(environ, folder) as (_, base, _):
            yield RunningService(folder, environ, slack, base)
