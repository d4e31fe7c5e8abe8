"""Settings: what the BRIDGE_* variables, the secrets folder and .env say, checked. Nothing in here shows a secret."""

import ipaddress
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.config import environment, units
from bridge.config.errors import ConfigurationError
from bridge.config.names import variable_key
from bridge.config.packaged import packaged_routes
from bridge.core.payload import clean


def _text(read: Callable[[str], object]) -> BeforeValidator:
    """Read a variable's text; what comes from Python as something else is left to pydantic."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def _host(text: str) -> str:
    if any(c.isspace() or c in "/@" for c in text) or not text.isascii():
        raise ValueError('is no address to listen on: write one such as "127.0.0.1" or "0.0.0.0"')
    return text


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 5 or int(text) > 65_535:
        raise ValueError("is no port: write a number from 0 to 65535")
    return int(text)


def _file(text: str) -> Path:
    if not Path(text).is_file():
        raise ValueError("names no file: make it (`bridge init` does), or leave the variable out")
    return Path(text)


def _folder(text: str) -> Path:
    if not Path(text).is_dir():
        raise ValueError("names no folder: make it (`bridge init` does), or leave the variable out")
    return Path(text)


def _public_url(text: str) -> str:
    shape = "write the address that providers call, such as https://hooks.example.com"
    try:
        parts = urlsplit(text)
        known_port = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"is no URL: {shape}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.netloc.endswith(":") or not known_port:
        raise ValueError(f"is no http or https URL: {shape}")
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"holds a character that no URL has: {shape}")
    if "@" in parts.netloc:
        raise ValueError("has a user in it, which Twilio leaves out of what it signs: take out what is before the @")
    if "?" in text or "#" in text:
        raise ValueError("has a `?` or `#` in it: take that out (Twilio neither sends nor signs what is behind a #)")
    return text.rstrip("/")


def _hosts(text: str) -> tuple[str, ...]:
    shape = 'write a JSON list of host names without scheme or port, such as ["hooks.slack.com"]'
    hosts = [host.strip().lower().removeprefix("[").removesuffix("]") for host in _json_texts(text, shape)]
    if not hosts or not all(_is_host(host) for host in hosts):
        raise ValueError(f"is no list of hosts: {shape}")
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
    """One secret as it is, or a JSON list of live ones."""
    if not text.startswith("["):
        return (SecretStr(text),)
    secrets = [secret.strip() for secret in _json_texts(text, 'write ["new secret", "old secret"]')]
    if not all(secrets):
        raise ValueError("holds an empty secret in its list: take it out")
    return tuple(SecretStr(secret) for secret in dict.fromkeys(secrets))


def _json_texts(text: str, shape: str) -> list[str]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"is no JSON list of texts: {shape}")
    return values


def _connections(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 10 <= int(text) <= 100_000:
        raise ValueError("is no number of connections: write one from 10 to 100000")
    return int(text)


def _patience(text: str) -> float:
    seconds = units.duration(text)
    if seconds > 3600:
        raise ValueError('is longer than an hour, so that anybody could hold what it guards: write one such as "15s"')
    return seconds


def _one_of(*words: str) -> BeforeValidator:
    def read(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(f"is none of its words: write {', '.join(words[:-1])} or {words[-1]}")
        return text.lower()

    return _text(read)


class Settings(BaseSettings):
    """What the variables say. Made by `load_settings`, which reads their places."""

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
    """The routes.toml that is named; None: see `routes_file`."""
    templates: Annotated[Path | None, _text(_folder)] = None
    """The folder that is named; None: see `templates_folder`."""
    store: str = Field("sqlite:///bridge.db", repr=False)
    public_url: Annotated[str | None, _text(_public_url)] = None
    """Without a slash at its end."""
    secrets: dict[str, Annotated[tuple[SecretStr, ...], _text(_secrets)]] = {}
    """By key (bridge.names.variable_key); ask with `secrets_of`."""
    channels: dict[str, SecretStr] = {}
    """Slack URLs by key; ask with `url_of`."""
    slack_hosts: Annotated[tuple[str, ...], _text(_hosts)] = ("hooks.slack.com", "hooks.slack-gov.com")
    secrets_dir: Path | None = None
    retention: Annotated[float, _text(units.duration)] = 7 * 86_400.0
    """Seconds."""
    store_limit: Annotated[int, _text(units.size)] = 2 * 2**30
    """Bytes."""
    max_inflight: Annotated[int, _text(units.size)] = 32 * 2**20
    """Bytes."""
    max_connections: Annotated[int, _text(_connections)] = 1000
    head_timeout: Annotated[float, _text(_patience)] = 10.0
    """Seconds, as are the next two."""
    body_timeout: Annotated[float, _text(_patience)] = 15.0
    idle_timeout: Annotated[float, _text(_patience)] = 75.0
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
        """Only what `load_settings` found: it can be given an environment, and says what it passes over."""
        return (init_settings,)

    @property
    def routes_file(self) -> Path:
        """The routes.toml that counts: the one that is named, else ./routes.toml, else the packaged one.

        Whatever is at that place counts, a folder too (Docker makes one where a file to mount is missing): that is
        an error then, and not a reason to go by other routes.
        """
        return self.routes or next(filter(os.path.lexists, [Path("routes.toml")]), packaged_routes())

    @property
    def templates_folder(self) -> Path | None:
        """The folder laid over the packaged templates: the one that is named, else ./templates if it is there."""
        return self.templates or next(filter(os.path.lexists, [Path("templates")]), None)

    def secrets_of(self, source: str) -> tuple[SecretStr, ...]:
        """The live secrets of a source; none: the source is off."""
        return self.secrets.get(variable_key(source), ())

    def url_of(self, channel: str) -> SecretStr | None:
        """A channel's Slack URL, or None."""
        return self.channels.get(variable_key(channel))

    def every_secret(self) -> list[str]:
        """All that must never be written anywhere, for `bridge.core.logs.hide`."""
        secrets = [secret for live in self.secrets.values() for secret in live]
        return [secret.get_secret_value() for secret in (*secrets, *self.channels.values())]


class _Named(EnvSettingsSource):
    """Variables as fields. Values stay text: a secret that happens to be JSON (`1e5`, `null`) is still that secret."""

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
"""Every variable but those with a name of the operator's own behind `__`."""


def load_settings(
    environ: Mapping[str, str] | None = None,
    *,
    dotenv: Path = Path(".env"),
    secrets_dir: Path = environment.SECRETS_DIR,
) -> tuple[Settings, list[str]]:
    """The settings, and warnings of one line each. Raises ConfigurationError with every fault that can be found.

    ``environ`` is the environment, by default the process's own; ``secrets_dir`` is the folder that counts where
    BRIDGE_SECRETS_DIR names none.
    """
    found = environment.read(os.environ if environ is None else environ, dotenv, KNOWN, secrets_dir)
    try:
        settings = Settings.model_validate(_Named(found.values)())
    except ValidationError as error:
        faults = [
            f"{_variable(detail['loc'])} {detail['ctx']['error'] if detail['type'] == 'value_error' else detail['msg']}"
            for detail in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError([*found.faults, *faults]) from None
    if found.faults:
        raise ConfigurationError(found.faults)
    return settings, [clean(warning, 600) for warning in found.warnings]


def _variable(path: tuple[int | str, ...]) -> str:
    """``("secrets", "stripe_eu")`` as BRIDGE_SECRETS__STRIPE_EU."""
    return environment.PREFIX + "__".join(str(step) for step in path[:2]).upper()
