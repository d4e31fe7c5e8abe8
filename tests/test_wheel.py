"""Tests of the wheel: it holds templates, routes.toml and samples, so that the command works anywhere."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def test_a_wheel_alone_checks_and_renders_what_it_carries(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    templates = {path.relative_to(ROOT / "templates") for path in (ROOT / "templates").rglob("*.j2")}
    carried = tmp_path / "installed" / "bridge"
    assert {path.relative_to(carried / "templates") for path in carried.rglob("*.j2")} == templates
    code = "import bridge.__main__ as b, bridge.config.packaged as p; print(p.packaged_routes()); b.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "check"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(carried / "routes.toml") in done.stdout
    assert "0 errors" in done.stdout
