"""A simulated Slack on a loopback port, with the rules and the rate limit of the real incoming webhooks."""

import asyncio
import math
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from aiohttp import web

from bridge.core.payload import InvalidJsonError, parse_json
from bridge.demo.slack_rules import INVALID_PAYLOAD, Refusal, refusal

MAX_TEXT = 40_000
"""Slack cuts longer texts instead of refusing them."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to one request. The channel shows the message only if ``shows``."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "text/plain"
    shows: bool = False

    def __str__(self) -> str:
        """Return the status and Slack's word, such as `200 ok`."""
        return f"{self.status} {self.body[:40]}".strip()


NO_SERVICE = Answer(404, "no_service")


def rate_limited(retry_after: float | str | None = 1) -> Answer:
    """Return a 429. ``retry_after`` is in seconds, or the header's text (an HTTP date), or None for no header."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answer(429, '{"retry_after":1,"ok":false,"error":"rate_limited"}', headers, "application/json")


@dataclass(frozen=True, slots=True)
class Rate:
    """Rate limit of each webhook: ``per_second`` posts, and at most ``burst`` at once after a rest."""

    per_second: float = 1.0
    burst: int = 5


@dataclass(frozen=True, slots=True)
class Post:
    """One message in a channel. ``at`` is in Unix seconds."""

    body: Mapping[str, object]
    at: float
    answered: str = "200 ok"
    """The answer to the request; the client may not have received it."""


@dataclass(slots=True)
class Webhook:
    """State of one channel's webhook."""

    path: str
    posts: list[Post] = field(default_factory=list)
    script: deque[Answer] = field(default_factory=deque)
    allowance: float = 0.0
    counted_at: float = 0.0


class SlackSimulator:
    """Serve inside ``async with SlackSimulator() as slack:``, until the block ends.

    Each request to a webhook takes the next answer of its script; without one, Slack's rules decide. With a ``rate``,
    faster requests get a 429. ``clock`` counts the rate in seconds; ``now`` gives the Unix time of records.
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
        self._webhooks: dict[str, Webhook] = {}
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.base = ""
        """`http://127.0.0.1:port`, set by `async with`."""

    async def __aenter__(self) -> "SlackSimulator":
        app = web.Application(client_max_size=4 * 1024 * 1024)
        self._add_routes(app.router)
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
        if self._runner is not None:
            await self._runner.cleanup()

    def _add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_post("/services/{team}/{bot}/{secret}", self._receive)
        router.add_post("/{team:T[0-9A-Z]+}/{bot:B[0-9A-Z]+}/{secret}", self._receive)

    def webhook(self, channel: str) -> str:
        """Return the webhook URL of a channel, and create the channel if it is new."""
        return f"{self.base}/services{self._webhook(channel).path}"

    def script(self, channel: str, *answers: Answer) -> None:
        """Queue answers for the next requests to a channel, one for each."""
        self._webhook(channel).script.extend(answers)

    def posts(self, channel: str) -> Sequence[Post]:
        """Return the channel's messages, oldest first, duplicates included."""
        return tuple(self._webhook(channel).posts)

    async def wait_for(self, channel: str, n: int, within: float = 10.0) -> Sequence[Post]:
        """Wait until the channel has ``n`` posts, and return all. Raises TimeoutError after ``within`` seconds."""
        webhook = self._webhook(channel)
        await self._wait_until(lambda: len(webhook.posts) >= n, within)
        return self.posts(channel)

    async def _wait_until(self, reached: Callable[[], bool], within: float) -> None:
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(reached)

    def _webhook(self, channel: str) -> Webhook:
        webhook = self._webhooks.get(channel)
        if webhook is None:
            number = len(self._webhooks) + 1
            webhook = Webhook(f"/T{number:08d}/B{number:08d}/{secrets.token_hex(12)}")
            self._webhooks[channel] = webhook
        return webhook

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/services")
        channel = next((channel for channel, webhook in self._webhooks.items() if webhook.path == path), None)
        if channel is None:
            await request.read()
            return response(NO_SERVICE)
        return await self._respond(channel, request)

    async def _respond(self, channel: str, request: web.Request) -> web.StreamResponse:
        body, script = parse_body(await request.read()), self._webhook(channel).script
        answer = script.popleft() if script else self._slack_answer(channel, request, body)
        await self._record(channel, shown_post(body, str(answer), self._now()) if answer.shows else None)
        return response(answer)

    def _slack_answer(self, channel: str, request: web.Request, body: object) -> Answer:
        if limited := self._exceeded_rate(self._webhook(channel)):
            return limited
        refused: Refusal | None = INVALID_PAYLOAD
        if request.content_type == "application/json":
            refused = refusal(body)
        return Answer(200, "ok", shows=True) if refused is None else Answer(refused.status, refused.token)

    async def _record(self, channel: str, post: Post | None) -> None:
        async with self._changed:
            if post is not None:
                self._webhook(channel).posts.append(post)
            self._changed.notify_all()

    def _exceeded_rate(self, webhook: Webhook) -> Answer | None:
        if self._rate is None:
            return None
        now = self._clock()
        if not webhook.counted_at:
            webhook.allowance = self._rate.burst
        else:
            gained = (now - webhook.counted_at) * self._rate.per_second
            webhook.allowance = min(self._rate.burst, webhook.allowance + gained)
        webhook.counted_at = now
        if webhook.allowance < 1:
            return rate_limited(math.ceil((1 - webhook.allowance) / self._rate.per_second))
        webhook.allowance -= 1
        return None


def response(answer: Answer) -> web.Response:
    """Return the HTTP response for an answer."""
    return web.Response(
        status=answer.status, text=answer.body, headers=answer.headers, content_type=answer.content_type
    )


def parse_body(raw: bytes) -> object:
    """Parse a request body as JSON; return None if it is not JSON."""
    try:
        return parse_json(raw)
    except InvalidJsonError:
        return None


def shown_post(body: object, answered: str, at: float) -> Post | None:
    """Return the message as the channel shows it; None for one that Slack refuses (a probe), with any answer."""
    if not isinstance(body, Mapping) or refusal(body) is not None:
        return None
    text = body.get("text")
    shown = {**body, "text": text[:MAX_TEXT]} if isinstance(text, str) else body
    return Post(shown, at, answered)
