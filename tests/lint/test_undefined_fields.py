from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from bridge.lint.undefined_fields import undefined_fields
from bridge.messages.render import render
from tests.diagnostics import plain_all
from tests.messages.rendering import event, templates

PARTS = "{% macro who(name) %}{{ name }}{% endmacro %}{% macro ref() %}{{ payload.ref }}{% endmacro %}"
PUSH = {"user_name": "Ada", "commits": [{"id": "1"}], "project": {"name": "x"}, "nothing": None}


def reported(folder: Path, text: str, payloads: Sequence[Mapping[str, object]]) -> list[str]:
    made = templates(folder, one=text, _parts=PARTS)
    renderings = [render(event(payload), made, "one.j2") for payload in payloads]
    return plain_all(error for errors in undefined_fields(made, renderings).values() for error in errors)


def test_a_field_that_no_event_has_is_misspelt_and_one_that_some_have_is_not(tmp_path: Path) -> None:
    text = "{{ payload.titel }}\n{{ payload.sometimes }}{% if payload.asked %}{% endif %}"
    assert reported(tmp_path, text, [{"sometimes": 1}, {"title": "x"}]) == [
        "templates/one.j2:1: payload.titel is in no sample (did you mean `title`? Or ask `is defined` first)"
    ]


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ payload.user_nmae }}", "did you mean `user_name`?"),
        ("{{ payload['user_nmae'] }}", "'user_nmae': did you mean `user_name`?"),
        ("{{ payload.projct.name }}", "'projct': did you mean `project`?"),
        ("{{ payload.project.nmae }}", "did you mean `name`?"),
        ("{{ event.tpye }}", "did you mean `type`?"),
        ("{{ link(event.url, event.title) }}", "`event.title` is gone: use `event.name`"),
        ("{% for c in payload.commits %}{{ c.zzz }}{% endfor %}", "use one of `id`"),
        ("{{ payload.commits.id }}", "take one item of the list, or loop over it"),
        ("{{ payload.nothing.name }}", "ask `is defined` first: the object of 'name' is null in every sample"),
        ("{{ payload.user_name.first }}", "correct the name"),
        ("{% from '_parts.j2' import ref %}{{ ref() }}", "pass 'payload' to the imported macro as an argument"),
        ("{% import '_parts.j2' as parts %}{{ parts.whoo }}", "did you mean `who`?"),
    ],
)
def test_the_hint_names_the_keys_of_the_object(tmp_path: Path, text: str, hint: str) -> None:
    (diagnostic,) = reported(tmp_path, text, [PUSH])
    assert f"is in no sample ({hint}" in diagnostic
