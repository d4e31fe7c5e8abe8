"""Where the templates and routes that come with Bridge lie: inside the wheel, or at the top of a checkout."""

from pathlib import Path

_IN_WHEEL = Path(__file__).parent / "packaged"
_HOME = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parent.parent


def packaged_templates() -> Path:
    """The folder of the templates that come with Bridge."""
    return _HOME / "templates"


def packaged_routes() -> Path:
    """The routes.toml that comes with Bridge."""
    return _HOME / "routes.toml"
