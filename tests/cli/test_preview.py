"""Tests of `bridge preview` as a process that prints the address of its page, and stops on a signal."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import run


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the process, and return it with the printed address."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "bridge", "preview", "--port", "0", *arguments],
        cwd=folder,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        line = process.stdout.readline()
        found = re.fullmatch(r"preview (http://\S+)\n", line)
        assert found, line + (process.stderr.read() if process.stderr and not line else "")
        yield process, found[1]
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()


def status(address: str, **headers: str) -> int:
    try:
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - a page of our own
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_its_page_with_the_token_and_stops_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    with started(tmp_path, "gitlab/push") as (process, address):
        assert re.fullmatch(r"http://localhost:\d+/[\w-]{20,}/#gitlab/push", address)
        page = address.partition("#")[0]
        assert status(page) == 200
        assert status(page.rsplit("/", 2)[0] + "/") == 404
        assert status(page, Host="evil.example") == 403
        process.send_signal(number)
        out, err = process.stdout.read() if process.stdout else "", process.stderr.read() if process.stderr else ""
        assert (process.wait(20), err) == (0, "")
        assert f"edits   {(tmp_path / 'templates').resolve()} (created by the first save)" in out


@pytest.mark.slow
def test_a_browser_that_tries_https_leaves_no_trace_on_the_terminal(tmp_path: Path) -> None:
    with started(tmp_path) as (process, address):
        port = int(address.split("/")[2].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
            assert b"400" in connection.recv(100)
        process.send_signal(signal.SIGINT)
        assert (process.wait(20), process.stderr.read() if process.stderr else "") == (0, "")


@pytest.mark.slow
def test_every_start_has_a_new_token(tmp_path: Path) -> None:
    with started(tmp_path) as (_, one), started(tmp_path) as (_, other):
        assert one.split("/")[3] != other.split("/")[3]


@pytest.mark.slow
def test_for_a_container_it_listens_everywhere_and_is_called_localhost(tmp_path: Path) -> None:
    with started(tmp_path, "--host", "0.0.0.0") as (_, address):
        assert address.startswith("http://localhost:")
        assert status(address) == 200


def test_an_event_that_is_not_there_ends_with_2_and_the_nearest(tmp_path: Path) -> None:
    done = run(tmp_path, "preview", "gitlab/pusk")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "bridge: there is no sample 'gitlab/pusk' (did you mean `gitlab/push`?)\n"


def test_a_port_in_use_exits_2_with_a_hint(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(tmp_path, "preview", "--port", str(port))
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port 0" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_that_cannot_work_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text("[[routes]]\nchanels = ['x']\n", "utf-8")
    done = run(tmp_path, "preview")
    assert done.returncode == 2
    assert "routes.toml:2" in done.stderr
