"""Tests that GitLab's messages say what is true: one kind of fault after the other.

Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/, and System
hooks, https://docs.gitlab.com/administration/system_hooks/. A test that needs another source names it.
"""

import json

import pytest

from bridge.core.payload import text_at
from tests.messages.test_templates_gitlab import message, rendered, text_of
from tests.sources.gitlab_bodies import CASES, Json, changed, read, sample
from tests.walks import for_each

ADA = {"name": "Ada Example", "username": "ada"}
PARENT = {
    "project": {"id": 9, "web_url": "https://gitlab.example.com/tidewater/all", "path_with_namespace": "tidewater/all"},
    "pipeline_id": 90400,
    "job_id": 700900,
}


def change(previous: object, current: object) -> Json:
    return {"previous": previous, "current": current}


def acted(kind: str, action: str, changes: object, **fields: object) -> Json:
    """Return a merge request or an issue with an action, changes, and other fields. ``changes`` None: without."""
    body = changed(f"{kind}.update", "object_attributes", action=action, **fields)
    if changes is None:
        del body["changes"]
        return body
    return {**body, "changes": changes}


def without(name: str, *fields: str, **more: object) -> Json:
    return {**{field: value for field, value in sample(name).items() if field not in fields}, **more}


# The verb comes from the action.

VERBS = {
    "open": "opened merge request",
    "reopen": "reopened merge request",
    "close": "closed merge request",
    "merge": "merged merge request",
    "approval": "added their approval to merge request",
    "approved": "approved merge request",
    "unapproved": "withdrew the approval of merge request",
}


@pytest.mark.parametrize(
    "changes",
    [{"draft": change(True, False)}, {"reviewers": [[], [ADA]]}, {"assignees": change([], [ADA])}],
    ids=["draft", "reviewers", "assignees"],
)
@for_each(VERBS.items(), name=lambda case: case[0])
def test_changes_beside_an_action_do_not_replace_its_verb(case: tuple[str, str], changes: Json) -> None:
    action, verb = case
    text = message(read(acted("merge_request", action, changes))).text
    assert verb in text
    assert not any(word in text for word in ("marked", "asked", "assigned"))


def test_a_reviewer_asked_again_does_not_replace_an_approval() -> None:
    body = {
        **acted("merge_request", "approved", {"reviewers": [[], [ADA]]}),
        "reviewers": [{**ADA, "re_requested": True}],
    }
    assert "approved merge request" in message(read(body)).text


def test_a_reset_of_approvals_is_an_unapproval_by_the_system() -> None:
    # Since 18.6: https://gitlab.com/gitlab-org/gitlab/-/merge_requests/197850
    body = acted("merge_request", "unapproved", {}, system=True, system_action="approvals_reset_on_push")
    assert "New commits took back the approvals of merge request" in message(read(body)).text
    other = acted("merge_request", "unapproved", {}, system=True, system_action="some_day")
    assert "GitLab took back the approvals of merge request" in message(read(other)).text


def test_a_new_work_item_whose_every_field_changed_is_opened() -> None:
    changes = {name: change(None, 1) for name in ("id", "iid", "title", "state_id", "weight", "author_id")}
    text = text_of(acted("issue", "open", changes))
    assert "opened issue" in text
    assert "Weight" not in text


# A missing field is no fact.


def test_an_update_of_the_state_alone_is_told() -> None:
    archived = acted("issue", "update", {"state_id": change(1, 2), "updated_at": change("a", "b")}, type="Requirement")
    assert "archived requirement #312" in message(read(archived)).text
    back = acted("issue", "update", {"state_id": change(2, 1)}, type="Requirement")
    assert "reopened requirement #312" in message(read(back)).text
    assert "closed issue #312" in message(read(acted("issue", "update", {"state_id": change(1, 2)}))).text
    more = acted("issue", "update", {"state_id": change(1, 2), "weight": change(1, 2)}, type="Requirement")
    assert "archived and changed the weight of requirement" in message(read(more)).text


@pytest.mark.parametrize("kind", ["merge_request", "issue"])
@pytest.mark.parametrize("changes", [None, [], "x"])
def test_an_update_that_does_not_say_what_changed_is_posted(kind: str, changes: object) -> None:
    # GitLab before 10.2 sends no `changes`: https://github.com/jenkinsci/gitlab-plugin/issues/633
    text = text_of(acted(kind, "update", changes))
    assert f"updated {kind.replace('_', ' ')}" in text
    assert "GitLab does not say what changed" in text


@pytest.mark.parametrize("kind", ["merge_request", "issue"])
def test_a_skipped_update_says_what_changed(kind: str) -> None:
    assert rendered(acted(kind, "update", {})).skip == "GitLab names no change"
    internal = acted(kind, "update", {"updated_at": change("a", "b"), "lock_version": change(1, 2)})
    assert rendered(internal).skip == "GitLab names no change that people see, only updated at, lock version"


def test_a_part_of_a_work_item_that_gitlab_does_not_list_is_an_update() -> None:
    # Setting a weight: https://github.com/zulip/zulip, zerver/webhooks/gitlab/fixtures/issue_hook__epic_updated.json
    edited = acted("issue", "update", {"updated_at": change("a", "b"), "updated_by_id": change(None, 4)}, type="Epic")
    text = text_of(edited)
    assert "updated epic" in text
    assert "GitLab does not say what changed" in text
    moved = {"updated_by_id": change(None, 4), "relative_position": change(1, 2)}
    assert rendered(acted("issue", "update", moved)).skip


def test_a_status_is_told_by_its_name() -> None:
    status = change({"id": "gid://gitlab/1", "name": "To do"}, {"id": "gid://gitlab/2", "name": "In progress"})
    assert "*Status*\nTo do → In progress" in text_of(acted("issue", "update", {"status": status}))


def test_a_push_of_a_system_hook_without_a_count_is_not_moved_back() -> None:
    # System hooks never list commits: https://docs.gitlab.com/administration/system_hooks/
    bare = changed("push", "", commits=[], total_commits_count=0)
    assert " moved " in text_of(bare, "Push Hook")
    assert message(read(bare, "System Hook")).text == "Mei-Ling Chen pushed to main in tidewater/storefront"


def test_a_changed_field_without_values_is_named() -> None:
    assert "changed the weight of issue" in text_of(acted("issue", "update", {"weight": 3}))


def test_what_is_not_said_is_not_guessed() -> None:
    assert "changed feature flag" in text_of(changed("feature_flag", "object_attributes", active=None))
    assert "pushed tag" in text_of(changed("tag_push", "", before=None))
    assert "expires soon" in text_of(changed("access_token", "object_attributes", expires_at=None))
    assert "was found" not in text_of(changed("vulnerability.detected", "object_attributes", state="in_review"))


# Zero is a figure, and null is none.


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"weight": change(3, 0)}, "3 → 0"),
        ({"weight": change(0, None)}, "none (was 0)"),
        ({"weight": change(None, 0)}, "*Weight*\n0"),
        ({"total_time_spent": change(3600, 0)}, "1 hour → none"),
    ],
)
def test_zero_is_told_from_nothing(changes: Json, shown: str) -> None:
    assert shown in text_of(acted("issue", "update", changes))


def test_an_unknown_time_is_no_change() -> None:
    # GitLab 12.9 sends null: https://gitlab.com/gitlab-org/gitlab/-/issues/213655
    assert rendered(acted("issue", "update", {"total_time_spent": change(3600, None)})).skip
    text = text_of(acted("issue", "update", {"total_time_spent": change(0, None), "title": change("Old", "New")}))
    assert "renamed issue" in text
    assert "spent" not in text


def test_a_run_of_no_time_says_so() -> None:
    assert "passed after 0 seconds" in text_of(changed("pipeline.success", "object_attributes", duration=0))
    assert "passed after 0 seconds" in text_of(changed("build.success", "", build_duration=0.0))
    assert " after " not in text_of(changed("pipeline.canceled", "object_attributes", duration=None))


def test_an_access_level_of_zero_is_shown() -> None:
    body = changed("gitlab_subscription_member_approval.enqueue", "object_attributes", old_access_level=0)
    assert "No access → *Developer*" in text_of(body)


# All changes of one update are told.


def test_an_update_tells_all_changes_that_matter() -> None:
    changes = {
        "draft": change(True, False),
        "title": change("Draft: Old", "New"),
        "labels": change([], [{"title": "x"}]),
    }
    text = text_of(acted("merge_request", "update", changes))
    assert "as ready" in text
    assert "Old → New" in text
    assert "added `x`" in text
    pushed = text_of(acted("merge_request", "update", changes, oldrev="a" * 40))
    assert "commits" in pushed
    assert "no, it is ready" in pushed
    assert "Old → New" in pushed


def test_a_mark_of_a_draft_is_no_new_title() -> None:
    changes = {"draft": change(True, False), "title": change("Draft: Add a cache", "Add a cache")}
    assert "*Title*" not in text_of(acted("merge_request", "update", changes))


def test_an_old_draft_is_marked_by_its_title_alone() -> None:
    # An old GitLab sends no `changes.draft`.
    ready = acted("merge_request", "update", {"title": change("WIP: Add a & b", "Add a & b")})
    assert "as ready in" in message(read(ready)).text
    draft = acted("merge_request", "update", {"title": change("Add a cache", "Draft: Add a cache")})
    assert "as a draft in" in message(read(draft)).text
    assert "renamed" in message(read(acted("merge_request", "update", {"title": change("WIP: A", "B")}))).text


def test_a_merge_error_is_told_when_it_comes_and_not_when_it_goes() -> None:
    text = text_of(acted("merge_request", "update", {"merge_error": change(None, "Rebase failed")}))
    assert "*Merge error*\nRebase failed" in text
    assert rendered(acted("merge_request", "update", {"merge_error": change("Rebase failed", None)})).skip


def test_a_review_asked_for_again_is_told_beside_other_changes() -> None:
    body = acted("merge_request", "update", {"reviewers": [[ADA], [ADA]], "labels": change([], [{"title": "x"}])})
    text = text_of({**body, "reviewers": [{**ADA, "re_requested": True}]})
    assert "*Asked again to review*\nAda Example" in text
    assert "added `x`" in text


def test_a_verdict_is_told_beside_other_changes() -> None:
    body = acted("merge_request", "update", {"reviewers": [[ADA], [ADA]], "labels": change([], [{"title": "x"}])})
    me = {"name": text_at(body, "user", "name"), "username": text_at(body, "user", "username")}
    assert "requested changes" in text_of({**body, "reviewers": [{**me, "state": "requested_changes"}]})


@pytest.mark.parametrize(
    ("kind", "action"), [("issue", "close"), ("merge_request", "merge"), ("merge_request", "close")]
)
def test_a_change_made_while_closing_is_told(kind: str, action: str) -> None:
    body = acted(kind, action, {"state_id": change(1, 2), "labels": change([], [{"title": "late"}])})
    assert "added `late`" in text_of(body)


def test_many_changes_are_counted() -> None:
    changes = {f"field_{letter}": change("a", "b") for letter in "abcdefghij"}
    text = text_of(acted("issue", "update", changes))
    assert "field h and 2 more fields of issue" in text
    assert "*Field j*\na → b" in text


# Why, and from where.


def test_a_pipeline_that_failed_without_a_failed_job_names_what_gitlab_leaves_out() -> None:
    # https://gitlab.com/gitlab-org/gitlab/-/issues/326137
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    text = text_of({**body, "builds": [{**job, "status": "success"} for job in body["builds"]]})
    assert "None of the jobs that GitLab names has failed." in text
    assert "trigger jobs" in text
    assert "trigger job" in text_of({**body, "builds": []})
    assert "trigger job" not in text_of(body)
    assert "trigger job" not in text_of(without("pipeline.failed", "builds"))


@pytest.mark.parametrize("name", ["pipeline.failed", "build.failed"])
def test_a_child_or_downstream_pipeline_links_its_parent(name: str) -> None:
    text = text_of({**sample(name), "source_pipeline": PARENT})
    assert "<https://gitlab.example.com/tidewater/all/-/pipelines/90400|#90400> of tidewater/all" in text


def test_what_started_a_pipeline_is_told_without_a_person_too() -> None:
    body = changed("pipeline.success", "object_attributes", source="schedule")
    assert "started on schedule" in text_of({**body, "user": None})
    assert "by a security policy" in text_of(
        changed("pipeline.success", "object_attributes", source="security_orchestration_policy")
    )


def test_a_canceled_pipeline_names_the_jobs_that_failed_before() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["object_attributes"], dict)
    body["object_attributes"]["status"] = "canceled"
    assert "*Failed jobs*" in text_of(body)


def test_an_empty_name_leaves_no_colon() -> None:
    made = rendered({"event_name": "user_destroy", "name": ""}).message
    assert made is not None
    assert not made.text.rstrip().endswith(":")


def test_the_notification_of_a_canceled_pipeline_takes_no_failed_job_for_its_cause() -> None:
    canceled = changed("pipeline.failed", "object_attributes", status="canceled")
    made = rendered(canceled).message
    assert made is not None
    assert ": unit" not in made.text
    made = rendered(sample("pipeline.failed")).message
    assert made is not None
    assert made.text.endswith(": unit, browser")


# What is in the body is in the message.


def test_a_group_is_named_by_what_the_body_has() -> None:
    # GitLab 16.11 to 17.3: https://github.com/xanzy/go-gitlab/pull/1930
    token = without("access_token", "project", group={"group_name": "Ops", "group_path": "ops", "group_id": 3})
    assert "of group Ops expires" in message(read(token)).text
    assert read(token).subject == "groups/3/access_tokens/25"


@pytest.mark.parametrize("kind", ["merge_request", "issue"])
def test_one_assignee_is_an_assignee(kind: str) -> None:
    # GitLab before 13 sends `assignee` alone.
    opened = without(f"{kind}.open", "assignees", "reviewers", assignee=ADA)
    assert "*Assignees*\nAda Example" in text_of(opened)
    body = acted(kind, "update", {"assignee_id": change(None, 4)})
    del body["assignees"]
    assert f"assigned Ada Example to {kind.replace('_', ' ')}" in text_of({**body, "assignee": ADA})
    gone = {**acted(kind, "update", {"assignee_id": change(4, None)}), "assignees": []}
    assert "*Assignee*\nremoved" in text_of(gone)


@pytest.mark.parametrize("kind", ["merge_request", "issue"])
def test_a_body_without_an_action_tells_the_state(kind: str) -> None:
    # GitLab 6.7 sends neither action nor user nor project: https://github.com/gitlabhq/gitlabhq/issues/6689
    old = {"id": 2, "iid": 1, "title": "Broken lamp", "project_id": 241, "state": "closed"}
    text = text_of({"object_kind": kind, "object_attributes": old})
    assert "1 Broken lamp" in text
    assert "it is closed" in text
    assert "Somebody" not in text


def test_a_branch_of_a_fork_goes_by_its_project() -> None:
    fork = {"source_project_id": 99, "source": {"path_with_namespace": "ada/storefront"}}
    assert "`ada/storefront:fix/keep-voucher` → `main`" in text_of(acted("merge_request", "open", {}, **fork))


def test_an_old_body_without_a_project_names_the_target() -> None:
    body = without("merge_request.open", "project", "repository")
    attributes = body["object_attributes"]
    assert isinstance(attributes, dict)
    old = {**attributes, "url": "https://gitlab.example.com/a/b/merge_requests/284"}
    target = {
        "path_with_namespace": "tidewater/storefront",
        "web_url": "https://gitlab.example.com/tidewater/storefront",
    }
    assert message(read({**body, "object_attributes": {**old, "target": target}})).text.endswith(
        "in tidewater/storefront"
    )


def test_names_of_old_bodies_are_told() -> None:
    job = without("build.failed", "project", project_name="Tidewater / Booking", repository={"name": "booking"})
    assert "in Tidewater / Booking failed" in message(read(job)).text
    project = without("project_create", "owners", owner_name="Ravi Example")
    assert "*Owner*\nRavi Example" in text_of(project)
    member = without("user_add_to_team", "project_path_with_namespace", "access_level", project_access="Maintainer")
    text = message(read({**member, "project_name": "Booking"})).text
    assert text.endswith("was added to Booking as Maintainer")


def test_small_facts_of_a_body_are_told() -> None:
    assert "production (stop)" in text_of(
        changed("build.manual", "", environment={"name": "production", "action": "stop"})
    )
    assert "CI/CD skipped" in text_of(changed("push", "", push_options={"ci": {"skip": True}}))
    assert "|2026-11-01>" in text_of(changed("milestone.create", "object_attributes", start_date="2026-11-01"))
    assert "*Group*\nno. 9" in text_of(sample("gitlab_subscription_member_approval.enqueue"))
    weak = {"external_type": "cwe", "name": "CWE-79", "url": "https://cwe.example.com/79"}
    assert "|CWE-79>" in text_of(changed("vulnerability.detected", "object_attributes", identifiers=[weak]))
    # Before GitLab 13 a visibility had a prefix.
    assert "*Visible to*\nits members" in text_of(
        changed("project_create", "", project_visibility="visibilitylevel|private")
    )


HEADERS = [
    "Push Hook", "Tag Push Hook", "Issue Hook", "Note Hook", "Merge Request Hook", "Wiki Page Hook", "Pipeline Hook",
    "Job Hook", "Deployment Hook", "Feature Flag Hook", "Release Hook", "Milestone Hook", "Emoji Hook",
    "Resource Access Token Hook", "Vulnerability Hook", "Member Hook", "Project Hook", "Subgroup Hook", "System Hook",
    "Unheard Hook", "",
]  # fmt: skip


@for_each(HEADERS, name=str)
def test_the_words_of_a_custom_template_are_told(header: str) -> None:
    assert "the moon landed" in text_of({"text": "the moon landed"}, header)
    both = text_of({"place": "harbour", "result": "moored"}, header)
    assert "harbour" in both
    assert "moored" in both
    assert "the moon landed" in text_of("the moon landed", header)
    assert "the moon landed" in text_of({"report": {"line": "the moon landed"}}, header)
    assert "the moon landed" in text_of({"object_attributes": {"line": "the moon landed"}}, header)


# Words, not GitLab's identifiers.

NOTEABLES = {
    "DesignManagement::Design": "a design",
    "AlertManagement::Alert": "an alert",
    "WikiPage::Meta": "a wiki page",
    "Acme::OddThing": "an odd thing",
    "Commit": "a commit",
}


@for_each(NOTEABLES.items(), name=lambda case: case[0])
def test_a_thing_that_only_has_a_kind_is_named_in_words(case: tuple[str, str]) -> None:
    kind, words = case
    note = {"id": 4, "note": "Bluer", "noteable_type": kind, "url": "https://gitlab.example.com/a/b/-/issues/1#note_4"}
    on_thing = {"object_kind": "note", "user": ADA, "project": sample("push")["project"], "object_attributes": note}
    assert f"commented on <https://gitlab.example.com/a/b/-/issues/1#note_4|{words}> in" in text_of(on_thing)
    award = {"id": 5, "name": "tada", "awardable_type": kind}
    reaction = {**on_thing, "object_kind": "emoji", "event_type": "award", "object_attributes": award}
    assert f"reacted with :tada: to {words} in" in text_of(reaction)
    award = {**award, "awardable_type": "Note"}
    to_note = {**reaction, "object_attributes": award, "note": {"note": "Bluer", "noteable_type": kind}}
    assert f"reacted with :tada: to a comment on {words} in" in text_of(to_note)


def test_a_reaction_to_a_comment_on_a_design_names_the_file() -> None:
    note = {
        "note": "Hi",
        "noteable_type": "DesignManagement::Design",
        "position": {"new_path": "designs/issue-1/a.png"},
    }
    award = {"id": 5, "name": "heart", "awardable_type": "Note", "awarded_on_url": None}
    text = text_of(
        {"object_kind": "emoji", "event_type": "award", "user": ADA, "object_attributes": award, "note": note}
    )
    assert "reacted with :heart: to a comment on a design" in text
    assert "`designs/issue-1/a.png`" in text


def test_a_reaction_to_a_snippet_of_a_project_names_it() -> None:
    award = {"id": 5, "name": "tada", "awardable_type": "Snippet"}
    body = {
        "object_kind": "emoji",
        "user": ADA,
        "object_attributes": award,
        "project_snippet": {"id": 3, "title": "Drain"},
    }
    assert "to snippet Drain" in text_of(body)


def test_an_unknown_event_has_an_article() -> None:
    assert message(read({"object_kind": "access_review"})).text == "GitLab sent an access review event"
    assert message(read({"event_name": "brand_new"})).text == "GitLab sent a brand new event"
    assert message(read({"event_name": "user_impersonation"})).text == "GitLab sent a user impersonation event"


def test_an_unknown_action_or_state_is_readable() -> None:
    assert message(read(acted("merge_request", "auto_merge", {}))).text.endswith(": auto merge")
    assert "is now in review" in text_of(changed("deployment.success", "", status="in_review"))
    assert "Found by*\nSAST" in text_of(changed("vulnerability.detected", "object_attributes", report_type="sast"))


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")
def test_the_shared_cases_are_told_right() -> None:
    def case(name: str) -> str:
        body = json.loads((CASES / f"gitlab-{name}.json").read_text("utf-8"))
        return message(read(body, body["_header"])).text

    assert "opened merge request !12" in case("merge-request-opened-with-changes-draft")
    assert "archived requirement #12" in case("requirement-archived-by-update")
