"""Answer ``/healthz`` (the process lives) and ``/readyz`` (webhooks can be accepted and stored)."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Readiness:
    """The content of /readyz. ``ready`` is False before the start, after SIGTERM and while the store refuses writes."""

    ready: bool
    status: str
    """``ok``, ``degraded`` (a channel is stopped or Slack unavailable), ``starting``, ``stopping``,
    ``store unavailable``."""
    counts: Mapping[str, int]
    """Current numbers, without names of sources, channels or routes."""
    counters: Mapping[str, int]
    """Sums since the start by the counter's name, without labels."""
    reason: str = ""
    """Why the store is unavailable."""


@dataclass(frozen=True, slots=True)
class Health:
    """The two health pages."""

    readiness: Callable[[], Awaitable[Readiness]]

    async def healthz(self, _request: web.Request) -> web.Response:
        """Respond 200 as long as the event loop runs."""
        return _page(200, {"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        """Respond 200 while webhooks can be accepted and stored, else 503; with status, counts and counters."""
        found = await self.readiness()
        reason = {"reason": found.reason} if found.reason else {}
        content = {"status": found.status, **reason, "counts": dict(found.counts), "counters": dict(found.counters)}
        return _page(200 if found.ready else 503, content)


def _page(status: int, content: Mapping[str, object]) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(content).encode(),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
