"""The configuration as commands want it: some need secrets, some must work without."""

from dataclasses import replace

from bridge.cli.errors import complain, refuse
from bridge.config.errors import ConfigurationError
from bridge.config.settings import Settings, load_settings
from bridge.core import logs
from bridge.live.snapshot import Channel, Snapshot, channels_with_url, templates_of
from bridge.live.startup_checks import url_faults
from bridge.messages.render import compiled
from bridge.routing.routes_file import load_routes, name_faults
from bridge.sources import PROVIDERS


def settings_or_end() -> Settings:
    """The settings, with their warnings told and their secrets kept out of logs. Ends the command if they are wrong."""
    try:
        return read_settings()
    except ConfigurationError as error:
        refuse(error.faults)


def read_settings() -> Settings:
    """The settings, with their warnings told and their secrets kept out of logs. Raises ConfigurationError."""
    settings, warnings = load_settings()
    complain(warnings)
    logs.hide(settings.every_secret())
    return settings


def without_secrets(settings: Settings) -> Snapshot:
    """Routes and templates; no source is on, no channel has a URL. Raises ConfigurationError."""
    return _compiled(not_compiled(settings))


def not_compiled(settings: Settings) -> Snapshot:
    """The same for who needs a few templates only: each is compiled when it is used. Raises ConfigurationError."""
    return _snapshot(settings, {})


def with_channels(settings: Settings) -> Snapshot:
    """Routes, templates and the channels' URLs; sources may be off. Raises ConfigurationError."""
    if faults := url_faults(settings):
        raise ConfigurationError(faults)
    return _compiled(_snapshot(settings, channels_with_url(settings, load_routes(settings.routes_file))))


def _snapshot(settings: Settings, channels: dict[str, Channel]) -> Snapshot:
    routes = load_routes(settings.routes_file)
    if faults := name_faults(routes, PROVIDERS):
        raise ConfigurationError(faults)
    off = tuple(routes.source_names(PROVIDERS))
    return Snapshot(routes, templates_of(settings, routes), {}, channels, settings.public_url, off)


def _compiled(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, templates=compiled(snapshot.templates))
