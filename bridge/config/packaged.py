"""The templates and the routes.toml that come with the program, so that it works wherever it is installed."""

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]


def packaged_templates() -> Path:
    """The folder of the templates that come with the program."""
    return _beside("templates")


def packaged_routes() -> Path:
    """The routes.toml that comes with the program."""
    return _beside("routes.toml")


def _beside(name: str) -> Path:
    """Inside the package in a wheel, beside it in a checkout."""
    return _PACKAGE / name if (_PACKAGE / name).exists() else _PACKAGE.parent / name
