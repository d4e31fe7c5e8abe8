"""Tests that no failure and no log level writes a webhook URL."""

import asyncio
import io
import logging
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest
import structlog

from bridge.core import logs
from bridge.delivery.slack import Poster, open_session
from bridge.demo.slack_simulator import Answer, rate_limited
from bridge.messages import Rendered
from bridge.store import Delivery, StoreUnavailableError
from tests.delivery.clock import HandClock
from tests.delivery.harness import Harness, render
from tests.slack.answers import BAD_GATEWAY, EMPTY_500, HTML_200, INVALID_BLOCKS, NO_SERVICE, redirect
from tests.slack.simulator import Behaviour, Fault

PINNED = "bridge.delivery.http"
"""The only logger whose level Bridge sets: slack-sdk writes URLs into it below WARNING."""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Return everything that any logger writes at DEBUG, without the redaction in ``logs.hide``."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict if name != PINNED}
    logs.configure("json", "debug", stream)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
async def loud_loop() -> AsyncIterator[None]:
    """Turn on asyncio's debug mode, which logs every step of a task."""
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    yield
    loop.set_debug(False)


def secrets_of(harness: Harness) -> list[str]:
    return [part for url in harness.urls.values() for part in (url, url.rpartition("/")[2])]


FAULTS: list[Behaviour] = [
    rate_limited(2),
    EMPTY_500,
    BAD_GATEWAY,
    HTML_200,
    INVALID_BLOCKS,
    redirect("/login"),
    redirect("/ok", 307),
    Fault.HANG,
    Fault.CLOSE,
    Fault.RESET_BEFORE_BODY,
    Fault.RESET_AFTER_BODY,
    NO_SERVICE,
]


async def test_no_failure_of_a_worker_writes_the_url(harness: Harness, written: io.StringIO, loud_loop: None) -> None:
    url = harness.slack.webhook("general")
    quoting = [Answer(status, f"No such page: {url}") for status in (200, 400, 404, 500)]
    harness.slack.script("general", *FAULTS, *quoting, *[EMPTY_500] * 8)
    harness.store.settle_errors.extend([StoreUnavailableError("locked"), RuntimeError("a bug")])
    harness.store.claim_errors.extend([StoreUnavailableError("locked"), RuntimeError("a bug")])
    await harness.accept(*map(str, range(6)))
    harness.start()
    settled = await harness.until_ended(6)
    assert all(secret not in repr(settled) for secret in secrets_of(harness))
    assert "delivery failed" in written.getvalue()
    assert all(secret not in written.getvalue() for secret in secrets_of(harness))


async def test_an_internal_error_does_not_log_the_url(harness: Harness, written: io.StringIO) -> None:
    broken = 0

    async def breaks(delivery: Delivery, notes: Sequence[str]) -> Rendered:
        nonlocal broken
        broken += 1
        if broken < 4:
            raise RuntimeError("a bug")
        return await render(delivery, notes)

    object.__setattr__(harness.deps, "render", breaks)
    await harness.accept("1", "2")
    harness.start()
    await harness.until_ended(2)
    assert "a bug" in written.getvalue()
    assert all(secret not in written.getvalue() for secret in secrets_of(harness))


@pytest.mark.parametrize(
    "url",
    [
        "http://[bad/services/T1/B1/verysecret",
        "nope://host/services/T1/B1/verysecret",
        "http://127.0.0.1:1/services/T1/B1/verysecret",
        "https://127.0.0.1:1/services/T1/B1/verysecret",
        "http://user:verysecret@127.0.0.1:1/services/T1/B1/verysecret",
        "http://verysecret.invalid:99999/services/T1/B1/verysecret",
    ],
)
async def test_a_url_that_fails_before_it_is_called_is_not_written(
    written: io.StringIO, loud_loop: None, url: str
) -> None:
    async with open_session() as session:
        poster = Poster(session, HandClock())
        outcomes = [await poster.post(url, {"text": "x"}), await poster.probe(url)]
    assert [outcome.kind for outcome in outcomes] == ["unavailable", "unavailable"]
    assert "verysecret" not in repr(outcomes) + repr(poster)
    assert "/verysecret" not in written.getvalue()
