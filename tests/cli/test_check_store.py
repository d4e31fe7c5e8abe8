"""Tests of `bridge check --store`, and of `bridge serve` on the same damaged files: exit status and output."""

import asyncio
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

from bridge.store import Query, open_store
from tests.cli.command import run
from tests.store.samples import NOW, entry, event, execute, receive, request

SERVE = {
    "BRIDGE_PORT": "0",
    "BRIDGE_SECRETS__GITLAB": "gitlab-test-secret-token",
    "BRIDGE_CHANNELS__GENERAL": "https://hooks.slack.com/services/T0/B0/x",
}
PAGE = 4096


def fill(folder: Path, number: int = 200) -> Path:
    """Create a store with waiting messages, and close it."""

    async def work() -> None:
        store = open_store(f"sqlite:///{folder}/bridge.db", limit=2**30, owner=True)
        await asyncio.gather(
            *(receive(store, request(), [entry(event(f"key:{n}", now=NOW + n))], NOW + n) for n in range(number))
        )
        await store.close()

    asyncio.run(work())
    return folder / "bridge.db"


def check_store(folder: Path, *more: str, environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    done = run(folder, "check", "--store", *more, environ=environ)
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


def test_a_fine_store_ends_with_0_and_its_counts(tmp_path: Path) -> None:
    fill(tmp_path)
    status, output = check_store(tmp_path)
    assert status == 0
    assert f"{tmp_path}/bridge.db: 200 events" in output
    assert "deliveries: 200 waiting (the oldest waits for " in output
    assert "the store is fine" in output
    status, output = check_store(tmp_path, "--json")
    found = json.loads(output)
    assert status == 0
    assert (found["status"], found["events"], found["deliveries"], found["damage"]) == (
        "fine",
        200,
        {"waiting": 200},
        {},
    )
    assert found["oldest_waiting"] == NOW


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["check", "--save", "x.db"], "--save needs --store"),
        (["check", "--store", "--strict"], "leave out --strict"),
        (["check", "--store", "--payload", "x.json"], "leave out --strict"),
    ],
)
def test_conflicting_options_are_refused(tmp_path: Path, arguments: list[str], output: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert output in done.stderr


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3 + 100)


def zero(path: Path) -> None:
    with closing(connect(path)) as db:
        [root] = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'events_request'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(bytes(PAGE))


def scribble(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"garbage" * 14)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def lose_wal(path: Path) -> None:
    """Lose the tables: they were only in the -wal file."""
    path.unlink()
    execute(path, "PRAGMA journal_mode = WAL", "CREATE TABLE t (a)", "DROP TABLE t")


def lose_file(path: Path) -> None:
    path.with_name("bridge.db-wal").write_bytes(path.read_bytes())
    path.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [cut, zero, scribble, empty, lose_wal, lose_file])
def test_serve_refuses_a_damaged_store_and_check_reports_what_can_be_saved(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    path = fill(tmp_path)
    harm(path)
    damaged = {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".lock"}
    for _ in range(2):
        served = run(tmp_path, "serve", environ=SERVE)
        assert served.returncode == 2
        [line] = [line for line in served.stderr.splitlines() if line.startswith("bridge: ")]
        assert str(path) in line
        assert "`bridge check --store`" in line
    status, output = check_store(tmp_path)
    assert status == 1
    assert "error: " in output
    assert "the store is damaged" in output
    status, shown = check_store(tmp_path, "--json")
    found = json.loads(shown)
    assert (status, found["status"]) == (1, "damaged")
    assert found["damage"]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir() if file.suffix != ".lock"} == damaged
    if harm in (cut, zero, scribble):
        assert found["deliveries"]["waiting"] >= (40 if harm is cut else 200)
        assert "to save them, with Bridge stopped:" in output
    else:
        assert found["events"] == 0
        assert "nothing of it can be read" in output


@pytest.mark.parametrize("harm", [cut, zero, scribble])
def test_the_printed_commands_save_the_readable_data(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    path = fill(tmp_path)
    harm(path)
    _, output = check_store(tmp_path)
    lines = output.partition("with Bridge stopped:\n")[2].splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("  ")]
    assert commands[0][:4] == ["bridge", "check", "--store", "--save"]
    saving = run(tmp_path, *commands[0][1:])
    assert saving.returncode == 0
    assert "waiting" in saving.stdout
    again = run(tmp_path, *commands[0][1:])
    assert again.returncode == 2
    assert "nothing is overwritten" in again.stderr
    for command in commands[1:]:
        assert command[0] == "mv"
        subprocess.run([shutil.which("mv") or "mv", *command[1:]], check=True)

    async def look() -> int:
        store = open_store(f"sqlite:///{path}", limit=2**30, owner=True)
        found = await store.find(Query(limit=1000))
        await store.close()
        return len(found)

    assert asyncio.run(look()) >= (40 if harm is cut else 200)
    assert path.with_name("bridge.db.damaged").exists()
    assert check_store(tmp_path)[0] == 0


def test_another_programs_database_and_a_newer_versions_end_with_2(tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    assert check_store(tmp_path)[0] == 2
    assert not path.exists()
    execute(path, "CREATE TABLE t (a)")
    for what in ("another program's", "newer version"):
        before = path.read_bytes()
        served = run(tmp_path, "serve", environ=SERVE)
        assert served.returncode == 2
        assert what in served.stderr
        assert "`bridge check --store`" in served.stderr
        status, output = check_store(tmp_path)
        assert status == 2
        assert what in output
        status, output = check_store(tmp_path, "--json")
        assert status == 2
        assert '"status": "none"' in output
        assert path.read_bytes() == before
        path.unlink()
        path.with_name("bridge.db.lock").unlink()
        fill(tmp_path, 1)
        execute(path, "PRAGMA user_version = 99")


def test_a_target_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    status, output = check_store(tmp_path, "--save", str(tmp_path / "no" / "saved.db"))
    assert status == 2
    assert "cannot write" in output
