"""Tests of each command as a real process: it starts, prints and ends as in the tests' own process."""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from bridge.samples import samples
from tests.cli.command import run, run_process
from tests.cli.running_service import running_service

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "help": ("--help",),
    "version": ("--version",),
    "wrong usage": ("render",),
    "check": ("check", "--strict"),
    "check of one template": ("check", "gitlab/push.j2"),
    "check of settings": ("check", "--json", "--env"),
    "check of a store": ("check", "--store"),
    "render": ("render", "gitlab/push", "--json"),
    "render, wrong": ("render", "gitlab/pusk"),
    "explain": ("explain", "gitlab", "--payload", "push.json"),
    "events": ("events",),
    "events show": ("events", "show", "1"),
    "replay": ("replay", "--dead"),
    "gallery": ("gallery", "all.html"),
    "preview": ("preview", "gitlab/pusk"),
    "test": ("test",),
    "health": ("health",),
    "serve": ("serve",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_process_prints_and_ends_as_a_command_does_here(tmp_path: Path, name: str) -> None:
    (tmp_path / "push.json").write_text(json.dumps(samples()["gitlab/push"].body), "utf-8")
    environ = {"BRIDGE_PORT": "9"}
    process, here = (_seen(kind(tmp_path, *COMMANDS[name], environ=environ)) for kind in (run_process, run))
    assert process == here
    assert process[1] or process[2]


def _seen(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Return exit status, stdout and stderr, without the seconds of a check and the program name in help."""
    return done.returncode, _same(done.stdout), _same(done.stderr)


def _same(text: str) -> str:
    text = re.sub(r"python -m (pytest\.)?bridge", "bridge", text)
    text = re.sub(r'\d+\.\d+ s\)|"seconds": [\d.]+', "", text)
    return "\n".join(line.rstrip() for line in text.splitlines())


@pytest.mark.slow
def test_init_as_a_process(tmp_path: Path) -> None:
    assert run_process(tmp_path, "init").returncode == 0
    assert (tmp_path / "routes.toml").exists()


@pytest.mark.slow
async def test_commands_that_read_the_store_run_as_processes(tmp_path: Path) -> None:
    async with running_service(tmp_path) as service:
        (event_id,) = await service.send("gitlab/issue.open")
        await service.settled()
        for arguments in (("events", "--json"), ("events", "show", event_id)):
            process, here = await service.run_process(*arguments), await service.run(*arguments)
            assert _without_ages(process.out) == _without_ages(here.out), arguments
            assert (process.status, process.err) == (here.status, here.err), arguments
            assert (process.status, process.err) == (0, "")
        for arguments in (("replay", event_id, "--dry-run"), ("replay", event_id)):
            assert (await service.run_process(*arguments)).status == 0


def _without_ages(output: str) -> str:
    """Return an output without its ages, which grow between two commands."""
    return re.sub(r"(\d+|a) seconds? ago|now", "", output)
