from dataclasses import replace
from pathlib import Path

import pytest

from bridge.lint.check import check_templates, finding_of
from bridge.lint.sample_runs import dependents
from bridge.live.snapshot import Snapshot
from bridge.messages.render import load_templates, render, with_text
from bridge.routing.routes_file import parse_routes
from bridge.samples import sample_event, samples

CHILD = '{% extends "message.j2" %}\n'
ROUTES = '[[routes]]\nchannels = ["general"]\n'


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return Snapshot(parse_routes(ROUTES), load_templates(None, {}), {}, {}, None, ())


def changed(snapshot: Snapshot, name: str, text: str) -> Snapshot:
    return replace(snapshot, templates=with_text(snapshot.templates, name, text))


def told(snapshot: Snapshot, name: str) -> list[str]:
    return [str(finding) for finding in check_templates(snapshot, [name]).findings]


def test_a_text_stands_in_for_a_file_and_leaves_the_others_alone(snapshot: Snapshot) -> None:
    templates = snapshot.templates
    mine = with_text(templates, "gitlab/push.j2", CHILD + "{% block title %}mine{% endblock %}")
    event = sample_event(samples()["gitlab/push"], "gitlab", 1.0)
    assert render(event, mine).message != render(event, templates).message
    assert "mine" in str(render(event, mine).message)
    assert mine.sources.keys() == templates.sources.keys()
    again = with_text(mine, "gitlab/push.j2", templates.sources["gitlab/push.j2"])
    assert render(event, again) == render(event, templates)


def test_what_a_changed_part_says_is_seen_by_what_imports_it(snapshot: Snapshot) -> None:
    mine = with_text(snapshot.templates, "message.j2", '{% filter slot("title") %}framed{% endfilter %}')
    assert "framed" in str(render(sample_event(samples()["gitlab/push"], "gitlab", 1.0), mine).message)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("\n{% if %}", "new.j2:2: Expected an expression, got 'end of statement block'"),
        ("é" * 131_073, "new.j2:1: cannot be read: larger than 262144 bytes"),
    ],
)
def test_a_text_that_is_no_template_is_a_fault(snapshot: Snapshot, text: str, fault: str) -> None:
    mine = with_text(snapshot.templates, "new.j2", text)
    assert mine.faults == {"new.j2": fault}
    assert not with_text(mine, "new.j2", "mended").faults


def test_a_template_alone_is_checked_with_its_samples(snapshot: Snapshot) -> None:
    text = CHILD + "{% block title %}\n{{ payload.user_nmae }}{% endblock %}"
    checked = check_templates(changed(snapshot, "gitlab/push.j2", text), ["gitlab/push.j2"])
    (finding,) = checked.findings
    assert (finding.level, finding.where, finding.line) == ("error", "templates/gitlab/push.j2", 3)
    assert "'user_name'" in finding.hint
    assert (checked.templates, checked.errors, checked.notes) == (1, 1, 0)
    assert checked.rendered >= 1


def test_a_part_is_checked_with_all_that_import_it_and_with_nothing_else(snapshot: Snapshot) -> None:
    broken = changed(snapshot, "stripe/charge.j2", "{% if %}")
    part = snapshot.templates.sources["gitlab/_parts.j2"].replace("macro who(name)", "macro hwo(name)")
    lines = told(changed(broken, "gitlab/_parts.j2", part), "gitlab/_parts.j2")
    assert any(line.startswith("templates/gitlab/push.j2:") and "has no 'who'" in line for line in lines), lines
    assert not any("stripe" in line for line in lines)


def test_a_template_that_nothing_can_reach_is_a_note_and_one_that_is_not_there_is_nothing(snapshot: Snapshot) -> None:
    lonely = changed(snapshot, "lonely.j2", CHILD)
    assert told(lonely, "lonely.j2") == ["templates/lonely.j2: no sample event is served by this template"]
    assert told(lonely, "gone.j2") == []


def test_dependents_go_through_others(snapshot: Snapshot) -> None:
    assert dependents(snapshot.templates, "gitlab/push.j2") == {"gitlab/push.j2"}
    assert {"gitlab/_parts.j2", "gitlab/push.j2"} <= dependents(snapshot.templates, "_parts.j2")
    assert dependents(snapshot.templates, "message.j2") >= {"gitlab/push.j2", "default.j2"}


@pytest.mark.parametrize(
    ("fault", "parts"),
    [
        (
            "routes.toml:3: unknown key `x`; the nearest known is `y`",
            ("routes.toml", 3, "unknown key `x`", "the nearest known is `y`"),
        ),
        ("C:/a/routes.toml:12: is wrong", ("C:/a/routes.toml", 12, "is wrong", "")),
        ("BRIDGE_STORE names no store: use sqlite", ("BRIDGE_STORE", None, "names no store: use sqlite", "")),
    ],
)
def test_a_line_of_the_configurations_faults_becomes_a_finding(
    fault: str, parts: tuple[str, int | None, str, str]
) -> None:
    finding = finding_of(fault)
    assert (finding.where, finding.line, finding.what, finding.hint) == parts


def test_a_finding_is_written_as_file_line_what_and_mend(tmp_path: Path) -> None:
    assert str(finding_of("a.toml:1: x; the nearest known is y")) == "a.toml:1: x (the nearest known is y)"


@pytest.mark.thorough
def test_an_endless_frame_is_tried_once_and_not_for_each_template(snapshot: Snapshot) -> None:
    frame = (
        snapshot.templates.sources["message.j2"]
        + "{% for a in range(99999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"
    )
    checked = check_templates(changed(snapshot, "message.j2", frame), ["message.j2"])
    assert [(found.where, found.level) for found in checked.findings] == [("templates/message.j2", "error")]
    assert "took too long" in checked.findings[0].what
    assert checked.rendered == 1
