"""/healthz: the process lives. /readyz: webhooks can be accepted and kept."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Readiness:
    """What /readyz says. ``ready`` is False only before the start, after SIGTERM and while the store refuses writes."""

    ready: bool
    status: str
    """``ok``, ``degraded`` (a lane is stopped or Slack is away), ``starting``, ``stopping``, ``store unavailable``."""
    counts: Mapping[str, int]
    """Numbers, and never a name of a channel."""


@dataclass(frozen=True, slots=True)
class Health:
    """The two health pages."""

    readiness: Callable[[], Awaitable[Readiness]]

    async def healthz(self, _request: web.Request) -> web.Response:
        """200 as long as the event loop turns."""
        return _page(200, {"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """200 while webhooks can be accepted and kept, else 503; in either case why, and counts."""
        readiness = await self.readiness()
        return _page(200 if readiness.ready else 503, {"status": readiness.status, "counts": dict(readiness.counts)})


def _page(status: int, content: Mapping[str, object]) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(content).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
