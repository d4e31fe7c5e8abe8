"""What routes, templates and settings say at a moment, as one value that never changes: a reload makes another."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from bridge.config.errors import ConfigurationError, nearest
from bridge.config.names import variable_key
from bridge.config.settings import Settings
from bridge.live.startup_checks import faults_to_serve, url_faults
from bridge.messages.render import Templates, read_templates
from bridge.routing.routes_file import Routes, load_routes
from bridge.sources import PROVIDERS, Provider


@dataclass(frozen=True, slots=True)
class Source:
    """A source that is on."""

    name: str
    provider: Provider
    secrets: tuple[str, ...] = field(repr=False)
    """The live ones; at least one."""
    dedupe_ttl: float
    """Seconds for which its keys are remembered."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel that has a URL."""

    name: str
    url: SecretStr
    private: bool
    """Whether confidential events may go there."""
    pace: float
    """Posts a second."""
    pack: bool = True
    """Whether messages that wait share posts where the channel falls behind."""
    digest_after: int = 2_000
    """How many may wait before a digest stands for them; 0: never."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the way of an event depends on. Read once for each event, so that no event sees two of them."""

    routes: Routes
    templates: Templates
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    public_url: str | None
    """Without a slash at its end."""
    off: tuple[str, ...]
    """The sources that there could be and that have no secret."""


def load_snapshot(settings: Settings) -> Snapshot:
    """Read routes and templates and put them together with the settings.

    Raises ConfigurationError with every fault that would keep `bridge serve` from starting.
    """
    try:
        routes = load_routes(settings.routes_file)
    except ConfigurationError as error:
        raise ConfigurationError([*error.faults, *url_faults(settings)]) from None
    faults = faults_to_serve(settings, routes, PROVIDERS)
    try:
        templates = templates_of(settings, routes)
    except ConfigurationError as error:
        raise ConfigurationError([*faults, *error.faults]) from None
    if faults := [*faults, *template_faults(routes, templates)]:
        raise ConfigurationError(faults)
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
    """The templates that count, not compiled yet. Raises ConfigurationError where their folder cannot be read."""
    try:
        return read_templates(settings.templates_folder, routes.people)
    except OSError as error:
        raise ConfigurationError([f"the templates cannot be read ({error}): see BRIDGE_TEMPLATES"]) from None


def template_faults(routes: Routes, templates: Templates) -> list[str]:
    """One line for each route that names a template which is not there."""
    names = templates.names()
    return [
        f"{routes.where('routes', number, 'template')}: `template` in [[routes]] names {route.template!r}, "
        f"which is not there; the nearest is {nearest(route.template, names)!r}"
        for number, route in enumerate(routes.routes)
        if route.template is not None and route.template not in names
    ]


def sources_on(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> dict[str, Source]:
    """Every source that has a secret, by name."""
    on = {}
    for name in routes.source_names(providers):
        provider = providers.get(routes.provider_of(name))
        secrets = tuple(secret.get_secret_value() for secret in settings.secrets_of(name))
        if provider and secrets:
            on[name] = Source(name, provider, secrets, routes.dedupe_ttl(name) or provider.dedupe_ttl)
    return on


def channels_with_url(settings: Settings, routes: Routes) -> dict[str, Channel]:
    """Every channel that has a URL, by the name that routes.toml gives it, else by its variable's."""
    named = {variable_key(name): name for name in routes.channel_names()}
    channels = {}
    for key, url in settings.channels.items():
        name = named.get(key, key)
        table = routes.channel(name)
        channels[name] = Channel(name, url, table.private, table.pace, table.pack, table.digest_after)
    return channels
