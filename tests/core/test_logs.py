"""Tests of logs: they show each event and never a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bridge.core import logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    logs.configure("auto", "info", stream)
    yield stream
    logs.hide([])
    structlog.reset_defaults()
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def test_without_a_terminal_a_line_is_one_json_object(stream: io.StringIO) -> None:
    structlog.get_logger("bridge.test").info("accepted", id="1")
    logging.getLogger("some.library").warning("it said %s", "this")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["level"] == "info"
    assert second["event"] == "it said this"


@pytest.mark.parametrize(
    "secret",
    ["https://hooks.slack.com/services/T1/B1/xyz", 'quo"ted-secret', "sëcret-wörd", "back\\slash'ed\"-secret"],
    ids=["url", "quote", "utf8", "backslash"],
)
def test_a_known_secret_is_hidden_everywhere(stream: io.StringIO, secret: str) -> None:
    logs.hide([secret])
    log = structlog.get_logger("bridge.test")
    log.info(f"posting to {secret}", nested={"deep": [secret]}, shown=repr(secret), bytes=secret.encode())
    logging.getLogger("some.library").error("failed for %s", secret)
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("it broke")
    written = stream.getvalue()
    assert secret not in written
    assert json.dumps(secret)[1:-1] not in written
    assert repr(secret)[1:-1] not in written
    assert json.dumps(repr(secret.encode()))[3:-2] not in written
    assert written.count("[hidden]") >= 6


def test_a_secret_with_bytes_that_are_not_utf8_is_hidden_too(stream: io.StringIO) -> None:
    secret = b"hushhush\xff".decode("utf-8", "surrogateescape")
    logs.hide([secret])
    structlog.get_logger("bridge.test").info("read", text=secret)
    assert "hushhush" not in stream.getvalue()


def test_the_secret_part_of_a_url_is_hidden_by_itself(stream: io.StringIO) -> None:
    logs.hide(["https://hooks.slack.com/services/T1/B1/hushhushhush"])
    structlog.get_logger("bridge.test").info("POST /services/T1/B1/hushhushhush")
    assert "hushhushhush" not in stream.getvalue()


def test_a_short_text_is_not_taken_for_a_secret(stream: io.StringIO) -> None:
    logs.hide(["main"])
    structlog.get_logger("bridge.test").info("branch main")
    assert "branch main" in stream.getvalue()


def test_a_level_that_is_off_writes_nothing(stream: io.StringIO) -> None:
    structlog.get_logger("bridge.test").debug("quiet")
    assert stream.getvalue() == ""
