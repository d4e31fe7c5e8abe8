"""Every undocumented name of aiohttp that the server uses; no other module touches them.

``tests/web/test_aiohttp_internals.py`` checks that they exist in the installed version.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import HttpProcessingError

__all__ = ["Handler", "HttpProcessingError", "HttpProtocol", "send_continue", "set_handler"]

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""Answers a request before any routing or middleware."""

LINGERING = 2.0
"""Seconds to read on after the last response, so that the client receives it before the connection is reset."""


class HttpProtocol(web.RequestHandler):
    """aiohttp's protocol of one connection, with limits and without quotes of what a client sent."""

    def __init__(self, manager: web.Server, *, max_line: int, read_ahead: int, keepalive: float) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as AppRunner passes it on
            auto_decompress=False,
            max_line_size=max_line,
            lingering_time=LINGERING,
            keepalive_timeout=keepalive,
            read_bufsize=read_ahead,
        )

    def now(self) -> float:
        """Return the event loop's time."""
        return self._loop.time()

    @property
    def answering(self) -> bool:
        """Whether a request whose head arrived has no complete response yet; its body may still be on its way."""
        return self._request_in_progress or bool(self._messages)

    def discard_quotes(self) -> bool:
        """Return whether the last bytes were not HTTP, and drop what aiohttp's error quotes of them.

        aiohttp puts the bytes into its error, four bytes for each and more than once, and adds an error for everything
        that follows: 10 MB of garbage would take 100.
        """
        if not self._messages or isinstance(self._messages[-1][0], RawRequestMessage):
            return False
        failed, payload = self._messages.pop()
        if not isinstance(failed, RawRequestMessage):
            kind = type(failed.exc)
            self._messages.append((type(failed)(failed.status, kind.__new__(kind), ""), payload))
        return True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it quotes what was sent
    ) -> web.StreamResponse:
        """Answer bytes that are not HTTP."""
        if request.writer.output_size > 0:
            raise ConnectionError("a response was started already")
        return self.protocol_error(status, type(exc).__name__, request.remote or "")

    def protocol_error(self, status: int, error: str, remote: str) -> web.StreamResponse:
        """Return the response to bytes that are not HTTP. ``error`` names the class of aiohttp's exception."""
        raise NotImplementedError


async def send_continue(request: web.Request) -> None:
    """Answer ``Expect: 100-continue``; ignore any other expectation, as RFC 9110 allows."""
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def set_handler(server: web.Server, wrap: Callable[[Handler], Handler]) -> None:
    """Wrap the function that aiohttp's server calls for each request."""
    server.request_handler = wrap(server.request_handler)
