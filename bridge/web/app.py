"""The aiohttp application and its server: what listens, and how it starts and stops."""

import logging
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bridge.web import answers
from bridge.web.health import Health
from bridge.web.ingest import Ingest

MAX_LINE = 65_536
"""Bytes of a request line: Twilio can be told to call with GET, and then the whole message is in it."""

log = structlog.get_logger("bridge.web")


@web.middleware
async def constant_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error leaves as JSON with a constant text; what went wrong is for our log only."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        allowed = frozenset(error.allowed_methods) if isinstance(error, web.HTTPMethodNotAllowed) else None
        return answers.error(error.status, allow=allowed)
    except Exception:
        # The body and the headers stay out of the log: the path's shape and the traceback have to do.
        log.exception("a request failed", method=request.method, handler=request.match_info.handler.__qualname__)
        return answers.error(500)


def application(ingest: Ingest, health: Health) -> web.Application:
    """The application: one way in, two health pages."""
    app = web.Application(middlewares=[constant_errors])
    app.router.add_route("*", "/webhooks/{source}", ingest.handle)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    return app


class Server:
    """A listening application."""

    def __init__(self, app: web.Application) -> None:
        # A request that is not HTTP makes aiohttp log a traceback with parts of it: any stranger could fill the log.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL + 1)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            max_line_size=MAX_LINE,
            lingering_time=2.0,
            keepalive_timeout=75.0,
            shutdown_timeout=8.0,
        )
        self._site: web.TCPSite | None = None

    async def start(self, host: str, port: int) -> tuple[str, int]:
        """Listen, and return the address. Port 0 takes a free one. Raises OSError if the address cannot be had."""
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, host, port, backlog=1024)
        await self._site.start()
        name: tuple[str, int] = self._runner.addresses[0]
        return name[0], name[1]

    async def stop_listening(self) -> None:
        """Take no new connection; those that are open go on."""
        if self._site:
            await self._site.stop()
            self._site = None

    async def stop(self) -> None:
        """Let the requests in flight finish, at most 8 s, and close."""
        await self._runner.cleanup()
