"""Tune the garbage collector and the thread switch interval: a full collection can block requests for 30 ms.

A thousand connections of clients cause a full collection; the store's threads hold the interpreter as well.
"""

import gc
import sys

_YOUNG = (2_000, 20)


def tune_for_start() -> None:
    """Shorten the pauses of the start: call this first.

    Threads switch after 1 ms instead of 5: a request needs several switches. Full collections wait until
    ``tune_for_service``.

    https://docs.python.org/3/library/sys.html#sys.setswitchinterval
    """
    sys.setswitchinterval(0.001)
    gc.set_threshold(*_YOUNG, 10_000)


def tune_for_service() -> None:
    """Freeze the permanent objects: call this once all that stays is there.

    Otherwise the collector scans them whenever a quarter as many were added, for 0.1 to 0.4 s each time. The objects of
    requests are freed without it. https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG, 100)
