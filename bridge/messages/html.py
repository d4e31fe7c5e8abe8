"""Draw a message as HTML, as Slack would. The HTML holds no script and loads nothing.

Every value is escaped by ``Markup.format``; the style sheet is slack.css beside this file. Bar colours are SVG
attributes, since a content security policy without inline styles would drop a style attribute.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import tzinfo
from functools import cache
from importlib.resources import files

from markupsafe import Markup

from bridge.core.payload import list_at, map_at, text_at
from bridge.messages.emoji import with_emoji
from bridge.messages.message import Message
from bridge.messages.mrkdwn_parser import Line, Span, parse

COLOURS: Mapping[str, str] = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}
"""Slack's colour names as hex values."""
_HEX = re.compile("#[0-9a-fA-F]{6}")
_CLASSES = {"primary": "primary", "danger": "danger"}


@cache
def slack_css() -> str:
    """Return the style sheet for the HTML: light by default, dark below ``data-theme="dark"``."""
    return (files("bridge.messages") / "slack.css").read_text("utf-8")


def to_html(message: Message, zone: tzinfo | None = None) -> Markup:
    """Return the message as one ``<div class="slack-message">``. Dates use ``zone``, by default this machine's."""
    parts = list(_blocks(message.blocks, zone))
    if not parts:
        parts.append(_text(message.text, zone))
    for attachment in message.attachments:
        inner = _join(_blocks(list_at(attachment, "blocks"), zone))
        parts.append(
            Markup(
                '<div class="attachment"><svg class="bar" aria-hidden="true"><rect width="4" height="100%" rx="2"'
                ' fill="{}"></rect></svg><div class="within">{}</div></div>'
            ).format(bar_colour(text_at(attachment, "color")), inner)
        )
    return Markup(
        '<div class="slack-message"><div class="avatar" aria-hidden="true">B</div><div class="content">'
        '<div class="sender"><b>Bridge</b> <span class="app">APP</span></div>{}</div></div>'
    ).format(_join(parts))


def bar_colour(name: str) -> str:
    """Return an attachment's colour as ``#rrggbb``."""
    return COLOURS.get(name) or (name if _HEX.fullmatch(name) else "#dddddd")


def _join(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _blocks(blocks: object, zone: tzinfo | None) -> Iterator[Markup]:
    for block in list_at(blocks):
        match text_at(block, "type"):
            case "section":
                yield from _section(block, zone)
            case "context":
                elements = (_text(text_at(element, "text"), zone) for element in list_at(block, "elements"))
                yield Markup('<div class="context">{}</div>').format(_join(elements))
            case "actions":
                buttons = (_button(map_at(element)) for element in list_at(block, "elements"))
                yield Markup('<div class="actions">{}</div>').format(_join(buttons))
            case "header":
                yield Markup('<div class="header">{}</div>').format(with_emoji(text_at(block, "text", "text")))
            case "divider":
                yield Markup("<hr>")
            case other:
                yield Markup('<div class="unknown">a block of the type {}</div>').format(repr(other))


def _section(block: object, zone: tzinfo | None) -> Iterator[Markup]:
    if text := text_at(block, "text", "text"):
        yield Markup('<div class="section">{}</div>').format(_text(text, zone))
    if fields := list_at(block, "fields"):
        html = (Markup("<div>{}</div>").format(_text(text_at(field, "text"), zone)) for field in fields)
        yield Markup('<div class="fields">{}</div>').format(_join(html))


def _button(element: Mapping[str, object]) -> Markup:
    label = with_emoji(text_at(element, "text", "text"))
    style = _CLASSES.get(text_at(element, "style"), "plain")
    url = text_at(element, "url")
    if not url.lower().startswith(("http://", "https://", "mailto:")):
        return Markup('<span class="button {}">{}</span>').format(style, label)
    return Markup('<a class="button {}" href="{}" {}>{}</a>').format(style, url, _LINK_ATTRIBUTES, label)


_LINK_ATTRIBUTES = Markup('target="_blank" rel="noopener noreferrer nofollow"')


def _text(text: str, zone: tzinfo | None) -> Markup:
    """Draw mrkdwn as paragraphs, quotations and code blocks; neighbouring lines of one kind are merged."""
    html: list[Markup] = []
    kind, lines = "text", list[Line]()
    for line in parse(text, zone):
        if lines and line.kind != kind:
            html.append(_lines(kind, lines))
            lines = []
        kind = line.kind
        lines.append(line)
    return _join([*html, *([_lines(kind, lines)] if lines else [])])


def _lines(kind: str, lines: Iterable[Line]) -> Markup:
    if kind == "code":
        return Markup("<pre>{}</pre>").format("\n".join(span.text for line in lines for span in line.spans))
    inner = Markup("<br>").join(_join(map(_span, line.spans)) for line in lines)
    return (Markup("<blockquote>{}</blockquote>") if kind == "quote" else Markup("<p>{}</p>")).format(inner)


def _span(span: Span) -> Markup:
    html = Markup("{}").format(span.text)
    if span.code:
        html = Markup("<code>{}</code>").format(html)
    for applies, tag in ((span.bold, "b"), (span.italic, "i"), (span.strike, "s")):
        if applies:
            html = Markup("<{0}>{1}</{0}>").format(Markup(tag), html)  # noqa: S704 - one of three constants
    if span.mention:
        html = Markup('<span class="mention">{}</span>').format(html)
    if span.url:
        html = Markup('<a href="{}" {}>{}</a>').format(span.url, _LINK_ATTRIBUTES, html)
    return html
