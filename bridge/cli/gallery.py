"""`bridge gallery`."""

from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import track

from bridge.cli.errors import NO, complain, out, refuse
from bridge.cli.loading import settings_or_end, without_secrets
from bridge.config.errors import ConfigurationError
from bridge.live.snapshot import Snapshot
from bridge.live.template_choice import template_for
from bridge.messages.shared_renderer import render
from bridge.preview.gallery import GalleryItem, gallery_page
from bridge.samples import SAMPLE_TIME, sample_event, samples


def gallery(file: Path) -> None:
    """Write the page. Status 1 if a template failed; the page shows its error."""
    try:
        snapshot = without_secrets(settings_or_end())
    except ConfigurationError as error:
        refuse(error.diagnostics)
    items = list(_items(snapshot))
    try:
        file.write_text(gallery_page(items), "utf-8")
    except OSError as error:
        refuse([f"cannot write {file} ({error.strerror or error}): name another file"])
    out().print(f"wrote {len(items)} messages to {file}")
    if errors := sorted({item.rendered.error for item in items if item.rendered.error}):
        complain(errors)
        raise typer.Exit(NO)


def _items(snapshot: Snapshot) -> Iterator[GalleryItem]:
    console = Console(stderr=True)
    for sample in track(
        samples().values(), "Rendering", console=console, transient=True, disable=not console.is_terminal
    ):
        event = sample_event(sample, _source_of(sample.provider, snapshot), SAMPLE_TIME)
        rendered = render(event, snapshot.templates, template_for(event, snapshot))
        yield GalleryItem(sample.provider, sample.type, rendered)


def _source_of(provider: str, snapshot: Snapshot) -> str:
    return next(iter(snapshot.routes.sources_of(provider)), provider)
