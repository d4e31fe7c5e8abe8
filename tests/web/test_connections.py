"""Tests of connections: limits on number and unread bytes, and a constant response to bytes that are not HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.core.counters import CONNECTIONS_DROPPED, Counters
from bridge.web.app import Server, constant_errors
from bridge.web.connection_policy import Limits
from bridge.web.connections import Connections
from bridge.web.request_bodies import BodyBudget
from tests.bridges import bridge, sample_request

BAD_REQUEST = b'{"error": "the request cannot be read"}'
GOOD = b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"


@asynccontextmanager
async def serving(most: int, unread: int) -> AsyncIterator[tuple[Connections, tuple[str, int], list[str]]]:
    """Server that reads bodies within a large limit, and records the reasons of its rejections."""
    notes: list[str] = []
    connections = Connections(
        lambda _status, why, _source, _remote: notes.append(why), Limits(most=most, unread=unread), Counters()
    )
    body_budget = BodyBudget(8 * 1024 * 1024)

    async def read(request: web.Request) -> web.Response:
        async with body_budget.body(request, 1024 * 1024) as body:
            return web.Response(body=b"%d" % len(body))

    app = web.Application(middlewares=[constant_errors])
    app.router.add_post("/in", read)
    server = Server(app, connections)
    address = await server.start("127.0.0.1", 0)
    try:
        yield connections, address, notes
    finally:
        await server.stop_listening()
        await server.stop()


@asynccontextmanager
async def client(address: tuple[str, int]) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reading, writing = await asyncio.open_connection(*address)
    try:
        yield reading, writing
    finally:
        writing.close()
        with suppress(ConnectionError):
            await writing.wait_closed()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - no event shows that a kernel has passed a close on
            await asyncio.sleep(0)


def more_than(connections: Connections, number: int) -> bool:
    return len(connections) > number


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\nX-Gitlab-Token: a\x00hush\r\n\r\n",
        b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /webhooks/gitlab HTTP/1.1\r\nX-Gitlab-Token: hush\r\n\r\n",
        b"GET /webhooks/twilio?Body=" + b"hush" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: hush\r\n" * 1000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"hush" * 5000 + b"\r\n\r\n",
        bytes.fromhex("160301020001") + b"hush" * 20,
    ],
)
async def test_bytes_that_are_not_http_get_the_constant_response_and_are_not_logged(
    tmp_path: Path, sent: bytes
) -> None:
    async with bridge(tmp_path) as running:
        with capture_logs() as logs:
            async with client(running.service.address) as (reading, writing):
                writing.write(sent)
                answer = await reading.read()
    assert answer.endswith(b"\r\n\r\n" + BAD_REQUEST)
    assert [(log["status"], log["event"]) for log in logs if "status" in log] == [(400, "request rejected")]
    assert "hush" not in str(logs)


async def test_an_unknown_expectation_is_ignored(tmp_path: Path) -> None:
    async with bridge(tmp_path) as running:
        status, _, _ = await running.send(sample_request("gitlab/issue.open"), extra=[("Expect", "<script>")])
    assert status == 200


async def test_of_too_many_connections_the_longest_silent_one_is_closed() -> None:
    async with serving(3, 10**6) as (connections, address, notes), AsyncExitStack() as stack:
        opened = []
        for number in range(3):
            opened.append(await stack.enter_async_context(client(address)))
            await until(partial(more_than, connections, number))
        opened[0][1].write(GOOD)
        assert (await opened[0][0].readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")
        opened.append(await stack.enter_async_context(client(address)))
        assert await opened[1][0].read() == b""  # closed
        for index in (0, 2, 3):
            opened[index][1].write(GOOD)
            assert (await opened[index][0].readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")
        assert notes == ["too many connections at once"]
        assert connections.counters.by_label(CONNECTIONS_DROPPED, "reason") == {"too_many": 1}
        await stack.aclose()
        await until(lambda: not len(connections))
    assert connections.unread == 0


async def test_endless_heads_do_not_accumulate() -> None:
    head = b"POST /in HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 7000) for n in range(10))
    async with serving(100, 300_000) as (connections, address, notes), AsyncExitStack() as stack:
        for _ in range(20):
            _, writing = await stack.enter_async_context(client(address))
            writing.write(head)
        await until(lambda: len(notes) >= 15)
        assert connections.unread <= 300_000
        assert set(notes) == {"too many unread bytes"}
        reading, writing = await stack.enter_async_context(client(address))
        writing.write(GOOD)
        assert (await reading.readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")
        await stack.aclose()
        await until(lambda: not len(connections))
    assert connections.unread == 0


async def test_read_and_discarded_bytes_do_not_count() -> None:
    async with serving(100, 1_000_000) as (connections, address, notes):
        async with client(address) as (reading, writing):
            for _ in range(5):
                writing.write(b"POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000)
                await reading.readuntil(b"\r\n\r\n500000")
                assert connections.unread == 0
        async with client(address) as (reading, writing):
            writing.write(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
            assert b"404 Not Found" in await reading.read()
        await until(lambda: not len(connections))
    assert notes == []


async def test_a_connection_with_a_request_in_work_stays(tmp_path: Path) -> None:
    release = asyncio.Event()
    async with bridge(tmp_path, BRIDGE_MAX_CONNECTIONS="10") as running, AsyncExitStack() as stack:
        accept = running.service.store.accept

        async def slow(*arguments: object) -> object:
            await release.wait()
            return await accept(*arguments)  # type: ignore[arg-type]  # passed on as they came

        running.service.store.accept = slow  # type: ignore[method-assign, assignment]  # as above
        requests = [sample_request(f"gitlab/issue.{action}") for action in ("open", "close", "update")]
        waiting = [asyncio.create_task(running.send(request)) for request in requests]
        counts = running.service.ingest.body_budget
        await until(lambda: counts.used == sum(len(request.body) for request in requests))
        strangers = [await stack.enter_async_context(client(running.service.address)) for _ in range(30)]
        for reading, _ in strangers[:20]:
            assert await reading.read() == b""
        release.set()
        assert [status for status, _, _ in await asyncio.gather(*waiting)] == [200, 200, 200]


async def test_authenticated_connections_are_closed_last(tmp_path: Path) -> None:
    async with bridge(tmp_path, BRIDGE_MAX_CONNECTIONS="10") as running, AsyncExitStack() as stack:
        request = sample_request("gitlab/issue.open")
        fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        head = f"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request.body)}\r\n{fields}\r\n"
        reading, writing = await stack.enter_async_context(client(running.service.address))
        for status in ("accepted", "duplicate"):
            writing.write(head.encode() + request.body)
            answer = await reading.readuntil(b"}")
            assert status.encode() in answer
            for _ in range(30):
                await stack.enter_async_context(client(running.service.address))


async def test_a_client_with_many_connections_makes_room_for_itself() -> None:
    """The loopback has many addresses, on Linux only."""
    async with serving(20, 10**6) as (connections, address, _), AsyncExitStack() as stack:

        async def connect(source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            streams = await asyncio.open_connection(*address, local_addr=(source, 0))
            stack.callback(streams[1].close)
            return streams

        number = len(connections)
        honest = [await connect(f"127.0.0.{n}") for n in (2, 3, 4)]
        await until(partial(more_than, connections, number + 2))
        greedy = [await connect("127.0.0.9") for _ in range(60)]
        for reading, _ in greedy[:40]:
            assert await reading.read() == b""
        for reading, writing in honest:
            writing.write(GOOD)
            assert (await reading.readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200")


async def test_health_pages_are_rate_limited(tmp_path: Path) -> None:
    async with bridge(tmp_path) as running, client(running.service.address) as (reading, writing):
        writing.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 100)
        answers = await reading.read()
    assert 20 <= answers.count(b"HTTP/1.1 200 OK") < 40
    assert answers.count(b"Connection: close") == 1


async def test_no_response_quotes_the_expectation(tmp_path: Path) -> None:
    async with bridge(tmp_path) as running:
        for target in (b"/healthz", b"/nowhere", b"*"):
            async with client(running.service.address) as (reading, writing):
                writing.write(b"OPTIONS " + target + b" HTTP/1.1\r\nHost: x\r\nExpect: <script>\r\n\r\n")
                assert (await reading.read()).endswith(b"\r\n\r\n" + BAD_REQUEST)
