"""Find the providers: each module or folder beside this one with a ``PROVIDER``."""

import importlib
import pkgutil
from collections.abc import Mapping

from bridge import sources
from bridge.sources.provider import Provider


def _discover() -> dict[str, Provider]:
    providers: dict[str, Provider] = {}
    for module in pkgutil.iter_modules(sources.__path__):
        provider = getattr(importlib.import_module(f"{sources.__name__}.{module.name}"), "PROVIDER", None)
        if isinstance(provider, Provider):
            providers[provider.name] = provider
    return dict(sorted(providers.items()))


PROVIDERS: Mapping[str, Provider] = _discover()
"""Every provider by its name."""
