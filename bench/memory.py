"""Measure the memory of all processes of a service while Slack is away, idle memory, and the start.

    python bench/memory.py [CHANNELS] [ORDERS]

A real `bridge serve` on loopback: 40 orders of 69 kB go to each of 40 channels whose URL nothing listens at. Memory is
Pss (shared pages are counted once, https://docs.kernel.org/filesystems/proc.html, smaps_rollup), of the service and
all its children together. Linux only. Ends by itself after about a minute.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from waiting import _answers, _free_port

from bridge.samples import samples
from bridge.sources import PROVIDERS

SECRET = "shopify-bench-secret"  # noqa: S105 - opens nothing
ORDER = 69_000
"""Bytes of an order."""
TARGET = 200
"""MiB that all processes together may take."""


def order(number: int, size: int) -> Mapping[str, object]:
    """Return an order of about ``size`` bytes, with a number and ids of its own."""
    body: dict[str, Any] = json.loads(json.dumps(samples()["shopify/orders/create"].body))
    body |= {"id": 5_000_000_000 + number, "name": f"#{number}", "order_number": number}
    item = body["line_items"][0] | {"id": 10_000}
    items = max((size - len(compact(body | {"line_items": []}))) // len(compact(item)) + 1, 1)
    body["line_items"] = [{**item, "id": 10_000 + n} for n in range(items)]
    return body


def compact(value: object) -> bytes:
    """Return JSON as a provider sends it, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def processes(pid: int) -> Sequence[int]:
    """Return a process and all below it."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [each for child in children.read_text("ascii").split() for each in processes(int(child))]
    return found


def pss(pid: int) -> float:
    """Return the proportional set size of a process in MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError(f"{pid} has no Pss")


@asynccontextmanager
async def service(
    folder: Path, webhooks: Mapping[str, str], client: aiohttp.ClientSession, settings: str = ""
) -> AsyncIterator[tuple[int, str, float]]:
    """Run a service whose orders go to all channels; yield its pid, its URL and the seconds until it was ready.

    ``settings`` are lines of each channel's table in the routes.
    """
    tables = "".join(f"[channels.{name}]\n{settings}\n" for name in webhooks)
    route = f'[[routes]]\nname = "orders"\nsource = "shopify"\nchannels = {json.dumps(list(webhooks))}\n'
    (folder / "routes.toml").write_text(tables + route, "utf-8")
    port = _free_port()
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith("BRIDGE_")},
        "BRIDGE_PORT": str(port),
        "BRIDGE_ROUTES": str(folder / "routes.toml"),
        "BRIDGE_STORE": f"sqlite:///{folder / 'bridge.db'}",
        "BRIDGE_SLACK_HOSTS": json.dumps(["127.0.0.1"]),
        "BRIDGE_SECRETS__SHOPIFY": SECRET,
        **{f"BRIDGE_CHANNELS__{name.upper()}": url for name, url in webhooks.items()},
    }
    begun = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bridge", "serve", env=environ, cwd=folder, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        base = f"http://127.0.0.1:{port}"
        await _answers(client, base)
        yield process.pid, base, time.perf_counter() - begun
    finally:
        process.terminate()
        await process.wait()


async def send(client: aiohttp.ClientSession, base: str, number: int, size: int = ORDER) -> int:
    """Send an order, and return its size."""
    provider = PROVIDERS["shopify"]
    request = provider.request_for("orders/create", order(number, size), SECRET, time.time())
    headers = {**request.headers, "X-Shopify-Event-Id": f"e{number}", "X-Shopify-Webhook-Id": f"w{number}"}
    async with client.post(f"{base}/webhooks/shopify", data=request.body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "accepted")
    return len(request.body)


async def main(say: Callable[[str], object], channels: int, orders: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as temporary:
        nobody = _free_port()
        webhooks = {
            f"channel{n}": f"http://127.0.0.1:{nobody}/services/T{n}/B{n}/secret{n:03}" for n in range(channels)
        }
        async with aiohttp.ClientSession() as client, service(Path(temporary), webhooks, client) as (pid, base, start):
            await asyncio.sleep(5)
            idle = [pss(each) for each in processes(pid)]
            sizes = [await send(client, base, number) for number in range(orders)]
            peak, last = 0.0, 0.0
            for _ in range(60):
                await asyncio.sleep(0.5)
                last = sum(pss(each) for each in processes(pid))
                peak = max(peak, last)
            each_now = [pss(each) for each in processes(pid)]
            async with client.get(f"{base}/readyz") as answer:
                waiting = (await answer.json())["counts"]["deliveries_waiting"]
    say(f"ready after {start:.2f} s; idle memory by process: {', '.join(f'{one:.0f}' for one in idle)} MiB Pss")
    say(f"{channels} channels with {orders} orders of {min(sizes) // 1000} kB each, Slack away; waiting: {waiting}")
    say(f"all processes together: {peak:.0f} MiB at most, {last:.0f} MiB after 30 s (target: {TARGET} MiB)")
    say(f"by process at the end: {', '.join(f'{one:.0f}' for one in each_now)} MiB")


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    asyncio.run(main(lambda line: sys.stdout.write(line + "\n"), *(given or (40, 40))))
