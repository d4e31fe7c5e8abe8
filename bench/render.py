"""Measure the cost of one message, from event to blocks within the limits, and of its steps.

The lower bound is a bare Jinja environment with the same sentences in one text. Run it with `python bench/render.py
[TIMES]`.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable

import jinja2

from bridge.messages.compiling import load_templates
from bridge.messages.limits import limit_violations
from bridge.messages.markdown import render_markdown
from bridge.messages.render import render
from bridge.routing.conditions import compile_condition
from bridge.samples import sample_event, samples

FLOOR = """{{ payload.user.name }} {{ payload.object_attributes.action }} {{ payload.object_attributes.title }}
{{ payload.object_attributes.description }}
{% for label in payload.labels %}{{ label.title }} {% endfor %}{{ payload.project.web_url }}"""
MARKDOWN = "# Why\n\nThe **old** way [failed](https://example.com/1), see `code_1`.\n\n- one\n- two\n\n> quoted\n" * 7


def microseconds(call: Callable[[], object], times: int) -> float:
    """Return the median of five rounds, per call."""
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            call()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return statistics.median(rounds)


def main(times: int) -> None:
    """Print a line for each measurement."""
    began = time.perf_counter()
    templates = load_templates(None, {})
    print(f"{len(templates.sources)} templates read and compiled in {time.perf_counter() - began:.2f} s")  # noqa: T201
    event = sample_event(samples()["gitlab/merge_request.open"], "gitlab", time.time())
    rendered = render(event, templates)
    assert rendered.message is not None
    assert not rendered.error
    assert not limit_violations(rendered.message)
    body = rendered.message.body()
    floor = jinja2.Environment(autoescape=True).from_string(FLOOR)
    condition = compile_condition("payload.object_attributes.target_branch == 'main' and event.type != 'x'")
    measured: dict[str, Callable[[], object]] = {
        "bare Jinja, one text": lambda: floor.render(payload=event.payload),
        "an event to a message": lambda: render(event, templates),
        "the message as JSON": lambda: json.dumps(body),
        f"{len(MARKDOWN)} characters of Markdown": lambda: render_markdown(MARKDOWN),
        "one condition": lambda: condition(event, event.payload),
    }
    for name, call in measured.items():
        print(f"{microseconds(call, times):8.1f} µs  {name}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300)
