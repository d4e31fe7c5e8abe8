"""Reload the configuration of a running Bridge when its files change."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from bridge.config import environment
from bridge.config.diagnostics import Diagnostic
from bridge.config.errors import ConfigurationError
from bridge.config.settings import Settings, load_settings
from bridge.core import logs
from bridge.core.clock import Clock, sleep_unless
from bridge.live.snapshot import Snapshot, load_snapshot
from bridge.live.vanished import OwnFiles, own_files, vanished
from bridge.messages.event_fields import event_field_errors
from bridge.messages.loader import template_files
from bridge.messages.templates import Templates, with_text
from bridge.routing.routes_file import Routes

LOOK_EVERY = 2.0
"""Seconds between two looks at the files: system notifications do not reach mounts of a container."""
SETTLED = 0.3
"""Seconds without a change before files are read: editors and mounts write in several steps."""
AT_ONCE = frozenset(
    {"routes", "templates", "link_buttons", "public_url", "secrets", "channels", "slack_hosts", "secrets_dir"}
)
"""The settings that apply while Bridge runs. All others apply at its next start."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.reload")

State = Mapping[Path, tuple[int, int, int]]


class Reload:
    """Reads settings, routes and templates again, and passes the new snapshot to ``take_over``.

    A configuration with errors is logged, and changes nothing. ``settings`` are those of the start; ``read`` reads
    them again, also from ``dotenv`` and ``secrets_dir``.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Callable[[], Snapshot],
        take_over: Callable[[Snapshot], Awaitable[None]],
        clock: Clock,
        *,
        read: Callable[[], tuple[Settings, list[Diagnostic]]] = load_settings,
        dotenv: Path = Path(".env"),
        secrets_dir: Path = environment.SECRETS_DIR,
    ) -> None:
        self._first = self._settings = settings
        self._snapshot = snapshot
        self._take_over = take_over
        self._clock = clock
        self._read = read
        self._dotenv = dotenv
        self._secrets_dir = secrets_dir
        self._secrets = settings.every_secret()
        """All secrets since the start: an old URL may still be in use, and in a text."""
        self._reported: frozenset[str] = frozenset()
        self._in_force = own_files(settings, snapshot())
        self._requested = asyncio.Event()
        self._seen = self._state()

    def now(self) -> None:
        """Reload at once, also without a change."""
        self._requested.set()

    async def run(self) -> None:
        """Look for changes until cancelled."""
        while True:
            requested = await sleep_unless(self._clock, LOOK_EVERY, self._requested)
            self._requested.clear()
            try:
                await self._look(requested=requested)
            except Exception:
                log.exception("reload failed", next_try_in=LOOK_EVERY)

    async def _look(self, *, requested: bool) -> None:
        state = await asyncio.to_thread(self._state)
        while state != self._seen:
            await self._clock.sleep(SETTLED)
            earlier, state = state, await asyncio.to_thread(self._state)
            if state == earlier:
                break
        if not requested and state == self._seen:
            return
        places = self._places()
        try:
            snapshot, in_force = await asyncio.to_thread(self._read_all)
        except ConfigurationError as error:
            for diagnostic in error.diagnostics:
                log.error("configuration refused, the previous one stays in force", **diagnostic.log_fields())
            return
        finally:
            self._seen = state
            if self._places() != places:
                # For files that are watched from now on, the current state is the first known one.
                self._seen = {path: state.get(path, found) for path, found in self._state().items()}
        before = self._snapshot()
        if _same_templates(snapshot, before):
            snapshot = replace(snapshot, templates=before.templates)
        await self._take_over(snapshot)
        self._in_force = in_force
        log.info("configuration reloaded", changed=", ".join(_changes(before, snapshot)) or "nothing")
        self._warn_of_settings_for_the_next_start()

    def _read_all(self) -> tuple[Snapshot, OwnFiles]:
        settings, warnings = self._read()
        # Kept even if the rest has errors: the files that they name are watched, so that a fix is seen.
        self._settings = settings
        self._secrets = list(dict.fromkeys([*self._secrets, *settings.every_secret()]))
        logs.hide(self._secrets)
        for warning in warnings:
            log.warning("setting ignored", **warning.log_fields())
        snapshot = load_snapshot(settings)
        found = own_files(settings, snapshot)
        if gone := [*vanished(self._in_force, found)]:
            raise ConfigurationError(gone)
        return snapshot, found

    def _warn_of_settings_for_the_next_start(self) -> None:
        later = [name for name in Settings.model_fields if name not in AT_ONCE]
        changed = {name for name in later if getattr(self._first, name) != getattr(self._settings, name)}
        if changed != self._reported and changed:
            names = ", ".join(f"{environment.PREFIX}{name.upper()}" for name in sorted(changed))
            log.warning("settings apply at the next start", settings=names)
        self._reported = frozenset(changed)

    def _places(self) -> tuple[Path, Path | None, Path]:
        """Return the places of routes, templates and secrets."""
        settings = self._settings
        return settings.routes_file, settings.templates_folder, settings.secrets_dir or self._secrets_dir

    def _state(self) -> State:
        """Return times, sizes and inodes of the files, to compare two states of them."""
        routes, templates, secrets = self._places()
        found = {}
        for path in (routes, self._dotenv, *_secrets(secrets), *_templates(templates)):
            with suppress(OSError):
                stat = path.stat()
                found[path] = stat.st_mtime_ns, stat.st_size, stat.st_ino
        return found


async def ready(
    templates: Templates,
    before: Templates,
    compile_error: Callable[[Templates, str], Awaitable[Diagnostic | None]],
) -> Templates:
    """Compile the templates. A newly broken template keeps its previous text; log each error."""
    broken = await _broken(templates, templates.sources, compile_error)
    broken_before = await _broken(before, broken, compile_error)
    for name, error in broken.items():
        if name in before.sources and name not in broken_before:
            log.error("template broken, the previous one stays in force", **error.log_fields())
            templates = with_text(templates, name, before.sources[name])
        else:
            log.warning("template broken, its messages are plain", **error.log_fields())
    for name, text in templates.sources.items():
        if text != before.sources.get(name):
            for error in event_field_errors(templates, name):
                log.warning("template reads a field that no event has", **error.log_fields())
    return templates


async def _broken(
    templates: Templates, names: Iterable[str], compile_error: Callable[[Templates, str], Awaitable[Diagnostic | None]]
) -> Mapping[str, Diagnostic]:
    """Return the errors of the templates with these names."""
    broken = dict(templates.errors)
    for name in names:
        if name in templates.sources and name not in broken and (error := await compile_error(templates, name)):
            broken[name] = error
    return broken


def _secrets(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [path for path in folder.iterdir() if path.name.upper().startswith(environment.PREFIX)]
    return []


def _templates(folder: Path | None) -> list[Path]:
    """Return the files of a folder as far as it can be walked: folders may vanish meanwhile."""
    found: list[Path] = []
    with suppress(OSError):
        found.extend(path for _, path in (template_files(folder) if folder else ()))
    return found


def _same_templates(one: Snapshot, other: Snapshot) -> bool:
    same_texts = one.templates.sources == other.templates.sources and one.templates.errors == other.templates.errors
    same_buttons = one.templates.link_buttons == other.templates.link_buttons
    return same_texts and same_buttons and one.routes.people == other.routes.people


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the differences in words, without secrets."""
    changes = []
    old, new = before.templates.sources, after.templates.sources
    if number := sum(old.get(name) != new.get(name) for name in old.keys() | new.keys()):
        changes.append(f"{number} {'template' if number == 1 else 'templates'}")
    if _contents(before.routes) != _contents(after.routes):
        changes.append("the routes")
    for what, names in (
        ("the secrets of", _different(before.sources, after.sources)),
        ("the channel", _different(before.channels, after.channels)),
    ):
        changes += [f"{what} {name}" for name in names]
    if before.public_url != after.public_url:
        changes.append("BRIDGE_PUBLIC_URL")
    if before.templates.link_buttons != after.templates.link_buttons:
        changes.append("BRIDGE_LINK_BUTTONS")
    return changes


def _contents(routes: Routes) -> tuple[object, ...]:
    return routes.sources, routes.channels, routes.people, routes.alerts, routes.routes


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
