"""The BRIDGE_* variables by their names: from the environment, the secrets folder and .env, in this order of rank."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from bridge.config.errors import nearest
from bridge.config.names import RULE, is_name
from bridge.core.payload import clean

PREFIX = "BRIDGE_"
FAMILIES = {"BRIDGE_SECRETS__": "source", "BRIDGE_CHANNELS__": "channel"}
"""What a variable starts with that has a name of the operator's own behind it, and what that name stands for."""
SECRETS_DIR = Path("/run/secrets")


@dataclass(slots=True)
class Variables:
    """What was found. Values are hidden, since nearly any of them may be a secret."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    """By name, in capitals and with `_` for `-`; stripped, never empty."""
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read(environ: Mapping[str, str], dotenv: Path, known: Collection[str], secrets_dir: Path) -> Variables:
    """Every BRIDGE_* variable.

    ``known`` holds the names in capitals; ``secrets_dir`` is the folder that counts where no variable names one.
    The place of the highest rank that names a variable decides, even by an empty value, which is as none at all.
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
    """The variables of one place in their one spelling. Two that differ only in case or in `-` and `_` are a fault."""
    named: dict[str, str] = {}
    spelt: dict[str, str] = {}
    for name, value in place.items():
        upper = name.upper()
        if not upper.startswith(PREFIX):
            continue
        if upper.startswith(tuple(FAMILIES)):
            upper = upper.replace("-", "_")
        if upper in spelt:
            found.faults.append(
                f"{_shown(upper)} is given twice in {where}, as {_shown(spelt[upper])} and {_shown(name)}: keep one"
            )
        spelt[upper] = name
        named[upper] = value.strip()
    return named


def _dotenv(path: Path, found: Variables) -> dict[str, str]:
    """The lines of a .env. Nothing is interpolated: a secret is what is written, with any `$` in it."""
    try:
        text = path.read_bytes().decode("utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as error:
        found.faults.append(_unreadable(path, error))
        return {}
    values: dict[str, str] = {}
    for binding in parse_stream(StringIO(text)):
        if binding.error:
            found.warnings.append(f"{path}:{binding.original.line} is not NAME=value and is passed over")
        elif binding.key:
            values[binding.key] = binding.value or ""
    return values


def _folder(named: Iterable[str], default: Path, found: Variables) -> Path | None:
    """The secrets folder: the one that is named, else the usual one if it is there."""
    first = next(filter(None, named), "")
    if not first:
        return default if default.is_dir() else None
    if not Path(first).is_dir():
        found.faults.append("BRIDGE_SECRETS_DIR names no folder: make it, or leave the variable out")
        return None
    return Path(first)


def _files(folder: Path, found: Variables) -> dict[str, str]:
    """The files named like our variables.

    pydantic-settings has a source for such a folder (NestedSecretsSettingsSource). It reads every file in it, and so
    fails over one that is none of ours: a key store, or a file for another user.
    """
    values: dict[str, str] = {}
    try:
        ours = sorted(path for path in folder.iterdir() if path.name.upper().startswith(PREFIX))
    except OSError as error:
        found.faults.append(_unreadable(folder, error))
        return {}
    for path in ours:
        try:
            if path.is_file():
                values[path.name] = path.read_bytes().decode("utf-8-sig")
            else:
                found.faults.append(f"{path} is no file: write the value into a file of that name, or take it away")
        except (OSError, ValueError) as error:
            found.faults.append(_unreadable(path, error))
    return values


def _unreadable(path: Path, error: Exception) -> str:
    """What went wrong, without the bytes that a UnicodeDecodeError shows."""
    if isinstance(error, OSError):
        return (
            f"{path} cannot be read ({error.strerror or type(error).__name__}): let the user that runs Bridge read it"
        )
    return f"{path} is not UTF-8 text: save it as UTF-8"


def _sort_out(name: str, value: str, known: Collection[str], found: Variables) -> None:
    """Keep a value, or say why it is passed over."""
    for prefix, what in FAMILIES.items():
        if name.startswith(prefix):
            own = name.removeprefix(prefix).lower()
            if not is_name(own):
                found.faults.append(f"{_shown(name)} names no {what} behind {prefix}: {RULE}")
            elif not value:
                found.warnings.append(f"{name} is empty: its {what} is off")
            else:
                found.values[name] = value
            return
    if name == "BRIDGE_PORT" and value.startswith("tcp://"):
        found.warnings.append(
            "BRIDGE_PORT holds an address that Kubernetes sets for a Service named `bridge`: passed over"
            " (rename the Service, or set enableServiceLinks: false)"
        )
    elif name in known:
        if value:
            found.values[name] = value
    elif not _of_kubernetes(name):
        found.warnings.append(
            f"{_shown(name)} is unknown and passed over; "
            f"the nearest name is {nearest(name, [*known, *_in_families(name)])}"
        )


def _of_kubernetes(name: str) -> bool:
    """Whether Kubernetes sets this name for a Service named `bridge`.

    Source: Kubernetes docs, Service, Environment variables,
    https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
    """
    rest = name.removeprefix("BRIDGE_PORT_")
    return name.startswith(("BRIDGE_SERVICE_HOST", "BRIDGE_SERVICE_PORT")) or (rest != name and rest[:1].isdigit())


def _in_families(name: str) -> list[str]:
    """What a name may have been meant as: `BRIDGE_SECRET__GITLAB` and `BRIDGE_SECRETS_GITLAB` lack a letter each."""
    behind = name.partition("__")[2] or "_".join(name.split("_")[2:])
    return [f"{prefix}{behind or f'<{what.upper()}>'}" for prefix, what in FAMILIES.items()]


def _shown(name: str) -> str:
    return clean(name, 80)
