"""Render an event with its template: to a message, a reason for none, or the fallback. Raise nothing."""

from collections.abc import Sequence
from dataclasses import replace

from bridge.config.diagnostics import PACKAGED, Diagnostic
from bridge.core.payload import clean
from bridge.events import Event
from bridge.messages import template_blocks
from bridge.messages.choice import DEFAULT, choose
from bridge.messages.compact import compact_blocks, fingerprint
from bridge.messages.compiling import template_of
from bridge.messages.first_line import MAX_LINE, first_line, linked_line, plain_line
from bridge.messages.layout import full_form
from bridge.messages.links import link
from bridge.messages.message import Message, Rendered
from bridge.messages.missing_fields import missing_field
from bridge.messages.mrkdwn import escaped
from bridge.messages.normalize import MessageParts, normalize
from bridge.messages.template_blocks import SkippedError, TemplateBlocks
from bridge.messages.template_errors import error_of
from bridge.messages.templates import Templates
from bridge.sources import line_of
from bridge.templating import limits
from bridge.templating.limits import Meter

SECONDS = 0.3
"""CPU time that one template may take. An ordinary one takes less than a thousandth."""


def render(
    event: Event,
    templates: Templates,
    template: str | None = None,
    *,
    notes: Sequence[str] = (),
    meter: Meter | None = None,
    reads: bool = True,
) -> Rendered:
    """Render an event with ``template``, by default the most specific one. Raises nothing.

    Without a payload (the stored body is lost) the default is ``default.j2``, which needs only the event. A template
    that fails, takes too long or writes too much gives the plain fallback and an ``error``. ``notes`` are plain lines
    for the message's context, such as "Posted 3 hours late". Without ``reads``, the paths that the template read are
    left out.
    """
    name = template or (choose(event, templates) if event.payload else DEFAULT)
    line = line_of(event)
    meter = meter or Meter(SECONDS)
    try:
        filled = _fill(event, line, templates, name, meter)
        bare = normalize(filled, line)
        noted = normalize(filled, line, notes) if notes else bare
        message = full_form(noted, link_buttons=templates.link_buttons)
        rendered = _rendered(name, event, bare, message)
    except SkippedError as skipped:
        rendered = Rendered(name, None, clean(str(skipped), 300))
    except Exception as failure:  # noqa: BLE001 - the event is posted after any failure of a template
        rendered = fallback(event, name, error_of(failure, name, templates), notes)
    if not reads:
        return rendered
    undefined = tuple(missing_field(place, one) for place, one in meter.missing.items())
    return replace(rendered, missing=tuple(meter.missing), found=tuple(sorted(meter.found)), undefined=undefined)


def fallback(event: Event, name: str, error: Diagnostic, notes: Sequence[str] = ()) -> Rendered:
    """Return the plain message of an event whose template failed. It runs no template."""
    line = line_of(event)
    blocks = _fallback(event, line, error)
    message = full_form(normalize(blocks, line, notes))
    return replace(_rendered(name, event, normalize(blocks, line), message), error=error)


def _rendered(name: str, event: Event, bare: MessageParts, message: Message) -> Rendered:
    return Rendered(
        name,
        message,
        compact=compact_blocks(bare, event.url),
        fingerprint=fingerprint(bare),
        line=plain_line(first_line(bare)),
        linked_line=linked_line(bare, event.url, MAX_LINE),
    )


def _fill(event: Event, line: str, templates: Templates, name: str, meter: Meter) -> TemplateBlocks:
    filled = TemplateBlocks()
    with limits.use_meter(meter), template_blocks.collecting(filled):
        output = template_of(templates, name).render(event=event, payload=event.payload, line=line)
    if output.strip():  # no parent that would take it: the template is its body
        filled.body = f"{output}\n{filled.body}" if filled.body else output
    return filled


def _fallback(event: Event, line: str, error: Diagnostic) -> TemplateBlocks:
    """Return the plain message: the provider's plain line, type, link, and the template's error."""
    template = error.place.removeprefix(PACKAGED).removeprefix("templates/")
    shown = escaped(f"Template {template} failed: {error.message}")
    return TemplateBlocks(
        title=link(event.url, line),
        color="muted",
        context=f"{shown}\n{escaped(event.source)} · {escaped(event.type)}",
    )
