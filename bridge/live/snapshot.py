"""The snapshot: routes, templates and settings in force at a moment, as one immutable value. A reload makes another."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, editing, error
from bridge.config.errors import ConfigurationError, suggestion
from bridge.config.names import variable_key
from bridge.config.settings import Settings
from bridge.live.startup_checks import startup_errors, url_errors
from bridge.messages.templates import Templates, read_templates
from bridge.routing.routes_file import Routes, load_routes
from bridge.routing.schema import ChannelPolicy
from bridge.sources import PROVIDERS, Provider


@dataclass(frozen=True, slots=True)
class Source:
    """An enabled source."""

    name: str
    provider: Provider
    secrets: tuple[str, ...] = field(repr=False)
    """The live secrets; at least one."""
    dedupe_ttl: float
    """Seconds for which its keys are remembered."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with a URL."""

    name: str
    url: SecretStr
    policy: ChannelPolicy


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole configuration of an event. It is read once for each event, so no event sees two."""

    routes: Routes
    templates: Templates
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    public_url: str | None
    """Without a slash at its end."""
    off: tuple[str, ...]
    """The possible sources that have no secret."""


def load_snapshot(settings: Settings) -> Snapshot:
    """Read routes and templates, and join them with the settings.

    Raises ConfigurationError with every error against the start of `bridge serve`.
    """
    try:
        routes = load_routes(settings.routes_file)
    except ConfigurationError as wrong:
        raise ConfigurationError([*wrong.diagnostics, *url_errors(settings)]) from None
    errors = startup_errors(settings, routes, PROVIDERS)
    try:
        templates = templates_of(settings, routes)
    except ConfigurationError as wrong:
        raise ConfigurationError([*errors, *wrong.diagnostics]) from None
    if errors := [*errors, *route_template_errors(routes, templates)]:
        raise ConfigurationError(errors)
    sources = sources_on(settings, routes, PROVIDERS)
    return Snapshot(
        routes=routes,
        templates=templates,
        sources=sources,
        channels=channels_with_url(settings, routes),
        public_url=settings.public_url,
        off=tuple(name for name in routes.source_names(PROVIDERS) if name not in sources),
    )


def templates_of(settings: Settings, routes: Routes) -> Templates:
    """Read the templates, without compiling them. Raises ConfigurationError if their folder cannot be read."""
    try:
        return read_templates(settings.templates_folder, routes.people, link_buttons=settings.link_buttons)
    except OSError as failure:
        message, hint = f"the templates cannot be read: {failure}", "name a readable folder in BRIDGE_TEMPLATES"
        raise ConfigurationError([error(Code.TEMPLATES_UNREADABLE, message, hint)]) from None


def route_template_errors(routes: Routes, templates: Templates) -> list[Diagnostic]:
    """Return an error for each route with an unknown template."""
    names = templates.names()
    return [
        routes.diagnostic(
            ("routes", number, "template"),
            Code.ROUTE_UNKNOWN_TEMPLATE,
            f"`template` in [[routes]] names {route.template!r}, which does not exist",
            editing(routes.file, suggestion(route.template, names, f"create templates/{route.template}")),
        )
        for number, route in enumerate(routes.routes)
        if route.template is not None and route.template not in names
    ]


def sources_on(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> dict[str, Source]:
    """Return every source with a secret, by name."""
    on = {}
    for name in routes.source_names(providers):
        provider = providers.get(routes.provider_of(name))
        secrets = tuple(secret.get_secret_value() for secret in settings.secrets_of(name))
        if provider and secrets:
            on[name] = Source(name, provider, secrets, routes.dedupe_ttl(name) or provider.dedupe_ttl)
    return on


def channels_with_url(settings: Settings, routes: Routes) -> dict[str, Channel]:
    """Return every channel with a URL, by its name in routes.toml, else by its variable's."""
    named = {variable_key(name): name for name in routes.channel_names()}
    channels = {}
    for key, url in settings.channels.items():
        name = named.get(key, key)
        channels[name] = Channel(name, url, routes.channel(name))
    return channels
