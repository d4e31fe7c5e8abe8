"""Tests of GitLab's messages of bodies with few fields, of custom webhook templates, and of rare states.

Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/, and Webhooks
(custom webhook template), https://docs.gitlab.com/user/project/integrations/webhooks/
"""

import pytest

from tests.messages.test_templates_gitlab import message, rendered, text_of
from tests.messages.test_templates_gitlab_faults import acted, change
from tests.sources.gitlab_bodies import Json, changed, read, sample


def title(body: object, header: str = "") -> str:
    return message(read(body, header)).text


# What a custom webhook template says is in the message.


@pytest.mark.parametrize(
    ("header", "body", "phrase"),
    [
        ("Pipeline Hook", {"object_kind": "pipeline", "ref": "main", "status": "failed"}, "ref: main · status: failed"),
        ("Pipeline Hook", {"status": "failed", "project": "billing/api"}, "status: failed · project: billing/api"),
        ("Pipeline Hook", {"object_attributes": {"status": "failed", "ref": "main"}}, "failed event — ref: main"),
        ("Push Hook", {"branch": "main", "user": {"name": "Ada"}}, "branch: main · user: Ada"),
        (
            "Push Hook",
            {"content": None, "embeds": [{"title": "Push", "description": "Ada pushed"}]},
            "Push · Ada pushed",
        ),
        (
            "Pipeline Hook",
            {"type": "message", "attachments": [{"content": {"body": [{"type": "TextBlock", "text": "It failed"}]}}]},
            "— It failed",
        ),
        ("Issue Hook", {"cards": [{"header": {"title": "Opened", "subtitle": "by Ada"}}]}, "Opened · by Ada"),
        ("Merge Request Hook", {"data": {"mr": {"title": "Add", "author": {"name": "Ada"}}}}, "Add · Ada"),
        ("Push Hook", [{"text": "Ada pushed"}], "Ada pushed"),
        ("Job Hook", {"job": "unit", "valid": "no"}, "job: unit · valid: no"),
        ("Push Hook", {"action": "deploy", "text": "Ada started"}, "action: deploy · Ada started"),
        ("Merge Request Hook", {"action": "open", "author": "Ada"}, "merge request open event — author: Ada"),
    ],
)
def test_a_custom_template_is_read_out(header: str, body: Json, phrase: str) -> None:
    assert phrase in title(body, header)


def test_a_comment_of_a_custom_template_is_quoted_once() -> None:
    text = text_of({"object_kind": "note", "object_attributes": {"note": "Hello there"}})
    assert text.count("Hello there") == 1


@pytest.mark.parametrize("name", ["access_token", "deploy_token"])
def test_a_token_without_any_facts_makes_a_message(name: str) -> None:
    made = rendered({**sample(name), "object_attributes": None})
    assert made.error is None


# Rare states.


def test_a_release_ahead_of_its_date_is_not_published_yet() -> None:
    # "Upcoming releases", https://docs.gitlab.com/user/project/releases/
    body = changed("release.create", "", created_at="2026-11-30 12:55:00 UTC", released_at="2027-02-01T00:00:00Z")
    assert "Release 2.4 Waiting lists was announced for 2027-02-01 in" in title(body)
    for released_at in ("2026-11-30 18:00:00 UTC", "2020-01-01 00:00:00 UTC", None):
        assert "was published in" in title({**body, "released_at": released_at})


def test_a_merge_request_or_pipeline_without_a_target_has_no_arrow() -> None:
    opened = acted("merge_request", "open", {}, target_branch=None)
    assert "→" not in text_of(opened)
    assert "→" not in text_of(changed("pipeline.failed", "merge_request", target_branch=None))


def test_an_update_by_an_unknown_system_action_resets_no_approvals() -> None:
    labels = {"labels": change([], [{"title": "x"}])}
    text = text_of(acted("merge_request", "update", labels, system=True, system_action="some_day"))
    assert "changed the labels of merge request" in text
    assert "approvals" not in text


def test_a_changed_type_is_told_once() -> None:
    both = {"work_item_type_id": change(1, 2), "issue_type": change("issue", "incident")}
    text = text_of(acted("issue", "update", both, type="Incident"))
    assert "changed the type of incident" in text
    assert "*Type*\nissue → incident" in text


def test_a_test_case_is_archived() -> None:
    # "Archive a test case", https://docs.gitlab.com/ci/test_cases/
    archived = acted("issue", "update", {"state_id": change(1, 2)}, type="Test Case")
    assert "archived test case #312" in title(archived)


def test_no_time_that_became_zero_is_no_change() -> None:
    assert rendered(acted("issue", "update", {"total_time_spent": change(None, 0)})).skip


def test_a_lock_of_the_discussion_beside_other_changes_is_on_or_off() -> None:
    changes = {"discussion_locked": change(True, None), "title": change("a", "b")}
    assert "*Discussion lock*\non → off" in text_of(acted("issue", "update", changes))
    changes = {"discussion_locked": change(None, True), "title": change("a", "b")}
    assert "*Discussion lock*\noff → on" in text_of(acted("issue", "update", changes))


def test_a_push_to_the_commit_that_was_there_moved_nothing() -> None:
    same = changed("push", "", before="b" * 40, after="b" * 40, commits=[], total_commits_count=0)
    event = read(same)
    assert " pushed to main in " in message(event).text
    assert event.url.endswith("/-/commits/main")


def test_an_unknown_kind_names_who_did_it() -> None:
    text = text_of({"object_kind": "odd_thing", "user": {"name": "Ada Example"}, "state": "open"})
    assert "by Ada Example" in text


def test_a_deep_and_wide_custom_body_is_read_within_the_limits() -> None:
    body: object = "the end"
    for _ in range(4):
        body = {f"k{place}": body for place in range(12)}
    made = rendered({"outer": [body] * 3}, "Push Hook")
    assert made.error is None
    assert "the end" in text_of({"outer": {"inner": [{"more": {"yet": ["x", {"last": "the end"}]}}]}}, "Push Hook")


@pytest.mark.parametrize("action", ["approval", "approved", "unapproval", "unapproved"])
def test_a_change_made_with_an_approval_is_told(action: str) -> None:
    changes = {"labels": change([], [{"title": "ready"}]), "draft": change(True, False), "updated_at": change("a", "b")}
    text = text_of(acted("merge_request", action, changes))
    assert "added `ready`" in text
    assert "marked" not in text


def test_a_state_by_its_name_is_a_state() -> None:
    text = text_of(acted("issue", "update", {"state": change("opened", "closed")}))
    assert "changed the state of issue" in text
    assert "opened → closed" in text


def test_an_old_issue_goes_by_its_issue_type() -> None:
    body = acted("issue", "update", {"state_id": change(1, 2)}, issue_type="requirement", type=None)
    assert "archived requirement #312" in title(body)


def test_a_comment_on_an_epic_is_about_the_epic_and_no_issue() -> None:
    comment = {"id": 9, "note": "Fine", "noteable_type": "Epic"}
    epic = {"id": 40, "iid": 4, "title": "Autumn", "group_id": 3}
    event = read({"object_kind": "note", "object_attributes": comment, "epic": epic, "project": {"id": 7}})
    assert (event.subject, event.name) == ("3&4", "Autumn")


def test_a_pipeline_without_its_commit_links_the_sha() -> None:
    body = changed("pipeline.success", "object_attributes", sha="c0ffee" + "0" * 34)
    text = text_of({**body, "commit": None})
    assert "/tidewater/storefront/-/commit/c0ffee" in text
    assert "|c0ffee00>" in text


def test_warnings_of_a_job_that_gitlab_leaves_out_are_told() -> None:
    # `detailed_status` is the label of the status, "passed with warnings":
    # https://docs.gitlab.com/user/project/integrations/webhook_events/#pipeline-events
    body = changed("pipeline.success", "object_attributes", detailed_status="passed with warnings")
    assert " passed with warnings" in title({**body, "builds": []})
    assert "with warnings" not in title(sample("pipeline.success"))


def test_a_job_of_an_old_gitlab_links_its_pipeline() -> None:
    # `commit.id` is the pipeline's: https://docs.gitlab.com/user/project/integrations/webhook_events/#job-events
    body = changed("build.failed", "", pipeline_id=None)
    assert "/-/pipelines/90305|#90305>" in text_of(body)
    assert "*Pipeline*" not in text_of({**body, "commit": {"id": "c" * 40}})
