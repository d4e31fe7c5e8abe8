"""Find the providers: each module or folder beside this one with a ``PROVIDER``."""

import importlib
import pkgutil
from collections.abc import Mapping

from bridge import sources
from bridge.events import Event
from bridge.sources.provider import Provider, plain_line


def _discover() -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(sources.__path__):
        provider = getattr(importlib.import_module(f"{sources.__name__}.{module.name}"), "PROVIDER", None)
        if isinstance(provider, Provider):
            providers[provider.name] = provider
    return dict(sorted(providers.items()))


PROVIDERS: Mapping[str, Provider] = _discover()
"""Every provider by its name."""


def line_of(event: Event) -> str:
    """Return an event's plain line, made from facts; also if its provider is gone since it was stored."""
    provider = PROVIDERS.get(event.provider)
    return plain_line(event.provider, event.type, event.name) if provider is None else provider.line(event)
