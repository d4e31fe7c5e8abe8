"""Read and validate routes.toml."""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity, editing, error
from bridge.config.errors import ConfigurationError, InvalidValueError, suggestion
from bridge.config.names import RESERVED_SOURCE, collisions, is_name
from bridge.config.packaged import shown_path
from bridge.routing.schema import AlertsTable, ChannelPolicy, Route, RoutesFile, SourceTable
from bridge.routing.toml_positions import Path as TomlPath
from bridge.routing.toml_positions import Position, find_positions, position_of, text_line


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """A whole routes.toml, valid in itself. ``file`` is its name as diagnostics show it."""

    file: str
    sources: Mapping[str, SourceTable]
    channels: Mapping[str, ChannelPolicy]
    people: Mapping[str, str]
    """The provider's user name to the Slack member id."""
    routes: tuple[Route, ...]
    alerts: str | None
    """The channel for alerts about Bridge itself."""
    positions: Mapping[TomlPath, Position] = field(repr=False)

    def diagnostic(
        self, path: TomlPath, code: Code, message: str, hint: str, severity: Severity = Severity.ERROR
    ) -> Diagnostic:
        """Return a diagnostic at a path, or at the nearest existing table around it."""
        return Diagnostic(severity, self.file, *position_of(self.positions, path), message, hint, code)

    def route_path(self, name: str, key: str) -> TomlPath:
        """Return the path of a key of the route with this name."""
        return "routes", [route.name for route in self.routes].index(name), key

    def provider_of(self, source: str) -> str:
        """Return the name of a source's provider."""
        table = self.sources.get(source)
        return table.provider if table and table.provider else source

    def dedupe_ttl(self, source: str) -> float | None:
        """Return the seconds for which a source's keys are remembered; None: the provider's own."""
        table = self.sources.get(source)
        return table.dedupe_ttl if table else None

    def channel(self, name: str) -> ChannelPolicy:
        """Return a channel's policy; the defaults if the file has none."""
        return self.channels.get(name) or ChannelPolicy()

    def source_names(self, providers: Iterable[str]) -> list[str]:
        """Return every possible source: each provider's own name, and each table's."""
        return list(dict.fromkeys([*providers, *self.sources]))

    def sources_of(self, provider: str) -> list[str]:
        """Return every possible source of one provider."""
        return [name for name in self.source_names([provider]) if self.provider_of(name) == provider]

    def channel_names(self) -> list[str]:
        """Return every channel named by a table, a route or [alerts], in the order of the file."""
        named = [*self.channels, *(name for route in self.routes for name in route.channels)]
        return list(dict.fromkeys([*named, *([self.alerts] if self.alerts else [])]))

    def repeat(self, route: str) -> float | None:
        """Return the repeat window of a route in seconds; None: it has none."""
        return next((one.repeat for one in self.routes if one.name == route), None)


def load_routes(path: Path) -> Routes:
    """Read a routes.toml. Raises ConfigurationError with every error."""
    file = shown_path(path)
    if path.exists() and not path.is_file():
        raise _unreadable("is not a file", "put a routes.toml there (`bridge init` writes one)", file)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as failure:
        hint = "let the user that runs Bridge read it, or name another file in BRIDGE_ROUTES"
        raise _unreadable(f"cannot be read: {failure.strerror}", hint, file) from None
    except UnicodeDecodeError as failure:
        line = failure.object[: failure.start].count(b"\n") + 1
        raise _unreadable("is not UTF-8 text", "save it as UTF-8", file, line) from None
    return parse_routes(text, file)


def _unreadable(message: str, hint: str, file: str, line: int | None = None) -> ConfigurationError:
    return ConfigurationError([error(Code.ROUTES_UNREADABLE, message, hint, file=file, line=line)])


def parse_routes(text: str, file: str = "routes.toml") -> Routes:
    """Read the text of a routes.toml; diagnostics call it ``file``. Raises ConfigurationError with every error."""
    try:
        data = tomllib.loads(text)
        positions = find_positions(text)
    except RecursionError:
        message, hint = "nests too deeply", "routes need no lists within lists"
        raise ConfigurationError([error(Code.TOML_SYNTAX, message, hint, file=file, line=1)]) from None
    except ValueError as failure:
        raise ConfigurationError([_syntax_error(file, text, str(failure))]) from None
    try:
        tables = RoutesFile.model_validate(_with_names(data))
    except ValidationError as invalid:
        details = invalid.errors(include_url=False, include_input=False)
        raise ConfigurationError(sorted({_diagnostic(one, file, text, positions) for one in details})) from None
    alerts = tables.alerts.channel if tables.alerts else None
    routes = Routes(file, tables.sources, tables.channels, tables.people, tables.routes, alerts, positions)
    if errors := [*_duplicates(routes), *_collisions(routes), *_contradictions(routes)]:
        raise ConfigurationError(errors)
    return routes


def name_errors(routes: Routes, providers: Collection[str]) -> Iterator[Diagnostic]:
    """Return an error for each unknown provider, each unknown source of a route, and each use of the reserved one."""
    known = routes.source_names(providers)
    for name in routes.sources:
        if RESERVED_SOURCE in (name, routes.provider_of(name)):
            hint = "call the source otherwise" if name == RESERVED_SOURCE else "name the provider that sends to it"
            yield _reserved(routes, ("sources", name), f"[sources.{name}]", hint)
        elif (provider := routes.provider_of(name)) not in providers:
            yield routes.diagnostic(
                ("sources", name, "provider"),
                Code.SOURCE_UNKNOWN_PROVIDER,
                f"[sources.{name}] has the unknown provider {provider!r}",
                editing(routes.file, suggestion(provider, providers, "README.md lists the providers")),
            )
    for number, route in enumerate(routes.routes):
        for place, name in enumerate(route.source):
            if name == RESERVED_SOURCE:
                hint = "remove it: the channel of [alerts] gets the alerts, and no route sees them"
                yield _reserved(routes, ("routes", number, "source", place), "`source` in [[routes]]", hint)
            elif name not in known:
                yield routes.diagnostic(
                    ("routes", number, "source", place),
                    Code.ROUTE_UNKNOWN_SOURCE,
                    f"`source` in [[routes]] names the unknown source {name!r}",
                    editing(routes.file, suggestion(name, known, f"add [sources.{name}] with its provider")),
                )


def _reserved(routes: Routes, path: TomlPath, what: str, hint: str) -> Diagnostic:
    message = f"{what} names {RESERVED_SOURCE!r}, the reserved source of alerts"
    return routes.diagnostic(path, Code.SOURCE_RESERVED, message, editing(routes.file, hint))


def _with_names(data: Mapping[str, object]) -> Mapping[str, object]:
    """Return the file's data with a readable name for each nameless route."""
    tables = data.get("routes")
    if not isinstance(tables, list):
        return data
    named = [
        {"name": f"route {number}", **table} if isinstance(table, dict) else table
        for number, table in enumerate(tables, start=1)
    ]
    return {**data, "routes": named}


_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
_QUOTED = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
_LONGEST_CHARACTER = len(repr("\U000e0001"))


def _syntax_error(file: str, text: str, message: str) -> Diagnostic:
    """Return tomllib's error; its place is in its text: ``Invalid value (at line 3, column 5)``."""
    what, line, column = message or "a value cannot be read", 1, None
    if at := _AT.search(message):
        what = message[: at.start()]
        line = int(at[1]) if at[1] else text.rstrip().count("\n") + 1
        column = int(at[2]) if at[2] else None
    what = _QUOTED.sub(_plain_key, what)
    hint = "write `key = value` and put texts in quotes; https://toml.io shows the format"
    return error(Code.TOML_SYNTAX, f"is not TOML: {what}", hint, file=file, line=line, column=column)


def _plain_key(quoted: re.Match[str]) -> str:
    """Return a quoted character or plain key of tomllib's message, else "'…'": a key may be a pasted URL."""
    text = quoted[0]
    return text if len(text) <= _LONGEST_CHARACTER else f"'{_bare(text[1:-1])}'"


_MUST_BE = {
    "string_type": ("must be text", "put it in quotes"),
    "bool_type": ("must be true or false", "write it without quotes"),
    "tuple_type": ("must be a list of texts", 'write it as ["one", "two"]'),
    "dict_type": ("must be a table", "docs/routes.md shows the tables"),
    "model_type": ("must be a table", "docs/routes.md shows the tables"),
    "missing": ("is missing", "add it"),
}


def _diagnostic(detail: ErrorDetails, file: str, text: str, positions: Mapping[TomlPath, Position]) -> Diagnostic:
    """Return pydantic's error as a diagnostic. It never shows a value: the value may be a pasted URL."""
    path = tuple(step for step in detail["loc"] if step != "[key]")
    kind = detail["type"]
    line, column = position = position_of(positions, path)
    cause = detail.get("ctx", {}).get("error")
    code = Code.ROUTE_MISSING_KEY if kind == "missing" else Code.ROUTE_INVALID_VALUE
    if kind == "extra_forbidden":
        code = Code.ROUTE_UNKNOWN_KEY
        message = f"unknown key {_shown(path[-1])}{_inside(path)}"
        hint = suggestion(str(path[-1]), _keys_around(path), "docs/routes.md lists the keys")
    elif path[0] == "routes" and len(path) < 3 and kind != "missing":
        message, hint = "`routes` must be tables", "write [[routes]] above each of them"
    elif isinstance(cause, InvalidValueError):
        message, hint, code = f"{_place(path)} {cause.message}", cause.hint, cause.code or code
        line = text_line(text, position, cause.line)
    else:
        message, hint = _MUST_BE.get(kind, (detail["msg"], "docs/routes.md shows what it may hold"))
        message = f"{_place(path)} {message}"
    return error(
        code, message, editing(file, hint), file=file, line=line, column=column if line == position.line else None
    )


def _keys_around(path: TomlPath) -> Collection[str]:
    """Return the known keys of the table around a path."""
    if len(path) == 1:
        return RoutesFile.model_fields
    if path[0] == "routes":
        return Route.model_fields
    if path[0] == "alerts":
        return AlertsTable.model_fields
    return SourceTable.model_fields if path[0] == "sources" else ChannelPolicy.model_fields


def _place(path: TomlPath) -> str:
    """Return a path in words: "`events` in [[routes]]" for ``("routes", 0, "events", 1)``, "[channels.ops]"."""
    if path[0] in ("people", "alerts") and len(path) > 1:
        return f"{_shown(path[1])} in [{path[0]}]"
    if len(path) < 3:
        return "[" + ".".join(_bare(step) for step in path) + "]"
    return _shown(path[2]) + _inside(path[:3])


def _inside(path: TomlPath) -> str:
    if len(path) == 1:
        return ""
    if path[0] == "alerts":
        return " in [alerts]"
    return " in [[routes]]" if path[0] == "routes" else f" in [{path[0]}.{_bare(path[1])}]"


def _shown(key: str | int) -> str:
    return f"`{_bare(key)}`"


def _bare(key: str | int) -> str:
    """Return a key of plain letters and digits, else "…": it may be a pasted URL."""
    text = str(key)
    return text if len(text) <= 60 and is_name(text.lower()) else "…"


def _duplicates(routes: Routes) -> Iterator[Diagnostic]:
    first: dict[str, int] = {}
    for number, route in enumerate(routes.routes):
        if (other := first.setdefault(route.name, number)) != number:
            line = position_of(routes.positions, ("routes", other)).line
            hint = editing(routes.file, f"rename this one or the one at line {line}")
            path = ("routes", number, "name")
            yield routes.diagnostic(path, Code.ROUTE_DUPLICATE_NAME, "two routes have the same name", hint)


def _contradictions(routes: Routes) -> Iterator[Diagnostic]:
    for number, route in enumerate(routes.routes):
        if route.notify == "always":
            idle = [key for key in ("state", "group_by") if getattr(route, key) is not None]
            message, hint = "has no effect without `notify`", 'add notify = "on_change", or remove it'
        else:
            idle = ["repeat"] if route.repeat is not None else []
            message = 'has no effect with notify = "on_change", which never shows one state twice'
            hint = "remove one of the two, or write two routes"
        for key in idle:
            text = f"`{key}` in [[routes]] {message}"
            yield routes.diagnostic(("routes", number, key), Code.ROUTE_INVALID_VALUE, text, editing(routes.file, hint))


def _collisions(routes: Routes) -> Iterator[Diagnostic]:
    named_by_alerts: dict[str, TomlPath] = {routes.alerts: ("alerts", "channel")} if routes.alerts else {}
    named_by_routes: dict[str, TomlPath] = {
        name: ("routes", number, "channels", place)
        for number, route in reversed(list(enumerate(routes.routes)))
        for place, name in enumerate(route.channels)
    }
    paths: Mapping[str, Mapping[str, TomlPath]] = {
        "sources": {name: ("sources", name) for name in routes.sources},
        "channels": named_by_alerts | named_by_routes | {name: ("channels", name) for name in routes.channels},
    }
    for kind, places in paths.items():
        in_order = sorted(places, key=lambda name: position_of(routes.positions, places[name]))
        for first, second in collisions(in_order):
            message = f"{kind} {first!r} and {second!r} would share one variable"
            hint = editing(routes.file, "rename one of them")
            yield routes.diagnostic(places[second], Code.NAME_COLLISION, message, hint)
