"""Tests of what is certain about a connection that breaks: on real sockets, with both event loops."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import SimpleNamespace
from typing import Literal

import aiohttp
import pytest
import uvloop

from bridge.delivery.flight import FlightRequest, _tcp_info
from bridge.delivery.outcome import Outcome
from bridge.delivery.slack import Poster, open_session
from tests.delivery.clock import HandClock

BODY: dict[str, object] = {"text": "hello"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Moment = Literal["before the request is written", "as the request is written", "after the request was read"]
Run = Callable[[Coroutine[object, object, None]], None]

runs = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
linux = pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell")


class Server:
    """Slack as plain sockets: it answers each request, until a test closes a connection at a moment of its choice.

    It looks at its sockets now and then, since a socket that an event loop waits for is not closed at once.
    """

    def __init__(self) -> None:
        self.requests = 0
        self.answers = True
        self.at_once = 1
        """Connections that it waits for before it reads any."""
        self.connections: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/services/T1/B1/secret"

    async def __aenter__(self) -> "Server":
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        self.close_connections()
        self._listening.close()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(0.001)
            with suppress(BlockingIOError):
                self.connections.append(self._listening.accept()[0])
                self.connections[-1].setblocking(False)
            for connection in list(self.connections) if len(self.connections) >= self.at_once else ():
                with suppress(BlockingIOError):
                    self._answer(connection, connection.recv(65536))

    def _answer(self, connection: socket.socket, read: bytes) -> None:
        self.requests += read.count(b"POST ")
        if not read or not self.answers:
            self.connections.remove(connection)
            connection.close()
        elif b"hello" in read:
            connection.send(OK)

    def close_connections(self, reset: bool = False) -> None:
        """Close the open connections, without reading what may be on its way."""
        for connection in self.connections:
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.connections.clear()


def at_the_next(session: aiohttp.ClientSession, moment: Moment, act: Callable[[], None]) -> None:
    """Act in the middle of the next request, while the event loop reads no socket."""

    async def do(_session: aiohttp.ClientSession, _context: SimpleNamespace, _event: object) -> None:
        act()

    trace = aiohttp.TraceConfig()
    if moment == "before the request is written":
        trace.on_connection_reuseconn.append(do)
    else:
        trace.on_request_headers_sent.append(do)
    trace.freeze()
    session.trace_configs.append(trace)


async def second_post(moment: Moment, reset: bool = False) -> tuple[Outcome, Outcome, int]:
    """Post twice on one connection, which breaks at the second post; then once more. Return the last two outcomes."""
    async with Server() as server, open_session() as session:
        poster = Poster(session, HandClock())
        assert (await poster.post(server.url, BODY)).kind == "ok"
        if moment == "after the request was read":
            server.answers = False
        else:
            at_the_next(session, moment, lambda: server.close_connections(reset))
        broken = await poster.post(server.url, BODY, time_limit=5.0)
        session.trace_configs[1:] = []
        server.answers = True
        read = server.requests
        again = await poster.post(server.url, BODY)
        assert server.requests == read + 1
    return broken, again, read


@runs
@linux
@pytest.mark.parametrize("moment", ["before the request is written", "as the request is written"])
def test_a_kept_connection_that_was_closed_before_the_request_is_stale(run: Run, moment: Moment) -> None:
    async def test() -> None:
        broken, again, read = await second_post(moment)
        assert (broken.kind, broken.answer) == ("unavailable", "a kept connection had been closed")
        assert (broken.stale_connection, broken.uncertain, read) == (True, False, 1)
        assert again.kind == "ok"

    run(test())


@runs
def test_a_kept_connection_that_was_closed_after_the_request_is_uncertain(run: Run) -> None:
    async def test() -> None:
        broken, again, read = await second_post("after the request was read")
        assert broken.answer == "the connection was closed without an answer"
        assert (broken.stale_connection, broken.uncertain, read) == (False, True, 2)
        assert again.kind == "ok"

    run(test())


@runs
def test_a_reset_as_the_request_is_written_is_uncertain(run: Run) -> None:
    async def test() -> None:
        broken, again, read = await second_post("as the request is written", reset=True)
        assert (broken.kind, broken.stale_connection, broken.uncertain, read) == ("unavailable", False, True, 1)
        assert again.kind == "ok"

    run(test())


@runs
def test_a_new_connection_is_never_stale(run: Run) -> None:
    async def test() -> None:
        async with Server() as server, open_session() as session:
            server.answers = False
            outcome = await Poster(session, HandClock()).post(server.url, BODY)
        assert (outcome.stale_connection, outcome.uncertain) == (False, True)

    run(test())


@linux
async def test_the_retry_takes_a_new_connection_and_leaves_the_kept_ones() -> None:
    async with Server() as server, open_session() as session:
        poster = Poster(session, HandClock())
        server.at_once = 3
        await asyncio.gather(*(poster.post(server.url, BODY) for _ in range(3)))
        server.at_once = 1
        first = server.connections.pop(0)
        kept = list(server.connections)
        server.connections = [first]
        at_the_next(session, "as the request is written", server.close_connections)
        assert (await poster.post(server.url, BODY)).stale_connection
        session.trace_configs[1:] = []
        assert (await poster.post(server.url, BODY)).kind == "ok"
        assert len(server.connections) == 1, "a connection of its own, although two were kept"
        server.connections += kept
        assert (await poster.post(server.url, BODY)).kind == "ok"
        assert len(server.connections) == 3, "and then a kept one again"


async def test_without_the_kernels_word_it_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_INFO", raising=False)
    broken, _, _ = await second_post("as the request is written")
    assert (broken.stale_connection, broken.uncertain) == (False, True)


def test_the_names_of_aiohttp_that_we_override_are_there() -> None:
    assert aiohttp.ClientRequest.send.__code__.co_varnames[:2] == FlightRequest.send.__code__.co_varnames[:2]
    assert isinstance(aiohttp.ClientRequest.connection_key, property)


class _OldKernel(socket.socket):
    def getsockopt(self, *_: object) -> bytes:  # type: ignore[override]
        return b"\1"


def test_a_kernel_that_does_not_tell_leaves_a_broken_connection_uncertain() -> None:
    closed = socket.socket()
    closed.close()
    assert _tcp_info(closed) == (None, 0)
    with _OldKernel() as old:
        assert _tcp_info(old) == (None, 0)
