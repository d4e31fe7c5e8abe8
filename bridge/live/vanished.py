"""Find routes and templates in force whose files are gone, so that a reload does not fall back to the packaged ones."""

from collections.abc import Iterator
from dataclasses import dataclass

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import PACKAGED, Diagnostic, error
from bridge.config.settings import Settings
from bridge.live.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """What a snapshot was read from, beside the packaged files."""

    settings: Settings
    routes: str | None
    """The operator's routes.toml, as diagnostics show it."""
    templates: str | None
    """The folder of the operator's templates; None without a template in it."""


def own_files(settings: Settings, read: Snapshot) -> OwnFiles:
    """Return the operator's files of a snapshot, as it was read: by now they may be gone."""
    templates = read.templates
    overlaid = {*templates.sources, *templates.errors} - templates.packaged
    return OwnFiles(
        settings,
        None if read.routes.file.startswith(PACKAGED) else read.routes.file,
        str(settings.templates or "templates") if overlaid else None,
    )


def vanished(before: OwnFiles, now: OwnFiles) -> Iterator[Diagnostic]:
    """Yield an error for what was in force and is deleted, renamed or unmounted.

    A variable that names another place, or none any more, is a wish. An unmounted folder of templates may be an empty
    one. A file that a variable names is missed when the settings are read.
    """
    put_back = "put it back, or restart Bridge to use the packaged"
    if before.routes and not now.routes and before.settings.routes == now.settings.routes:
        message = "is gone, so the routes read from it stay in force"
        yield error(Code.ROUTES_UNREADABLE, message, f"{put_back} routes", file=before.routes)
    if before.templates and not now.templates and before.settings.templates == now.settings.templates:
        message = "holds no template any more, so those read from it stay in force"
        yield error(Code.TEMPLATES_UNREADABLE, message, f"{put_back} templates", file=before.templates)
