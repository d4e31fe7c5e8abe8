"""The templates and the routes.toml that come with the program, so that it works wherever it is installed."""

from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[1]


def packaged_templates() -> Path:
    """The folder of the templates that come with the program."""
    return _beside("templates")


def packaged_routes() -> Path:
    """The routes.toml that comes with the program."""
    return _beside("routes.toml")


def _beside(name: str) -> Path:
    """Beside this file in a wheel, at the top in a checkout."""
    return _HERE / name if (_HERE / name).exists() else _CHECKOUT / name
