"""Tests of `bridge demo`: it runs all steps, and succeeds only if every line is as expected."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from bridge.demo.scenarios import SECRETS
from tests.cli.command import run


@pytest.mark.slow
def test_the_demo_ends_well_and_shows_the_result_of_every_request(tmp_path: Path) -> None:
    # It neither makes nor migrates the store of the service.
    done = run(tmp_path, "demo", environ={"BRIDGE_STORE": f"sqlite:///{tmp_path}/bridge.db"})
    assert done.returncode == 0, done.stdout + done.stderr
    for provider in SECRETS:
        delivered = re.findall(rf"^│ {provider} .*delivered to", done.stdout, re.MULTILINE)
        assert len(delivered) >= 3
    for text in ("duplicate", "forged", "stale", "ignored", "429", "All 16 lines are as expected"):
        assert text in done.stdout
    assert done.stderr == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
async def test_stay_prints_curl_lines_that_work(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        "demo",
        "--stay",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )
    assert process.stdout
    lines: list[str] = []
    try:
        async with asyncio.timeout(60):
            while not lines or "/readyz" not in lines[-1]:
                lines.append((await process.stdout.readline()).decode())
            curls = [line for line in lines if line.startswith("curl")]
            assert len(curls) == 4
            answers = []
            for curl in [curls[0], curls[1], curls[1], curls[2]]:
                called = await asyncio.create_subprocess_shell(curl, stdout=asyncio.subprocess.PIPE)
                answers.append((await called.communicate())[0].decode())
            shown = ""
            while "Try it out" not in shown:
                shown += (await process.stdout.readline()).decode()
    finally:
        process.terminate()
        await process.communicate()
    assert [re.search('"(status|error)": "([a-z ]+)"', answer)[2] for answer in answers] == [  # type: ignore[index]  # no match fails the test, as it should
        "accepted",
        "accepted",
        "duplicate",
        "the request is not verified",
    ]
