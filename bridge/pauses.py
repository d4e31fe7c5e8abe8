"""The collector's pauses: while it looks through everything, nobody is served, and a thousand connections of strangers
make it look."""

import gc


def shorten_pauses() -> None:
    """To be called once all is there that stays: the templates above all, 90,000 objects of which none ever goes.

    By itself the collector goes through them again whenever a quarter as many came, for 0.1 to 0.4 s each time. What
    requests leave behind is freed without it. https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 20, 20)
