"""Tests that the examples of docs/templates.md, beside.md and operations.md match the rendered messages."""

import io
import json
import re
from datetime import UTC
from pathlib import Path

import pytest
from rich.console import Console

from bridge.core.payload import list_at, text_at
from bridge.lint.template_checks import template_errors
from bridge.messages.environment import SlackEnvironment
from bridge.messages.filters import FILTERS
from bridge.messages.mrkdwn_parser import to_plain_text
from bridge.messages.normalize import COLORS
from bridge.messages.template_blocks import NAMES
from bridge.messages.templates import read_templates, with_text
from bridge.messages.terminal import mrkdwn, show
from bridge.samples import SAMPLE_TIME, sample_event, samples
from bridge.sources import line_of
from tests.messages.golden import FOLDER
from tests.messages.rendering import message_of, render, templates, texts

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "templates.md").read_text("utf-8")
PAYLOAD = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[0])
ROWS = re.findall(r"^\| `(\{\{.*?\}\})` \| (`+) ?(.*?) ?\2 \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("written", "shown"), [(written, shown) for written, _, shown in ROWS])
def test_each_example_comes_out_as_the_page_states(written: str, shown: str) -> None:
    environment = SlackEnvironment({"ada": "U012AB3CD"})
    made = environment.from_string(written.replace("\\|", "|")).render(payload=PAYLOAD)
    assert made.replace("\n", "⏎").rstrip() == shown.replace("\\|", "|")


def test_the_page_has_its_examples_and_names_every_block_colour_and_filter() -> None:
    assert len(ROWS) >= 20
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) >= {*NAMES, *COLORS}
    filters = PAGE.partition("\n## Filters\n")[2].partition("\n## ")[0]
    spans = " ".join(re.findall(r"`([^`]+)`", re.sub(r"``.*?``", "", filters)))
    assert set(FILTERS) - {"d", "e", "forceescape"} <= set(re.findall(r"[a-z]+", spans))


def test_the_sample_templates_have_no_errors(tmp_path: Path) -> None:
    first, second, *_ = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)
    assert template_errors(templates(tmp_path, first=first, second=second)) == []


@pytest.mark.parametrize(
    ("link_buttons", "last"), [(False, ("section", "Open merge request>")), (True, ("actions", ""))]
)
def test_the_first_sample_template_ends_in_a_line_of_links_or_a_button(
    link_buttons: bool, last: tuple[str, str]
) -> None:
    text = re.findall(r"```jinja\n(.*?)```", PAGE, re.DOTALL)[0]
    shipped = read_templates(None, {}, link_buttons=link_buttons)
    sample = samples()["gitlab/merge_request.open"]
    made = render(sample_event(sample, "gitlab", SAMPLE_TIME), with_text(shipped, "gitlab/merge_request.j2", text))
    block = list_at(message_of(made).attachments, 0, "blocks")[-1]
    kind, end = last
    assert text_at(block, "type") == kind
    assert text_at(block, "text", "text").endswith(end)


BESIDE = re.findall(
    r"^\| .* \| `(\w+/[\w./]+)`: (.*?) \| .* \|$", (DOCS / "beside.md").read_text("utf-8"), re.MULTILINE
)


@pytest.mark.parametrize(("name", "line"), BESIDE)
def test_the_examples_beside_other_apps_match_the_posted_messages(name: str, line: str) -> None:
    golden = json.loads((FOLDER / (name.replace("/", ".").replace(".", "/", 1) + ".json")).read_text("utf-8"))
    assert mrkdwn(golden["message"]["blocks"][0]["text"]["text"]).plain == line


def test_the_comparison_has_its_lines() -> None:
    assert len(BESIDE) >= 15


def test_the_page_of_routes_shows_each_alert_as_it_is_posted() -> None:
    alerts = [sample for sample in samples().values() if sample.provider == "bridge"]
    page = (DOCS / "routes.md").read_text("utf-8")
    listed = page.partition("```\n🚨")[2].partition("```")[0]
    assert len(listed.split("\n\n")) == len(alerts)
    for sample in alerts:
        message = message_of(render(sample_event(sample, "bridge", SAMPLE_TIME), read_templates(None, {})))
        blocks = [*message.blocks, *(list_at(one, "blocks") for one in message.attachments)]
        lines = [line for text in texts(blocks) for line in to_plain_text(text, UTC).split("\n")]
        assert "\n   ".join(lines).removeprefix("🚨") in listed, sample.name


OPERATIONS = (DOCS / "operations.md").read_text("utf-8")


def test_the_listed_deliveries_show_the_first_lines_of_their_messages() -> None:
    listed = dict(re.findall(r"  (\w+/[\w./]+) → #\w+  (.*?)(?:  \(| \(|$)", OPERATIONS, re.MULTILINE))
    broken = with_text(read_templates(None, {}), "shopify/orders.create.j2", "{{ payload.total_price / 1 }}")
    assert set(listed) == {"gitlab/pipeline.failed", "shopify/orders/create"}
    for name, line in listed.items():
        event = sample_event(samples()[name], name.partition("/")[0], SAMPLE_TIME)
        assert render(event, broken).line == line


def test_the_shown_event_has_its_plain_line_and_its_message() -> None:
    shown = OPERATIONS.partition("$ bridge events show ")[2].partition("```")[0]
    event = sample_event(samples()["gitlab/pipeline.failed"], "gitlab", SAMPLE_TIME)
    assert shown.splitlines()[1] == f"gitlab/pipeline.failed: {line_of(event)}"
    console = Console(width=95, file=io.StringIO(), color_system=None)
    console.print(show(message_of(render(event, read_templates(None, {})))))
    made = [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]  # a StringIO
    assert "\n".join(f"    {line}" for line in made) in shown
