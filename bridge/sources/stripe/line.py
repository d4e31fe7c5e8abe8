"""The plain line of a Stripe event."""

from functools import lru_cache

from bridge.core.payload import clean
from bridge.sources.provider import Facts, plain_line

_SEPARATORS = str.maketrans("._[]", "    ")


def line(facts: Facts) -> str:
    """Return one generic line: `Stripe invoice paid: ABC-0001`, `Stripe account configuration merchant updated`."""
    happened = _happened(facts.type)
    return clean(f"{happened}: {facts.name}", 300) if facts.name else happened


@lru_cache(1024)
def _happened(event_type: str) -> str:
    plain_type = event_type.removeprefix("v1.").removeprefix("v2.").removeprefix("core.")
    return plain_line("Stripe", plain_type.translate(_SEPARATORS), "")
