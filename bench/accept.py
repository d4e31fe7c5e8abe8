"""Measure the rate of verified, decided and stored webhooks, as a share of a bare handler's rate.

Both servers run as separate processes, and the same client calls them in turn, so only the ratio is meaningful. Run it
with `python bench/accept.py [REQUESTS]`.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

CONNECTIONS = 64
ROUNDS = 3
TOKEN = "a-secret-token-for-the-bench"  # noqa: S105 - opens nothing
PUSH = {
    "object_kind": "issue",
    "user": {"name": "Ada Example", "username": "ada"},
    "project": {"id": 7, "path_with_namespace": "example/app", "web_url": "https://gitlab.example.com/example/app"},
    "object_attributes": {"id": 1, "iid": 1, "title": "A title", "action": "open", "description": "x" * 3300},
}

BARE = """
import asyncio, sys, uvloop
from aiohttp import web
async def handler(request):
    await request.read()
    return web.Response(body=b'{}')
async def main():
    app = web.Application()
    app.router.add_post('/webhooks/gitlab', handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, '127.0.0.1', 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.sleep(600)
uvloop.run(main())
"""


async def rate(port: int, requests: int) -> float:
    """Measure requests per second over CONNECTIONS open connections."""
    body = json.dumps(PUSH).encode()
    numbers = iter(range(requests))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            key = f"{time.time_ns()}-{number}"
            writer.write(
                f"POST /webhooks/gitlab HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
                f"Content-Type: application/json\r\nX-Gitlab-Token: {TOKEN}\r\nX-Gitlab-Event: Issue Hook\r\n"
                f"Idempotency-Key: {key}\r\n\r\n".encode()
                + body
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:20]:
                raise RuntimeError(head[:40].decode())
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return requests / (time.perf_counter() - started)


async def measure(argv: list[str], environ: dict[str, str], requests: int) -> float:
    """Start a server, measure it, and stop it."""
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, **environ}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    try:
        if environ:
            while b'"listening"' not in (line := await process.stderr.readline()):
                if not line:
                    raise RuntimeError("the bridge did not start")
            port = json.loads(line)["port"]
            draining = asyncio.create_task(process.stderr.read())
        else:
            port = int(await process.stdout.readline())
            draining = None
        await rate(port, requests // 10)
        return await rate(port, requests)
    finally:
        process.kill()
        await process.wait()
        if draining:
            await draining


async def main(requests: int) -> None:
    """Print the ratio of each round and their median."""
    ratios = []
    for _ in range(ROUNDS):
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
                "BRIDGE_LOG_LEVEL": "info",
            }
            bare = await measure([sys.executable, "-c", BARE], {}, requests)
            ours = await measure([sys.executable, "-m", "bridge", "serve"], environ, requests)
        ratios.append(ours / bare)
        print(f"bare {bare:8.0f}/s   accepted, on disk {ours:8.0f}/s   ratio {ratios[-1]:.2f}")  # noqa: T201
    print(f"median ratio {statistics.median(ratios):.2f}")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
