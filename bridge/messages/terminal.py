"""A message as Slack would show it, on a terminal."""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.emoji import Emoji
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from bridge.messages import Message
from bridge.payload import list_at, map_at, text_at

_TOKEN = re.compile(
    r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<control>[^<>\n]+)>"
    r"|(?<!\w)\*(?P<bold>[^*\n]+)\*(?!\w)|(?<!\w)_(?P<italic>[^_\n]+)_(?!\w)|(?<!\w)~(?P<strike>[^~\n]+)~(?!\w)",
    re.DOTALL,
)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOURS = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}


def show(message: Message) -> RenderableType:
    """The message as a rich renderable: blocks, and attachments behind a bar in their colour."""
    parts: list[RenderableType] = list(_blocks(message.blocks))
    if not parts and not message.attachments:
        parts.append(mrkdwn(message.text))
    for attachment in message.attachments:
        colour = text_at(attachment, "color")
        inner = Group(*_blocks(list_at(attachment, "blocks")))
        known = _COLOURS.get(colour, colour if re.fullmatch("#[0-9a-fA-F]{6}", colour) else "#868686")
        parts.append(_Barred(inner, Style(color=known)))
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Barred:
    """Something with a coloured bar at its left, as high as itself."""

    inner: RenderableType
    style: Style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        narrower = options.update_width(max(options.max_width - 2, 1))
        for line in console.render_lines(self.inner, narrower, pad=False):
            yield Segment("▌ ", self.style)
            yield from line
            yield Segment.line()


def framed(message: Message, channel: str, width: int | None = None) -> Panel:
    """The message in a frame that names its channel."""
    return Panel(show(message), title=Text(f"#{channel}", "bold"), title_align="left", width=width, border_style="dim")


def mrkdwn(text: str) -> Text:
    """Slack's mrkdwn as styled text. Control characters are dropped, so that nothing in it can steer the terminal."""
    result = Text()
    for number, line in enumerate(_CONTROL.sub("", text).split("\n")):
        if number:
            result.append("\n")
        if line.startswith((">", "&gt;")):
            result.append("▎", "dim")
            line = line.removeprefix("&gt;").removeprefix(">").lstrip()
        _inline(result, line, Style())
    return result


def _inline(result: Text, text: str, style: Style) -> None:
    end = 0
    for match in _TOKEN.finditer(text):
        result.append(_plain(text[end : match.start()]), style)
        end = match.end()
        kind, inner = match.lastgroup, match.group(match.lastgroup or 0)
        if kind == "control":
            shown, url = _control(inner)
            link = style + Style(link=url, underline=True, color="blue") if url else style + Style(color="yellow")
            _inline(result, shown, link)
        elif kind in ("code", "pre"):
            result.append(html.unescape(inner), style + Style(color="red"))
        else:
            look = {"bold": Style(bold=True), "italic": Style(italic=True), "strike": Style(strike=True)}
            _inline(result, inner, style + look[str(kind)])
    result.append(_plain(text[end:]), style)


def _control(inner: str) -> tuple[str, str]:
    """What a `<…>` shows, and where it leads."""
    target, _, label = inner.partition("|")
    if target.startswith("!date^"):
        return _date(target) or label, ""
    if target.startswith("!"):
        return label or f"@{target[1:]}", ""
    if target.startswith(("@", "#")):
        return label or target, ""
    return label or target, html.unescape(target)


def _date(target: str) -> str:
    """Slack shows a date in the reader's own time zone; so does this."""
    try:
        moment = datetime.fromtimestamp(int(target.split("^")[1])).astimezone()
    except (ValueError, IndexError, OverflowError, OSError):
        return ""
    return f"{moment:%b} {moment.day} at {moment:%H:%M}"


def _plain(text: str) -> str:
    return Emoji.replace(html.unescape(text))


def _blocks(blocks: object) -> Iterator[RenderableType]:
    for block in list_at(blocks):
        kind = text_at(block, "type")
        if kind == "header":
            yield Text(_plain(_CONTROL.sub("", text_at(block, "text", "text"))), "bold")
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
    shown = Text(f"[ {_plain(_CONTROL.sub('', text_at(element, 'text', 'text')))} ]")
    shown.stylize(Style(color=colour, bold=True, link=text_at(element, "url") or None))
    return shown
