"""SIGTERM while requests arrive: what has begun gets its answer, and nothing waits for longer than it needs."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bridge.events import Request
from tests.bridges import sample_request
from tests.service.process import minimal, serving
from tests.slack.simulator import SlackSimulator

pytestmark = pytest.mark.slow

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(base: str) -> AsyncIterator[Streams]:
    address = urlsplit(base)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        yield reader, writer
    finally:
        writer.close()


def head_of(request: Request) -> bytes:
    headers = {"Host": "bridge", **request.headers, "Content-Length": str(len(request.body))}
    lines = [f"POST {urlsplit(request.url).path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


async def refused(base: str) -> None:
    """Wait until the process accepts no more connections."""
    while True:
        try:
            async with connected(base):
                await asyncio.sleep(0.01)
        except OSError:
            return


async def test_a_body_on_its_way_gets_its_answer_and_is_delivered_after_the_next_start(tmp_path: Path) -> None:
    request = sample_request("gitlab/issue.open")
    half = len(request.body) // 2
    async with SlackSimulator() as slack:
        async with serving(minimal(slack), tmp_path) as (process, base, _), connected(base) as (reader, writer):
            writer.write(head_of(request) + request.body[:half])
            await writer.drain()
            async with connected(base) as (other, late):
                late.write(b"GET /healthz HTTP/1.1\r\nHost: bridge\r\n\r\n")
                await other.readuntil(b"}")  # the first request has arrived before this one
                process.terminate()
                async with asyncio.timeout(10):
                    await refused(base)
                    writer.write(request.body[half:])
                    answer = await reader.read()
                assert answer.startswith(b"HTTP/1.1 200")
                assert b"Connection: close" in answer
                assert b'"accepted"' in answer
                began = time.monotonic()
                async with asyncio.timeout(10):
                    assert await process.wait() == 0
                assert time.monotonic() - began < 5, "an idle connection delays nothing"
        async with serving(minimal(slack), tmp_path):
            await slack.wait_for("general", 1, within=20)


async def test_a_body_that_never_ends_is_cut_off_before_docker_kills_the_process(tmp_path: Path) -> None:
    request = sample_request("gitlab/issue.open")
    async with (
        SlackSimulator() as slack,
        serving(minimal(slack), tmp_path) as (process, base, _),
        connected(base) as (reader, writer),
    ):
        writer.write(head_of(request) + request.body[:100])
        await writer.drain()
        async with connected(base) as (other, late):
            late.write(b"GET /healthz HTTP/1.1\r\nHost: bridge\r\n\r\n")
            await other.readuntil(b"}")
        process.terminate()
        began = time.monotonic()
        async with asyncio.timeout(15):
            assert await process.wait() == 0
        assert 5 < time.monotonic() - began < 9.5
        assert await reader.read() == b""


async def test_a_stop_with_nothing_in_flight_takes_no_time(tmp_path: Path) -> None:
    async with (
        SlackSimulator() as slack,
        serving(minimal(slack), tmp_path) as (process, base, _),
        connected(base),
        connected(base) as (reader, writer),
    ):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: bridge\r\n\r\n")
        await reader.readuntil(b"}")
        process.terminate()
        began = time.monotonic()
        async with asyncio.timeout(10):
            assert await process.wait() == 0
        assert time.monotonic() - began < 4
