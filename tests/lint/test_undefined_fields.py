from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bridge.lint.undefined_fields import undefined_fields
from bridge.messages.render import SECONDS, render
from bridge.templating.limits import Meter
from tests.messages.rendering import event, templates

PARTS = "{% macro who(name) %}{{ name }}{% endmacro %}{% macro ref() %}{{ payload.ref }}{% endmacro %}"
PUSH = {"user_name": "Ada", "commits": [{"id": "1"}], "project": {"name": "x"}, "nothing": None}


def told(folder: Path, text: str, payloads: Sequence[Mapping[str, object]]) -> list[str]:
    made = templates(folder, one=text, _parts=PARTS)
    meters = [Meter(SECONDS) for _ in payloads]
    for payload, meter in zip(payloads, meters, strict=True):
        render(event(payload), made, "one.j2", meter=meter)
    return [str(fault) for fault in undefined_fields(meters)]


def test_a_field_that_no_event_has_is_misspelt_and_one_that_some_have_is_not(tmp_path: Path) -> None:
    text = "{{ payload.titel }}\n{{ payload.sometimes }}{% if payload.asked %}{% endif %}"
    assert told(tmp_path, text, [{"sometimes": 1}, {"title": "x"}]) == [
        "one.j2:1: payload.titel is in no sample (the nearest key there is 'title'; or ask `is defined` first)"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ payload.user_nmae }}", "the nearest key there is 'user_name'"),
        ("{{ payload['user_nmae'] }}", "the nearest key to 'user_nmae' there is 'user_name'"),
        ("{{ payload.projct.name }}", "the nearest key to 'projct' there is 'project'"),
        ("{{ payload.project.nmae }}", "the nearest key there is 'name'"),
        ("{{ event.tpye }}", "the nearest key there is 'type'"),
        ("{% for c in payload.commits %}{{ c.di }}{% endfor %}", "the nearest key there is 'id'"),
        ("{{ payload.commits.id }}", "a list is there: take one of it, or loop over it"),
        ("{{ payload.nothing.name }}", "'name' is looked for in what is null in every sample"),
        ("{{ payload.user_name.first }}", "correct the name"),
        ("{% from '_parts.j2' import ref %}{{ ref() }}", "an imported macro has no 'payload': hand it over"),
        ("{% import '_parts.j2' as parts %}{{ parts.hwo }}", "the nearest key there is 'who'"),
    ],
)
def test_the_mend_is_what_the_object_has_in_which_it_was_looked_for(tmp_path: Path, text: str, hint: str) -> None:
    (fault,) = told(tmp_path, text, [PUSH])
    assert f"is in no sample ({hint}" in fault
