"""Load the configuration for commands: some need secrets, some must work without."""

from dataclasses import replace

from bridge.cli.errors import complain, refuse
from bridge.config.errors import ConfigurationError
from bridge.config.settings import Settings, load_settings
from bridge.core import logs
from bridge.live.snapshot import Channel, Snapshot, channels_with_url, templates_of
from bridge.live.startup_checks import url_errors
from bridge.messages.shared_renderer import compiled, use_this_process
from bridge.routing.routes_file import load_routes, name_errors
from bridge.sources import PROVIDERS


def settings_or_end() -> Settings:
    """Read the settings, show their warnings, keep secrets out of logs. End the command if they have errors."""
    try:
        return read_settings()
    except ConfigurationError as error:
        refuse(error.diagnostics)


def read_settings() -> Settings:
    """Read the settings, show their warnings, keep secrets out of logs. Raises ConfigurationError."""
    settings, warnings = load_settings()
    complain(warnings)
    logs.hide(settings.every_secret())
    if not settings.renderers:
        use_this_process()
    return settings


def without_secrets(settings: Settings) -> Snapshot:
    """Load routes and templates; no source is on, no channel has a URL. Raises ConfigurationError."""
    return _compiled(not_compiled(settings))


def not_compiled(settings: Settings) -> Snapshot:
    """Load the same without compiling: each template compiles when it is used. Raises ConfigurationError."""
    return _snapshot(settings, {})


def with_channels(settings: Settings) -> Snapshot:
    """Load routes, templates and the channels' URLs; sources may be off. Raises ConfigurationError."""
    if errors := url_errors(settings):
        raise ConfigurationError(errors)
    return _compiled(_snapshot(settings, channels_with_url(settings, load_routes(settings.routes_file))))


def _snapshot(settings: Settings, channels: dict[str, Channel]) -> Snapshot:
    routes = load_routes(settings.routes_file)
    if errors := list(name_errors(routes, PROVIDERS)):
        raise ConfigurationError(errors)
    off = tuple(routes.source_names(PROVIDERS))
    return Snapshot(routes, templates_of(settings, routes), {}, channels, settings.public_url, off)


def _compiled(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, templates=compiled(snapshot.templates))
