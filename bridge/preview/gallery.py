"""All messages of all samples on one page that needs nothing else, for reviews and docs."""

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
from bridge.messages.html import draw, slack_css


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the page: the event that it tells of, and what a template made of it."""

    provider: str
    type: str
    title: str
    rendered: Rendered


def gallery(messages: Iterable[Shown]) -> str:
    """The page as HTML, in order of provider. Dates show in UTC. It holds no script, and its policy allows none."""
    groups = {provider: list(shown) for provider, shown in groupby(messages, lambda one: one.provider)}
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGE.format(
        digest=digest,
        style=Markup(style),  # noqa: S704 - our own file
        count=sum(map(len, groups.values())),
        contents=Markup("").join(_CONTENT.format(provider=name, count=len(some)) for name, some in groups.items()),
        messages=Markup("").join(_provider(name, some) for name, some in groups.items()),
    )


@cache
def _style() -> str:
    """Both style sheets; what the page of a preview switches by script, this one switches by its two boxes."""
    switched = slack_css().replace('[data-theme="dark"]', ":root:has(#dark:checked)")
    switched = switched.replace('[data-width="phone"]', ":root:has(#phone:checked)")
    return (files("bridge.preview") / "gallery.css").read_text("utf-8") + switched


def _provider(name: str, some: Iterable[Shown]) -> Markup:
    return _GROUP.format(provider=name, messages=Markup("").join(map(_one, some)))


def _one(shown: Shown) -> Markup:
    message = shown.rendered.message
    drawn = draw(message, UTC) if message else _SKIPPED.format(shown.rendered.skip)
    fault = _FAULT.format(shown.rendered.fault) if shown.rendered.fault else ""
    return _ONE.format(
        name=f"{shown.provider}/{shown.type}", template=shown.rendered.template, drawn=drawn, fault=fault
    )


_CONTENT = Markup('<a href="#{provider}">{provider} ({count})</a> ')
_GROUP = Markup('<section id="{provider}"><h2>{provider}</h2>{messages}</section>')
_ONE = Markup(
    '<article id="{name}"><h3><a href="#{name}">{name}</a> <small>{template}</small></h3>'
    '{fault}<div class="stage">{drawn}</div></article>'
)
_SKIPPED = Markup('<p class="skipped">Not sent. The template says: {}</p>')
_FAULT = Markup('<p class="fault">{}</p>')
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
