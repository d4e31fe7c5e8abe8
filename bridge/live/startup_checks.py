"""What keeps `bridge serve` from starting: where settings and routes.toml do not fit together, or cannot work."""

from collections.abc import Mapping

from bridge.config import slack_urls
from bridge.config.errors import nearest
from bridge.config.names import channel_variable, secret_variable, variable_key
from bridge.config.settings import Settings
from bridge.routing.routes_file import Routes, name_faults
from bridge.sources import Provider
from bridge.store import store_url_fault


def faults_to_serve(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> list[str]:
    """What keeps `bridge serve` from starting, one line each with the mend. No line shows a secret."""
    return [
        *name_faults(routes, providers),
        *_faults_of_routes(settings, routes),
        *url_faults(settings),
        *([f"BRIDGE_STORE {fault}"] if (fault := store_url_fault(settings.store)) else []),
        *_faults_of_secrets(settings, routes, providers),
        *_faults_of_sources(settings, routes, providers),
    ]


def _faults_of_routes(settings: Settings, routes: Routes) -> list[str]:
    """Routes and alerts to channels without a URL; and no route at all, with which every event would be ignored."""
    if not any(route.enabled for route in routes.routes):
        return [f"{routes.file}: no route is on, so nothing would ever be posted: add one under [[routes]]"]
    missing: dict[str, str] = {}
    for number, route in enumerate(routes.routes):
        for place, name in enumerate(route.channels):
            if route.enabled and settings.url_of(name) is None:
                where = routes.where("routes", number, "channels", place)
                missing.setdefault(name, f"{where}: channel {name!r} has no URL: set {channel_variable(name)}")
    if routes.alerts is not None and settings.url_of(routes.alerts) is None:
        where, name = routes.where("alerts", "channel"), routes.alerts
        missing.setdefault(name, f"{where}: channel {name!r} has no URL: set {channel_variable(name)}")
    return list(missing.values())


def url_faults(settings: Settings) -> list[str]:
    """The channels' URLs that may not be posted to."""
    return [
        f"{channel_variable(key)} {fault}"
        for key, url in sorted(settings.channels.items())
        if (fault := slack_urls.fault(url.get_secret_value(), settings.slack_hosts))
    ]


def _faults_of_secrets(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> list[str]:
    """Secrets that no source has use for, or that its provider could not have made."""
    known = {variable_key(name): name for name in routes.source_names(providers)}
    faults = []
    for key, secrets in sorted(settings.secrets.items()):
        variable = secret_variable(key)
        if key not in known:
            near = secret_variable(nearest(key, known))
            faults.append(
                f"{variable} is for no known source; the nearest known is {near} "
                f"(or add [sources.{key.replace('_', '-')}] with its provider to {routes.file})"
            )
        elif provider := providers.get(routes.provider_of(known[key])):
            found = (provider.check_secret(secret.get_secret_value()) for secret in secrets)
            faults += [f"{variable}: {fault}" for fault in dict.fromkeys(found) if fault]
    return faults


def _faults_of_sources(settings: Settings, routes: Routes, providers: Mapping[str, Provider]) -> list[str]:
    """No source at all; and sources that sign a URL which nothing tells us."""
    on = [
        (name, provider)
        for name in routes.source_names(providers)
        if settings.secrets_of(name) and (provider := providers.get(routes.provider_of(name)))
    ]
    if not on:
        names = ", ".join(map(secret_variable, routes.source_names(providers)))
        return [f"no source is on: set the secret of at least one ({names})"]
    return [
        f"BRIDGE_PUBLIC_URL is not set, and {provider.name} signs the URL that it calls: "
        f"set it to the address that providers call, such as https://hooks.example.com (source {name!r} is on)"
        for name, provider in on
        if provider.signs_url and not settings.public_url
    ]
