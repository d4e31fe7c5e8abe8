"""Settings, validated, from BRIDGE_* variables, the secrets folder and .env. Nothing here shows a secret."""

import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.config import environment, units
from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, error
from bridge.config.errors import ConfigurationError, InvalidValueError
from bridge.config.names import variable_key
from bridge.config.packaged import packaged_routes

SMALLEST_STORE = 8 * 2**20
"""Minimum bytes of the store: an eighth each is for its write-ahead log and its reserve."""


def _text(read: Callable[[str], object]) -> BeforeValidator:
    """Return a validator that reads a variable's text; pydantic handles values of other types."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def _host(text: str) -> str:
    if any(c.isspace() or c in "/@" for c in text) or not text.isascii():
        raise InvalidValueError("is not an address to listen on", "write one such as 127.0.0.1 or 0.0.0.0")
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65_535:
        raise InvalidValueError("is not a port", "write a number from 0 to 65535")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise InvalidValueError("is not a file", "create it (`bridge init` does), or remove the variable")
    return Path(text)


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise InvalidValueError("is not a folder", "create it (`bridge init` does), or remove the variable")
    return Path(text)


def _public_url(text: str) -> str:
    hint = "write the URL that providers call, such as https://hooks.example.com"
    try:
        parts = urlsplit(text)
        known_port = parts.port is None or parts.port > 0
    except ValueError:
        raise InvalidValueError("is not a URL", hint) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.netloc.endswith(":") or not known_port:
        raise InvalidValueError("is not an http or https URL", hint)
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise InvalidValueError("holds a character that no URL has", hint)
    if "@" in parts.netloc:
        raise InvalidValueError("has a user, which Twilio does not sign", "remove all before the @")
    if "?" in text or "#" in text:
        raise InvalidValueError("has a `?` or `#`", "remove it: Twilio neither sends nor signs anything after a #")
    return text.rstrip("/")


def _hosts(text: str) -> tuple[str, ...]:
    hint = 'write a JSON list of host names without scheme or port, such as ["hooks.slack.com"]'
    hosts = [host.strip().lower().removeprefix("[").removesuffix("]") for host in _json_texts(text, hint)]
    if not hosts or not all(_is_host(host) for host in hosts):
        raise InvalidValueError("is not a list of hosts", hint)
    return tuple(dict.fromkeys(hosts))


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        labels = text.split(".")
        return len(text) < 254 and all(
            label.isascii() and label.replace("-", "").isalnum() and not label.startswith("-") for label in labels
        )
    return True


def _secrets(text: str) -> tuple[SecretStr, ...]:
    """Return the one secret, or the secrets of a JSON list."""
    if not text.startswith("["):
        return (SecretStr(text),)
    secrets = [secret.strip() for secret in _json_texts(text, 'write ["new secret", "old secret"]')]
    if not all(secrets):
        raise InvalidValueError("has an empty secret in its list", "remove it")
    return tuple(SecretStr(secret) for secret in dict.fromkeys(secrets))


def _json_texts(text: str, hint: str) -> list[str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InvalidValueError("is not a JSON list of texts", hint)
    return values


def _connections(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 10 <= int(text) <= 100_000:
        raise InvalidValueError("is not a number of connections", "write one from 10 to 100000")
    return int(text)


def _renderers(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > 16:
        raise InvalidValueError("is not a number of processes", "write one from 1 to 16, or 0 for a debugger")
    return int(text)


def _patience(text: str) -> float:
    seconds = units.duration(text)
    if seconds > 3600:
        raise InvalidValueError("must be at most 1h", 'write "15s", say: longer lets idle clients exhaust connections')
    return seconds


def _store_limit(text: str) -> int:
    limit = units.size(text)
    if limit < SMALLEST_STORE:
        raise InvalidValueError(
            "must be at least 8MiB", "write a larger one: a store holds whole webhooks, and a reserve"
        )
    return limit


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise InvalidValueError("is neither true nor false", "write true or false")
    return text.lower() == "true"


def _one_of(*words: str) -> BeforeValidator:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise InvalidValueError("is not one of its values", f"write {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return _text(read)


class Settings(BaseSettings):
    """The settings in force. `load_settings` makes them."""

    model_config = SettingsConfigDict(
        env_prefix=environment.PREFIX,
        env_nested_delimiter="__",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    host: Annotated[str, _text(_host)] = "127.0.0.1"
    port: Annotated[int, _text(_port)] = 8080
    routes: Annotated[Path | None, _text(_file)] = None
    """The routes.toml that BRIDGE_ROUTES names; None: see `routes_file`."""
    templates: Annotated[Path | None, _text(_folder)] = None
    """The folder that BRIDGE_TEMPLATES names; None: see `templates_folder`."""
    store: str = Field("sqlite:///bridge.db", repr=False)
    public_url: Annotated[str | None, _text(_public_url)] = None
    """Without a slash at its end."""
    secrets: dict[str, Annotated[tuple[SecretStr, ...], _text(_secrets)]] = {}
    """By key (bridge.config.names.variable_key); read them with `secrets_of`."""
    channels: dict[str, SecretStr] = {}
    """Slack URLs by key; read them with `url_of`."""
    slack_hosts: Annotated[tuple[str, ...], _text(_hosts)] = ("hooks.slack.com", "hooks.slack-gov.com")
    secrets_dir: Path | None = None
    retention: Annotated[float, _text(units.duration)] = 7 * 86_400.0
    """Seconds."""
    store_limit: Annotated[int, _text(_store_limit)] = 2 * 2**30
    """Bytes."""
    max_inflight: Annotated[int, _text(units.size)] = 32 * 2**20
    """Bytes."""
    max_connections: Annotated[int, _text(_connections)] = 1000
    head_timeout: Annotated[float, _text(_patience)] = 10.0
    """Seconds, as are the next two."""
    body_timeout: Annotated[float, _text(_patience)] = 15.0
    idle_timeout: Annotated[float, _text(_patience)] = 75.0
    renderers: Annotated[int, _text(_renderers)] = 1
    """The render processes; 0 renders in the process itself, without limits."""
    link_buttons: Annotated[bool, _text(_switch)] = False
    """Whether a message's links are real buttons."""
    log_format: Annotated[Literal["auto", "pretty", "json"], _one_of("auto", "pretty", "json")] = "auto"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], _one_of("debug", "info", "warning", "error")] = (
        "info"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use only the values of `load_settings`: it takes any environment and reports ignored variables."""
        return (init_settings,)

    @property
    def routes_file(self) -> Path:
        """The routes.toml in force: the named one, else ./routes.toml, else the packaged one.

        A folder of that name counts too (Docker makes one if a file to mount is missing): it is an error later, not a
        reason to use other routes.
        """
        return self.routes or next(filter(os.path.lexists, [Path("routes.toml")]), packaged_routes())

    @property
    def templates_folder(self) -> Path | None:
        """The folder laid over the packaged templates: the named one, else ./templates if it exists."""
        return self.templates or next(filter(os.path.lexists, [Path("templates")]), None)

    def secrets_of(self, source: str) -> tuple[SecretStr, ...]:
        """Return the live secrets of a source; none: the source is off."""
        return self.secrets.get(variable_key(source), ())

    def url_of(self, channel: str) -> SecretStr | None:
        """Return a channel's Slack URL, or None."""
        return self.channels.get(variable_key(channel))

    def every_secret(self) -> list[str]:
        """Return every secret text, for `bridge.core.logs.hide`."""
        secrets = [secret for live in self.secrets.values() for secret in live]
        return [secret.get_secret_value() for secret in (*secrets, *self.channels.values())]


class _Named(EnvSettingsSource):
    """Variables as fields. Values stay text: a secret like `1e5` or `null` is not read as JSON."""

    def __init__(self, found: Mapping[str, str]) -> None:
        self._found = found
        super().__init__(Settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._found.items()}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: object) -> object:  # noqa: ARG002
        return value


KNOWN = frozenset(f"{environment.PREFIX}{name.upper()}" for name in Settings.model_fields) - {
    prefix.removesuffix("__") for prefix in environment.FAMILIES
}
"""Every variable except those that end in a name of the operator's own."""


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    dotenv: Path = Path(".env"),
    secrets_dir: Path = environment.SECRETS_DIR,
) -> tuple[Settings, list[Diagnostic]]:
    """Read the settings, and warnings about them. Raises ConfigurationError with every error.

    ``environ`` is the environment, by default the process's own; ``secrets_dir`` is used if BRIDGE_SECRETS_DIR is not
    set.
    """
    found = environment.read(os.environ if environ is None else environ, dotenv, KNOWN, secrets_dir)
    try:
        settings = Settings.model_validate(_Named(found.values)())
    except ValidationError as invalid:
        errors = map(_diagnostic, invalid.errors(include_url=False, include_input=False))
        raise ConfigurationError([*found.errors, *errors]) from None
    if found.errors:
        raise ConfigurationError(found.errors)
    return settings, found.warnings


def _diagnostic(detail: ErrorDetails) -> Diagnostic:
    """Return pydantic's error as a diagnostic, without the value."""
    cause = detail.get("ctx", {}).get("error")
    message, hint = detail["msg"], "docs/settings.md lists the settings"
    if isinstance(cause, InvalidValueError):
        message, hint = cause.message, cause.hint
    return error(Code.SETTING_INVALID, message, hint, file=_variable(detail["loc"]))


def _variable(path: tuple[int | str, ...]) -> str:
    """Return the variable of a field: BRIDGE_SECRETS__STRIPE_EU for ``("secrets", "stripe_eu")``."""
    return environment.PREFIX + "__".join(str(step) for step in path[:2]).upper()
