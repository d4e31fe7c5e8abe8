"""Measure the latency of honest requests during attacks: p50 and p99 in calm and under each attack, and their ratio.

The service, the attacker and the honest sender are separate processes; calm and attack are measured in turn on the same
service, so only the ratios are meaningful. All traffic stays on the loopback, and the run ends by itself. Run it with
`python bench/hostile.py [ATTACK…]`.
"""

import asyncio
import json
import os
import resource
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop

TOKEN = "a-secret-token-for-the-bench"  # noqa: S105 - opens nothing
ROUNDS = 2
SECONDS = 4.0
"""Seconds of calm in each round, and as many under attack."""
COMPILING = 16.0
"""Seconds for compiling the templates, which runs beside the first requests."""
BEFORE = 4.0
"""Seconds for an attack to build up before the measurement, and to fade after it."""
SENDERS = 4
PAUSE = 0.05
"""Seconds between two requests of an honest sender."""
START = b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\n"
BODY = json.dumps(
    {
        "object_kind": "issue",
        "user": {"name": "Ada Example", "username": "ada"},
        "project": {"id": 7, "path_with_namespace": "example/app", "web_url": "https://gitlab.example.com/example/app"},
        "object_attributes": {"id": 1, "iid": 1, "title": "A title", "action": "open", "description": "x" * 3300},
    }
).encode()


def signed(number: int, token: str = TOKEN, connection: str = "keep-alive") -> bytes:
    """Return one new signed request."""
    head = (
        f"POST /webhooks/gitlab HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(BODY)}\r\nConnection: {connection}\r\n"
        f"X-Gitlab-Token: {token}\r\nX-Gitlab-Event: Issue Hook\r\nIdempotency-Key: {time.time_ns()}-{number}\r\n\r\n"
    )
    return head.encode() + BODY


# Attacks on one connection, each repeated.


async def hold_open(_read: asyncio.StreamReader, _write: asyncio.StreamWriter) -> None:
    """Open a connection and send nothing."""
    await asyncio.sleep(3600)


def trickle(start: bytes) -> "Attack":
    """Send the start of a request, then one byte a second."""

    async def attack(_read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        write.write(start)
        while True:
            await asyncio.sleep(1)
            write.write(b"a")

    return attack


def repeat(start: bytes, part: bytes, pause: float) -> "Attack":
    """Send the start of a request, then the same bytes without end."""

    async def attack(_read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        write.write(start)
        while True:
            write.write(part)
            await write.drain()
            await asyncio.sleep(pause)

    return attack


def send_and_read(request: bytes) -> "Attack":
    """Send a request, and read the whole answer."""

    async def attack(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
        write.write(request)
        while await read.read(65_536):
            pass

    return attack


async def send_large_body(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
    """Send 25 MB without a signature."""
    write.write(START + b"X-Gitlab-Token: x\r\nContent-Length: 25000000\r\n\r\n")
    for _ in range(250):
        write.write(b" " * 100_000)
        await write.drain()
    await read.read(1000)


async def send_without_reading(read: asyncio.StreamReader, write: asyncio.StreamWriter) -> None:
    """Send many requests, and read no answer."""
    write.transport.pause_reading()  # type: ignore[attr-defined]  # an asyncio.Transport in fact
    await repeat(b"", b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n" * 50, 0.5)(read, write)


Attack = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Plan:
    """An attack, its number of connections, and its limit of new connections a second."""

    attack: Attack
    connections: int
    a_second: int


ATTACKS = {
    "heads a byte a second": Plan(trickle(START + b"X-A: "), 1500, 150),
    "10,000 idle connections": Plan(hold_open, 10_000, 300),
    "bodies a byte a second": Plan(trickle(START + b"Content-Length: 100000\r\n\r\n"), 1500, 150),
    "answers that are never read": Plan(send_without_reading, 100, 20),
    "pipelined requests": Plan(send_and_read(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 200), 20, 20),
    "TLS to the plain port": Plan(send_and_read(bytes.fromhex("160301020001") + b"x" * 500), 20, 100),
    "header lines without end": Plan(repeat(START, b"X-A: b\r\n", 0.01), 100, 100),
    "trailers without end": Plan(
        repeat(START + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"X-A: b\r\n" * 20, 0.1), 100, 100
    ),
    "connections opened and closed": Plan(send_and_read(b"x"), 1, 100),
    "forged requests": Plan(send_and_read(signed(0, "wrong")), 20, 100),
    "25 MB without a signature": Plan(send_large_body, 8, 8),
}


async def attack(port: int, plan: Plan) -> None:
    """Attack until killed, or until no connection is left.

    All connections open within BEFORE seconds; a closed one is opened again, within the rate.
    """
    next_one = time.monotonic()
    came = 0

    async def one() -> None:
        nonlocal next_one, came
        while True:
            came += 1
            pause = 1 / plan.a_second if came > plan.connections else BEFORE / plan.connections
            next_one = max(time.monotonic(), next_one + pause)
            await asyncio.sleep(next_one - time.monotonic())
            with suppress(OSError):
                reading, writing = await asyncio.open_connection("127.0.0.1", port)
                try:
                    attack = asyncio.ensure_future(plan.attack(reading, writing))
                    gone = asyncio.ensure_future(writing.wait_closed())
                    await asyncio.wait([attack, gone], return_when=asyncio.FIRST_COMPLETED)
                    for task in (attack, gone):
                        task.cancel()
                    await asyncio.gather(attack, gone, return_exceptions=True)
                finally:
                    writing.transport.abort()

    attackers = [asyncio.create_task(one()) for _ in range(plan.connections)]
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(1)
    for task in attackers:
        task.cancel()


async def honest_latencies(port: int, seconds: float) -> list[float]:
    """Measure the latency of each honest request in ms. Half of the senders open a connection for each request."""
    found: list[float] = []
    until = time.monotonic() + seconds

    async def sender(number: int) -> None:
        kept = number % 2 == 0
        streams = await asyncio.open_connection("127.0.0.1", port) if kept else None
        while time.monotonic() < until:
            started = time.perf_counter()
            read, write = streams or await asyncio.open_connection("127.0.0.1", port)
            write.write(signed(number, connection="keep-alive" if kept else "close"))
            head = await asyncio.wait_for(read.readuntil(b"\r\n\r\n"), 30)
            if b" 200 " not in head[:20]:
                raise RuntimeError(head[:40].decode())
            await read.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            found.append((time.perf_counter() - started) * 1000)
            if not kept:
                write.close()
            await asyncio.sleep(PAUSE)

    await asyncio.gather(*(sender(number) for number in range(SENDERS)))
    return found


def quantiles(found: list[float]) -> tuple[float, float]:
    """Return the p50 and the p99."""
    return statistics.median(found), statistics.quantiles(found, n=100)[98]


@asynccontextmanager
async def service() -> AsyncIterator[tuple[int, int]]:
    """Run a bridge, and yield its port and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        routes = Path(folder) / "routes.toml"
        routes.write_text('[[routes]]\nname = "all"\nchannels = ["general"]\n')
        environ = {
            "BRIDGE_PORT": "0",
            "BRIDGE_STORE": f"sqlite:///{folder}/bench.db",
            "BRIDGE_ROUTES": str(routes),
            "BRIDGE_SECRETS__GITLAB": TOKEN,
            "BRIDGE_CHANNELS__GENERAL": "http://127.0.0.1:9/services/T1/B1/bench",
            "BRIDGE_SLACK_HOSTS": '["127.0.0.1"]',
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bridge", "serve", env={**os.environ, **environ}, stderr=asyncio.subprocess.PIPE
        )
        assert process.stderr
        try:
            while b'"listening"' not in (line := await process.stderr.readline()):
                if not line:
                    raise RuntimeError("the bridge did not start")
            draining = asyncio.create_task(process.stderr.read())
            yield json.loads(line)["port"], process.pid
        finally:
            process.kill()
            await process.wait()
        await draining


def peak_memory(pid: int) -> str:
    """Return the peak resident memory in MiB as text, or "?" on systems without that figure."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return f"{int(line.split()[1]) / 1024:.0f}"
    return "?"


async def main(names: list[str]) -> None:
    """Print a line for each attack. All started processes are stopped, also on SIGTERM."""
    this = asyncio.current_task()
    assert this
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    print(f"{'':30}{'MiB':>5}{'calm p50':>10}{'p99':>8}{'attack p50':>14}{'p99':>8}{'ratio p50':>11}{'p99':>7}")  # noqa: T201
    for name in names:
        async with service() as (port, pid):
            await honest_latencies(port, COMPILING)
            calm: list[float] = []
            storm: list[float] = []
            for _ in range(ROUNDS):
                calm += await honest_latencies(port, SECONDS)
                # The attacker stands for another machine and must not take this machine's processors.
                attacker = await asyncio.create_subprocess_exec(
                    "nice", sys.executable, __file__, "--attack", name, str(port), stderr=asyncio.subprocess.DEVNULL
                )
                try:
                    await asyncio.sleep(BEFORE)
                    storm += await honest_latencies(port, SECONDS)
                finally:
                    attacker.kill()
                    await attacker.wait()
                await asyncio.sleep(BEFORE)
            (c50, c99), (a50, a99) = quantiles(calm), quantiles(storm)
            print(  # noqa: T201
                f"{name:30}{peak_memory(pid):>5}{c50:>10.1f}{c99:>8.1f}{a50:>14.1f}{a99:>8.1f}"
                f"{a50 / c50:>11.2f}{a99 / c99:>7.2f}",
                flush=True,
            )


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1:2] == ["--attack"]:
        uvloop.run(attack(int(sys.argv[3]), ATTACKS[sys.argv[2]]))
    else:
        uvloop.run(main(sys.argv[1:] or list(ATTACKS)))
