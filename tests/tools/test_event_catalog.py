"""Tests that docs/events.md matches samples, templates and routes.toml, and that its links work."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from bridge.messages.templates import read_templates, with_text
from bridge.routing.routes_file import parse_routes
from bridge.samples import samples
from tools.event_catalog import catalogue, entry, events_page, page

DOCS = Path(__file__).parents[2] / "docs"
TEMPLATES = read_templates(None, {})
ALL = parse_routes('[[routes]]\nname = "all"\nchannels = ["general"]\n')
the_page = cache(events_page)
everything = cache(lambda: catalogue(TEMPLATES, ALL))


def test_the_page_is_the_one_that_would_be_written() -> None:
    assert (DOCS / "events.md").read_text("utf-8") == the_page(), "docs/events.md is stale: run `make docs`"


def test_every_sample_is_listed_once_and_every_link_leads_somewhere() -> None:
    text = the_page()
    assert re.findall(r"^\| `([^`]+)` \| \[", text, re.MULTILINE) == [
        sample.type for _, sample in sorted(samples().items())
    ]
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (DOCS / unquote(target)).is_file(), target


def test_no_title_breaks_its_table() -> None:
    for row in re.findall(r"^\| `.*", page(everything()), re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) == 5


def test_the_catalog_shows_what_routes_and_templates_send() -> None:
    routes = parse_routes('[[routes]]\nname = "no pushes"\nchannels = ["general"]\nevents = ["!push", "!orders"]\n')
    quiet = with_text(TEMPLATES, "gitlab/issue.j2", "{% extends 'message.j2' %}{% block skip %}few care{% endblock %}")

    def sent(name: str) -> str:
        return entry(samples()[name], quiet, routes).sent

    assert sent("gitlab/push") == sent("shopify/orders/create") == "no"
    assert sent("gitlab/issue.open") == "no: few care"
    assert sent("stripe/charge.failed") == "yes"


def test_events_rendered_by_the_default_template_are_marked() -> None:
    by_name = {one.sample.name: one for one in everything()}
    assert not by_name["gitlab/push"].by_default
    assert by_name["twilio/com.twilio.eventstreams.test-event"].by_default
