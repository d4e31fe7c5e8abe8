"""Compare the chosen JSON parser's speed on a webhook with other parsers', in one run."""

import json
import timeit
from collections.abc import Callable

import msgspec
import pydantic_core

from bridge.samples import samples

BODIES = ("gitlab/merge_request.open", "stripe/invoice.paid", "shopify/orders/create")


def microseconds(call: Callable[[], object]) -> float:
    """Return the best of several runs: it has the least noise from other processes."""
    return min(timeit.repeat(call, number=300, repeat=9)) / 300 * 1e6


def main() -> None:
    """Print each parser's time, and the standard library's as a multiple of the chosen one's."""
    decode = msgspec.json.Decoder().decode
    for name in BODIES:
        raw = json.dumps(samples()[name].body).encode()
        chosen = microseconds(lambda raw=raw: decode(raw))  # type: ignore[misc]  # mypy knows no lambda's default
        pydantic = microseconds(lambda raw=raw: pydantic_core.from_json(raw))  # type: ignore[misc]  # as above
        standard = microseconds(lambda raw=raw: json.loads(raw))  # type: ignore[misc]  # as above
        print(  # noqa: T201
            f"{name:28} {len(raw):6} bytes   msgspec {chosen:5.1f} µs   pydantic-core {pydantic / chosen:.1f}×"
            f"   json {standard / chosen:.1f}×"
        )


if __name__ == "__main__":
    main()
