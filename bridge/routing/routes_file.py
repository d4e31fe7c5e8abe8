"""routes.toml, read and checked: which events go to which channels. Errors name the file, the line and the mend."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bridge.config.errors import ConfigurationError, nearest
from bridge.config.names import collisions, is_name
from bridge.routing.schema import AlertsTable, ChannelTable, Route, RoutesFile, SourceTable
from bridge.routing.toml_positions import Path as TomlPath
from bridge.routing.toml_positions import find_lines, line_of


@dataclass(frozen=True, slots=True, eq=False)
class Routes:
    """A whole routes.toml, valid in itself. ``file`` is its name as errors show it."""

    file: str
    sources: Mapping[str, SourceTable]
    channels: Mapping[str, ChannelTable]
    people: Mapping[str, str]
    """The provider's user name to the Slack member id."""
    routes: tuple[Route, ...]
    alerts: str | None
    """The channel that hears of the bridge's own troubles."""
    lines: Mapping[TomlPath, int] = field(repr=False)

    def where(self, *path: str | int) -> str:
        """The file and line of what a path names, such as ``routes.toml:12``."""
        return f"{self.file}:{line_of(self.lines, path)}"

    def where_route(self, name: str, key: str) -> str:
        """The file and line of a key of the route with this name, or of the route where the key is not there."""
        number = [route.name for route in self.routes].index(name)
        return self.where("routes", number, key)

    def provider_of(self, source: str) -> str:
        """The name of a source's provider."""
        table = self.sources.get(source)
        return table.provider if table and table.provider else source

    def dedupe_ttl(self, source: str) -> float | None:
        """Seconds for which a source's keys are remembered; None: as long as its provider says."""
        table = self.sources.get(source)
        return table.dedupe_ttl if table else None

    def channel(self, name: str) -> ChannelTable:
        """What the file says of a channel, or what holds where it says nothing."""
        return self.channels.get(name) or ChannelTable()

    def source_names(self, providers: Iterable[str]) -> list[str]:
        """Every source there could be: each provider's own name, and each table's."""
        return list(dict.fromkeys([*providers, *self.sources]))

    def sources_of(self, provider: str) -> list[str]:
        """Every source there could be of one provider."""
        return [name for name in self.source_names([provider]) if self.provider_of(name) == provider]

    def channel_names(self) -> list[str]:
        """Every channel that a table or a route names, in the order of the file."""
        named = [*self.channels, *(name for route in self.routes for name in route.channels)]
        return list(dict.fromkeys([*named, *([self.alerts] if self.alerts else [])]))

    def repeat(self, route: str) -> float | None:
        """Seconds within which a route's messages are folded where they read the same; None where they are not."""
        return next((one.repeat for one in self.routes if one.name == route), None)


def load_routes(path: Path) -> Routes:
    """Read a routes.toml. Raises ConfigurationError with every fault that can be found."""
    if path.exists() and not path.is_file():
        raise ConfigurationError([f"{path}: is no file: put a routes.toml there (`bridge init` writes one)"])
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot be read ({error.strerror}); see BRIDGE_ROUTES"]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError([f"{path}:{line}: is not UTF-8 text: save it as UTF-8"]) from None
    return parse_routes(text, str(path))


def parse_routes(text: str, file: str = "routes.toml") -> Routes:
    """Read the text of a routes.toml; errors call it ``file``. Raises ConfigurationError with every fault."""
    try:
        data = tomllib.loads(text)
        lines = find_lines(text)
    except RecursionError:
        raise ConfigurationError([f"{file}:1: nests too deeply: routes need no lists within lists"]) from None
    except ValueError as error:
        raise ConfigurationError([_syntax_fault(file, text, str(error))]) from None
    try:
        tables = RoutesFile.model_validate(_with_names(data))
    except ValidationError as error:
        found = {_fault(detail, lines) for detail in error.errors(include_url=False, include_input=False)}
        raise ConfigurationError(f"{file}:{line}: {said}" for line, said in sorted(found)) from None
    alerts = tables.alerts.channel if tables.alerts else None
    routes = Routes(file, tables.sources, tables.channels, tables.people, tables.routes, alerts, lines)
    if faults := [*_twice_named(routes), *_colliding(routes)]:
        raise ConfigurationError(faults)
    return routes


def name_faults(routes: Routes, providers: Collection[str]) -> list[str]:
    """One line for each source that a table or route names and that no provider stands for."""
    known = routes.source_names(providers)
    faults = [
        f"{routes.where('sources', name, 'provider')}: [sources.{name}] is of the unknown provider {provider!r}; "
        f"the nearest known is {nearest(provider, providers)!r}"
        for name in routes.sources
        if (provider := routes.provider_of(name)) not in providers
    ]
    faults += [
        f"{routes.where('routes', number, 'source', place)}: `source` in [[routes]] names the unknown source {name!r}; "
        f"the nearest known is {nearest(name, known)!r}"
        for number, route in enumerate(routes.routes)
        for place, name in enumerate(route.source)
        if name not in known
    ]
    return faults


def _with_names(data: Mapping[str, object]) -> Mapping[str, object]:
    """The file's data, with a readable name for each route that has none."""
    tables = data.get("routes")
    if not isinstance(tables, list):
        return data
    named = [
        {"name": f"route {number}", **table} if isinstance(table, dict) else table
        for number, table in enumerate(tables, start=1)
    ]
    return {**data, "routes": named}


def _syntax_fault(file: str, text: str, message: str) -> str:
    """tomllib says where only in its text: `Invalid value (at line 3, column 5)`, or `(at end of document)`."""
    what, _, place = message.rpartition(" (at ")
    line = place.removeprefix("line ").partition(",")[0]
    if not line.isdigit():
        line = str(max(1, len(text.splitlines()))) if place.startswith("end") else "1"
    return f"{file}:{line}: is not TOML: {what or 'it holds a value that cannot be read'}"


_MUST_BE = {
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list of texts in quotes",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "missing": "is missing",
}


def _fault(detail: ErrorDetails, lines: Mapping[TomlPath, int]) -> tuple[int, str]:
    """The line and the text for what pydantic found. It never shows a value: somebody may have pasted a URL."""
    path = tuple(step for step in detail["loc"] if step != "[key]")
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = nearest(str(path[-1]), _keys_around(path))
        said = f"unknown key {_shown(path[-1])}{_inside(path)}; the nearest known is `{known}`"
    elif path[0] == "routes" and len(path) < 3 and kind != "missing":
        said = "`routes` must be tables: write [[routes]] above each of them"
    elif kind == "value_error":
        said = f"{_place(path)} {detail['ctx']['error']}"
    else:
        said = f"{_place(path)} {_MUST_BE.get(kind, detail['msg'])}"
    return line_of(lines, path), said


def _keys_around(path: TomlPath) -> Iterable[str]:
    """The keys that the table around a path may have."""
    if len(path) == 1:
        return RoutesFile.model_fields
    if path[0] == "routes":
        return Route.model_fields
    if path[0] == "alerts":
        return AlertsTable.model_fields
    return SourceTable.model_fields if path[0] == "sources" else ChannelTable.model_fields


def _place(path: TomlPath) -> str:
    """``("routes", 0, "events", 1)`` as "`events` in [[routes]]", ``("channels", "ops")`` as "[channels.ops]"."""
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
    """A key as TOML writes it without quotes; anything else may be a pasted URL or worse, and is not shown."""
    text = str(key)
    return text if len(text) <= 60 and is_name(text.lower()) else "…"


def _twice_named(routes: Routes) -> list[str]:
    first: dict[str, int] = {}
    faults = []
    for number, route in enumerate(routes.routes):
        if (other := first.setdefault(route.name, number)) != number:
            faults.append(
                f"{routes.where('routes', number, 'name')}: two routes have the same name: "
                f"rename this one or the one at line {line_of(routes.lines, ('routes', other))}"
            )
    return faults


def _colliding(routes: Routes) -> list[str]:
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
    return [
        f"{routes.where(*places[second])}: {kind} {first!r} and {second!r} would share one variable: rename one of them"
        for kind, places in paths.items()
        for first, second in collisions(sorted(places, key=lambda name: line_of(routes.lines, places[name])))
    ]
