"""Pauses in which nobody is served: while the collector looks through everything, to which a thousand connections of
strangers bring it, and while a thread that renders holds the interpreter."""

import gc
import sys

_YOUNG = (2_000, 20)


def begin_with_short_pauses() -> None:
    """To be called at the start. Threads take turns of 1 ms instead of 5: a request needs several, and waited each time
    for a template that was compiled or rendered. Nor does the collector look at what has lasted for a while until
    ``shorten_pauses`` is called: each template adds to it, and each look through it held up requests for 30 ms.

    https://docs.python.org/3/library/sys.html#sys.setswitchinterval
    """
    sys.setswitchinterval(0.001)
    gc.set_threshold(*_YOUNG, 10_000)


def shorten_pauses() -> None:
    """To be called once all is there that stays: the templates above all, 90,000 objects of which none ever goes.

    By itself the collector goes through them again whenever a quarter as many came, for 0.1 to 0.4 s each time. What
    requests leave behind is freed without it. https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_YOUNG, 100)
