"""Read the BRIDGE_* variables: from the environment, else from the secrets folder, else from .env."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, error, note
from bridge.config.errors import suggestion
from bridge.config.names import RESERVED_SOURCE, RULE, is_name, secret_variable
from bridge.core.payload import clean

PREFIX = "BRIDGE_"
FAMILIES = {"BRIDGE_SECRETS__": "source", "BRIDGE_CHANNELS__": "channel"}
"""Prefixes of variables that end in a name of the operator's own, and the kind of that name."""
SECRETS_DIR = Path("/run/secrets")


@dataclass(slots=True)
class Variables:
    """The variables found. Their values are hidden, since nearly any of them may be a secret."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    """By name, in capitals and with `_` for `-`; stripped, never empty."""
    errors: list[Diagnostic] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)


def read(environ: Mapping[str, str], dotenv: Path, known: Collection[str], secrets_dir: Path) -> Variables:
    """Read every BRIDGE_* variable.

    ``known`` holds the names of settings in capitals; ``secrets_dir`` is used if no variable names a folder. The first
    place of a variable decides, even with an empty value (not set).
    """
    found = Variables()
    places = [
        _spelled(environ, "the environment", found),
        _spelled(_dotenv(dotenv, found), str(dotenv), found),
    ]
    folder = _folder([place.get("BRIDGE_SECRETS_DIR", "") for place in places], secrets_dir, found)
    if folder:
        places.insert(1, _spelled(_files(folder, found), str(folder), found))
    merged: dict[str, str] = {}
    for place in reversed(places):
        merged.update(place)
    for name, value in sorted(merged.items()):
        _sort_out(name, value, known, found)
    return found


def _spelled(place: Mapping[str, str], where: str, found: Variables) -> dict[str, str]:
    """Return the variables of one place, in capitals. Two spellings of one variable are an error."""
    named: dict[str, str] = {}
    spelt: dict[str, str] = {}
    for name, value in place.items():
        upper = name.upper()
        if not upper.startswith(PREFIX):
            continue
        if upper.startswith(tuple(FAMILIES)):
            upper = upper.replace("-", "_")
        if upper in spelt:
            message = f"is set twice in {where}, as {_shown(spelt[upper])} and {_shown(name)}"
            found.errors.append(error(Code.SETTING_DUPLICATE, message, "keep one of them", file=_shown(upper)))
        spelt[upper] = name
        named[upper] = value.strip()
    return named


def _dotenv(path: Path, found: Variables) -> dict[str, str]:
    """Read a .env. Nothing is interpolated: a secret may hold a `$`."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as failure:
        found.errors.append(_unreadable(path, failure))
        return {}
    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            found.warnings.append(
                note(
                    Code.SETTING_IGNORED,
                    "the line is not NAME=value, so it is ignored",
                    "write it as NAME=value, or remove it",
                    file=str(path),
                    line=binding.original.line,
                )
            )
        elif binding.key:
            values[binding.key] = binding.value or ""
    return values


def _folder(named: Iterable[str], default: Path, found: Variables) -> Path | None:
    """Return the secrets folder: the named one, else the default one if it exists."""
    first = next(filter(None, named), "")
    if not first:
        return default if default.is_dir() else None
    if not Path(first).is_dir():
        hint = "create the folder, or remove the variable"
        found.errors.append(error(Code.SETTING_UNREADABLE, "is not a folder", hint, file="BRIDGE_SECRETS_DIR"))
        return None
    return Path(first)


def _files(folder: Path, found: Variables) -> dict[str, str]:
    """Read the files with names of our variables.

    pydantic-settings has a source for such a folder (NestedSecretsSettingsSource), but it reads every file in it, and
    fails at others' files: a key store, or a file of another user.
    """
    values: dict[str, str] = {}
    try:
        ours = sorted(path for path in folder.iterdir() if path.name.upper().startswith(PREFIX))
    except OSError as failure:
        found.errors.append(_unreadable(folder, failure))
        return {}
    for path in ours:
        try:
            if path.is_file():
                values[path.name] = path.read_bytes().decode("utf-8-sig")
            else:
                hint = "write the value into a file of that name, or remove it"
                found.errors.append(error(Code.SETTING_UNREADABLE, "is not a file", hint, file=str(path)))
        except (OSError, ValueError) as failure:
            found.errors.append(_unreadable(path, failure))
    return values


def _unreadable(path: Path, failure: Exception) -> Diagnostic:
    """Return an error without the bytes of a UnicodeDecodeError."""
    message, hint = "is not UTF-8 text", "save it as UTF-8"
    if isinstance(failure, OSError):
        message = f"cannot be read: {failure.strerror or type(failure).__name__}"
        hint = "let the user that runs Bridge read it"
    return error(Code.SETTING_UNREADABLE, message, hint, file=str(path))


def _sort_out(name: str, value: str, known: Collection[str], found: Variables) -> None:
    """Keep a value, or add a diagnostic."""
    shown = _shown(name)
    for prefix, kind in FAMILIES.items():
        if name.startswith(prefix):
            own = name.removeprefix(prefix).lower()
            if not is_name(own):
                message = f"does not end in the name of a {kind} after {prefix}"
                found.errors.append(error(Code.SETTING_NAME, message, RULE, file=shown))
            elif not value:
                message = f"is empty, so its {kind} is off"
                found.warnings.append(note(Code.SETTING_IGNORED, message, "set it, or remove it", file=shown))
            elif name == secret_variable(RESERVED_SOURCE):
                message = "is the secret of a reserved source, which nobody can send to, so it is ignored"
                found.warnings.append(note(Code.SETTING_IGNORED, message, "remove it", file=shown))
            else:
                found.values[name] = value
            return
    if name == "BRIDGE_PORT" and value.startswith("tcp://"):
        message = "holds an address that Kubernetes sets for a Service named `bridge`, so it is ignored"
        hint = "rename the Service, or set enableServiceLinks: false"
        found.warnings.append(note(Code.SETTING_IGNORED, message, hint, file=name))
    elif name in known:
        if value:
            found.values[name] = value
    elif not _of_kubernetes(name):
        known_endings = [one.removeprefix(PREFIX) for one in (*known, *_in_families(name))]
        hint = suggestion(
            name.removeprefix(PREFIX), known_endings, "docs/settings.md lists the settings", (PREFIX + "{}").format
        )
        found.warnings.append(note(Code.SETTING_UNKNOWN, "is not a setting, so it is ignored", hint, file=shown))


def _of_kubernetes(name: str) -> bool:
    """Return whether Kubernetes sets this name for a Service named `bridge`.

    Source: Kubernetes docs, Service, Environment variables,
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    rest = name.removeprefix("BRIDGE_PORT_")
    return name.startswith(("BRIDGE_SERVICE_HOST", "BRIDGE_SERVICE_PORT")) or (rest != name and rest[:1].isdigit())


def _in_families(name: str) -> list[str]:
    """Return the secret and channel variables for a misspelt name such as `BRIDGE_SECRETS_GITLAB`."""
    behind = name.partition("__")[2] or "_".join(name.split("_")[2:])
    return [f"{prefix}{behind or '<NAME>'}" for prefix in FAMILIES]


def _shown(name: str) -> str:
    return clean(name, 80)
