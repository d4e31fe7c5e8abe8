"""Measure the cost of 100,000 waiting deliveries: start time, memory, an accept, another channel's message.

It also measures a storm of 1,000 events: the time until a channel shows all of them, at one post a second.

    python bench/waiting.py [NUMBER]

Two real processes on loopback, one with an empty store and one with that many deliveries waiting for a channel (digests
off), are measured in turn. The simulated Slack accepts one message a second in each channel, as Slack does.
"""

import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import aiohttp

from bridge.demo.slack_simulator import SlackSimulator
from bridge.events import Request, new_id
from bridge.routing.decide import Planned
from bridge.samples import samples
from bridge.sources import PROVIDERS
from bridge.store import Arrival, NewEvent, open_store

SECRET = "gitlab-bench-secret-token"  # noqa: S105 - opens nothing
CONNECTIONS = 16
ROUTES = """
[channels.busy]
digest_after = false

[[routes]]
name = "busy"
events = "push"
channels = "busy"

[[routes]]
name = "other"
events = "tag_push"
channels = "other"
"""


async def fill(file: Path, number: int) -> None:
    """Store that many deliveries for the channel `busy`."""
    provider = PROVIDERS["gitlab"]
    request = provider.request_for("push", samples()["gitlab/push"].body, SECRET, time.time())
    kept = Request(request.method, request.url, {"x-gitlab-event": "Push Hook"}, request.body)
    first = provider.events(request, "gitlab", time.time())[0]
    store = open_store(f"sqlite:///{file}", limit=2**40, owner=True)

    async def some(start: int) -> None:
        for bridge in range(start, number, CONNECTIONS):
            event = replace(first, id=new_id(time.time()), keys=(f"id:{bridge}",), received_at=time.time())
            entry = NewEvent(event, 0, (Planned("busy", "busy", None),), (86_400.0,))
            await store.accept([Arrival(kept, (entry,))], time.time())

    await asyncio.gather(*map(some, range(CONNECTIONS)))
    await store.close()


@dataclass(frozen=True)
class RunningBridge:
    """A bridge in a separate process."""

    base: str
    pid: int
    started: float
    """Seconds until its first answer."""
    client: aiohttp.ClientSession
    slack: SlackSimulator

    def resident(self) -> int:
        """Return the resident memory in MiB."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    async def send(self, event_type: str, number: int) -> float:
        """Send a new event, and return the seconds until its answer."""
        request = PROVIDERS["gitlab"].request_for(
            event_type, samples()[f"gitlab/{event_type}"].body, SECRET, time.time()
        )
        event_id = f"{self.pid}-{event_type}-{number}"
        headers = {**request.headers, "Idempotency-Key": event_id, "webhook-id": event_id}
        start = time.perf_counter()
        async with self.client.post(f"{self.base}/webhooks/gitlab", data=request.body, headers=headers) as answer:
            assert (await answer.json())["status"] == "accepted"
        return time.perf_counter() - start

    async def accept(self, calls: int) -> float:
        """Return the median seconds of an accept, sixteen at once."""
        taken: list[float] = []

        async def some(start: int) -> None:
            for number in range(start, calls, CONNECTIONS):
                taken.append(await self.send("push", number))  # noqa: PERF401 - the side effect of each step counts

        await asyncio.gather(*map(some, range(CONNECTIONS)))
        return median(taken)

    async def other_channel_latency(self, number: int) -> float:
        """Return the seconds from an accept until another channel shows it."""
        start = time.perf_counter()
        await self.send("tag_push", number)
        await self.slack.wait_for("other", number + 1)
        return time.perf_counter() - start


@asynccontextmanager
async def running_bridge(folder: Path, name: str) -> AsyncIterator[RunningBridge]:
    """Run the service over a store in ``folder``."""
    (folder / "routes.toml").write_text(ROUTES, "utf-8")
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        port = _free_port()
        environ: Mapping[str, str] = {
            **{key: value for key, value in os.environ.items() if not key.startswith("BRIDGE_")},
            "BRIDGE_PORT": str(port),
            "BRIDGE_ROUTES": str(folder / "routes.toml"),
            "BRIDGE_STORE": f"sqlite:///{folder / name}",
            "BRIDGE_STORE_LIMIT": "100GiB",
            "BRIDGE_SLACK_HOSTS": json.dumps(["127.0.0.1"]),
            "BRIDGE_SECRETS__GITLAB": SECRET,
            "BRIDGE_CHANNELS__BUSY": slack.webhook("busy"),
            "BRIDGE_CHANNELS__OTHER": slack.webhook("other"),
            "BRIDGE_LOG_LEVEL": "error",
        }
        start = time.perf_counter()
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bridge", "serve", env=environ, cwd=folder)
        try:
            base = f"http://127.0.0.1:{port}"
            await _answers(client, base)
            yield RunningBridge(base, process.pid, time.perf_counter() - start, client, slack)
        finally:
            process.terminate()
            await process.wait()


async def _answers(client: aiohttp.ClientSession, base: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with client.get(f"{base}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.02)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


async def measure(folder: Path, name: str) -> Mapping[str, float]:
    """Measure one process."""
    async with running_bridge(folder, name) as bridge:
        await asyncio.sleep(5)  # its channel workers are busy, its templates compiled
        accept = await bridge.accept(2_000)
        elsewhere = [await bridge.other_channel_latency(number) for number in range(3)]
        return {"start": bridge.started, "memory": bridge.resident(), "accept": accept, "elsewhere": max(elsewhere)}


async def storm(folder: Path, number: int) -> tuple[float, float, int]:
    """Return the seconds for sending all events, the seconds until all were shown, and the number of posts."""
    async with running_bridge(folder, "storm.db") as bridge:
        await asyncio.sleep(5)
        start = time.perf_counter()

        async def some(first: int) -> None:
            for each in range(first, number, CONNECTIONS):
                await bridge.send("push", each)

        await asyncio.gather(*map(some, range(CONNECTIONS)))
        sent = time.perf_counter() - start
        posts = bridge.slack.posts("busy")
        while sum(_messages(post.body) for post in posts) < number:
            posts = await bridge.slack.wait_for("busy", len(posts) + 1)
        return sent, time.perf_counter() - start, len(posts)


def _messages(body: Mapping[str, object]) -> int:
    """Count the messages in a post: each has one link to its branch."""
    return json.dumps(body).count("commits/main|main>")


async def main(say: Callable[[str], object], number: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        await fill(folder / "full.db", number)
        empty, full = await measure(folder, "empty.db"), await measure(folder, "full.db")
        sent, shown, posts = await storm(folder, 1_000)
    say(f"storm: 1,000 events sent in {sent:.1f} s, all shown after {shown:.1f} s, in {posts} posts")
    say(f"start with {number:,} waiting / empty: {full['start']:.2f} / {empty['start']:.2f} s until /readyz")
    say(f"memory with {number:,} waiting / empty: {full['memory']:.0f} / {empty['memory']:.0f} MiB resident")
    ratio = full["accept"] / empty["accept"]
    say(f"accept with {number:,} waiting / empty: {ratio:.2f} ({full['accept'] * 1e3:.1f} ms, {CONNECTIONS} at once)")
    say(
        f"another channel's message: {full['elsewhere']:.2f} s from accept to shown (empty: {empty['elsewhere']:.2f} s)"
    )


if __name__ == "__main__":
    asyncio.run(main(lambda line: sys.stdout.write(line + "\n"), int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
