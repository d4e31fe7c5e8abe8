"""Gallery: one self-contained HTML page with the messages of all samples, for reviews and docs."""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from functools import cache
from importlib.resources import files
from itertools import groupby

from markupsafe import Markup

from bridge.messages import Rendered
from bridge.messages.html import slack_css, to_html


@dataclass(frozen=True, slots=True)
class GalleryItem:
    """One message of the page: its event, and the rendered template."""

    provider: str
    type: str
    rendered: Rendered


def gallery_page(items: Iterable[GalleryItem]) -> str:
    """Return the page as HTML, in order of provider, dates in UTC. It holds no script, and its policy allows none."""
    groups = {provider: list(group) for provider, group in groupby(items, lambda item: item.provider)}
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGE.format(
        digest=digest,
        style=Markup(style),  # noqa: S704 - our own file
        count=sum(map(len, groups.values())),
        contents=Markup("").join(_LINK.format(provider=name, count=len(group)) for name, group in groups.items()),
        messages=Markup("").join(_section(name, group) for name, group in groups.items()),
    )


@cache
def _style() -> str:
    """Return both style sheets. The two checkboxes replace the preview page's script: they switch dark and phone."""
    switched = slack_css().replace('[data-theme="dark"]', ":root:has(#dark:checked)")
    switched = switched.replace('[data-width="phone"]', ":root:has(#phone:checked)")
    return (files("bridge.preview") / "gallery.css").read_text("utf-8") + switched


def _section(name: str, group: Iterable[GalleryItem]) -> Markup:
    return _SECTION.format(provider=name, messages=Markup("").join(map(_article, group)))


def _article(item: GalleryItem) -> Markup:
    message = item.rendered.message
    drawn = to_html(message, UTC) if message else _SKIPPED.format(item.rendered.skip)
    error = _ERROR.format(item.rendered.error) if item.rendered.error else ""
    return _ARTICLE.format(
        name=f"{item.provider}/{item.type}", template=item.rendered.template, drawn=drawn, error=error
    )


_LINK = Markup('<a href="#{provider}">{provider} ({count})</a> ')
_SECTION = Markup('<section id="{provider}"><h2>{provider}</h2>{messages}</section>')
_ARTICLE = Markup(
    '<article id="{name}"><h3><a href="#{name}">{name}</a> <small>{template}</small></h3>'
    '{error}<div class="stage">{drawn}</div></article>'
)
_SKIPPED = Markup('<p class="skipped">Skipped by the template: {}</p>')
_ERROR = Markup('<p class="error">{}</p>')
_PAGE = Markup(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bridge: {count} messages</title>
<style>{style}</style>
</head>
<body>
<header><h1>{count} messages</h1><nav>{contents}</nav>
<label><input type="checkbox" id="dark"> dark</label> <label><input type="checkbox" id="phone"> phone</label></header>
{messages}
</body>
</html>
"""
)
