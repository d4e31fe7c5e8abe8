"""Runs the command as a person would: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `bridge …` in ``folder`` with no BRIDGE_* variables but those given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    return subprocess.run(
        [sys.executable, "-m", "bridge", *arguments],
        cwd=folder,
        env={**clean, "COLUMNS": "200", **(environ or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
