"""A Slack on a loopback port that answers incoming webhooks as the real one does, and fails on demand."""

import asyncio
import math
import secrets
import socket
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from types import TracebackType

from aiohttp import web

from bridge.core.payload import InvalidJsonError, parse_json
from bridge.demo.slack_rules import INVALID_PAYLOAD, Refusal, refusal

MAX_TEXT = 40_000
"""Slack cuts longer texts instead of refusing them."""
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """A scripted answer: what was posted is read, and not shown unless ``shows``."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/plain"
    shows: bool = False
    hold: asyncio.Event | None = None
    """If given, the answer waits until it is set."""


class Fault(Enum):
    """A scripted end without an answer."""

    HANG = "reads the post and never answers"
    RESET_BEFORE_BODY = "resets the connection without reading the post"
    RESET_AFTER_BODY = "shows the post, then resets the connection"
    CLOSE = "closes the connection without an answer"
    BREAK_OFF = "shows the post, and breaks off in the middle of its answer"


@dataclass(frozen=True, slots=True)
class Late:
    """Slack's own answer, by its rules, but only so many seconds after the message is shown."""

    seconds: float


_SHOWING = (Fault.RESET_AFTER_BODY, Fault.BREAK_OFF)
Behaviour = Answer | Fault | Late
Plan = Callable[[], Behaviour | None]
"""Asked at each request what it is to meet; None: Slack's rules."""

EMPTY_500 = Answer(500)
BAD_GATEWAY = Answer(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", content_type="text/html")
HTML_200 = Answer(200, LOGIN_PAGE, content_type="text/html")
ROLLUP_ERROR = Answer(500, "rollup_error")
NO_SERVICE = Answer(404, "no_service")
NO_ACTIVE_HOOKS = Answer(404, "no_active_hooks")
CHANNEL_IS_ARCHIVED = Answer(410, "channel_is_archived")
CHANNEL_NOT_FOUND = Answer(404, "channel_not_found")
INVALID_TOKEN = Answer(403, "invalid_token")
ACTION_PROHIBITED = Answer(403, "action_prohibited")
INVALID_BLOCKS = Answer(400, "invalid_blocks")


def limited(retry_after: float | str | None = 1) -> Answer:
    """A 429. ``retry_after`` is in seconds, or the header's text as it is (an HTTP date), or None for no header."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(429, '{"retry_after":1,"ok":false,"error":"rate_limited"}', headers, "application/json")


def http_date(unix: float) -> str:
    """Unix seconds as HTTP writes a date."""
    return formatdate(unix, usegmt=True)


def redirect(to: str, status: int = 302) -> Answer:
    """A redirect, as a captive portal or a login proxy answers."""
    return Answer(status, headers={"Location": to})


@dataclass(frozen=True, slots=True)
class Rate:
    """How many posts each webhook takes: ``per_second``, and at most ``burst`` at once after a rest."""

    per_second: float = 1.0
    burst: int = 5


@dataclass(frozen=True, slots=True)
class Post:
    """One message as the channel shows it. ``at`` is in Unix seconds."""

    body: Mapping[str, object]
    at: float
    answered: str = "200 ok"
    """As in ``Hit``: whoever posted it may not know that it is shown."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One request that reached a webhook. ``body`` is None where it was not read or is no JSON."""

    body: object
    headers: Mapping[str, str]
    answered: str
    """The status and Slack's word (`200 ok`), with `, 3 s late` where it came late; or the fault's name."""
    at: float


@dataclass(slots=True)
class _Hook:
    path: str
    posts: list[Post] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)
    script: deque[Behaviour] = field(default_factory=deque)
    standing: Behaviour | Plan | None = None
    allowance: float = 0.0
    counted_at: float = 0.0


class SlackSimulator:
    """``async with SlackSimulator() as slack:`` serves until the block ends.

    Every request that reaches a webhook takes the next behaviour of its script; once that has run out, the standing one
    (``always``); without either, Slack's rules decide. With a ``rate``, what comes faster gets a 429. ``clock`` counts
    the rate in seconds, ``now`` gives the Unix time of what is recorded.
    """

    def __init__(
        self,
        *,
        rate: Rate | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rate = rate
        self._port = port
        self._clock = clock
        self._now = now
        self._hooks: dict[str, _Hook] = {}
        self._changed = asyncio.Condition()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._connections: set[object] = set()
        self.base = ""
        """`http://127.0.0.1:port` once it serves."""

    async def __aenter__(self) -> "SlackSimulator":
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_post("/services/{team}/{bot}/{secret}", self._receive)
        app.router.add_post("/{team:T[0-9A-Z]+}/{bot:B[0-9A-Z]+}/{secret}", self._receive)
        app.router.add_route("*", "/login", _login_page)
        app.router.add_route("*", "/ok", _ok_page)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{self._port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    def webhook(self, channel: str) -> str:
        """The webhook URL of a channel, which is made if it is new. The same channel has one URL."""
        hook = self._hooks.get(channel)
        if hook is None:
            number = len(self._hooks) + 1
            hook = _Hook(f"/T{number:08d}/B{number:08d}/{secrets.token_hex(12)}")
            self._hooks[channel] = hook
        return f"{self.base}/services{hook.path}"

    def script(self, channel: str, *behaviours: Behaviour) -> None:
        """Let the next requests to a channel meet these, one each, after what is scripted already."""
        self._hook(channel).script.extend(behaviours)

    def always(self, channel: str, behaviour: Behaviour | Plan | None) -> None:
        """Let every request to a channel that finds no script meet this, or what it says; None: Slack's rules again."""
        self._hook(channel).standing = behaviour

    def posts(self, channel: str) -> Sequence[Post]:
        """What the channel shows, oldest first, duplicates included."""
        return tuple(self._hook(channel).posts)

    def hits(self, channel: str) -> Sequence[Hit]:
        """Every request that reached the channel's webhook, oldest first, refused ones and probes included."""
        return tuple(self._hook(channel).hits)

    @property
    def connections(self) -> int:
        """How many connections have brought a request."""
        return len(self._connections)

    async def wait_for(self, channel: str, n: int, within: float = 10.0) -> Sequence[Post]:
        """The channel's posts once it shows at least ``n``. Raises TimeoutError after ``within`` seconds."""
        hook = self._hook(channel)
        await self._until(lambda: len(hook.posts) >= n, within)
        return self.posts(channel)

    async def wait_for_hits(self, channel: str, n: int, within: float = 10.0) -> Sequence[Hit]:
        """The channel's requests once at least ``n`` came. Raises TimeoutError after ``within`` seconds."""
        hook = self._hook(channel)
        await self._until(lambda: len(hook.hits) >= n, within)
        return self.hits(channel)

    async def _until(self, reached: Callable[[], bool], within: float) -> None:
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(reached)

    def _hook(self, channel: str) -> _Hook:
        self.webhook(channel)
        return self._hooks[channel]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        self._connections.add(request.transport)
        path = request.path.removeprefix("/services")
        hook = next((hook for hook in self._hooks.values() if hook.path == path), None)
        if hook is None:
            await request.read()
            return web.Response(status=NO_SERVICE.status, text=NO_SERVICE.body)
        behaviour = hook.script.popleft() if hook.script else hook.standing
        if callable(behaviour):
            behaviour = behaviour()
        if behaviour is Fault.RESET_BEFORE_BODY:
            await self._record(hook, Hit(None, dict(request.headers), behaviour.name, self._now()))
            return _cut(request, reset=True)
        body = _parsed(await request.read())
        late = behaviour.seconds if isinstance(behaviour, Late) else 0.0
        if behaviour is None or isinstance(behaviour, Late):
            behaviour = self._too_fast(hook) or _by_the_rules(request, body)
        shown = behaviour.shows if isinstance(behaviour, Answer) else behaviour in _SHOWING
        answered = f"{behaviour.status} {behaviour.body[:40]}" if isinstance(behaviour, Answer) else behaviour.name
        hit = Hit(body, dict(request.headers), answered.strip() + (f", {late:g} s late" if late else ""), self._now())
        await self._record(hook, hit, _as_shown(body, hit) if shown else None)
        if isinstance(behaviour, Answer):
            if late:
                await asyncio.sleep(late)
            if behaviour.hold:
                await behaviour.hold.wait()
            return web.Response(
                status=behaviour.status,
                text=behaviour.body,
                headers=behaviour.headers,
                content_type=behaviour.content_type,
            )
        if behaviour is Fault.HANG:
            await self._closing.wait()
        if behaviour is Fault.BREAK_OFF:
            answer = web.StreamResponse(headers={"Content-Length": "2"})
            await answer.prepare(request)
            await answer.write(b"o")
        return _cut(request, reset=behaviour is Fault.RESET_AFTER_BODY)

    async def _record(self, hook: _Hook, hit: Hit, post: Post | None = None) -> None:
        async with self._changed:
            hook.hits.append(hit)
            if post is not None:
                hook.posts.append(post)
            self._changed.notify_all()

    def _too_fast(self, hook: _Hook) -> Answer | None:
        if self._rate is None:
            return None
        now = self._clock()
        if not hook.counted_at:
            hook.allowance = self._rate.burst
        else:
            gained = (now - hook.counted_at) * self._rate.per_second
            hook.allowance = min(self._rate.burst, hook.allowance + gained)
        hook.counted_at = now
        if hook.allowance < 1:
            return limited(math.ceil((1 - hook.allowance) / self._rate.per_second))
        hook.allowance -= 1
        return None


def _parsed(raw: bytes) -> object:
    try:
        return parse_json(raw)
    except InvalidJsonError:
        return None


def _by_the_rules(request: web.Request, body: object) -> Answer:
    refused: Refusal | None = INVALID_PAYLOAD
    if request.content_type == "application/json":
        refused = refusal(body)
    return Answer(200, "ok", shows=True) if refused is None else Answer(refused.status, refused.token)


def _as_shown(body: object, hit: Hit) -> Post | None:
    """What the channel shows of a message; nothing of one that Slack refuses, a probe say, however it is answered."""
    if not isinstance(body, Mapping) or refusal(body) is not None:
        return None
    text = body.get("text")
    shown = {**body, "text": text[:MAX_TEXT]} if isinstance(text, str) else body
    return Post(shown, hit.at, hit.answered)


def _cut(request: web.Request, reset: bool) -> web.Response:
    """End the connection here. The response that is returned finds nobody to go to."""
    transport = request.transport
    if transport is not None:
        if reset:
            # Without lingering the kernel sends RST, as a crashed peer does, and not the FIN of an orderly end.
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _login_page(_request: web.Request) -> web.Response:
    return web.Response(text=LOGIN_PAGE, content_type="text/html")


async def _ok_page(_request: web.Request) -> web.Response:
    return web.Response(text="ok")
