"""`bridge serve` as a process, for the tests of several rooms."""

import asyncio
import io
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from bridge.events import Request
from tests.slack.simulator import SlackSimulator


async def start(environ: Mapping[str, str], folder: Path) -> Process:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "serve", cwd=folder, env={**clean, **environ}, stdout=PIPE, stderr=PIPE
    )


async def address(process: Process, output: list[str]) -> str:
    """Return the base URL, once the process listens. Its output goes to ``output``."""
    assert process.stderr
    while line := (await asyncio.wait_for(process.stderr.readline(), 20)).decode():
        output.append(line)
        with suppress(ValueError):
            entry = json.loads(line)
            if entry.get("event") == "listening":
                return f"http://{entry['host']}:{entry['port']}"
    raise AssertionError(f"it did not start: {output}")


@asynccontextmanager
async def serving(environ: Mapping[str, str], folder: Path) -> AsyncIterator[tuple[Process, str, list[str]]]:
    """Run a process that listens, and collect its output in a list."""
    process = await start(environ, folder)
    output: list[str] = []
    draining: asyncio.Task[None] | None = None
    try:
        base = await address(process, output)

        async def drain() -> None:
            assert process.stderr
            while line := await process.stderr.readline():
                output.append(line.decode())

        draining = asyncio.create_task(drain())
        yield process, base, output
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if draining:
            await draining


async def send(client: aiohttp.ClientSession, base: str, request: Request) -> tuple[int, dict[str, object]]:
    path = urlsplit(request.url).path
    async with client.post(base + path, data=io.BytesIO(request.body), headers=dict(request.headers)) as response:
        return response.status, await response.json()


def minimal(slack: SlackSimulator, **more: str) -> dict[str, str]:
    return {
        "BRIDGE_PORT": "0",
        "BRIDGE_SECRETS__GITLAB": "gitlab-test-secret-token",
        "BRIDGE_CHANNELS__GENERAL": slack.webhook("general"),
        "BRIDGE_SLACK_HOSTS": '["127.0.0.1"]',
        **more,
    }
