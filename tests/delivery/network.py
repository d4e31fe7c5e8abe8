"""The network between a channel worker and Slack: name, port and TLS. Tests can break and fix each part."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from tests.slack.simulator import SlackSimulator

HOST = "hooks.slack.invalid"
"""A name that cannot exist (RFC 6761, https://www.rfc-editor.org/rfc/rfc6761#section-6.4). ``Resolver`` knows it."""
CERTIFICATES = Path(__file__).parent / "certificates"


def trusting() -> ssl.SSLContext:
    """Return the TLS settings of a client that trusts only the certificate in `slack.pem`."""
    return ssl.create_default_context(cafile=str(CERTIFICATES / "slack.pem"))


class Resolver(AbstractResolver):
    """Resolver that knows one name: ``HOST`` is this machine while ``known`` is true."""

    def __init__(self) -> None:
        self.known = True

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host != HOST or not self.known:
            raise socket.gaierror(socket.EAI_NONAME, f"no address of family {family} for {host}")
        flags = socket.AI_NUMERICHOST
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=flags)]

    async def close(self) -> None:
        pass


class TcpProxy:
    """TCP proxy before the simulator. Closed at first; it keeps its port number.

    Use it as ``async with TcpProxy(slack) as proxy:``.
    """

    def __init__(self, slack: SlackSimulator) -> None:
        self._slack = slack
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port: int = found.getsockname()[1]

    async def __aenter__(self) -> "TcpProxy":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def url(self, channel: str, scheme: str) -> str:
        """Return a channel's webhook URL through the proxy."""
        return f"{scheme}://{HOST}:{self._port}{urlsplit(self._slack.webhook(channel)).path}"

    async def open(self, certificate: str = "") -> None:
        """Accept connections. With the name of a certificate, they must use TLS."""
        await self.close()
        tls = None
        if certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(CERTIFICATES / certificate)
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", self._port, ssl=tls)

    async def close(self) -> None:
        """Accept no connection, and abort the open ones."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.transport.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._server:
            await self._server.wait_closed()
        self._server = None

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        slack = urlsplit(self._slack.base)
        to_slack = await asyncio.open_connection(slack.hostname, slack.port)
        both = {writer, to_slack[1]}
        self._connections |= both
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_copy(reader, to_slack[1]), _copy(to_slack[0], writer))
        for connection in both:
            connection.transport.abort()
        self._connections -= both


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort() if reader.exception() else writer.close()
