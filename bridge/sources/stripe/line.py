"""The plain line of a Stripe event."""

from functools import lru_cache

from bridge.core.payload import clean
from bridge.sources.provider import Facts, plain_line

_SEPARATORS = str.maketrans("._[]", "    ")


def line(facts: Facts) -> str:
    """Return one generic line: `Stripe invoice paid: ABC-0001`, `Stripe account configuration merchant updated`."""
    return line_of(facts.type, facts.name)


def line_of(event_type: str, name: str) -> str:
    """Return the line of a type and a name."""
    happened = _happened(event_type)
    return clean(f"{happened}: {name}", 300) if name else happened


@lru_cache(1024)
def _happened(event_type: str) -> str:
    plain_type = event_type.removeprefix("v1.").removeprefix("v2.").removeprefix("core.")
    return plain_line("Stripe", plain_type.translate(_SEPARATORS), "")
