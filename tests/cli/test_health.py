"""Tests of `bridge health`, which asks a bridge on this machine for its state."""

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.cli.health import address, main

NOT_READY = {"status": "store unavailable", "reason": "the disk is full", "counts": {"a": 1}, "counters": {"b": 2}}


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == "/healthz"
        body = b'{"status": "ok"}' if good else json.dumps(NOT_READY).encode()
        self.send_response(200 if good else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, log_format: str, *args: object) -> None:
        pass


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield {"BRIDGE_HOST": "0.0.0.0", "BRIDGE_PORT": str(server.server_port)}
        server.shutdown()
        thread.join()


def test_a_bridge_that_lives_is_healthy(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], environ) == 0
    assert capsys.readouterr().out == "ok\n"


def test_a_bridge_that_is_not_ready_states_the_reason(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--ready"], environ) == 1
    assert capsys.readouterr().out == "store unavailable: the disk is full\n"


def test_json_shows_counts_and_counters(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], environ) == 1
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    assert json.loads(shown) == NOT_READY


def test_no_bridge_is_a_no_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"BRIDGE_PORT": "9"}) == 1
    error = capsys.readouterr().err
    assert "no answer from 127.0.0.1:9" in error
    assert error.count("\n") == 1


def test_an_unknown_option_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--reddy"], {}) == 2
    assert "--help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("127.0.0.1", 8080)),
        ({"BRIDGE_HOST": "::", "BRIDGE_PORT": " 9000 "}, ("::1", 9000)),
        ({"BRIDGE_PORT": "tcp://10.0.0.1:80"}, ("127.0.0.1", 8080)),
        ({"bridge_port": "70000"}, ("127.0.0.1", 8080)),
    ],
    ids=["defaults", "all addresses", "set by Kubernetes", "no port"],
)
def test_the_address_comes_from_the_variables(environ: dict[str, str], expected: tuple[str, int]) -> None:
    assert address(environ, Path("no such file")) == expected


def test_a_variable_overrides_the_dotenv_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("export BRIDGE_PORT='9001'\nBRIDGE_HOST=192.0.2.1\nOTHER=1\n")
    assert address({}, dotenv) == ("192.0.2.1", 9001)
    assert address({"BRIDGE_PORT": "9002"}, dotenv) == ("192.0.2.1", 9002)


def test_it_imports_the_standard_library_only() -> None:
    code = (
        "import sys, bridge.cli.health; heavy = {'typer', 'aiohttp', 'pydantic', 'jinja2', 'rich', 'structlog'};"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
