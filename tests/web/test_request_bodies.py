"""Tests of request bodies: limits on each, on all together, and on time. All on real sockets."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from bridge.core.byte_semaphore import NoMemoryLeftError
from bridge.web.request_bodies import (
    SMALL,
    BodyBudget,
    BodyTooLargeError,
    BrokenBodyError,
)


@asynccontextmanager
async def serving(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[tuple[str, int]]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app, auto_decompress=False, lingering_time=0, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield host, port
    finally:
        await runner.cleanup()


def reader(body_budget: BodyBudget, limit: int) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            async with body_budget.body(request, limit) as body:
                return web.json_response({"length": len(body), "used": body_budget.used})
        except (BodyTooLargeError, NoMemoryLeftError, BrokenBodyError) as error:
            return web.json_response({"error": type(error).__name__})

    return handler


async def post(address: tuple[str, int], data: object) -> dict[str, object]:
    async with ClientSession() as session, session.post(f"http://{address[0]}:{address[1]}/", data=data) as response:
        answer: dict[str, object] = await response.json()
        return answer


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_body_counts_while_it_is_in_use_and_not_after() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, 1000)) as address:
        assert await post(address, b"x" * 1000) == {"length": 1000, "used": 1000}
    assert body_budget.used == 0


async def test_a_body_announced_over_the_limit_is_refused_before_it_is_read() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, 1000)) as (host, port):
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n")
        answer = await reading.readuntil(b"}")
        writing.close()
    assert b"BodyTooLargeError" in answer


async def test_a_body_without_a_length_is_refused_once_it_passes_the_limit() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, 1000)) as address:
        assert await post(address, chunks(100, 11)) == {"error": "BodyTooLargeError"}
        assert await post(address, chunks(100, 10)) == {"length": 1000, "used": 1000}
    assert body_budget.used == 0


async def test_a_large_body_without_a_length_uses_the_large_share() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, 3 * SMALL)) as address:
        assert await post(address, chunks(SMALL // 2, 4)) == {"length": 2 * SMALL, "used": 2 * SMALL}
    assert body_budget.used == 0


async def test_bodies_without_a_length_do_not_hold_what_others_wait_for() -> None:
    """None has memory before it is sure of all that it may need: the fifth would wait for the four before it."""
    body_budget = BodyBudget(8 * SMALL, wait=1.0)
    async with serving(reader(body_budget, 2 * SMALL)) as address:
        answers = await asyncio.gather(*(post(address, chunks(SMALL // 8, 10)) for _ in range(12)))
    assert [answer.get("length") for answer in answers] == [10 * SMALL // 8] * 12
    assert body_budget.used == 0


async def test_a_body_that_does_not_arrive_in_time_is_broken() -> None:
    body_budget = BodyBudget(8 * SMALL, read_time=0.05)
    async with serving(reader(body_budget, 1000)) as (host, port):
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        answer = await reading.readuntil(b"}")
        writing.close()
    assert b"Broken" in answer
    assert body_budget.used == 0


async def test_a_large_body_is_received_at_its_pace_and_delays_no_other() -> None:
    body_budget = BodyBudget(8 * SMALL, pace=1)
    async with serving(reader(body_budget, 4 * SMALL)) as address:
        large = asyncio.create_task(post(address, io.BytesIO(b"x" * 3 * SMALL)))
        while body_budget.used < SMALL and not large.done():  # noqa: ASYNC110 - no event shows it
            await asyncio.sleep(0)
        assert await post(address, b"x" * 1000) == {"length": 1000, "used": body_budget.used + 1000}
        assert not large.done()
        assert body_budget.used < 3 * SMALL
        large.cancel()
        await asyncio.gather(large, return_exceptions=True)


async def test_a_large_body_that_arrives_steadily_gets_more_time() -> None:
    body_budget = BodyBudget(8 * SMALL, read_time=0.3)
    async with serving(reader(body_budget, 4 * SMALL)) as (host, port):
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * SMALL))
        writing.write(b"x" * (SMALL + 1))
        await writing.drain()
        await asyncio.sleep(0.6)
        writing.write(b"x" * (SMALL - 1))
        answer = await reading.readuntil(b"}")
        writing.close()
    assert b"%d" % (2 * SMALL) in answer


async def test_a_body_that_its_client_cuts_off_gives_its_bytes_back() -> None:
    body_budget = BodyBudget(8 * SMALL)
    done = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await reader(body_budget, 1000)(request)
        finally:
            done.set()

    async with serving(handler) as (host, port):
        _, writing = await asyncio.open_connection(host, port)
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        await writing.drain()
        writing.close()
        await asyncio.wait_for(done.wait(), 5)
    assert body_budget.used == 0


async def test_announced_bytes_take_no_memory_from_ordinary_bodies() -> None:
    body_budget = BodyBudget(8 * SMALL, wait=0.05)
    async with serving(reader(body_budget, 4 * SMALL)) as (host, port):
        open_ones = []
        for _ in range(40):
            _, writing = await asyncio.open_connection(host, port)
            writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\nx")
            open_ones.append(writing)
        assert await post((host, port), b"x" * 5000) == {"length": 5000, "used": pytest.approx(5000, abs=100)}
        for writing in open_ones:
            writing.close()


@pytest.mark.slow
async def test_stalled_bodies_are_dropped_for_those_that_wait() -> None:
    body_budget = BodyBudget(8 * SMALL, wait=30.0)  # on a busy machine, too
    async with serving(reader(body_budget, 4 * SMALL)) as address:
        open_ones = []
        for length in [SMALL] * 20 + [3 * SMALL] * 2:
            _, writing = await asyncio.open_connection(*address)
            writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % length + b"x" * (SMALL - 1))
            open_ones.append(writing)
        async with asyncio.timeout(10):
            while body_budget.used < 3 * SMALL:  # noqa: ASYNC110 - no event shows arrivals
                await asyncio.sleep(0.01)
        for size in (5000, 200_000, 2 * SMALL):
            assert (await post(address, io.BytesIO(b"x" * size)))["length"] == size
        for writing in open_ones:
            writing.close()


async def test_a_stalled_body_stays_while_there_is_memory() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, 4 * SMALL)) as (host, port):
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 1_500_000)
        await asyncio.sleep(1)
        assert (await post((host, port), b"x" * 5000))["length"] == 5000
        writing.write(b"x" * 1_500_000)
        assert b"3000000" in await reading.readuntil(b"}")
        writing.close()


async def test_a_body_that_arrives_byte_by_byte_is_held_in_few_chunks() -> None:
    body_budget = BodyBudget(8 * SMALL)
    async with serving(reader(body_budget, SMALL)) as address:
        assert (await post(address, chunks(1, 3000)))["length"] == 3000
