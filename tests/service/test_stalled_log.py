"""A reader of the log that stalls: webhooks, health and the stop go on."""

import asyncio
import fcntl
import json
import os
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.bridges import sample_request
from tests.service.process import minimal, send
from tests.slack.simulator import SlackSimulator

pytestmark = pytest.mark.slow

SMALL_PIPE = 4096
"""Bytes that the pipe takes: a few log lines. A pipe of 64 KiB fills up in the same way, later."""


async def test_a_stalled_reader_of_the_log_stops_no_webhook_no_health_page_and_no_stop(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "serve", cwd=tmp_path, env={**clean, **minimal(slack)}, stderr=writer
        )
        os.close(writer)
        try:
            base = await asyncio.to_thread(_address, reader)
            for number in range(60):
                request = sample_request("gitlab/issue.open", body=_issue(number))
                async with asyncio.timeout(10):
                    status, _ = await send(client, base, request)
                assert status == 200
            async with asyncio.timeout(10), client.get(f"{base}/readyz") as response:
                assert response.status == 200
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(20):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            os.close(reader)


def _issue(number: int) -> object:
    body = json.loads(sample_request("gitlab/issue.open").body)
    return {**body, "object_attributes": {**body["object_attributes"], "id": number}}


def _address(reader: int) -> str:
    found = b""
    while b'"listening"' not in found or not found.endswith(b"\n"):
        chunk = os.read(reader, SMALL_PIPE)
        assert chunk, found
        found += chunk
    entry = next(entry for line in found.splitlines() if (entry := json.loads(line))["event"] == "listening")
    return f"http://{entry['host']}:{entry['port']}"
