"""Tests of a bridge as a process: it starts, refuses to start, stops, is killed, and loses nothing."""

import asyncio
import io
import json
import random
import re
import signal
import sqlite3
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest

from bridge.events import Request
from tests.bridges import environment, sample_request
from tests.cli.command import run
from tests.service.process import minimal, send, serving, start
from tests.slack.answers import NO_SERVICE
from tests.slack.simulator import Fault, SlackSimulator


async def test_it_starts_with_one_secret_and_one_channel_and_stops_with_0(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        async with serving(minimal(slack), tmp_path) as (process, base, output):
            status, answer = await send(client, base, sample_request("gitlab/merge_request.open"))
            assert (status, answer["status"]) == (200, "accepted")
            await slack.wait_for("general", 1)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        assert (tmp_path / "bridge.db").stat().st_mode & 0o777 == 0o600
        assert sum("stripe" in line and "off" in line for line in output) == 1


@pytest.mark.parametrize(
    ("change", "output"),
    [
        ({"BRIDGE_SECRETS__GITLAB": ""}, "no source is on"),
        ({"BRIDGE_CHANNELS__GENERAL": ""}, "BRIDGE_CHANNELS__GENERAL"),
        ({"BRIDGE_CHANNELS__GENERAL": "https://evil.example/services/T1/B1/hush"}, "host"),
        ({"BRIDGE_CHANNELS__GENERAL": "https://hooks.slack.com/triggers/T1/1/hush"}, "BRIDGE_CHANNELS__GENERAL"),
        ({"BRIDGE_SECRETS__TWILIO": "00112233445566778899aabbccddeeff"}, "BRIDGE_PUBLIC_URL"),
        ({"BRIDGE_SECRETS__GITLAB": "whsec_hush!"}, "BRIDGE_SECRETS__GITLAB"),
        ({"BRIDGE_STORE": "postgres://hush@db/x"}, "sqlite:///"),
        ({"BRIDGE_PORT": "99999"}, "BRIDGE_PORT"),
        ({"BRIDGE_ROUTES": "no-such.toml"}, "BRIDGE_ROUTES"),
    ],
)
async def test_it_refuses_to_start_with_2_and_a_hint(tmp_path: Path, change: dict[str, str], output: str) -> None:
    async with SlackSimulator() as slack:
        environ = minimal(slack, **change)
        environ.setdefault("BRIDGE_SLACK_HOSTS", "")
        if "https" in change.get("BRIDGE_CHANNELS__GENERAL", ""):
            del environ["BRIDGE_SLACK_HOSTS"]
        done = await asyncio.to_thread(run, tmp_path, "serve", environ=environ)
    assert done.returncode == 2
    assert output in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush" not in done.stdout + done.stderr


async def test_an_unknown_key_in_routes_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[[routes]]\nname = "x"\nchanels = ["general"]\n')
    async with SlackSimulator() as slack:
        done = await asyncio.to_thread(run, tmp_path, "serve", environ=minimal(slack))
    assert done.returncode == 2
    assert re.search(r"routes\.toml:3:1: .*chanels.*channels", done.stderr)


@pytest.mark.slow
async def test_a_second_bridge_on_the_same_store_is_refused_with_the_firsts_pid(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, serving(minimal(slack), tmp_path) as (first, _, _):
        second = await start(minimal(slack), tmp_path)
        _, stderr = await asyncio.wait_for(second.communicate(), 20)
        assert second.returncode == 2
        assert str(first.pid) in stderr.decode()


@pytest.mark.slow
async def test_an_address_in_use_is_refused(tmp_path: Path) -> None:
    async with SlackSimulator() as slack:
        taken = slack.base.rpartition(":")[2]
        process = await start(minimal(slack, BRIDGE_PORT=taken), tmp_path)
        _, stderr = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 2
    assert "BRIDGE_PORT" in stderr.decode()


@pytest.mark.slow
async def test_sigterm_finishes_the_post_in_flight_and_leaves_the_rest_in_the_store(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        slack.always("general", Fault.HANG)
        async with serving(minimal(slack), tmp_path) as (process, base, _):
            for name in ("merge_request.open", "merge_request.merge", "issue.open"):
                assert (await send(client, base, sample_request(f"gitlab/{name}")))[0] == 200
            await slack.wait_for_hits("general", 1)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        slack.always("general", None)
        async with serving(minimal(slack), tmp_path):
            posts = await slack.wait_for("general", 3, within=20)
        assert len(posts) == 3


@pytest.mark.slow
async def test_kill_9_in_mid_burst_loses_no_accepted_event(tmp_path: Path) -> None:
    """Repeat: a burst of requests, SIGKILL at a random moment, and a count at the end."""
    (tmp_path / "routes.toml").write_text(
        '[channels.general]\npace = "100/s"\n[[routes]]\nname = "all"\nchannels = ["general"]\n'
    )
    moments = random.Random(7)
    accepted: dict[str, str] = {}
    sample = json.loads(sample_request("gitlab/issue.open").body)
    async with SlackSimulator() as slack:
        for attempt in range(6):
            async with (
                serving(minimal(slack), tmp_path) as (process, base, _),
                aiohttp.ClientSession() as client,
            ):

                async def one(number: int, base: str = base, client: aiohttp.ClientSession = client) -> None:
                    title = f"event-{number}-end"
                    attributes = {**sample["object_attributes"], "id": number, "iid": number, "title": title}
                    request = sample_request("gitlab/issue.open", body={**sample, "object_attributes": attributes})
                    with suppress(aiohttp.ClientError, ConnectionError, TimeoutError):
                        status, answer = await send(client, base, request)
                        if status == 200:
                            accepted[title] = str(answer["id"])

                burst = [asyncio.create_task(one(attempt * 1000 + number)) for number in range(60)]
                for done in asyncio.as_completed(burst[: moments.randrange(1, 60)]):
                    await done
                process.send_signal(signal.SIGKILL)
                await asyncio.gather(*burst)
        async with serving(minimal(slack), tmp_path):
            await _until_shown(slack, set(accepted))
        shown = json.dumps([post.body for post in slack.posts("general")])
    with sqlite3.connect(tmp_path / "bridge.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    assert len(accepted) >= 30
    assert [title for title in accepted if title not in shown] == []


async def _until_shown(slack: SlackSimulator, titles: set[str]) -> None:
    async with asyncio.timeout(30):
        number = 0
        while titles:
            posts = await slack.wait_for("general", number + 1, within=30)
            for post in posts[number:]:
                written = json.dumps(post.body)
                titles = {title for title in titles if title not in written}
            number = len(posts)


@pytest.mark.slow
async def test_a_full_disk_gets_503_and_recovers_by_itself(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 - the second needs the first
        async with serving(minimal(slack), tmp_path) as (process, base, _):
            _limit_file_size(process.pid, 200_000)
            requests = [_large(number) for number in range(4)]
            statuses = [(await send(client, base, request))[0] for request in requests]
            assert 503 in statuses
            assert (await _get(client, base, "/readyz"))[0] == 503
            _limit_file_size(process.pid, -1)
            again = [await send(client, base, request) for request in requests]
            assert [status for status, _ in again] == [200] * 4
            before = [status == 200 for status in statuses]
            assert [answer["status"] == "duplicate" for _, answer in again] == before


def _limit_file_size(pid: int, limit: int) -> None:
    import resource

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, -1))


def _large(number: int) -> Request:
    sample = json.loads(sample_request("gitlab/issue.open").body)
    attributes = {**sample["object_attributes"], "id": number, "iid": number, "description": "x" * 150_000}
    return sample_request("gitlab/issue.open", body={**sample, "object_attributes": attributes})


async def _get(client: aiohttp.ClientSession, base: str, path: str) -> tuple[int, object]:
    async with client.get(base + path) as response:
        return response.status, await response.json()


@pytest.mark.slow
async def test_no_secret_is_ever_written(tmp_path: Path) -> None:
    """Search all output of the process and every answer for secrets, while every failure happens."""
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:
        environ = environment(tmp_path, slack, BRIDGE_LOG_LEVEL="debug")
        (tmp_path / "routes.toml").write_text('[[routes]]\nname = "all"\nchannels = ["general"]\n')
        slack.script("general", Fault.RESET_AFTER_BODY)  # a second one would be waited for longer
        slack.always("general", NO_SERVICE)
        secrets = [value for name, value in environ.items() if "SECRETS__" in name or "CHANNELS__" in name]
        secrets.append(environ["BRIDGE_CHANNELS__GENERAL"].rpartition("/")[2])
        answers: list[tuple[int, object]] = []
        async with serving(environ, tmp_path) as (process, base, output):
            for name in ("gitlab/issue.open", "stripe/charge.failed", "shopify/orders/create"):
                request = sample_request(name)
                secrets += [
                    value
                    for header, value in request.headers.items()
                    if "ignature" in header or "mac" in header.lower()
                ]
                answers.append(await send(client, base, request))
                answers.append(await send(client, base, sample_request(name, secret="whsec_not_the_right_one")))
            await slack.wait_for_hits("general", 3, within=20)
            answers.append(await _get(client, base, "/readyz"))
            answers.append(await _get(client, base, "/healthz"))
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
    database = _bytes_of(tmp_path)
    written = "".join(output) + json.dumps(answers)
    assert "request rejected" in written
    assert "Traceback" not in written
    for secret in secrets:
        assert secret not in written
        assert secret.encode() not in database


def _bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("bridge.db*"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which Linux alone has")
async def test_a_flood_of_large_bodies_keeps_memory_under_the_containers_256_mib(tmp_path: Path) -> None:
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 - the second needs the first
        async with serving(minimal(slack), tmp_path) as (process, base, _):
            url = f"{base}/webhooks/gitlab"
            unsigned = b" " * (25 * 1024 * 1024)

            async def flood() -> int:
                async with client.post(url, data=io.BytesIO(unsigned)) as response:
                    return response.status

            statuses = await asyncio.gather(*(flood() for _ in range(8)))
            assert set(statuses) <= {401, 503}
            sample = json.loads(sample_request("gitlab/issue.open").body)
            commits = [{"id": f"{n:040x}", "message": "m" * 200, "added": ["f" * 50] * 20} for n in range(19_000)]

            def large(number: int) -> Request:
                attributes = {**sample["object_attributes"], "id": number}
                return sample_request(
                    "gitlab/issue.open", body={**sample, "object_attributes": attributes, "commits": commits}
                )

            assert 20_000_000 < len(large(0).body) < 25 * 1024 * 1024
            answers = await asyncio.gather(*(send(client, base, large(number)) for number in range(4)))
            taken = [status for status, _ in answers].count(200)
            assert taken >= 1
            assert {status for status, _ in answers} <= {200, 503}
            await slack.wait_for("general", taken, within=30)
            assert _peak_memory(process.pid) < 256 * 1024 * 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc, which Linux alone has")
async def test_unfinished_requests_keep_memory_under_256_mib_and_block_no_other(tmp_path: Path) -> None:
    head = b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\n" + b"".join(
        b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(120)
    )
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 - the second needs the first
        async with serving(minimal(slack), tmp_path) as (process, base, _), AsyncExitStack() as stack:
            host, port = base.removeprefix("http://").split(":")

            async def begin() -> None:
                with suppress(ConnectionError):
                    _, writing = await asyncio.open_connection(host, port)
                    stack.push_async_callback(_end, writing)
                    writing.write(head)
                    await writing.drain()

            await asyncio.gather(*(begin() for _ in range(300)))
            assert (await send(client, base, sample_request("gitlab/issue.open")))[0] == 200
            assert _peak_memory(process.pid) < 256 * 1024 * 1024


async def _end(writing: asyncio.StreamWriter) -> None:
    writing.transport.abort()
    with suppress(ConnectionError):
        await writing.wait_closed()


def _peak_memory(pid: int) -> int:
    """Return the maximum of resident bytes so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")
