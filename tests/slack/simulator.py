"""The demo's simulated Slack with fault injection: lost or late answers, broken connections, recorded requests."""

import asyncio
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

from aiohttp import web

from bridge.demo import slack_simulator
from bridge.demo.slack_simulator import Answer, Post, Rate, parse_body, response, shown_post
from tests.slack.answers import LOGIN_PAGE


@dataclass(frozen=True, slots=True)
class HeldAnswer(Answer):
    """Answer that waits until ``hold`` is set."""

    hold: asyncio.Event | None = None


class Fault(Enum):
    """Scripted end of a connection without an answer."""

    HANG = "reads the post and never answers"
    RESET_BEFORE_BODY = "resets the connection without reading the post"
    RESET_AFTER_BODY = "shows the post, then resets the connection"
    CLOSE = "closes the connection without an answer"
    BREAK_OFF = "shows the post, and breaks off in the middle of its answer"


@dataclass(frozen=True, slots=True)
class Late:
    """Slack's own answer by its rules, but a number of seconds after the message is shown."""

    seconds: float


@dataclass(frozen=True, slots=True)
class ByMessage:
    """Behaviour that depends on the message. ``choose`` gets the body, None if it is not JSON."""

    choose: "Callable[[object], Answer | Late | None]"


_SHOWING = (Fault.RESET_AFTER_BODY, Fault.BREAK_OFF)
Behaviour = Answer | Fault | Late | ByMessage
Plan = Callable[[], Behaviour | None]
"""Called at each request for its behaviour; None: Slack's rules."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request to a webhook. ``body`` is None if it was not read or is not JSON."""

    body: object
    headers: Mapping[str, str]
    answered: str
    """Status and Slack's word (`200 ok`), with `, 3 s late` after a late answer; or the name of the fault."""
    at: float


class SlackSimulator(slack_simulator.SlackSimulator):
    """Serve inside ``async with SlackSimulator() as slack:``, until the block ends.

    Each request to a webhook takes the next behaviour of its script; after that, the permanent one (``always``);
    without either, Slack's rules decide.
    """

    def __init__(
        self,
        *,
        rate: Rate | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(rate=rate, port=port, clock=clock, now=now)
        self._scripts: dict[str, deque[Behaviour]] = {}
        self._permanent: dict[str, Behaviour | Plan] = {}
        self._hits: dict[str, list[Hit]] = {}
        self._connections: set[object] = set()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> "SlackSimulator":
        await super().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        await super().__aexit__(kind, error, trace)

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        super()._add_routes(router)
        router.add_route("*", "/login", _login_page)
        router.add_route("*", "/ok", _ok_page)

    def script(self, channel: str, *behaviours: Behaviour) -> None:
        """Queue behaviours for the next requests to a channel, one for each."""
        self._scripts.setdefault(channel, deque()).extend(behaviours)

    def always(self, channel: str, behaviour: Behaviour | Plan | None) -> None:
        """Set the permanent behaviour for requests without a script, or a plan for it; None: Slack's rules again."""
        if behaviour is None:
            self._permanent.pop(channel, None)
        else:
            self._permanent[channel] = behaviour

    def hits(self, channel: str) -> Sequence[Hit]:
        """Return every request to the channel's webhook, oldest first, with rejected ones and probes."""
        return tuple(self._hits.get(channel, ()))

    @property
    def connections(self) -> int:
        """Number of connections with at least one request."""
        return len(self._connections)

    async def wait_for_hits(self, channel: str, n: int, within: float = 10.0) -> Sequence[Hit]:
        """Wait for ``n`` requests to the channel, and return all. Raises TimeoutError after ``within`` seconds."""
        await self._wait_until(lambda: len(self.hits(channel)) >= n, within)
        return self.hits(channel)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        self._connections.add(request.transport)
        return await super()._receive(request)

    async def _respond(self, channel: str, request: web.Request) -> web.StreamResponse:
        behaviour = self._next_behaviour(channel)
        if behaviour is Fault.RESET_BEFORE_BODY:
            await self._record_hit(channel, request, None, behaviour.name, False)
            return _cut(request, reset=True)
        body = parse_body(await request.read())
        if isinstance(behaviour, Fault):
            await self._record_hit(channel, request, body, behaviour.name, behaviour in _SHOWING)
            return await self._fail(request, behaviour)
        if isinstance(behaviour, ByMessage):
            behaviour = behaviour.choose(body)
        late = behaviour.seconds if isinstance(behaviour, Late) else 0.0
        answer = behaviour if isinstance(behaviour, Answer) else self._slack_answer(channel, request, body)
        suffix = f", {late:g} s late" if late else ""
        await self._record_hit(channel, request, body, f"{answer}{suffix}", answer.shows)
        if late:
            await asyncio.sleep(late)
        if isinstance(answer, HeldAnswer) and answer.hold:
            await answer.hold.wait()
        return response(answer)

    def _next_behaviour(self, channel: str) -> Behaviour | None:
        script = self._scripts.get(channel)
        behaviour = script.popleft() if script else self._permanent.get(channel)
        return behaviour() if callable(behaviour) else behaviour

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault is Fault.HANG:
            await self._closing.wait()
        if fault is Fault.BREAK_OFF:
            answer = web.StreamResponse(headers={"Content-Length": "2"})
            await answer.prepare(request)
            await answer.write(b"o")
        return _cut(request, reset=fault is Fault.RESET_AFTER_BODY)

    async def _record_hit(self, channel: str, request: web.Request, body: object, answered: str, shows: bool) -> None:
        now = self._now()
        self._hits.setdefault(channel, []).append(Hit(body, dict(request.headers), answered, now))
        await self._record(channel, shown_post(body, answered, now) if shows else None)


def _cut(request: web.Request, reset: bool) -> web.Response:
    """Close the connection now. The returned response reaches no client."""
    transport = request.transport
    if transport is not None:
        if reset:
            # Without lingering the kernel sends RST, as a crashed peer does, instead of the FIN of an orderly end.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _login_page(_request: web.Request) -> web.Response:
    return web.Response(text=LOGIN_PAGE, content_type="text/html")


async def _ok_page(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


__all__ = [
    "Answer",
    "Behaviour",
    "ByMessage",
    "Fault",
    "HeldAnswer",
    "Hit",
    "Late",
    "Plan",
    "Post",
    "Rate",
    "SlackSimulator",
]
