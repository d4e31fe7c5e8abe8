"""Service processes, one after the other on the same store, each ended by a signal."""

import asyncio
import json
import os
import resource
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.chaos.verdict import End, Life

START = 60.0
"""Seconds that a start may take: a second or two, far more with many tests on one machine."""
STOP = 20.0
"""Seconds that a stop may take. Bridge promises 8."""
ROOM = 4096
"""Maximum bytes of each file of the service while its disk is full."""
CAN_FILL = hasattr(resource, "prlimit")
"""Linux can limit the files of another process. On other systems the disk is never full."""


class Service:
    """``bridge serve`` in a folder. Signals go only to processes started here, by pid."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.lives: list[Life] = []
        self.output: deque[str] = deque(maxlen=400)
        """The last lines of the log."""
        self.errors: list[str] = []
        """Violations by the service, in spite of all injected failures."""
        self.base = "http://127.0.0.1:9"
        """The current or last address of the service."""
        self.listening = asyncio.Event()
        self.times_full = 0
        self.children_killed = 0
        clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
        self._environment = {**clean, **environment}
        self._folder = folder
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._began = 0.0
        self._full = False
        self._full_until = 0.0
        self._signals: set[End] = set()

    async def start(self) -> None:
        """Start the next life. Return before it listens."""
        self.listening.clear()
        self._began, self._full, self._full_until, self._signals = time.time(), False, 0.0, set()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bridge",
            "serve",
            cwd=self._folder,
            env=self._environment,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        self._reading = asyncio.create_task(self._read(self._process))

    async def listens(self) -> bool:
        """Wait until it listens. Return false if it ended instead."""
        assert self._process
        waiting = {asyncio.create_task(self.listening.wait()), asyncio.create_task(self._process.wait())}
        await asyncio.wait(waiting, timeout=START, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        return self.listening.is_set()

    @property
    def lives_now(self) -> bool:
        """Whether a process runs."""
        return self._process is not None and self._process.returncode is None

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL, "SIGKILL")

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM, "SIGTERM")

    def _send(self, number: signal.Signals, name: End) -> None:
        if self._process and self.lives_now:
            self._signals.add(name)
            # Not by the process object: that polls the process, and takes the exit status from the task waiting for it.
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def ends(self, within: float) -> bool:
        """Return whether the life ends within so many seconds."""
        assert self._process
        with suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), within)
        return not self.lives_now

    async def record_end(self) -> None:
        """Wait for the end after a signal, and record the life."""
        assert self._process
        assert self._reading
        if not await self.ends(STOP):
            self.errors.append(f"life {len(self.lives)} went on for {STOP:g} s after its signal")
            self.kill()
            await self._process.wait()
        await self._reading
        code = self._process.returncode
        # A SIGTERM before the service has installed its handler ends the process by default.
        stopped = code == 0 or (code == -15 and not self.listening.is_set())
        end: End = "by itself"
        if "SIGKILL" in self._signals and code == -9:
            end = "SIGKILL"
        elif "SIGTERM" in self._signals and stopped:
            end = "SIGTERM"
        else:
            sent = " and ".join(sorted(self._signals)) or "no signal"
            self.errors.append(f"life {len(self.lives)} ended with {code} after {sent}: {''.join(self.output)[-600:]}")
        self.lives.append(Life(self._began, end, time.time() if self._full else self._full_until))
        self._process = None

    def kill_child(self) -> None:
        """Send SIGKILL to the process that renders, if there is one."""
        if self._process and self.lives_now and self.listening.is_set():
            with suppress(ProcessLookupError, FileNotFoundError):
                for children in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
                    for child in children.read_text("ascii").split():
                        os.kill(int(child), signal.SIGKILL)
                        self.children_killed += 1

    def fill_disk(self) -> None:
        """Let none of its files grow."""
        if CAN_FILL and self.listening.is_set() and self._limit_files(ROOM):
            self._full = True
            self.times_full += 1

    def free_disk(self) -> None:
        """Let its files grow again."""
        if self._full and self._limit_files(None):
            self._full, self._full_until = False, time.time()

    def _limit_files(self, size: int | None) -> bool:
        """Set RLIMIT_FSIZE of the running process. Return false without a process."""
        if not self._process or not self.lives_now:
            return False
        with suppress(ProcessLookupError):
            hard = resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
            return True
        return False

    async def _read(self, process: Process) -> None:
        assert process.stderr
        while line := (await process.stderr.readline()).decode():
            self.output.append(line)
            entry: dict[str, object] = {}
            with suppress(ValueError):
                entry = json.loads(line)
            if entry.get("event") == "listening":
                self.base = f"http://{entry['host']}:{entry['port']}"
                self.listening.set()
            if "exception" in entry or "Traceback" in line:
                self.errors.append(f"an error of its own in life {len(self.lives)}: {line[:1500]}")
