"""Settings and fixtures of all tests."""

import gc
import os
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest
import structlog
from hypothesis import settings

# The same examples every time, so that a failure is caused by the change under test. To look for new ones:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A shell that starts a run in the background makes it ignore Ctrl C, and with it every process of a test.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A run holds thousands of samples and messages. A full collection in the middle of a template's 0.3 s would stop
# a correct template.
gc.set_threshold(200_000, 50, 100)

# A test that configures logs must not leave cached loggers behind: the next test could not capture theirs.
_configure = structlog.configure


def _configure_for_now(**given: object) -> None:
    _configure(**{**given, "cache_logger_on_first_use": False})  # type: ignore[arg-type]  # as they were given


structlog.configure = _configure_for_now  # type: ignore[assignment]  # it takes the same


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """Return an HTTP client that gives up after five seconds."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        yield session


def pytest_collection_finish() -> None:
    """Take the collected tests out of the collector's sight: there are thousands, and they stay to the end."""
    gc.collect()
    gc.freeze()
