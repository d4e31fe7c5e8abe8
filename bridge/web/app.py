"""Build the aiohttp application; start and stop its server."""

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
"""Seconds for requests and posts in flight after SIGTERM. Docker kills the process ten seconds after it, and a locked
store takes two."""
CUT_OFF = 0.2
"""Seconds in which what is still in flight then is ended."""

log = structlog.get_logger("bridge.web")


@web.middleware
async def constant_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Respond to every error with JSON and a constant text; details go to our log only."""
    connection = request.protocol if isinstance(request.protocol, Connection) else None
    if connection:
        connection.head_received(complete=not request.can_read_body)
    try:
        response = await handler(request)
    except web.HTTPException as error:
        allowed = frozenset(error.allowed_methods) if isinstance(error, web.HTTPMethodNotAllowed) else None
        response = responses.error(error.status, allow=allowed)
    except Exception:
        # Neither body nor headers are logged: the handler's name and the traceback must be enough.
        log.exception("request failed", method=request.method, handler=request.match_info.handler.__qualname__)
        response = responses.error(500)
    if connection and connection.responded(last=response.keep_alive is False):
        response.force_close()
    return response


def application(ingest: Ingest, health: Health) -> web.Application:
    """Return the application: the webhooks and two health pages."""
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
        # aiohttp logs a traceback if a client breaks the protocol after its response: clients could fill the log.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)
        self._runner = web.AppRunner(app, shutdown_timeout=CUT_OFF)
        self._connections = connections
        self._listener: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address. Port 0 takes a free one. Raises OSError if the address is not available."""
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
        """Accept no new connections; open ones continue."""
        if self._listener:
            self._listener.close()
            self._listener = None

    async def stop(self) -> None:
        """Let the requests in flight finish, also those whose bodies are on their way, and close."""
        await self._connections.drain(LAST_REQUESTS)
        await self._runner.cleanup()
