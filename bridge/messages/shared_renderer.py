"""Render and compile for a command: in one render process, which starts when it is needed and ends with the command."""

import atexit
from collections.abc import Collection, Sequence

from bridge.events import Event
from bridge.messages import compiling
from bridge.messages.message import Rendered
from bridge.messages.render_protocol import RenderJob
from bridge.messages.renderer import LocalRenderer, ProcessRenderer, Renderer
from bridge.messages.templates import Templates

_shared: list[Renderer] = []
"""The renderer of this command, once it is needed."""


def use_this_process() -> None:
    """Render in this process from now on, without limits: for debuggers."""
    _shared[:] = [LocalRenderer()]


def render(event: Event, templates: Templates, template: str | None = None, *, notes: Sequence[str] = ()) -> Rendered:
    """Render an event as ``messages.render`` does; a template that never ends gets the fallback."""
    return _renderer().render(RenderJob(event, template, tuple(notes), reads=True), templates)


def compiled(templates: Templates, names: Collection[str] | None = None) -> Templates:
    """Compile the templates with these names, or all, and return them with the errors of those that cannot be."""
    return compiling.compiled(templates, names, _renderer().compile_error)


def _renderer() -> Renderer:
    if not _shared:
        _shared.append(ProcessRenderer())
        atexit.register(_shared[0].close)
    return _shared[0]
