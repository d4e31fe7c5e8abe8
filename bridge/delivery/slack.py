"""Make one post to Slack and return its outcome: never an exception, and never the URL, which is the secret."""

import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bridge.core.clock import Clock
from bridge.core.payload import clean
from bridge.core.states import OutcomeKind
from bridge.core.version import __version__
from bridge.delivery.flight import Flight, FlightRequest, taking, trace
from bridge.delivery.outcome import Outcome, classify

TIME_LIMIT = 6.0
"""Seconds for one post, from when it has a connection; also for a post that is in flight when Bridge stops."""
CONNECT_LIMIT = 4.0
"""Seconds until there is a connection: the name, the proxy and TLS included."""
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
    resolver: AbstractResolver | None = None, trust: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """Open the session shared by all posts; close it after use. It reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY.

    ``resolver`` resolves host names and ``trust`` verifies certificates; the system does by default. Call this while
    an event loop runs. The pool of connections has no limit: a post never waits for another one's connection. What
    bounds the open files is the number of channels, since each worker has one post in flight.
    """
    traces = trace()
    traces.on_request_redirect.append(_refuse)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            ssl=trust or True, limit=0, keepalive_timeout=30, ttl_dns_cache=300, resolver=resolver
        ),
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None),
        trust_env=True,
        trace_configs=[traces],
        request_class=FlightRequest,
        response_class=_ShortAnswer,
        cookie_jar=aiohttp.DummyCookieJar(),
    )


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts through a session of ``open_session``. Retries and rate limits belong to the channel worker."""

    session: aiohttp.ClientSession
    clock: Clock
    time_scale: float = 1.0
    """Real seconds in each second of a time limit. Tests do not wait as long."""
    connect_limit: float = CONNECT_LIMIT
    _flights: set[Flight] = field(default_factory=set, repr=False)
    _stale: set[str] = field(default_factory=set, repr=False)
    """URLs whose last post met a stale connection: the next post takes a fresh one."""

    async def probe(self, url: str, time_limit: float = TIME_LIMIT) -> Outcome:
        """Test a webhook without showing a message: see ``Outcome.webhook_alive``."""
        return await self.post(url, EMPTY, time_limit)

    async def post(self, url: str, body: Mapping[str, object], time_limit: float = TIME_LIMIT) -> Outcome:
        """Post a message's JSON body, in so many seconds from when there is a connection. Raises only CancelledError.

        A post after one with a stale connection gets a fresh one.
        """
        started = self.clock.monotonic()
        flight = Flight(self.connect_limit, time_limit * self.time_scale, fresh=url in self._stale)
        self._stale.discard(url)
        self._flights.add(flight)
        with taking(flight):
            try:
                outcome = await self._send(url, body, flight)
            except Exception as error:  # noqa: BLE001 (a worker must survive any error of the network and the libraries)
                outcome = _failure(error, body, flight)
            finally:
                self._flights.discard(flight)
        if outcome.stale_connection:
            self._stale.add(url)
        seconds = self.clock.monotonic() - started
        return replace(outcome, answer=_without(url, outcome.answer), seconds=seconds)

    def stop(self) -> None:
        """End each post that is in flight after the usual time, also one that was given more."""
        for flight in self._flights:
            flight.shorten(TIME_LIMIT * self.time_scale)

    async def _send(self, url: str, body: Mapping[str, object], flight: Flight) -> Outcome:
        if self.session.closed:
            # slack-sdk would quietly open a session of its own, one that follows redirects.
            return Outcome(OutcomeKind.UNAVAILABLE, None, "the session is closed")
        client = AsyncWebhookClient(url, session=self.session, retry_handlers=[], logger=_quiet)
        # Its constructor takes a proxy from the environment without regard to NO_PROXY; the session knows better.
        client.proxy = None
        async with flight.limit:
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
    (TimeoutError, "no answer in time", True),
    (aiohttp.ServerDisconnectedError, "the connection was closed without an answer", True),
    (aiohttp.ClientOSError, "the connection broke", True),
    (aiohttp.ClientPayloadError, "the answer broke off", True),
    (aiohttp.ClientError, "what answered does not speak HTTP", True),
)
"""Reason, and whether Slack may have the message, by the first class that matches."""


def _failure(error: Exception, body: Mapping[str, object], flight: Flight) -> Outcome:
    if isinstance(error, _RedirectError):
        return Outcome(OutcomeKind.UNAVAILABLE, error.status, "a redirect, which was not followed")
    if isinstance(error, TimeoutError) and not flight.connected:
        return Outcome(OutcomeKind.UNAVAILABLE, None, "connecting took too long")
    if flight.was_unread(error):
        return Outcome(OutcomeKind.UNAVAILABLE, None, "a kept connection had been closed", stale_connection=True)
    for kind, reason, uncertain in _FAILURES:
        if isinstance(error, kind):
            return Outcome(OutcomeKind.UNAVAILABLE, None, reason, uncertain=uncertain)
    # The class alone: the text of an exception may hold the URL.
    name = type(error).__name__
    if not _writable(body):
        # Nobody needs to read it to condemn it: no retry can write it.
        return Outcome(OutcomeKind.REJECTED, None, f"the message cannot be written as JSON ({name})", by_slack=True)
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
