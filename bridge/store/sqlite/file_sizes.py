"""Sizes of files and disks."""

import os
from pathlib import Path


def length(path: Path) -> int:
    """Return a file's size in bytes; 0 for a missing one, or one that we may not see."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def disk_bytes(folder: Path) -> int:
    """Return the size of the disk that holds a folder."""
    disk = os.statvfs(folder)
    return disk.f_blocks * disk.f_frsize


def free_bytes(folder: Path) -> int:
    """Return the bytes of the disk that are free for us."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize
