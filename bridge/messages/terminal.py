"""Draw a message on a terminal, as Slack would show it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bridge.core.payload import list_at, map_at, text_at
from bridge.messages.emoji import with_emoji
from bridge.messages.html import bar_colour
from bridge.messages.message import Message
from bridge.messages.mrkdwn_parser import Line, Span, parse

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show(message: Message) -> RenderableType:
    """Return the message as a rich renderable: blocks, and attachments behind a bar in their colour."""
    parts: list[RenderableType] = list(_blocks(message.blocks))
    if not parts and not message.attachments:
        parts.append(mrkdwn(message.text))
    for attachment in message.attachments:
        inner = Group(*_blocks(list_at(attachment, "blocks")))
        parts.append(_Barred(inner, Style(color=bar_colour(text_at(attachment, "color")))))
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Barred:
    """A renderable with a coloured bar of its height at its left."""

    inner: RenderableType
    style: Style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrower = options.update_width(max(options.max_width - 2, 1))
        for line in console.render_lines(self.inner, narrower, pad=False):
            yield Segment("▌ ", self.style)
            yield from line
            yield Segment.line()


def framed(message: Message, channel: str, width: int | None = None) -> Panel:
    """Return the message in a frame with its channel's name."""
    return Panel(show(message), title=Text(f"#{channel}", "bold"), title_align="left", width=width, border_style="dim")


def mrkdwn(text: str) -> Text:
    """Return Slack's mrkdwn as styled text. Control characters are dropped, so that no text can steer the terminal."""
    return Text("\n").join(_line(line) for line in parse(text))


def _line(line: Line) -> Text:
    shown = Text("▎", "dim") if line.kind == "quote" else Text("  ") if line.kind == "code" else Text()
    for span in line.spans:
        shown.append(span.text, _CODE if line.kind == "code" else _style(span))
    return shown


_CODE = Style(color="red")


def _style(span: Span) -> Style:
    style = Style(bold=span.bold or None, italic=span.italic or None, strike=span.strike or None)
    if span.url:
        style += Style(link=span.url, underline=True, color="blue")
    if span.mention:
        style += Style(color="yellow")
    return style + _CODE if span.code else style


def _plain(text: str) -> str:
    return with_emoji(_CONTROL.sub("", text))


def _blocks(blocks: object) -> Iterator[RenderableType]:
    for block in list_at(blocks):
        kind = text_at(block, "type")
        if kind == "header":
            yield Text(_plain(text_at(block, "text", "text")), "bold")
        elif kind == "divider":
            yield Text("─" * 40, "dim")
        elif kind == "section":
            yield from _section(block)
        elif kind == "context":
            yield Text("  ").join(mrkdwn(text_at(element, "text")) for element in list_at(block, "elements"))
        elif kind == "actions":
            yield Text("  ").join(_button(map_at(element)) for element in list_at(block, "elements"))


def _section(block: object) -> Iterator[RenderableType]:
    text = text_at(block, "text", "text")
    if text:
        yield mrkdwn(text)
    fields = [mrkdwn(text_at(field, "text")) for field in list_at(block, "fields")]
    if fields:
        grid = Table.grid(padding=(0, 3))
        for left, right in zip(fields[::2], [*fields[1::2], Text()], strict=False):
            grid.add_row(left, right)
        yield grid


def _button(element: Mapping[str, object]) -> Text:
    colour = {"primary": "green", "danger": "red"}.get(text_at(element, "style"), "white")
    shown = Text(f"[ {_plain(text_at(element, 'text', 'text'))} ]")
    shown.stylize(Style(color=colour, bold=True, link=_CONTROL.sub("", text_at(element, "url")) or None))
    return shown
