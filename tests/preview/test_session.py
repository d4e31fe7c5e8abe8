"""Tests of the page's content for an event, a payload and an edited text."""

import json

import pytest

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.config.errors import ConfigurationError
from bridge.live.snapshot import Snapshot
from bridge.preview import session
from bridge.preview.files import TemplateFiles, fingerprint
from bridge.preview.session import PreviewRequest, RefusedError
from bridge.samples import samples

PUSH = samples()["gitlab/push"].body


def look(files: TemplateFiles, **asked: str) -> dict[str, object]:
    return session.render_message(PreviewRequest(**asked), files.snapshot(), files, 1795392000.0)


def test_an_event_shows_its_message_its_file_and_its_limits(files: TemplateFiles) -> None:
    seen = look(files, event="gitlab/push")
    assert seen["file"] == seen["template"] == "gitlab/push.j2"
    assert "<b>Mei-Ling Chen</b> pushed" in str(seen["html"])
    assert json.loads(str(seen["json"]))["text"] == "Mei-Ling Chen pushed"
    assert json.loads(str(seen["payload"])) == PUSH
    assert seen["channels"] == ["#general, route 'gitlab'"]
    assert seen["path"] == str(files.folder / "gitlab/push.j2")
    assert seen["problems"] == []
    assert isinstance(seen["limits"], list)
    assert seen["limits"][0]["maximum"] == 12_000


def test_the_files_of_an_event_are_those_that_serve_it_and_those_that_could(files: TemplateFiles) -> None:
    seen = look(files, event="gitlab/pipeline.failed")
    assert seen["file"] == "gitlab/pipeline.j2"
    names = {file["name"]: file["new"] for file in seen["files"]}  # type: ignore[attr-defined]
    assert names["gitlab/pipeline.failed.j2"] is True
    assert not any(names[name] for name in ("gitlab/pipeline.j2", "gitlab/_parts.j2", "message.j2", "default.j2"))


def test_the_editors_text_counts_before_the_disks(files: TemplateFiles) -> None:
    seen = look(files, event="gitlab/push", file="gitlab/push.j2", text="Only {{ event.type }}")
    assert json.loads(str(seen["json"]))["text"] == "Only push"
    assert "pushed" in (files.text("gitlab/push.j2") or "")


def test_a_change_of_a_part_shows_in_the_template_that_uses_it(files: TemplateFiles) -> None:
    text = (files.text("gitlab/_parts.j2") or "").replace("{%- macro who(name) -%}", "{%- macro who(name) -%}Dear ")
    seen = look(files, event="gitlab/merge_request.open", file="gitlab/_parts.j2", text=text)
    assert seen["template"] == "gitlab/merge_request.j2"
    assert str(json.loads(str(seen["json"]))["text"]).startswith("Dear Mei-Ling Chen")


def test_a_new_more_specific_file_serves_the_event_as_soon_as_there_is_text(files: TemplateFiles) -> None:
    seen = look(files, event="gitlab/merge_request.open", file="gitlab/merge_request.open.j2", text="Opened!")
    assert seen["template"] == "gitlab/merge_request.open.j2"
    assert json.loads(str(seen["json"]))["text"] == "Opened!"


def test_a_pasted_payload_replaces_the_sample_and_its_missing_fields_are_reported(files: TemplateFiles) -> None:
    text = '{% extends "message.j2" %}\n{% block title %}{{ payload.user_name }} {{ payload.ref }}{% endblock %}'
    pasted = json.dumps({"object_kind": "push", "user_name": "Grace"})
    seen = look(files, event="gitlab/push", payload=pasted, file="gitlab/push.j2", text=text)
    assert json.loads(str(seen["json"]))["text"] == "Grace"
    assert seen["problems"] == [
        {
            "severity": "note",
            "file": "templates/gitlab/push.j2",
            "line": 2,
            "column": None,
            "message": "payload.ref is not in this payload",
            "hint": "ask `is defined` first if it may be missing",
            "code": "payload-missing-field",
        }
    ]


def test_a_form_can_be_pasted_where_the_provider_sends_forms(files: TemplateFiles) -> None:
    seen = look(files, event="twilio/message.received", payload="MessageSid=SM1&From=%2B12025550142&Body=Hi&NumMedia=0")
    assert "Hi" in str(seen["html"])


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"event": "gitlab/pusk"}, "did you mean `gitlab/push`?"),
        ({"event": "gitlab/push", "payload": "{"}, "the payload is not JSON, and gitlab sends nothing else"),
        ({"event": "twilio/message.received", "payload": "?"}, "the payload is neither JSON nor a form"),
        ({"event": "stripe/charge.failed", "payload": "[1]"}, "the payload is not a body that stripe sends"),
        ({"event": "twilio/message.received", "payload": "[]"}, "the payload is not a body that twilio sends"),
    ],
)
def test_an_event_that_cannot_be_shown_is_refused_with_the_reason(
    files: TemplateFiles, asked: dict[str, str], why: str
) -> None:
    with pytest.raises(RefusedError, match=why):
        look(files, **asked)


def test_a_template_that_skips_shows_its_reason_and_has_no_message(files: TemplateFiles) -> None:
    text = '{% extends "message.j2" %}{% block skip %}too dull{% endblock %}'
    seen = look(files, event="gitlab/push", file="gitlab/push.j2", text=text)
    assert (seen["skip"], seen["html"], seen["json"]) == ("too dull", "", "")


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("{% extends 'message.j2' %}\n{% block title %}{{ x", 2, "unexpected end of template"),
        ("{% extends 'message.j2' %}\n{% block tite %}x{% endblock %}", 2, "there is no block 'tite'"),
        ("{% extends 'message.j2' %}\nstray\n{% block title %}x{% endblock %}", 2, "text outside of blocks"),
        ("{% extends 'message.j2' %}\n{% if 1 %}\n{% block title %}x{% endblock %}{% endif %}", 3, "inside `if`"),
        ("{% include 'nothing.j2' %}", 1, "there is no template 'nothing.j2'"),
        ("a\n{{ payload.ref | shorten }}", 2, "shorten"),
        ("a\n{{ payload.user_nmae }}", 2, "user_name"),
        ("a\n{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", 2, "took too long"),
        ("a\n{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}", 2, "too much"),
    ],
)
def test_every_mistake_is_an_error_at_its_line(files: TemplateFiles, text: str, line: int, what: str) -> None:
    asked = PreviewRequest("gitlab/push", file="gitlab/push.j2", text=text)
    errors = session.new_errors(asked, files.snapshot())
    assert {(found.file, found.line) for found in errors if what in str(found)} == {("templates/gitlab/push.j2", line)}


def test_errors_that_are_elsewhere_already_do_not_keep_a_file_from_being_saved(files: TemplateFiles) -> None:
    (files.folder / "gitlab" / "default.j2").write_text("{{ broken", "utf-8")
    asked = PreviewRequest("gitlab/push", file="gitlab/push.j2", text="Fine")
    assert session.new_errors(asked, files.snapshot()) == []


def test_an_invalid_configuration_leaves_the_last_one_in_force(files: TemplateFiles) -> None:
    snapshot = files.snapshot()

    def fails() -> Snapshot:
        raise ConfigurationError([error(Code.ROUTE_UNKNOWN_KEY, "unknown key", "a hint", file="routes.toml", line=3)])

    last, errors = session.reload(TemplateFiles(files.folder, files.routes, fails), snapshot)
    assert last.routes is snapshot.routes
    assert errors[0]["line"] == 3
    (files.folder / "gitlab/push.j2").write_text("Changed meanwhile", "utf-8")
    last, _ = session.reload(TemplateFiles(files.folder, files.routes, fails), snapshot)
    assert last.templates.sources["gitlab/push.j2"] == "Changed meanwhile"


def test_a_broken_file_of_words_is_named_and_the_packaged_words_are_shown(files: TemplateFiles) -> None:
    (files.folder / "stripe").mkdir()
    (files.folder / "stripe" / "words.toml").write_text("[titles", "utf-8")
    snapshot = files.snapshot()
    _, errors = session.reload(files, snapshot)
    assert [error["file"] for error in errors] == ["templates/stripe/words.toml"]
    assert errors == session.errors_of_words(snapshot)


def test_the_text_is_the_disks_though_it_was_not_looked_at_since(files: TemplateFiles) -> None:
    snapshot = files.snapshot()
    (files.folder / "gitlab/push.j2").write_text("Written this moment", "utf-8")
    seen = session.render_message(PreviewRequest("gitlab/push"), snapshot, files, 1795392000.0)
    assert (seen["text"], seen["saved"]) == ("Written this moment", fingerprint("Written this moment"))


def test_a_file_that_cannot_be_read_is_a_problem_and_no_text(files: TemplateFiles) -> None:
    (files.folder / "gitlab/push.j2").write_bytes(b"\xff")
    seen = look(files, event="gitlab/push")
    assert (seen["text"], seen["saved"]) == ("", "")
    assert "cannot be read: not UTF-8" in str(seen["problems"])


def test_a_limit_violation_is_reported_at_its_block(files: TemplateFiles) -> None:
    text = '{% extends "message.j2" %}\n{% block title %}x{% endblock %}\n{% block body %}<b>{% endblock %}'
    seen = look(files, event="gitlab/push", file="gitlab/push.j2", text=text)
    assert [(one["line"], one["message"]) for one in seen["problems"]] == [  # type: ignore[attr-defined]
        (3, "breaks a limit of Slack: attachments[0].blocks[0].text: <b> is nothing that Slack knows")
    ]


def test_the_notification_is_shown_as_it_reads(files: TemplateFiles) -> None:
    text = '{% extends "message.j2" %}{% block title %}:x: *Fish* {{ "&" }} chips{% endblock %}'
    assert look(files, event="gitlab/push", file="gitlab/push.j2", text=text)["notification"] == "❌ Fish & chips"


def test_every_event_is_listed_with_its_plain_line_and_the_file_that_serves_it(files: TemplateFiles) -> None:
    events = {event["name"]: event for event in session.list_events(files.snapshot())}
    assert set(events) == set(samples())
    assert events["gitlab/pipeline.failed"]["file"] == "gitlab/pipeline.j2"
    assert all(event["line"] for event in events.values())
