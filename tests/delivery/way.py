"""The way from a channel worker to Slack, through a name, a port and TLS; each can be broken and fixed."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult

from tests.slack.simulator import SlackSimulator

HOST = "hooks.slack.invalid"
"""A name that cannot exist (RFC 6761, https://www.rfc-editor.org/rfc/rfc6761#section-6.4): only ``Names`` knows it."""
CERTIFICATES = Path(__file__).parent / "certificates"


def trusting() -> ssl.SSLContext:
    """A client that trusts one certificate: that of `slack.pem`."""
    return ssl.create_default_context(cafile=str(CERTIFICATES / "slack.pem"))


class Names(AbstractResolver):
    """Looks names up: none is known, save that ``HOST`` is this machine while ``known``."""

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


class Door:
    """``async with Door(slack) as door:`` a port before the simulator's. Shut at first; it keeps its number."""

    def __init__(self, slack: SlackSimulator) -> None:
        self._slack = slack
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()
        self._talks: set[asyncio.Task[None]] = set()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self._port: int = found.getsockname()[1]

    async def __aenter__(self) -> "Door":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shut()

    def url(self, channel: str, scheme: str) -> str:
        """A channel's webhook as it is called through the door."""
        return f"{scheme}://{HOST}:{self._port}{urlsplit(self._slack.webhook(channel)).path}"

    async def open(self, certificate: str = "") -> None:
        """Let connections through. With the name of a certificate they must speak TLS."""
        await self.shut()
        tls = None
        if certificate:
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain(CERTIFICATES / certificate)
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", self._port, ssl=tls)

    async def shut(self) -> None:
        """Let nobody in, and cut who is."""
        if self._server:
            self._server.close()
        for connection in self._connections:
            connection.transport.abort()
        if self._talks:
            await asyncio.wait(self._talks)
        if self._server:
            await self._server.wait_closed()
        self._server = None

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)
        slack = urlsplit(self._slack.base)
        to_slack = await asyncio.open_connection(slack.hostname, slack.port)
        both = {writer, to_slack[1]}
        self._connections |= both
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(_pass_on(reader, to_slack[1]), _pass_on(to_slack[0], writer))
        for connection in both:
            connection.transport.abort()
        self._connections -= both


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.transport.abort() if reader.exception() else writer.close()
