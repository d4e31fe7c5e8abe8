"""The templates and the routes.toml that come with the program, so that it works wherever it is installed."""

from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[1]


def packaged(name: str) -> Path:
    """The path of ``templates`` or ``routes.toml``: beside this file in a wheel, at the top of a checkout."""
    return _HERE / name if (_HERE / name).exists() else _CHECKOUT / name
