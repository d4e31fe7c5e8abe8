"""Names of sources and channels, and their spelling in environment variables."""

from collections.abc import Iterable

RESERVED_SOURCE = "bridge"
"""The source of Bridge's own events, the alerts. Nobody can send to it or route it."""
RULE = "use a-z, 0-9, - and _, and start with a letter or digit"
_INSIDE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def is_name(text: str) -> bool:
    """Return whether a text is ``[a-z0-9][a-z0-9_-]*`` and no longer than 80."""
    return 0 < len(text) <= 80 and text[0] not in "-_" and _INSIDE.issuperset(text)


def variable_key(name: str) -> str:
    """Return a name as variables spell it, in lower case: ``stripe_eu`` for ``stripe-eu`` and ``STRIPE_EU``."""
    return name.lower().replace("-", "_")


def secret_variable(source: str) -> str:
    """Return the variable of a source's secret: ``BRIDGE_SECRETS__STRIPE_EU`` for ``stripe-eu``."""
    return f"BRIDGE_SECRETS__{variable_key(source).upper()}"


def channel_variable(channel: str) -> str:
    """Return the variable of a channel's URL: ``BRIDGE_CHANNELS__ON_CALL`` for ``on-call``."""
    return f"BRIDGE_CHANNELS__{variable_key(channel).upper()}"


def collisions(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return pairs of different names with the same variable, such as ``stripe-eu`` and ``stripe_eu``."""
    first: dict[str, str] = {}
    return [
        (other, name) for name in dict.fromkeys(names) if (other := first.setdefault(variable_key(name), name)) != name
    ]
