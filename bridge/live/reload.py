"""Another configuration for a bridge that runs: its files are looked at now and then, and read anew if they changed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import structlog

from bridge.config import environment
from bridge.config.errors import ConfigurationError
from bridge.config.settings import Settings, load_settings
from bridge.core import logs
from bridge.core.clock import Clock, sleep_unless
from bridge.live.snapshot import Snapshot, load_snapshot
from bridge.messages.render import Templates, compiled, with_text
from bridge.routing.routes_file import Routes

LOOK_EVERY = 2.0
"""Seconds between two looks. Notifications of the system do not reach files that are mounted into a container."""
SETTLED = 0.3
"""Seconds for which files must stay as they are before they are read: editors and mounts write in several steps."""
AT_ONCE = frozenset({"routes", "templates", "public_url", "secrets", "channels", "slack_hosts", "secrets_dir"})
"""The settings that a bridge takes up while it runs. All others are for its next start."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("bridge.live.reload")

State = Mapping[Path, tuple[int, int, int]]


class Reload:
    """Reads settings, routes and templates anew, and hands what they say to ``take_over``.

    A configuration that cannot work is told, and changes nothing. ``settings`` are those that the bridge started with;
    ``read`` reads them again, from ``dotenv`` and ``secrets_dir`` too.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Callable[[], Snapshot],
        take_over: Callable[[Snapshot], Awaitable[None]],
        clock: Clock,
        *,
        read: Callable[[], tuple[Settings, list[str]]] = load_settings,
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
        """All that there ever were: an old URL may still be in use, and in a text."""
        self._told: frozenset[str] = frozenset()
        self._asked = asyncio.Event()
        self._seen = self._state()

    def now(self) -> None:
        """Read it all anew at once, whether it changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Look for changes, for ever."""
        while True:
            asked = await sleep_unless(self._clock, LOOK_EVERY, self._asked)
            self._asked.clear()
            try:
                await self._look(asked=asked)
            except Exception:
                log.exception("the configuration cannot be looked at, and is looked at again")

    async def _look(self, *, asked: bool) -> None:
        state = await asyncio.to_thread(self._state)
        while state != self._seen:
            await self._clock.sleep(SETTLED)
            earlier, state = state, await asyncio.to_thread(self._state)
            if state == earlier:
                break
        if not asked and state == self._seen:
            return
        places = self._places()
        try:
            snapshot = await asyncio.to_thread(self._read_all)
        except ConfigurationError as error:
            for fault in error.faults:
                log.error("the configuration cannot be taken up, and the one before stays in force", fault=fault)
            return
        finally:
            self._seen = state
            if self._places() != places:
                # Of files that are looked at from now on, the state of now is the first that is known.
                self._seen = {path: state.get(path, found) for path, found in self._state().items()}
        before = self._snapshot()
        if _same_texts(snapshot.templates, before.templates) and snapshot.routes.people == before.routes.people:
            snapshot = replace(snapshot, templates=before.templates)
        await self._take_over(snapshot)
        log.info("configuration reloaded", changed=", ".join(_changes(before, snapshot)) or "nothing")
        self._tell_of_the_next_start()

    def _read_all(self) -> Snapshot:
        settings, warnings = self._read()
        # Known from here on, even if the rest cannot work: what it names is looked at, and mending it is seen.
        self._settings = settings
        self._secrets = list(dict.fromkeys([*self._secrets, *settings.every_secret()]))
        logs.hide(self._secrets)
        for warning in warnings:
            log.warning("a setting is passed over", reason=warning)
        return load_snapshot(settings)

    def _tell_of_the_next_start(self) -> None:
        later = [name for name in Settings.model_fields if name not in AT_ONCE]
        changed = {name for name in later if getattr(self._first, name) != getattr(self._settings, name)}
        if changed != self._told and changed:
            names = ", ".join(f"{environment.PREFIX}{name.upper()}" for name in sorted(changed))
            log.warning("these settings take effect at the next start", settings=names)
        self._told = frozenset(changed)

    def _places(self) -> tuple[Path, Path | None, Path]:
        """Where routes, templates and secrets are."""
        settings = self._settings
        return settings.routes_file, settings.templates_folder, settings.secrets_dir or self._secrets_dir

    def _state(self) -> State:
        """What tells one state of the files from another: times, sizes and numbers."""
        routes, templates, secrets = self._places()
        found = {}
        for path in (routes, self._dotenv, *_secrets(secrets), *_templates(templates)):
            with suppress(OSError):
                stat = path.stat()
                found[path] = stat.st_mtime_ns, stat.st_size, stat.st_ino
        return found


def ready(templates: Templates, before: Templates) -> Templates:
    """The templates, compiled. One that is broken and was not before stays as it was; each fault is told."""
    broken = compiled(templates).faults
    broken_before = compiled(before).faults if broken else {}
    for name, fault in broken.items():
        if name in before.sources and name not in broken_before:
            log.error("this template is broken, and the one before stays in force", fault=fault)
            templates = with_text(templates, name, before.sources[name])
        else:
            log.warning("this template is broken, and a plain message stands in for it", fault=fault)
    return templates


def _secrets(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [path for path in folder.iterdir() if path.name.upper().startswith(environment.PREFIX)]
    return []


def _templates(folder: Path | None) -> list[Path]:
    """As far as the folder can be walked: folders may go while they are looked at."""
    found: list[Path] = []
    with suppress(OSError):
        found.extend(folder.rglob("*.j2") if folder else ())
    return found


def _same_texts(one: Templates, other: Templates) -> bool:
    return one.sources == other.sources and one.faults == other.faults


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    """What is different, in words. Nothing of it is a secret."""
    changes = []
    old, new = before.templates.sources, after.templates.sources
    if number := sum(old.get(name) != new.get(name) for name in old.keys() | new.keys()):
        changes.append(f"{number} {'template' if number == 1 else 'templates'}")
    if _said(before.routes) != _said(after.routes):
        changes.append("the routes")
    for what, names in (
        ("the secrets of", _different(before.sources, after.sources)),
        ("the channel", _different(before.channels, after.channels)),
    ):
        changes += [f"{what} {name}" for name in names]
    if before.public_url != after.public_url:
        changes.append("BRIDGE_PUBLIC_URL")
    return changes


def _said(routes: Routes) -> tuple[object, ...]:
    return routes.sources, routes.channels, routes.people, routes.alerts, routes.routes


def _different(before: Mapping[str, object], after: Mapping[str, object]) -> Iterable[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
