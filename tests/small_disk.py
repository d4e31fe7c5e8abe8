"""Small disk of its own for a test, and other mounts: root alone can make them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

needs_small_disk = pytest.mark.skipif(
    not (sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")),
    reason="only root can mount a file system of a few megabytes",
)


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Mount something at a path until the block ends. Skip the test where a container may not mount."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def small_disk(size: str) -> Iterator[Path]:
    """Mount a disk of a size such as ``8m`` until the block ends."""
    with tempfile.TemporaryDirectory() as folder, mounted(Path(folder), "-t", "tmpfs", "-o", f"size={size}", "tmpfs"):
        yield Path(folder)


def fill(folder: Path) -> Path:
    """Fill the disk with one file to the last byte, and return the file."""
    path = folder / "filler"
    with path.open("ab", buffering=0) as file:
        for size in (2**20, 4096):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return path
