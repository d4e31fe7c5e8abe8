"""Tests that the undocumented names of aiohttp in use exist as expected, and that only one module uses them."""

import asyncio
import importlib
import inspect
import re
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp import web
from aiohttp.http import RawRequestMessage

import bridge
from bridge.web import aiohttp_internals
from bridge.web.aiohttp_internals import HttpProtocol

HINT = f"aiohttp {aiohttp.__version__} changed a name that we use: adapt bridge/web/aiohttp_internals.py"
PRIVATE = [
    "._messages",
    "._loop.",
    "handle_error",
    ".output_size",
    ".request_handler",
    "aiohttp.http",
    "RequestHandler",
]
"""The spelling of the names in code."""


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (
            web.RequestHandler.__init__,
            [
                "manager",
                "loop",
                "access_log",
                "auto_decompress",
                "max_line_size",
                "lingering_time",
                "keepalive_timeout",
                "read_bufsize",
            ],
        ),
        (web.RequestHandler.handle_error, ["request", "status", "exc", "message"]),
        (web.RequestHandler.connection_made, ["transport"]),
        (web.RequestHandler.connection_lost, ["exc"]),
        (web.RequestHandler.data_received, ["data"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_protocol_has_the_methods_that_we_override(function: object, parameters: list[str]) -> None:
    assert callable(function), HINT
    assert [name for name in parameters if name not in inspect.signature(function).parameters] == [], HINT


def test_the_names_that_we_import_exist() -> None:
    for module, name in [("aiohttp.http", "RawRequestMessage"), ("aiohttp.http_exceptions", "HttpProcessingError")]:
        assert inspect.isclass(getattr(importlib.import_module(module), name, None)), f"{module}.{name}: {HINT}"


async def test_a_protocol_keeps_its_messages_and_errors_as_we_expect() -> None:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response()

    server = web.Server(handler)
    assert server.request_handler is handler, HINT
    aiohttp_internals.set_handler(server, lambda inner: inner)
    protocol = HttpProtocol(server, max_line=8190, read_ahead=65536, keepalive=10)
    assert protocol._loop is asyncio.get_running_loop(), HINT
    protocol.connection_made(Mock(spec=asyncio.Transport))
    try:
        protocol.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert isinstance(_last(protocol), RawRequestMessage), HINT
        assert not protocol.discard_quotes()
        protocol.data_received(b"hush hush\r\n\r\n")
        failed = _last(protocol)
        assert not isinstance(failed, RawRequestMessage), HINT
        assert (getattr(failed, "status", None), "hush" in repr(failed)) == (400, True), HINT
        assert protocol.discard_quotes(), HINT
        failed = _last(protocol)
        assert "hush" not in repr(failed), HINT
    finally:
        protocol.connection_lost(None)


def _last(protocol: HttpProtocol) -> object:
    return protocol._messages[-1][0]


def test_a_request_has_a_writer_that_counts_its_output() -> None:
    assert isinstance(inspect.getattr_static(web.BaseRequest, "writer", None), property), HINT
    assert hasattr(importlib.import_module("aiohttp.abc").AbstractStreamWriter, "output_size"), HINT


def test_no_other_module_uses_them() -> None:
    names = re.compile("|".join(map(re.escape, PRIVATE)))
    used = {
        f"{path.name}:{number}: {line.strip()}"
        for path in Path(bridge.__file__).parent.rglob("*.py")
        if path.name != "aiohttp_internals.py" and "aiohttp" in (text := path.read_text())
        for number, line in enumerate(text.splitlines(), 1)
        if names.search(line)
    }
    assert used == set(), "use bridge/web/aiohttp_internals.py"
