"""What goes wrong in a configuration, said so that it can be mended: one line a fault, and never a value."""

import difflib
from collections.abc import Iterable

from bridge.core.payload import clean


class ConfigurationError(Exception):
    """The configuration cannot work. ``faults`` holds one line each: where it is, what is wrong, and the mend."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(clean(fault, 600) for fault in faults)
        super().__init__("\n".join(self.faults))


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like ``name``; "" if none is known."""
    return next(iter(difflib.get_close_matches(name[:100], sorted(known), n=1, cutoff=0.0)), "")
