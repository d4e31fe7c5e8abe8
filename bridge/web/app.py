"""The aiohttp application and its server: what listens, and how it starts and stops."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bridge.web import responses
from bridge.web.aiohttp_internals import Handler, send_continue, set_handler
from bridge.web.connections import Connection, Connections
from bridge.web.health import Health
from bridge.web.webhooks import Ingest

LAST_REQUESTS = 7.0
"""Seconds that requests and posts in flight are given at the end. aiohttp rounds up to a whole second, and a locked
store takes two more; ten seconds after SIGTERM, Docker kills."""

log = structlog.get_logger("bridge.web")


@web.middleware
async def constant_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error leaves as JSON with a constant text; what went wrong is for our log only."""
    connection = request.protocol if isinstance(request.protocol, Connection) else None
    if connection:
        connection.head_received(complete=not request.can_read_body)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        allowed = frozenset(error.allowed_methods) if isinstance(error, web.HTTPMethodNotAllowed) else None
        response = responses.error(error.status, allow=allowed)
    except Exception:
        # The body and the headers stay out of the log: the path's shape and the traceback have to do.
        log.exception("a request failed", method=request.method, handler=request.match_info.handler.__qualname__)
        response = responses.error(500)
    if connection and connection.responded(last=response.keep_alive is False):
        response.force_close()
    return response


def application(ingest: Ingest, health: Health) -> web.Application:
    """The application: one way in, two health pages."""
    app = web.Application(middlewares=[constant_errors])
    app.router.add_route("*", "/webhooks/{source}", ingest.handle, expect_handler=send_continue)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    return app


def _without_quotes(handler: Handler) -> Handler:
    """Replace aiohttp's own error pages, written before any middleware runs: a 417 quotes the request."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            return responses.error(error.status)

    return handle


class Server:
    """A listening application."""

    def __init__(self, app: web.Application, connections: Connections) -> None:
        # Where a stranger breaks the protocol after his answer, aiohttp logs a traceback: he could fill the log.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)
        self._runner = web.AppRunner(app, shutdown_timeout=LAST_REQUESTS)
        self._connections = connections
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address. Port 0 takes a free one. Raises OSError if the address cannot be had."""
        await self._runner.setup()
        manager = self._runner.server
        assert manager is not None  # after setup
        set_handler(manager, _without_quotes)
        self._listener = await asyncio.get_running_loop().create_server(
            lambda: Connection(manager, self._connections), host, port, backlog=1024
        )
        name: tuple[str, int] = self._listener.sockets[0].getsockname()
        return name[0], name[1]

    async def stop_listening(self) -> None:
        """Take no new connection; those that are open go on."""
        if self._listener:
            self._listener.close()
            self._listener = None

    async def stop(self) -> None:
        """Let the requests in flight finish, and close."""
        await self._runner.cleanup()
