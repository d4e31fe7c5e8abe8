"""Tests of slow and hostile clients against a bridge as a process.

Its memory stays small, it serves all other clients, and it closes the attackers' connections in time. Everything stays
on the loopback, and ends by itself.
"""

import asyncio
import json
import os
import resource
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import aiohttp
import pytest

from bridge.events import Request
from tests.bridges import SECRETS, sample_request
from tests.service.process import minimal, send, serving
from tests.slack.simulator import SlackSimulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="a process's files and memory are in /proc"),
]

MOST_MEMORY = 200 * 1024 * 1024
"""Maximum of resident bytes of the process under any attack. A container gives it 256 MiB."""
POST = b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SHORT = {"BRIDGE_HEAD_TIMEOUT": "2s", "BRIDGE_BODY_TIMEOUT": "2s", "BRIDGE_IDLE_TIMEOUT": "2s"}
numbers = count(1000)


class Attacker(asyncio.Protocol):
    """One connection that sends, and reads the answer unless ``reads`` is false."""

    def __init__(self, start: bytes, part: bytes, pause: float, *, reads: bool = True) -> None:
        self.answer = b""
        self._start = start
        self._part = part
        self._pause = pause
        self._reads = reads
        self._paused = False
        self._going_on: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire = transport
        if not self._reads:
            transport.pause_reading()
        transport.write(self._start)
        if self._part:
            self._go_on()

    def _go_on(self) -> None:
        if not self._paused:
            self._wire.write(self._part)
        self._going_on = asyncio.get_running_loop().call_later(self._pause, self._go_on)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False

    def data_received(self, data: bytes) -> None:
        self.answer = (self.answer + data)[-1000:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._going_on:
            self._going_on.cancel()

    def end(self) -> None:
        self._wire.abort()


@dataclass(frozen=True)
class Target:
    """Bridge under attack."""

    pid: int
    base: str
    client: aiohttp.ClientSession
    output: list[str]
    attackers: list[Attacker]
    files: int
    """Number of open files before the attack."""

    async def attack(self, number: int, make: Callable[[], Attacker]) -> None:
        host, port = self.base.removeprefix("http://").split(":")
        for _ in range(number):
            with suppress(ConnectionError):
                _, attacker = await asyncio.get_running_loop().create_connection(make, host, int(port))
                self.attackers.append(attacker)

    async def serves(self, requests: int = 10) -> None:
        """Check that honest requests get their 200."""
        sample = json.loads(sample_request("gitlab/issue.open").body)
        for _ in range(requests):
            attributes = {**sample["object_attributes"], "id": next(numbers)}
            request = sample_request("gitlab/issue.open", body={**sample, "object_attributes": attributes})
            status, answer = await send(self.client, self.base, request)
            assert (status, answer["status"]) == (200, "accepted")

    async def attackers_are_disconnected(self) -> None:
        """Check that the attackers' connections are closed, though no attacker has closed one."""
        async with asyncio.timeout(60):
            while self.open_files() > self.files + 5:  # noqa: ASYNC110 - another process has them
                await asyncio.sleep(0.2)

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def stayed_small(self) -> None:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                assert int(line.split()[1]) * 1024 < MOST_MEMORY
        assert "Traceback" not in "".join(self.output)
        assert len(self.output) < 60


@asynccontextmanager
async def target(folder: Path, **more: str) -> AsyncIterator[Target]:
    """Run a bridge that has served a request, for an attack. Stop the attackers with it."""
    async with SlackSimulator() as slack, aiohttp.ClientSession() as client:  # noqa: SIM117 - the second needs the first
        async with serving(minimal(slack, **more), folder) as (process, base, output):
            found = Target(process.pid, base, client, output, [], 0)
            await found.serves(1)
            await slack.wait_for("general", 1, within=60)
            found = Target(process.pid, base, client, output, [], found.open_files())
            try:
                yield found
            finally:
                for attacker in found.attackers:
                    attacker.end()


@pytest.fixture
def many_files() -> Iterator[int]:
    """Allow this process the maximum of open files, and return their number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


READYZ = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
TUNNEL = b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n"
NOWHERE = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n"
Attacks = dict[str, tuple[int, Callable[[], Attacker]]]

# Members of a group attack together.
SLOW: Attacks = {
    "heads a byte a second": (150, lambda: Attacker(POST + b"X-A: ", b"a", 1.0)),
    "request lines a byte a second": (150, lambda: Attacker(b"P", b"O", 1.0)),
    "bodies a byte a second": (150, lambda: Attacker(POST + b"Content-Length: 100000\r\n\r\n{", b"a", 1.0)),
    "chunks a byte a second": (150, lambda: Attacker(CHUNKED, b"1\r\na\r\n", 1.0)),
    "large bodies announced": (150, lambda: Attacker(POST + b"Content-Length: 25000000\r\n\r\n{", b"a", 1.0)),
}
# A vanished client and a silent one look the same until their time is over. On the loopback, no client vanishes
# silently.
VANISHED: Attacks = {
    "before a word": (150, lambda: Attacker(b"", b"", 0, reads=False)),
    "within a head": (150, lambda: Attacker(POST, b"", 0, reads=False)),
    "within a body": (150, lambda: Attacker(POST + b"Content-Length: 9\r\n\r\n{", b"", 0, reads=False)),
    "before leave to send the body": (
        150,
        lambda: Attacker(POST + b"Expect: 100-continue\r\nContent-Length: 9\r\n\r\n", b"", 0, reads=False),
    ),
    "before the answer": (150, lambda: Attacker(READYZ, b"", 0, reads=False)),
}
BEHIND_EACH_OTHER: Attacks = {
    "requests": (20, lambda: Attacker(READYZ * 100, b"", 0)),
    "requests, and no answer read": (50, lambda: Attacker(READYZ * 2000, b"", 0, reads=False)),
    "garbage": (20, lambda: Attacker(READYZ * 40, b"\x00" * 300_000, 0.1, reads=False)),
    "heads": (30, lambda: Attacker(READYZ, (POST + b"X-A: " + b"a" * 8000 + b"\r\n") * 10, 0.1, reads=False)),
    "an upgrade, and bytes": (20, lambda: Attacker(UPGRADE, b"\x00" * 100_000, 0.1, reads=False)),
    "a tunnel, and bytes": (20, lambda: Attacker(TUNNEL, b"\x00" * 100_000, 0.1, reads=False)),
    "TLS": (50, lambda: Attacker(bytes.fromhex("160301020001") + b"\x00" * 511, b"", 0)),
}
WITHOUT_END: Attacks = {
    "header lines": (50, lambda: Attacker(POST, b"X-A: b\r\n", 0.01)),
    "a header's value": (50, lambda: Attacker(POST + b"X-A: ", b"a" * 1000, 0.01)),
    "a request line": (50, lambda: Attacker(b"GET /", b"a" * 1000, 0.01)),
    "trailers": (50, lambda: Attacker(CHUNKED + b"1\r\n{\r\n0\r\n", b"X-A: b\r\n" * 10, 0.05)),
    "trailers in a hurry": (10, lambda: Attacker(CHUNKED + b"1\r\n{\r\n0\r\n", b"X-A: bbbbbbbb\r\n" * 5000, 0.1)),
    "a chunk's extension": (50, lambda: Attacker(CHUNKED + b"1;", b"a" * 1000, 0.01)),
    "a body for an unknown source": (50, lambda: Attacker(NOWHERE, b"a" * 1000, 0.01)),
}
GROUPS = {
    "slow": SLOW,
    "vanished": VANISHED,
    "behind each other": BEHIND_EACH_OTHER,
    "without end": WITHOUT_END,
}


@pytest.mark.parametrize("group", list(GROUPS))
async def test_attacks_use_little_and_delay_no_other_client(tmp_path: Path, group: str) -> None:
    async with target(tmp_path, **SHORT) as bridge:
        attacks = GROUPS[group].values()
        attacking = asyncio.gather(*(bridge.attack(number, make) for number, make in attacks))
        await bridge.serves(20)
        await attacking
        await bridge.serves()
        await bridge.attackers_are_disconnected()
        await bridge.serves(1)
        bridge.stayed_small()


async def test_ten_thousand_idle_connections_leave_room_for_others(tmp_path: Path, many_files: int) -> None:
    number = min(10_000, many_files - 500)
    if number < 1500:
        pytest.skip(f"this process may open {many_files} files: too few to have more connections than are let in")
    async with target(tmp_path, BRIDGE_HEAD_TIMEOUT="10s") as bridge:
        attacking = asyncio.create_task(bridge.attack(number, lambda: Attacker(b"", b"", 0)))
        await bridge.serves(20)
        await attacking
        assert bridge.open_files() < bridge.files + 1100
        await bridge.serves()
        await bridge.attackers_are_disconnected()
        bridge.stayed_small()


async def test_bodies_that_do_not_fit_at_once_are_all_taken(tmp_path: Path) -> None:
    """60 bodies of 900 kB, half of them from strangers: each waits for its turn, and none for the others' bytes."""
    sample = json.loads(sample_request("gitlab/issue.open").body)
    attributes = sample["object_attributes"]
    bodies = [{**sample, "object_attributes": {**attributes, "id": n}, "pad": "x" * 900_000} for n in range(30)]
    signed = [sample_request("gitlab/issue.open", body=body) for body in bodies]
    forged = [sample_request("gitlab/issue.open", body=body, secret="wrong") for body in bodies]
    async with target(tmp_path) as bridge:
        host, port = bridge.base.removeprefix("http://").split(":")

        async def half_by_half(request: Request) -> bytes:
            reading, writing = await asyncio.open_connection(host, int(port))
            try:
                fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
                writing.write(POST + f"Content-Length: {len(request.body)}\r\n{fields}\r\n".encode())
                for part in (request.body[:600_000], request.body[600_000:]):
                    await asyncio.wait_for(together.wait(), 30)
                    writing.write(part)
                return (await asyncio.wait_for(reading.readuntil(b"\r\n"), 30))[9:12]
            finally:
                writing.transport.abort()

        together = asyncio.Barrier(60)
        statuses = await asyncio.gather(*map(half_by_half, signed + forged))
        assert statuses == [b"200"] * 30 + [b"401"] * 30
        bridge.stayed_small()


async def test_a_flood_of_garbage_uses_little(tmp_path: Path) -> None:
    """Drop the garbage: aiohttp would keep it in its errors, four bytes for each byte and more than once."""
    async with target(tmp_path) as bridge:
        os.kill(bridge.pid, signal.SIGSTOP)
        try:
            await bridge.attack(400, lambda: Attacker(READYZ + b"\x00" * 300_000, b"", 0))
            await asyncio.sleep(1)
        finally:
            os.kill(bridge.pid, signal.SIGCONT)
        await bridge.serves()
        bridge.stayed_small()


async def test_without_free_files_it_waits_quietly_and_recovers(tmp_path: Path) -> None:
    async with target(tmp_path, BRIDGE_HEAD_TIMEOUT="10m") as bridge:
        _, hard = resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(bridge.pid, resource.RLIMIT_NOFILE, (bridge.files + 10, hard))
        lines_before = len(bridge.output)
        await bridge.attack(200, lambda: Attacker(b"", b"", 0))
        async with asyncio.timeout(60):  # until it is idle: a process in an endless loop never is
            used = float("-inf")
            while (now := _processor_time(bridge.pid)) - used > 0.2:
                used = now
                await asyncio.sleep(1)
        for attacker in bridge.attackers:
            attacker.end()
        await bridge.attackers_are_disconnected()
        await bridge.serves()
        assert len(bridge.output) - lines_before < 40
        bridge.stayed_small()


def _processor_time(pid: int) -> float:
    """Seconds of CPU time."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


GARBAGE = b"garbage" * 900
FORGED = [
    POST + b"X-Gitlab-Token: " + GARBAGE + b"\r\nContent-Length: 2\r\n\r\n{}",
    POST + b"X-Gitlab-Token: x\r\nX-Gitlab-Event: " + GARBAGE + b"\r\nContent-Length: 6300\r\n\r\n" + GARBAGE,
    POST + b"Content-Encoding: " + GARBAGE + b"\r\nContent-Length: 2\r\n\r\n{}",
    POST + b"Content-Length: 99999999999\r\n\r\n",
    POST + b"Expect: " + GARBAGE + b"\r\nContent-Length: 2\r\n\r\n{}",
    b"POST /webhooks/" + GARBAGE + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST /webhooks/%0a%1b[2Jgarbage HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    b"POST /webhooks/gitlab?" + GARBAGE + b" HTTP/1.1\r\nHost: " + GARBAGE + b"\r\nContent-Length: 0\r\n\r\n",
    b"DELETE /webhooks/gitlab HTTP/1.0\r\nX-A: " + GARBAGE + b"\r\n\r\n",
    b"GET /" + GARBAGE + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /healthz?" + GARBAGE + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /readyz?" + GARBAGE + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: garbage\r\n\r\n",
    b"GET /garbage HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: garbage\r\n\r\n",
    b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 6300\r\n\r\n" + GARBAGE,
    b"GARBAGE /webhooks/gitlab HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[garbage/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: garbage\r\nConnection: close\r\n\r\n",
    CHUNKED + b"garbage\r\n\r\n",
    GARBAGE + b"\r\n\r\n",
    bytes.fromhex("160301020001") + GARBAGE,
    b"\x00\xff\r\n\r\n" + GARBAGE,
]


async def test_ten_thousand_forged_requests_write_little_to_the_log_and_nothing_to_the_store(tmp_path: Path) -> None:
    async with target(tmp_path) as bridge:
        host, port = bridge.base.removeprefix("http://").split(":")
        before, lines_before = _store(tmp_path), len(bridge.output)
        requests = iter(FORGED * (10_000 // len(FORGED) + 1))
        answered = 0

        async def one() -> None:
            nonlocal answered
            for request in requests:
                with suppress(ConnectionError):
                    reading, writing = await asyncio.open_connection(host, int(port))
                    try:
                        writing.write(request)
                        answer = await asyncio.wait_for(reading.read(), 30)
                        answered += answer.startswith(b"HTTP/1.")
                        assert b"garbage" not in answer
                    finally:
                        writing.transport.abort()

        await asyncio.gather(*(one() for _ in range(64)))  # some linger over a rejected and unread body
        await bridge.serves(1)
        assert answered > 9_000
        written = bridge.output[lines_before:]
        # 20 rejections in a minute and one line on the omitted ones, for any number of minutes.
        assert len(written) < 100
        assert sum(map(len, written)) < 50_000
        assert "Traceback" not in "".join(written)
        after = _store(tmp_path)
        assert after == {**before, "events": before["events"] + 1, "deliveries": before["deliveries"] + 1}
        assert b"garbage" not in b"".join(path.read_bytes() for path in tmp_path.glob("bridge.db*"))
        assert SECRETS["gitlab"] not in "".join(written)
        bridge.stayed_small()


def _store(folder: Path) -> dict[str, int]:
    """Return the number of stored events and deliveries."""
    with closing(sqlite3.connect(folder / "bridge.db")) as database:
        return {
            table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - two constants
            for table in ("events", "deliveries")
        }
