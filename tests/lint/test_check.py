from dataclasses import replace

import pytest

from bridge.lint.check import check_templates
from bridge.lint.sample_runs import dependents
from bridge.live.snapshot import Snapshot
from bridge.messages.compiling import compiled, load_templates
from bridge.messages.render import render
from bridge.messages.templates import with_text
from bridge.routing.routes_file import parse_routes
from bridge.samples import sample_event, samples
from tests.diagnostics import plain, plain_all

CHILD = '{% extends "message.j2" %}\n'
pytestmark = pytest.mark.thorough  # every template is compiled for it
ROUTES = '[[routes]]\nchannels = ["general"]\n'


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Snapshot(parse_routes(ROUTES), load_templates(None, {}), {}, {}, None, ())


def changed(snapshot: Snapshot, name: str, text: str) -> Snapshot:
    return replace(snapshot, templates=with_text(snapshot.templates, name, text))


def reported(snapshot: Snapshot, name: str) -> list[str]:
    return plain_all(check_templates(snapshot, [name]).diagnostics)


def test_a_text_replaces_one_file_and_leaves_the_others_alone(snapshot: Snapshot) -> None:
    templates = snapshot.templates
    mine = with_text(templates, "gitlab/push.j2", CHILD + "{% block title %}mine{% endblock %}")
    event = sample_event(samples()["gitlab/push"], "gitlab", 1.0)
    assert render(event, mine).message != render(event, templates).message
    assert "mine" in str(render(event, mine).message)
    assert mine.sources.keys() == templates.sources.keys()
    again = with_text(mine, "gitlab/push.j2", templates.sources["gitlab/push.j2"])
    assert render(event, again) == render(event, templates)


def test_a_changed_part_affects_the_templates_that_import_it(snapshot: Snapshot) -> None:
    mine = with_text(snapshot.templates, "message.j2", '{% filter slot("title") %}framed{% endfilter %}')
    assert "framed" in str(render(sample_event(samples()["gitlab/push"], "gitlab", 1.0), mine).message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\n{% if %}", "templates/new.j2:2: Expected an expression, got 'end of statement block' (write"),
        ("é" * 131_073, "templates/new.j2:1: cannot be read: larger than 262144 bytes (split it"),
    ],
)
def test_a_text_that_is_not_a_template_is_an_error(snapshot: Snapshot, text: str, expected: str) -> None:
    mine = compiled(with_text(snapshot.templates, "new.j2", text), ["new.j2"])
    assert plain(mine.errors["new.j2"]).startswith(expected)
    assert not compiled(with_text(mine, "new.j2", "fixed"), ["new.j2"]).errors


def test_a_template_alone_is_checked_with_its_samples(snapshot: Snapshot) -> None:
    text = CHILD + "{% block title %}\n{{ payload.user_nmae }}{% endblock %}"
    checked = check_templates(changed(snapshot, "gitlab/push.j2", text), ["gitlab/push.j2"])
    (found,) = checked.diagnostics
    assert (found.severity, found.file, found.line) == ("error", "templates/gitlab/push.j2", 3)
    assert found.code == "template-undefined-field"
    assert "did you mean `user_name`?" in found.hint
    assert (checked.templates, checked.errors, checked.notes) == (1, 1, 0)
    assert checked.rendered >= 1


@pytest.mark.thorough
def test_a_part_is_checked_with_all_that_import_it_and_with_nothing_else(snapshot: Snapshot) -> None:
    broken = changed(snapshot, "stripe/charge.j2", "{% if %}")
    part = snapshot.templates.sources["gitlab/_parts.j2"].replace("macro who(name)", "macro hwo(name)")
    lines = reported(changed(broken, "gitlab/_parts.j2", part), "gitlab/_parts.j2")
    assert any(line.startswith("packaged:templates/gitlab/push.j2:") and "no 'who'" in line for line in lines), lines
    assert not any("stripe" in line for line in lines)


def test_a_template_that_nothing_can_reach_is_a_note_and_one_that_is_not_there_is_nothing(snapshot: Snapshot) -> None:
    lonely = changed(snapshot, "lonely.j2", CHILD)
    (line,) = reported(lonely, "lonely.j2")
    assert line.startswith("templates/lonely.j2: no sample event is served by this template (compare")
    assert reported(lonely, "gone.j2") == []


def test_dependents_go_through_others(snapshot: Snapshot) -> None:
    assert dependents(snapshot.templates, "gitlab/push.j2") == {"gitlab/push.j2"}
    assert {"gitlab/_parts.j2", "gitlab/push.j2"} <= dependents(snapshot.templates, "_parts.j2")
    assert dependents(snapshot.templates, "message.j2") >= {"gitlab/push.j2", "default.j2"}


@pytest.mark.thorough
def test_an_endless_frame_is_tried_once_and_not_for_each_template(snapshot: Snapshot) -> None:
    frame = (
        snapshot.templates.sources["message.j2"]
        + "{% for a in range(99999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    )
    checked = check_templates(changed(snapshot, "message.j2", frame), ["message.j2"])
    (found,) = checked.diagnostics
    assert (found.file, found.severity) == ("templates/message.j2", "error")
    assert found.code == "time-limit-exceeded"
    assert "took too long" in found.message
    assert checked.rendered == 1
