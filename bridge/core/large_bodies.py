"""Limit the memory of large bodies: parse one at a time, and cut payloads to the size that a message can use.

25 MB of JSON become 80 MB of objects. Two of them at once, one received and one delivered, do not fit into a container
of 256 MiB.
"""

import ctypes
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

LARGE = 1024 * 1024
"""Bytes from which a body counts as large."""
MOST_MEMORY = 120_000_000
"""Bytes that a body may take as Python data, estimated by ``memory_of``."""
MOST_ENTRIES = 1000
MOST_CHARACTERS = 20_000
_MMAP_THRESHOLD = -3
"""M_MMAP_THRESHOLD of <malloc.h>."""

_one = threading.Lock()


@contextmanager
def one_at_a_time(size: int) -> Iterator[None]:
    """Hold the lock for large bodies, if ``size`` bytes are large.

    It may wait for a fraction of a second: do not enter it on the event loop with a large body.
    """
    if size < LARGE:
        yield
        return
    with _one:
        yield


def memory_of(body: bytes) -> int:
    """Estimate the bytes of a JSON body as Python data without parsing: 11 MB of ``{"a":1}`` take 300 MB.

    Brackets and commas within texts count too, so the estimate is rather too high.
    """
    return len(body) + 250 * body.count(b"{") + 90 * body.count(b"[") + 70 * body.count(b",")


def cut_down(payload: Mapping[str, object]) -> Mapping[str, object]:
    """Return a payload with the first MOST_ENTRIES of each list and the first MOST_CHARACTERS of each text."""
    return {key: _cut(value) for key, value in payload.items()}


def _cut(value: object) -> object:
    if isinstance(value, str):
        return value[:MOST_CHARACTERS]
    if isinstance(value, list):
        return [_cut(entry) for entry in value[:MOST_ENTRIES]]
    if isinstance(value, dict):
        return {key: _cut(value[key]) for key in list(value)[:MOST_ENTRIES]}
    return value


def return_freed_memory() -> None:
    """Make glibc return large blocks to the system as soon as they are freed.

    By default it keeps such blocks, per thread, once the first 25 MB body was freed. mallopt(3),
    https://man7.org/linux/man-pages/man3/mallopt.3.html (M_MMAP_THRESHOLD). Other C libraries have no mallopt.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 128 * 1024)
