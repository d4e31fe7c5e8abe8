"""Tests of the log that is written in a thread, on real pipes."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.core.background_log import MAX_BYTES, BackgroundHandler, written_in_background
from bridge.core.counters import LOG_LINES_DROPPED, Counters


class Pipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.drops = 0
        self.handler = BackgroundHandler(self.writer, None, self.count)

    def count(self) -> None:
        self.drops += 1

    def log(self, text: str) -> None:
        self.handler.handle(logging.LogRecord("test", logging.INFO, "", 0, text, (), None))

    def read_until(self, text: bytes) -> bytes:
        found = b""
        while text not in found:
            found += os.read(self.reader, 65536)
        return found


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.reader)
    pipe.handler.end()
    os.close(pipe.writer)


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    for n in range(100):
        pipe.log(f"line {n}")
    assert pipe.read_until(b"line 99\n") == b"".join(b"line %d\n" % n for n in range(100))
    assert pipe.drops == 0


def test_a_stalled_reader_stops_nobody_and_is_told_how_many_lines_are_missing(pipe: Pipe) -> None:
    line = "x" * 1000
    for _ in range(2 * MAX_BYTES // len(line)):
        pipe.log(line)
    assert pipe.drops > MAX_BYTES // len(line) // 2
    found = pipe.read_until(b"nobody read them\n")
    assert f"\n{pipe.drops} log lines dropped: nobody read them\n".encode() in found
    assert found.count(line.encode()) == 2 * MAX_BYTES // len(line) - pipe.drops
    pipe.log("after it")
    assert pipe.read_until(b"after it\n").endswith(b"after it\n")


def test_a_line_longer_than_the_limit_is_written(pipe: Pipe) -> None:
    pipe.log("y" * (MAX_BYTES + 1))
    assert len(pipe.read_until(b"\n")) == MAX_BYTES + 2


def test_the_end_waits_for_what_is_left_but_not_for_a_stalled_reader(pipe: Pipe) -> None:
    pipe.log("z" * 500_000)
    pipe.handler.end(within=0.05)
    assert pipe.read_until(b"\n") == b"z" * 500_000 + b"\n"


def test_a_reader_that_is_gone_ends_nothing() -> None:
    pipe = Pipe()
    os.close(pipe.reader)
    for n in range(10):
        pipe.log(f"line {n}")
    pipe.handler.end()
    os.close(pipe.writer)
    assert not pipe.handler._thread.is_alive(), "it went through all lines, and ended by itself"


def test_stderr_is_written_in_a_thread_inside_the_block_and_directly_outside(tmp_path: Path) -> None:
    counters = Counters()
    root = logging.getLogger()
    with (tmp_path / "log").open("w") as stream, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        direct = logging.StreamHandler(stream)
        root.addHandler(direct)
        try:
            with written_in_background(counters):
                assert direct not in root.handlers
                logging.getLogger("bridge.test").error("inside")
            assert direct in root.handlers
            logging.getLogger("bridge.test").error("outside")
        finally:
            root.removeHandler(direct)
    assert (tmp_path / "log").read_text() == "inside\noutside\n"
    assert counters.by_label(LOG_LINES_DROPPED, "log") == {"unread": 0}


def test_a_log_in_memory_goes_on_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = io.StringIO()
    monkeypatch.setattr(sys, "stderr", memory)
    handler = logging.StreamHandler(memory)
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    with written_in_background(Counters()):
        assert logging.getLogger().handlers == [handler]
        logging.getLogger().error("kept")
    assert memory.getvalue() == "kept\n"
