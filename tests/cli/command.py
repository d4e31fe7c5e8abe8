"""Runs `bridge …` in this process, or as a process where the test needs one."""

import contextlib
import contextvars
import gc
import io
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType

import structlog

from bridge.__main__ import main
from bridge.core import logs

TIMEOUT = 60
_running = threading.Lock()


def run_process(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `bridge …` in ``folder`` as a process, with only the given BRIDGE_* variables."""
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        cwd=folder,
        env=environment_of(environ),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `bridge …` as ``run_process`` does, but in this process, which saves a second of imports.

    It is the same code on the same files and sockets; tests/cli/test_processes.py compares the two. Changes of
    commands to the process (collector, logs, excepthook, folder, variables) are undone. An exception that a process
    would print as a traceback is raised here. Inside an event loop, call it with ``asyncio.to_thread``. Commands that
    run at the same time need processes.
    """
    assert not _running.locked(), "two commands at once would share one folder and one standard output"
    out, err = _pipe(), _pipe()
    with (
        _running,
        _kept(),
        _time_limit(),
        contextlib.chdir(folder),
        _environment(environment_of(environ)),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = contextvars.copy_context().run(_status_of, ["bridge", *arguments])
    return subprocess.CompletedProcess(["bridge", *arguments], status, _text(out), _text(err))


def environment_of(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables of this process without its BRIDGE_*, and with the given ones."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    return {**clean, "COLUMNS": "200", **(environ or {})}


def _status_of(arguments: list[str]) -> int:
    sys.argv = arguments
    try:
        main()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        print(ended.code, file=sys.stderr)  # noqa: T201 (as the interpreter does)
        return 1
    return 0


def _pipe() -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="\n", write_through=True)


def _text(pipe: io.TextIOWrapper) -> str:
    buffer = pipe.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        time.tzset()


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    """Undo what a command sets for the rest of its process."""
    argv, hook, collecting, exit_now = sys.argv, sys.excepthook, gc.isenabled(), os._exit
    root, configured, hidden = logging.getLogger(), structlog.is_configured(), logs._Hiding.texts
    processors = structlog.get_config()
    handlers, level = root.handlers[:], root.level
    loggers = {name: logging.getLogger(name) for name in ("asyncio", "aiohttp", "aiohttp.server", "slack_sdk")}
    before = {name: (logger.level, logger.filters[:]) for name, logger in loggers.items()}
    os._exit = sys.exit  # type: ignore[assignment]  # what would end the test's process ends the command
    try:
        yield
    finally:
        os._exit = exit_now
        sys.argv, sys.excepthook = argv, hook
        (gc.enable if collecting else gc.disable)()
        root.handlers[:], logs._Hiding.texts = handlers, hidden
        root.setLevel(level)
        for name, (its_level, filters) in before.items():
            loggers[name].setLevel(its_level)
            loggers[name].filters[:] = filters
        structlog.configure(**processors) if configured else structlog.reset_defaults()


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Raise TimeoutError in a command that does not end. In a thread, only the test's own limit applies."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"the command did not end within {TIMEOUT} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(TIMEOUT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
