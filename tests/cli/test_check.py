"""`bridge check`: each mistake is an error with file, line, code and hint."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.config.diagnostic_codes import Code
from bridge.config.packaged import packaged_templates
from bridge.samples import samples
from bridge.sources import PROVIDERS
from tests.cli.command import run

OFF = len(PROVIDERS)
"""Notes on sources that are off."""
CHILD = '{% extends "message.j2" %}\n'


@dataclass(frozen=True)
class Mistake:
    """A template, the line of its mistake in the report, and parts of the message."""

    text: str
    line: int
    what: str
    hint: str


MISTAKES: Mapping[str, Mistake] = {
    "push": Mistake(
        CHILD + "{% block title %}\n{% if payload.x %}\nx{% endblock %}",
        4,
        "'endblock'",
        "close the open `if` with {% endif %}",
    ),
    "tag_push": Mistake(
        CHILD
        + "{% block title %}\n"
        + "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}{% endblock %}",
        3,
        "took too long and was cut off",
        "fewer turns",
    ),
    "issue": Mistake(CHILD + '\n{% block body %}{{ "x" * 10000000 }}{% endblock %}', 3, "too long", "truncate(400)"),
    "merge_request": Mistake(
        CHILD + "{% block body %}{% for i in range(9999) %}" + "x" * 99 + "{% endfor %}{% endblock %}",
        2,
        "writes too much",
        "truncate(400)",
    ),
    "emoji": Mistake(
        CHILD + "{% macro again() %}\n{{ again() }}{% endmacro %}\n{% block title %}{{ again() }}{% endblock %}",
        3,
        "RecursionError",
        "calls itself without end",
    ),
    "note": Mistake(
        CHILD + "{% block body %}\n{% include 'gitlab/_prats.j2' %}{% endblock %}",
        3,
        "there is no template 'gitlab/_prats.j2'",
        "`gitlab/_parts.j2`",
    ),
    "release": Mistake(CHILD + "\n{% block tite %}x{% endblock %}", 3, "there is no block 'tite'", "`title`"),
    "wiki_page": Mistake(
        CHILD + "{% block title %}{{ line | shuot }}{% endblock %}",
        2,
        "there is no filter 'shuot'",
        "did you mean `sort`?",
    ),
    "milestone": Mistake(
        CHILD + "{% if payload.x %}\n{% block title %}x{% endblock %}{% endif %}",
        3,
        "block 'title' inside `if` counts always",
        "put the `if` inside the block",
    ),
    "build": Mistake(
        CHILD + "\nlost\n{% block title %}x{% endblock %}", 3, "text outside of blocks", "move it into a block"
    ),
    "feature_flag": Mistake(
        CHILD + "{% block title %}\n{{ payload.object_attributes.nmae }}{% endblock %}",
        3,
        "payload.object_attributes.nmae is in no sample",
        "did you mean `name`?",
    ),
    "deployment": Mistake(
        CHILD + "{% block title %}{{ payload.environment | safe }}{% endblock %}", 2, "`safe`", "remove `| safe`"
    ),
    "vulnerability": Mistake(
        CHILD + "{% block title %}x{% endblock %}\n{% block body %}a <b> c{% endblock %}",
        3,
        "breaks a limit of Slack",
        "docs/templates.md lists the limits",
    ),
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a template for each of the mistakes."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "templates" / "gitlab").mkdir(parents=True)
    for name, mistake in MISTAKES.items():
        (folder / "templates" / "gitlab" / f"{name}.j2").write_text(mistake.text)
    return folder


@pytest.fixture(scope="module")
def report(broken: Path) -> Mapping[str, object]:
    """Return the output of `bridge check --json` for them."""
    done = run(broken, "check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    found: Mapping[str, object] = json.loads(done.stdout)
    return found


def findings_of(report: Mapping[str, object], file: str) -> list[Mapping[str, object]]:
    findings = report["findings"]
    assert isinstance(findings, list)
    return [finding for finding in findings if finding["file"] == file]


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_one_error_with_file_line_and_hint(report: Mapping[str, object], name: str) -> None:
    mistake = MISTAKES[name]
    (finding,) = findings_of(report, f"templates/gitlab/{name}.j2")
    assert (finding["severity"], finding["line"]) == ("error", mistake.line)
    assert mistake.what in str(finding["message"])
    assert mistake.hint in str(finding["hint"])


def test_the_json_has_the_shape_that_scripts_rely_on(report: Mapping[str, object]) -> None:
    assert set(report) == {"findings", "errors", "notes", "templates", "samples", "messages", "seconds", "payloads"}
    assert report["errors"] == len(MISTAKES)
    assert report["notes"] == OFF
    assert report["payloads"] == []
    findings = report["findings"]
    assert isinstance(findings, list)
    keys = ["severity", "file", "line", "column", "message", "hint", "code"]
    assert all(list(finding) == keys for finding in findings)
    assert all(finding["hint"] and finding["code"] in set(Code) for finding in findings)
    assert [finding["severity"] for finding in findings] == ["error"] * len(MISTAKES) + ["note"] * OFF


def test_people_read_the_same_errors_first_and_then_the_notes(broken: Path, report: Mapping[str, object]) -> None:
    lines = run(broken, "check").stdout.splitlines()
    release = "error: templates/gitlab/release.j2:3: there is no block 'tite' (did you mean `title`?)"
    assert f"{release} [template-unknown-block]" in lines
    assert [line.partition(":")[0] for line in lines[:-1]] == ["error"] * len(MISTAKES) + ["note"] * OFF
    assert lines[-1].startswith(f"{len(MISTAKES)} errors, {OFF} notes (")


def test_json_includes_the_errors_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text('[[routes]]\nname = "x"\nchanels = ["general"]\n')
    done = run(tmp_path, "check", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    (finding,) = [one for one in json.loads(done.stdout)["findings"] if one["line"] == 3]
    assert finding == {
        "severity": "error",
        "file": "routes.toml",
        "line": 3,
        "column": 1,
        "message": "unknown key `chanels` in [[routes]]",
        "hint": "did you mean `channels`?",
        "code": "route-unknown-key",
    }


def test_json_includes_the_errors_of_the_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "check", "--json", environ={"BRIDGE_PORT": "many"})
    assert done.returncode == 2
    (finding,) = json.loads(done.stdout)["findings"]
    assert (finding["file"], finding["code"]) == ("BRIDGE_PORT", "setting-invalid")
    assert finding["hint"] == "write a number from 0 to 65535"


PUSH = {"object_kind": "push", "user_name": "Quill", "ref": "refs/heads/odd", "project": {"path_with_namespace": "a/b"}}


def test_one_template_is_checked_alone_by_its_name_or_its_path(broken: Path) -> None:
    for given in ("gitlab/issue.j2", "templates/gitlab/issue.j2", str(broken / "templates/gitlab/issue.j2")):
        done = run(broken, "check", given)
        assert done.returncode == 1
        *found, last = done.stdout.splitlines()
        assert found
        assert all(line.startswith("error: templates/gitlab/issue.j2:3: ") for line in found)
        assert last.startswith("1 error, 0 notes (2 templates, ")  # work_item.j2 extends it


def test_the_templates_that_use_a_template_are_checked_with_it(tmp_path: Path) -> None:
    (tmp_path / "templates/stripe").mkdir(parents=True)
    parts = (packaged_templates() / "stripe/_parts.j2").read_text("utf-8")
    (tmp_path / "templates/stripe/_parts.j2").write_text(parts.replace("macro customer(", "macro custommer("), "utf-8")
    done = run(tmp_path, "check", "stripe/_parts.j2")
    assert done.returncode == 1
    assert "templates/stripe/charge" in done.stdout
    assert run(tmp_path, "check", "gitlab/push.j2").returncode == 0


def test_a_template_that_is_not_there_ends_with_2_and_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for given in ("templates/gitlab/psuh.j2", "loop", "x" * 5000, "..", ""):
        done = run(tmp_path, "check", given)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"bridge: there is no template '{given[:100]}")
        assert done.stderr.count("\n") == 1
    done = run(tmp_path, "check", "--json", "gitlab/psuh.j2")
    assert done.returncode == 2
    assert json.loads(done.stdout)["errors"] == 1
    assert "did you mean `gitlab/push.j2`?" in done.stderr


def test_an_unused_file_is_not_reported_as_valid(tmp_path: Path) -> None:
    (tmp_path / "templates/gitlab").mkdir(parents=True)
    (tmp_path / "templates/gitlab/push.j2").write_text("{{ broken", "utf-8")
    inside = run(tmp_path / "templates", "check", "gitlab/push.j2")  # where there is no ./templates
    assert inside.returncode == 2
    assert "is not a loaded template" in inside.stderr
    packaged = run(tmp_path, "check", str(packaged_templates() / "gitlab/push.j2"))  # which the broken one is laid over
    assert packaged.returncode == 2


def test_a_template_that_is_a_link_is_found_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "templates/gitlab").mkdir(parents=True)
    (tmp_path / "elsewhere.j2").write_text("{{ broken", "utf-8")
    (tmp_path / "templates/gitlab/push.j2").symlink_to(tmp_path / "elsewhere.j2")
    done = run(tmp_path, "check", "templates/gitlab/push.j2")
    assert done.returncode == 1
    assert done.stdout.startswith("error: templates/gitlab/push.j2:1: ")


def test_events_not_rendered_with_the_named_template_are_reported(tmp_path: Path) -> None:
    (tmp_path / "issue.json").write_text(json.dumps(samples()["gitlab/issue.open"].body), "utf-8")
    done = run(tmp_path, "check", "gitlab/push.j2", "--payload", "issue.json")
    assert done.stdout.startswith("note: issue.json: none of these templates gets the event of this body (")
    done = run(tmp_path, "check", "gitlab/default.j2")
    assert done.stdout.startswith("note: packaged:templates/gitlab/default.j2: no sample event is served by")


def test_a_recorded_body_replaces_the_sample_of_its_type(tmp_path: Path) -> None:
    (tmp_path / "templates" / "gitlab").mkdir(parents=True)
    text = CHILD + "{% block skip %}{% if payload.odd %}an odd one{% endif %}{% endblock %}\n"
    title = "{% block title %}{{ payload.total_commits_count }}{% endblock %}"
    (tmp_path / "templates" / "gitlab" / "push.j2").write_text(text + title)
    (tmp_path / "one.json").write_text(json.dumps(PUSH))
    (tmp_path / "two.json").write_text(json.dumps({**PUSH, "odd": True}))
    done = run(tmp_path, "check", "--payload", "one.json", "--payload", "two.json")
    assert done.returncode == 1
    assert "templates/gitlab/push.j2:3: payload.total_commits_count is in no sample" in done.stdout
    assert "one.json: gitlab/push.j2 sends " in done.stdout
    assert "two.json: gitlab/push.j2 sends nothing: an odd one\n" in done.stdout


@pytest.mark.parametrize(
    ("body", "arguments", "template"),
    [
        (
            '{"id": "evt_1", "object": "event", "type": "charge.failed", "data": {"object": {"id": "ch_1"}}}',
            [],
            "stripe/charge.j2",
        ),
        ("MessageSid=SM1&SmsStatus=received&From=%2B15550100&Body=words&To=1", [], "twilio/message.received.j2"),
        ('{"id": 1, "name": "#1001"}', ["--event", "shopify/orders/create"], "shopify/orders.j2"),
    ],
    ids=["stripe", "twilio", "shopify"],
)
def test_the_type_of_a_recorded_body_comes_from_the_body_or_the_command_line(
    tmp_path: Path, body: str, arguments: list[str], template: str
) -> None:
    (tmp_path / "body").write_text(body)
    done = run(tmp_path, "check", "--json", "--payload", "body", *arguments)
    (payload,) = json.loads(done.stdout)["payloads"]
    assert (payload["file"], payload["template"], payload["fault"]) == ("body", template, "")
    assert payload["text"]


@pytest.mark.parametrize(
    ("body", "arguments", "expected"),
    [
        (
            '{"id": 1, "name": "#1001"}',
            ["--payload", "body"],
            "body: does not name its event (name it with --event",
        ),
        ("\x00", ["--payload", "body"], "body: does not name its event"),
        (
            json.dumps(PUSH),
            ["--payload", "body", "--event", "gitlab/issue.open"],
            "body: is gitlab/push, not gitlab/issue.open",
        ),
        (
            json.dumps(PUSH),
            ["--payload", "body", "--event", "gitlub/push"],
            "there is no source 'gitlub' (did you mean `gitlab`?)",
        ),
        ("[]", ["--payload", "body", "--event", "stripe/charge.failed"], "body: is not a body that stripe sends"),
        ("", ["--payload", "body", "--event", "push"], "'push' is not SOURCE/TYPE"),
        ("", ["--payload", "gone"], "cannot read gone"),
        ("", ["--event", "gitlab/push"], "--event names the event of recorded bodies"),
    ],
)
def test_a_body_of_unknown_type_is_one_line_with_a_hint(
    tmp_path: Path, body: str, arguments: list[str], expected: str
) -> None:
    (tmp_path / "body").write_text(body)
    done = run(tmp_path, "check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
