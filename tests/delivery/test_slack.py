"""Tests of one post on real sockets, with every answer and failure."""

import asyncio
import socket

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.core.states import OutcomeKind
from bridge.core.version import __version__
from bridge.delivery.slack import Poster, open_session
from bridge.demo.slack_simulator import Answer, rate_limited
from tests.delivery.clock import HandClock
from tests.delivery.network import Resolver, TcpProxy, trusting
from tests.slack.answers import (
    ACTION_PROHIBITED,
    BAD_GATEWAY,
    CHANNEL_IS_ARCHIVED,
    CHANNEL_NOT_FOUND,
    EMPTY_500,
    HTML_200,
    INVALID_BLOCKS,
    INVALID_TOKEN,
    LOGIN_PAGE,
    NO_ACTIVE_HOOKS,
    NO_SERVICE,
    ROLLUP_ERROR,
    http_date,
    redirect,
)
from tests.slack.simulator import Behaviour, Fault, Late, SlackSimulator

BODY: dict[str, object] = {"text": "hello 😀", "unfurl_links": False}


async def test_a_message_arrives_as_it_is(slack: SlackSimulator, poster: Poster) -> None:
    outcome = await poster.post(slack.webhook("general"), BODY)
    assert (outcome.kind, outcome.status, outcome.answer, outcome.uncertain) == ("ok", 200, "ok", False)
    [post] = slack.posts("general")
    assert post.body == BODY


async def test_all_posts_share_a_connection(slack: SlackSimulator, poster: Poster) -> None:
    for channel in ("a", "b", "a"):
        assert (await poster.post(slack.webhook(channel), BODY)).kind == "ok"
    assert slack.connections == 1


async def test_the_user_agent_reveals_nothing_about_the_machine(slack: SlackSimulator, poster: Poster) -> None:
    await poster.post(slack.webhook("general"), BODY)
    assert slack.hits("general")[0].headers["User-Agent"] == f"bridge/{__version__}"


async def test_a_probe_shows_nothing(slack: SlackSimulator, poster: Poster) -> None:
    outcome = await poster.probe(slack.webhook("general"))
    assert (outcome.kind, outcome.answer, outcome.webhook_alive) == ("rejected", "no_text", True)
    assert slack.posts("general") == ()
    assert slack.hits("general")[0].body == {"text": ""}


async def test_a_probe_of_a_revoked_webhook_reports_it(slack: SlackSimulator, poster: Poster) -> None:
    slack.always("general", NO_ACTIVE_HOOKS)
    outcome = await poster.probe(slack.webhook("general"))
    assert (outcome.kind, outcome.webhook_alive) == ("destination_gone", False)


@pytest.mark.parametrize(
    ("behaviour", "kind", "status", "answer"),
    [
        (rate_limited(2), "rate_limited", 429, "rate_limited"),
        (EMPTY_500, "unavailable", 500, ""),
        (BAD_GATEWAY, "unavailable", 502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
        (ROLLUP_ERROR, "unavailable", 500, "rollup_error"),
        (HTML_200, "unavailable", 200, LOGIN_PAGE),
        (NO_SERVICE, "destination_gone", 404, "no_service"),
        (NO_ACTIVE_HOOKS, "destination_gone", 404, "no_active_hooks"),
        (CHANNEL_IS_ARCHIVED, "destination_gone", 410, "channel_is_archived"),
        (CHANNEL_NOT_FOUND, "destination_gone", 404, "channel_not_found"),
        (INVALID_TOKEN, "destination_gone", 403, "invalid_token"),
        (ACTION_PROHIBITED, "destination_gone", 403, "action_prohibited"),
        (INVALID_BLOCKS, "rejected", 400, "invalid_blocks"),
        (Answer(302), "unavailable", 302, "a redirect, which was not followed"),
        (Answer(200, "ok", content_type="text/html"), "ok", 200, "ok"),
    ],
    ids=str,
)
async def test_every_answer_has_its_kind(
    slack: SlackSimulator, poster: Poster, behaviour: Behaviour, kind: OutcomeKind, status: int, answer: str
) -> None:
    slack.script("general", behaviour)
    outcome = await poster.post(slack.webhook("general"), BODY)
    assert (outcome.kind, outcome.status, outcome.answer) == (kind, status, answer)
    assert not outcome.uncertain
    assert slack.posts("general") == ()


async def test_how_long_to_wait_comes_from_the_answer(slack: SlackSimulator, poster: Poster) -> None:
    url, now = slack.webhook("general"), poster.clock.now()
    slack.script("general", rate_limited(7), rate_limited(http_date(now + 90)), rate_limited(None))
    assert [(await poster.post(url, BODY)).retry_after for _ in range(3)] == [7, 90, 1]


@pytest.mark.parametrize("to", ["/ok", "/login"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(slack: SlackSimulator, poster: Poster, to: str, status: int) -> None:
    slack.script("general", redirect(slack.base + to, status))
    outcome = await poster.post(slack.webhook("general"), BODY)
    assert (outcome.kind, outcome.status, outcome.answer) == (
        "unavailable",
        status,
        "a redirect, which was not followed",
    )
    assert (await poster.post(slack.webhook("general"), BODY)).kind == "ok"


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        (Fault.RESET_BEFORE_BODY, {"the connection broke", "the connection was closed without an answer"}),
        (Fault.RESET_AFTER_BODY, {"the connection broke"}),
        (Fault.CLOSE, {"the connection was closed without an answer"}),
    ],
)
async def test_a_cut_connection_is_uncertain(
    slack: SlackSimulator, poster: Poster, fault: Fault, answers: set[str]
) -> None:
    slack.script("general", fault)
    outcome = await poster.post(slack.webhook("general"), BODY)
    assert (outcome.kind, outcome.status, outcome.uncertain) == ("unavailable", None, True)
    assert outcome.answer in answers
    assert len(slack.hits("general")) == 1, "nothing may be sent twice behind the worker's back"


async def test_no_post_waits_for_the_connection_of_another(slack: SlackSimulator, poster: Poster) -> None:
    channels = [f"channel-{n}" for n in range(60)]
    for channel in channels:
        slack.always(channel, Late(0.7))
    posts = [poster.post(slack.webhook(channel), BODY, time_limit=1.0) for channel in channels]
    outcomes = await asyncio.gather(*posts)
    assert {outcome.kind for outcome in outcomes} == {"ok"}
    assert slack.connections == len(channels)


async def test_the_time_of_a_post_starts_when_it_has_a_connection(slack: SlackSimulator) -> None:
    names = SlowResolver(0.6)
    async with open_session(names, trust=trusting()) as session, TcpProxy(slack) as proxy:
        await proxy.open("slack.pem")
        slack.script("general", Late(0.6))
        outcome = await Poster(session, HandClock()).post(proxy.url("general", "https"), BODY, time_limit=1.0)
    assert (outcome.kind, names.asked) == ("ok", 1)


@pytest.mark.parametrize("through", ["TLS", "a proxy"])
async def test_connecting_has_a_limit_of_its_own(monkeypatch: pytest.MonkeyPatch, through: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        if through == "a proxy":
            monkeypatch.setenv("HTTPS_PROXY", f"http://{host}")
            host = "slack.example.com"
        async with open_session() as session:
            poster = Poster(session, HandClock(), connect_limit=0.05)
            outcome = await poster.post(f"https://{host}/services/T1/B1/secret", BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "connecting took too long", False)


async def test_a_stop_shortens_a_post_that_was_given_more_time(
    slack: SlackSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.delivery.slack.TIME_LIMIT", 0.05)
    slack.script("general", Fault.HANG, Fault.HANG)
    async with open_session() as session:
        poster = Poster(session, HandClock())
        posting = asyncio.create_task(poster.post(slack.webhook("general"), BODY, time_limit=60.0))
        await slack.wait_for_hits("general", 1)
        await asyncio.sleep(0.1)
        assert not posting.done()
        poster.stop()
        outcome = await asyncio.wait_for(posting, 5)
        again = asyncio.create_task(poster.post(slack.webhook("general"), BODY, time_limit=0.01))
        await slack.wait_for_hits("general", 2)
        poster.stop()
        assert (await again).answer == "no answer in time", "it is never given more"
    assert (outcome.answer, outcome.uncertain) == ("no answer in time", True)


async def test_a_hang_is_cut_off(slack: SlackSimulator) -> None:
    slack.script("general", Fault.HANG)
    async with open_session() as session:
        outcome = await Poster(session, HandClock()).post(slack.webhook("general"), BODY, time_limit=0.05)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "no answer in time", True)


async def test_cancelling_goes_through(slack: SlackSimulator, poster: Poster) -> None:
    slack.script("general", Fault.HANG)
    posting = asyncio.create_task(poster.post(slack.webhook("general"), BODY))
    await slack.wait_for_hits("general", 1)
    posting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await posting


def closed_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


async def test_no_server_listens(poster: Poster) -> None:
    outcome = await poster.post(f"http://127.0.0.1:{closed_port()}/services/T1/B1/secret", BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "cannot connect", False)


class SlowResolver(Resolver):
    """Resolver that takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.asked = 0
        self._seconds = seconds

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        await asyncio.sleep(self._seconds)
        return await super().resolve(host, port, family)


class Lookup(AbstractResolver):
    """Resolver that fails; with an event, not before the event is set."""

    def __init__(self, until: asyncio.Event | None = None) -> None:
        self._until = until

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if self._until:
            await self._until.wait()
        raise OSError(None, f"no address for {host}:{port} in {family}")

    async def close(self) -> None:
        pass


async def test_dns_is_gone() -> None:
    async with open_session(Lookup()) as session:
        outcome = await Poster(session, HandClock()).post("https://hooks.example.com/services/T1/B1/secret", BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "the name cannot be looked up", False)


async def test_tls_is_broken(slack: SlackSimulator, poster: Poster) -> None:
    outcome = await poster.post(slack.webhook("general").replace("http://", "https://"), BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "TLS failed", False)


@pytest.mark.parametrize("url", ["http://[bad/services/T1/B1/secret", "nope://x/secret", "secret", "http:///secret"])
async def test_a_url_that_cannot_be_called(poster: Poster, url: str) -> None:
    outcome = await poster.post(url, BODY)
    assert (outcome.kind, outcome.answer) == ("unavailable", "the URL, or that of a proxy, cannot be called")
    assert "secret" not in repr(outcome)


async def test_a_body_that_is_not_json_is_rejected(slack: SlackSimulator, poster: Poster) -> None:
    loop: list[object] = []
    loop.append(loop)
    for broken in (object(), loop):
        outcome = await poster.post(slack.webhook("general"), {"text": broken})
        assert outcome.kind == "rejected"
        assert outcome.answer.startswith("the message cannot be written as JSON")
    assert slack.hits("general") == ()


async def test_a_lone_surrogate_does_not_stop_a_post(slack: SlackSimulator, poster: Poster) -> None:
    assert (await poster.post(slack.webhook("general"), {"text": "a\ud83d b"})).kind == "ok"


async def test_a_closed_session_posts_nothing(slack: SlackSimulator) -> None:
    session = open_session()
    await session.close()
    outcome = await Poster(session, HandClock()).post(slack.webhook("general"), BODY)
    assert (outcome.kind, outcome.answer) == ("unavailable", "the session is closed")
    assert slack.hits("general") == ()


async def test_little_of_a_long_answer_is_read(slack: SlackSimulator, poster: Poster) -> None:
    slack.script("general", Answer(502, "é" * 3_000_000))
    outcome = await poster.post(slack.webhook("general"), BODY)
    assert outcome.answer == "é" * 200


async def test_an_answer_in_an_unknown_charset_is_read(slack: SlackSimulator, poster: Poster) -> None:
    async with _answers(
        b"HTTP/1.1 400 X\r\nContent-Type: text/plain; charset=klingon\r\nContent-Length: 7\r\n\r\nno_text"
    ) as url:
        assert (await poster.post(url, BODY)).answer == "no_text"


async def test_a_server_that_does_not_speak_http(poster: Poster) -> None:
    async with _answers(b"220 smtp.example.com ESMTP\r\n") as url:
        outcome = await poster.post(url, BODY)
    assert (outcome.kind, outcome.answer) == ("unavailable", "what answered does not speak HTTP")


async def test_an_answer_that_breaks_off(poster: Poster) -> None:
    async with _answers(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\no") as url:
        outcome = await poster.post(url, BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "the answer broke off", True)


async def test_an_answer_that_quotes_the_url_is_not_kept_so(slack: SlackSimulator, poster: Poster) -> None:
    url = slack.webhook("general")
    path, secret = url.removeprefix(slack.base), url.rsplit("/", 1)[1]
    for quoted in (
        f"No {url}",
        f"The URL {path} was not found",
        f"{path[1:]}?",
        f"Who is {secret}?",
        "x" * 190 + secret,
    ):
        slack.script("general", Answer(404, quoted))
        outcome = await poster.post(url, BODY)
        assert secret[:6] not in repr(outcome)
        assert len(outcome.answer) <= 200


class _answers:  # noqa: N801 (reads as the verb that it is)
    """Server that sends the same bytes to every client and closes the connection."""

    def __init__(self, text: bytes) -> None:
        self._response = text

    async def __aenter__(self) -> str:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self._response)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        self._server = await asyncio.start_server(talk, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/services/T1/B1/secret"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()


class Proxy:
    """HTTP proxy that records requests, and always gives the same answer."""

    def __init__(self, status: int, text: str) -> None:
        self.asked: list[str] = []
        self._answer = (status, text)
        self.url = ""

    async def __aenter__(self) -> "Proxy":
        async def handle(request: web.BaseRequest) -> web.Response:
            self.asked.append(
                f"{request.method} {request.raw_path if request.method == 'CONNECT' else request.url.host}"
            )
            return web.Response(status=self._answer[0], text=self._answer[1])

        self._runner = web.ServerRunner(web.Server(handle))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_a_proxy_of_the_environment_is_used(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Proxy(200, "ok") as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        outcome = await poster.post("http://slack.example.com/services/T1/B1/secret", BODY)
    assert outcome.kind == "ok"
    assert proxy.asked == ["POST slack.example.com"]


async def test_no_proxy_is_heeded(slack: SlackSimulator, poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    url = slack.webhook("general")
    assert (await poster.post(url, BODY)).answer == "the proxy cannot be reached"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert (await poster.post(url, BODY)).kind == "ok"


async def test_a_proxy_that_refuses_makes_slack_unavailable(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Proxy(407, "who are you") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        outcome = await poster.post("https://slack.example.com/services/T1/B1/secret", BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "the proxy refused", False)
    assert proxy.asked == ["CONNECT slack.example.com:443"]


@pytest.mark.parametrize("proxy", ["proxy.example.com:3128", "http://[bad", "socks5://127.0.0.1:1"])
async def test_a_wrong_proxy_variable_makes_slack_unavailable(
    poster: Poster, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    outcome = await poster.post("https://slack.example.com/services/T1/B1/secret", BODY)
    assert outcome.kind == "unavailable"
    assert "proxy" in outcome.answer


async def test_slow_looking_up_counts_as_connecting() -> None:
    async with open_session(Lookup(until=asyncio.Event())) as session:
        poster = Poster(session, HandClock(), connect_limit=0.05)
        outcome = await poster.post("https://slack.example.com/services/T1/B1/secret", BODY)
    assert (outcome.kind, outcome.answer, outcome.uncertain) == ("unavailable", "connecting took too long", False)
