"""The packaged templates and routes.toml, so the program works in any place."""

from pathlib import Path

from bridge.config.diagnostics import PACKAGED

_PACKAGE = Path(__file__).parents[1]


def packaged_templates() -> Path:
    """Return the folder of the packaged templates."""
    return _beside("templates")


def packaged_routes() -> Path:
    """Return the packaged routes.toml."""
    return _beside("routes.toml")


def shown_path(path: Path) -> str:
    """Return a file as diagnostics show it; the packaged routes.toml is marked as such."""
    return f"{PACKAGED}{path.name}" if path == packaged_routes() else str(path)


def _beside(name: str) -> Path:
    """Return a path inside the package in a wheel, beside it in a checkout."""
    return _PACKAGE / name if (_PACKAGE / name).exists() else _PACKAGE.parent / name
