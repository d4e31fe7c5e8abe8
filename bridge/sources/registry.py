"""Find the providers: each module or folder beside this one with a ``PROVIDER``."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Protocol

from bridge import sources
from bridge.sources.provider import Facts, Provider, plain_line
from bridge.sources.reserved import RESERVED


def _discover() -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(sources.__path__):
        provider = getattr(importlib.import_module(f"{sources.__name__}.{module.name}"), "PROVIDER", None)
        if isinstance(provider, Provider):
            providers[provider.name] = provider
    return dict(sorted(providers.items()))


PROVIDERS: Mapping[str, Provider] = _discover()
"""Every provider by its name."""


def provider_of(name: str) -> Provider | None:
    """Return what reads the events of a provider, also of the reserved one; None if it is gone."""
    return RESERVED if name == RESERVED.name else PROVIDERS.get(name)


class ProvidedFacts(Facts, Protocol):
    """The facts of an event, and whose they are."""

    @property
    def provider(self) -> str:
        """The provider's name."""


def line_of(facts: ProvidedFacts) -> str:
    """Return an event's plain line, made from facts; also if its provider is gone since it was stored."""
    provider = provider_of(facts.provider)
    return plain_line(facts.provider, facts.type, facts.name) if provider is None else provider.line(facts)
