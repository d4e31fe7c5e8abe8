"""Make one post to Slack and return its outcome: never an exception, and never the URL, which is the secret."""

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bridge.core.clock import Clock
from bridge.core.payload import clean
from bridge.core.states import OutcomeKind
from bridge.core.version import __version__
from bridge.delivery.outcome import Outcome, classify

TIME_LIMIT = 6.0
"""Seconds for one post, including the connection."""
CONNECT_LIMIT = 4.0
MAX_ANSWER = 1024
"""Bytes of an answer to read: Slack's are one word, a proxy's page can be of any size."""
EMPTY = {"text": ""}
"""The probe. Slack shows nothing: a living webhook answers `no_text`, and a closed one as it answers any post. It has a
`text`, because slack-sdk sends `{}` as `null`."""
USER_AGENT = {"User-Agent": f"bridge/{__version__}"}
"""Replaces slack-sdk's, which contains the kernel's version."""

# slack-sdk looks at its logger's own level: unset, it prints the URL whenever INFO or DEBUG is on further up.
_quiet = logging.getLogger("bridge.delivery.http")
_quiet.setLevel(logging.WARNING)


class _RedirectError(Exception):
    """A redirect from a third party: Slack sends none. Following it would turn the POST into a GET and lose it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _ShortAnswer(aiohttp.ClientResponse):
    """Beginning of a response, decoded with any charset."""

    async def text(self, encoding: str | None = None, errors: str = "replace") -> str:  # noqa: ARG002 (aiohttp's own)
        kept = b""
        while len(kept) < MAX_ANSWER and (more := await self.content.read(MAX_ANSWER - len(kept))):
            kept += more
        return kept.decode("utf-8", errors)


async def _refuse(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    redirect.response.close()
    raise _RedirectError(redirect.response.status)


def open_session(
    resolver: AbstractResolver | None = None, connect_limit: float = CONNECT_LIMIT, trust: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """Open the session shared by all posts; close it after use. It reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

    ``resolver`` resolves host names and ``trust`` verifies certificates; the system does by default. ``connect_limit``
    is in seconds. Call this while an event loop runs.
    """
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trust or True,
            limit=50,
            limit_per_host=20,
            keepalive_timeout=30,
            ttl_dns_cache=300,
            resolver=resolver,
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_limit),
        trust_env=True,
        trace_configs=[trace],
        response_class=_ShortAnswer,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts through a session of ``open_session``. Retries and rate limits belong to the channel worker."""

    session: aiohttp.ClientSession
    clock: Clock
    time_limit: float = TIME_LIMIT

    async def probe(self, url: str) -> Outcome:
        """Test a webhook without showing a message: see ``Outcome.webhook_alive``."""
        return await self.post(url, EMPTY)

    async def post(self, url: str, body: Mapping[str, object]) -> Outcome:
        """Post a message's JSON body. Raises only CancelledError."""
        started = self.clock.monotonic()
        try:
            outcome = await self._send(url, body)
        except Exception as error:  # noqa: BLE001 (a worker must survive any error of the network and the libraries)
            outcome = _failure(error, body)
        seconds = self.clock.monotonic() - started
        return replace(outcome, answer=_without(url, outcome.answer), seconds=seconds)

    async def _send(self, url: str, body: Mapping[str, object]) -> Outcome:
        if self.session.closed:
            # slack-sdk would quietly open a session of its own, one that follows redirects.
            return Outcome(OutcomeKind.UNAVAILABLE, None, "the session is closed")
        client = AsyncWebhookClient(url, session=self.session, retry_handlers=[], logger=_quiet)
        # Its constructor takes a proxy from the environment without regard to NO_PROXY; the session knows better.
        client.proxy = None
        async with asyncio.timeout(self.time_limit):
            answer = await client.send_dict(dict(body), headers=USER_AGENT)
        return classify(answer.status_code, answer.headers, answer.body, self.clock.now())


_BAD_URL = "the URL, or that of a proxy, cannot be called"
_FAILURES: tuple[tuple[type[Exception], str, bool], ...] = (
    (aiohttp.InvalidURL, _BAD_URL, False),
    (aiohttp.NonHttpUrlClientError, _BAD_URL, False),
    (aiohttp.ClientConnectorDNSError, "the name cannot be looked up", False),
    (aiohttp.ClientConnectorCertificateError, "the TLS certificate is not trusted", False),
    (aiohttp.ClientConnectorSSLError, "TLS failed", False),
    (aiohttp.ClientProxyConnectionError, "the proxy cannot be reached", False),
    (aiohttp.ClientHttpProxyError, "the proxy refused", False),
    (aiohttp.ClientConnectorError, "cannot connect", False),
    (aiohttp.ConnectionTimeoutError, "connecting took too long", False),
    (TimeoutError, "no answer in time", True),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer", True),
    (aiohttp.ClientOSError, "the connection broke", True),
    (aiohttp.ClientPayloadError, "the answer broke off", True),
    (aiohttp.ClientError, "what answered does not speak HTTP", True),
)
"""Reason, and whether Slack may have the message, by the first class that matches."""


def _failure(error: Exception, body: Mapping[str, object]) -> Outcome:
    if isinstance(error, _RedirectError):
        return Outcome(OutcomeKind.UNAVAILABLE, error.status, "a redirect, which was not followed")
    for kind, reason, uncertain in _FAILURES:
        if isinstance(error, kind):
            return Outcome(OutcomeKind.UNAVAILABLE, None, reason, uncertain=uncertain)
    # The class alone: the text of an exception may hold the URL.
    name = type(error).__name__
    if not _writable(body):
        return Outcome(OutcomeKind.REJECTED, None, f"the message cannot be written as JSON ({name})")
    return Outcome(
        OutcomeKind.UNAVAILABLE, None, f"could not be sent ({name}); a proxy variable may be wrong", uncertain=True
    )


def _writable(body: Mapping[str, object]) -> bool:
    try:
        json.dumps(dict(body))
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _without(url: str, text: str) -> str:
    """Hide the URL's path in a text: a proxy's error page may quote it."""
    path = url.partition("://")[2].partition("/")[2]
    for secret in (url, path, path.rpartition("/")[2]):
        if len(secret) >= 6:
            text = text.replace(secret, "[hidden]")
    return clean(text, 200)
