"""Check settings and routes.toml together, before `bridge serve` starts."""

from collections.abc import Iterator, Mapping

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import PACKAGED, Diagnostic, editing, error
from bridge.config.errors import either, nearest
from bridge.config.names import channel_variable, secret_variable, variable_key
from bridge.config.settings import Settings
from bridge.config.slack_urls import url_problem
from bridge.routing.routes_file import Routes, name_errors
from bridge.routing.toml_positions import Path as TomlPath
from bridge.sources import Provider
from bridge.store import store_url_problem


def startup_errors(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> list[Diagnostic]:
    """Return every error against the start of `bridge serve`. None shows a secret."""
    return [
        *name_errors(routes, providers),
        *_of_routes(settings, routes),
        *url_errors(settings),
        *store_errors(settings),
        *_of_secrets(settings, routes, providers),
        *_of_sources(settings, routes, providers),
    ]


def store_errors(settings: Settings) -> list[Diagnostic]:
    """Return the error in BRIDGE_STORE, if there is one. Open nothing."""
    problem = store_url_problem(settings.store)
    return [error(Code.SETTING_INVALID, *problem, file="BRIDGE_STORE")] if problem else []


def _of_routes(settings: Settings, routes: Routes) -> Iterator[Diagnostic]:
    """Find channels without a URL; or report that no route is enabled, so every event would be ignored."""
    if not any(route.enabled for route in routes.routes):
        hint = editing(routes.file, "add a route under [[routes]]")
        yield error(Code.NO_ROUTE_ON, "no route is enabled, so nothing would be posted", hint, file=routes.file)
        return
    missing: dict[str, TomlPath] = {}
    for number, route in enumerate(routes.routes):
        for place, name in enumerate(route.channels):
            if route.enabled and settings.url_of(name) is None:
                missing.setdefault(name, ("routes", number, "channels", place))
    if routes.alerts is not None and settings.url_of(routes.alerts) is None:
        missing.setdefault(routes.alerts, ("alerts", "channel"))
    for name, path in missing.items():
        hint = f"set {channel_variable(name)} to its Slack webhook URL"
        yield routes.diagnostic(path, Code.CHANNEL_WITHOUT_URL, f"channel {name!r} has no URL", hint)


def url_errors(settings: Settings) -> list[Diagnostic]:
    """Return an error for each forbidden channel URL."""
    return [
        error(Code.CHANNEL_URL_INVALID, *problem, file=channel_variable(key))
        for key, url in sorted(settings.channels.items())
        if (problem := url_problem(url.get_secret_value(), settings.slack_hosts))
    ]


def _of_secrets(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> Iterator[Diagnostic]:
    """Find secrets of unknown sources, and secrets of a form unknown to their provider."""
    known = {variable_key(name): name for name in routes.source_names(providers)}
    for key, secrets in sorted(settings.secrets.items()):
        variable = secret_variable(key)
        if key not in known:
            file = "routes.toml (`bridge init` makes one)" if routes.file.startswith(PACKAGED) else routes.file
            hint = f"add [sources.{key.replace('_', '-')}] with its provider to {file}"
            if near := nearest(key, known):
                hint = either(f"did you mean {secret_variable(near)}?", hint)
            yield error(Code.SECRET_UNKNOWN_SOURCE, "is the secret of no known source", hint, file=variable)
        elif provider := providers.get(routes.provider_of(known[key])):
            problems = (provider.check_secret(secret.get_secret_value()) for secret in secrets)
            for problem in dict.fromkeys(problems):
                if problem:
                    yield error(Code.SECRET_INVALID, *problem, file=variable)


def _of_sources(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> Iterator[Diagnostic]:
    """Report that no source is on; and find sources with signed URLs while BRIDGE_PUBLIC_URL is not set."""
    on = [
        (name, provider)
        for name in routes.source_names(providers)
        if settings.secrets_of(name) and (provider := providers.get(routes.provider_of(name)))
    ]
    if not on:
        names = ", ".join(map(secret_variable, routes.source_names(providers)))
        yield error(Code.NO_SOURCE_ON, "no source is on", f"set the secret of at least one: {names}")
    for name, provider in on:
        if provider.signs_url and not settings.public_url:
            yield error(
                Code.PUBLIC_URL_MISSING,
                f"is not set, but the source {name!r} is on, which signs the URL that it calls",
                "set it to the URL that providers call, such as https://hooks.example.com",
                file="BRIDGE_PUBLIC_URL",
            )
