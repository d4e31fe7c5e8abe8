"""Tests of GitLab's events: type, subject, name, link, person, time, and confidentiality."""

import json
from pathlib import Path

import pytest

from bridge.sources.gitlab.provider import PROVIDER
from bridge.sources.gitlab.types import KIND_OF_HEADER
from tests.sources.gitlab_bodies import NOW, PAYLOADS, SAMPLES, SIGNING, TOKEN, Json, changed, read, sample
from tests.walks import for_each

FIX = "Keep the voucher when the basket changes"
BUG = "Voucher disappears when the amount changes"


@for_each(SAMPLES, name=lambda path: path.stem)
@pytest.mark.parametrize("secret", [TOKEN, SIGNING])
def test_every_sample_is_sent_verified_and_read_as_its_type(path: Path, secret: str) -> None:
    body = json.loads(path.read_text("utf-8"))
    event_type = PROVIDER.type_of_sample(path.stem)
    request = PROVIDER.request_for(event_type, body, secret, NOW)
    PROVIDER.verify(request, [secret], NOW)
    (event,) = PROVIDER.events(request, "gitlab-eu", NOW)
    assert event.type == event_type
    assert event.source == "gitlab-eu"
    assert event.payload == body
    assert event.name == event.name.strip()
    assert event.name or event_type.startswith(("key_", "gitlab_subscription_", "note.design"))
    assert PROVIDER.line(event).startswith("GitLab ")
    assert event.subject
    assert (
        event.url.startswith("https://")
        or event_type.endswith("_destroy")
        or event_type in ("group_destroy", "user_destroy")
    )
    assert event.keys[0].startswith("delivery:")
    assert not event.test
    assert (event.occurred_at is None) or event.occurred_at > 1.7e9


def test_there_is_a_sample_for_every_kind_that_gitlab_documents() -> None:
    kinds = {path.stem.partition(".")[0] for path in SAMPLES}
    by_event_name = {"member", "subgroup", "project", "system"}
    assert set(KIND_OF_HEADER.values()) - by_event_name <= kinds
    assert len(SAMPLES) >= 95


@pytest.mark.parametrize(
    ("name", "subject", "line"),
    [
        ("push", "41:refs/heads/main", "GitLab push: main"),
        ("tag_push", "57:refs/tags/v2.4.0", "GitLab tag push: v2.4.0"),
        ("merge_request.open", "41!284", f"GitLab merge request opened: !284 {FIX}"),
        ("issue.close", "41#312", f"GitLab issue closed: #312 {BUG}"),
        ("work_item.open", "tidewater/platform&7", "GitLab work item opened: &7 Waiting lists for workshop slots"),
        ("note.merge_request", "41!284", f"GitLab comment on merge request: !284 {FIX}"),
        ("pipeline.failed", "41/pipelines/90211", "GitLab pipeline failed: fix/keep-voucher"),
        ("build.failed", "57/jobs/812044", "GitLab job failed: integration"),
        ("deployment.blocked", "57/deployments/30418", "GitLab deployment blocked: production"),
        ("release.create", "57/releases/v2.4.0", "GitLab release created: 2.4 Waiting lists"),
        ("emoji.revoke", "41#312", f"GitLab emoji revoke: #312 {BUG}"),
        (
            "vulnerability.confirmed",
            "57/vulnerabilities/418",
            "GitLab vulnerability confirmed: Denial of service in the XML reader",
        ),
        ("user_add_to_group", "groups/9/members/31", "GitLab user add to group: Kwame Mensah"),
        ("project_transfer", "projects/88", "GitLab project transfer: tidewater/workshop/loaner-bikes"),
        ("access_token", "63/access_tokens/25", "GitLab access token: terraform-state"),
        ("key_create", "users/isolberg/keys/301", "GitLab key created"),
    ],
)
def test_subject_and_plain_line_name_the_thing(name: str, subject: str, line: str) -> None:
    event = read(sample(name), headers={"X-Gitlab-Instance": "https://gitlab.example.com"})
    assert (event.subject, PROVIDER.line(event)) == (subject, line)


def test_events_of_one_object_share_one_subject() -> None:
    about_the_merge_request = [p.stem for p in SAMPLES if p.stem.startswith("merge_request.")] + ["note.merge_request"]
    assert {read(sample(name)).subject for name in about_the_merge_request} == {"41!284"}
    about_the_issue = ["issue.open", "issue.update", "issue.close", "issue.reopen", "note.issue", "emoji.revoke"]
    assert {read(sample(name)).subject for name in about_the_issue} == {"41#312"}
    about_the_job = [p.stem for p in SAMPLES if p.stem.startswith("build.")]
    assert {read(sample(name)).subject for name in about_the_job} == {"57/jobs/812044"}


SHOP = "https://gitlab.example.com/tidewater/storefront"
BOOKING = "https://gitlab.example.com/tidewater/platform/booking-api"


@pytest.mark.parametrize(
    ("body", "name", "url"),
    [
        (changed("push", "", before="0" * 40), "main", f"{SHOP}/-/commits/main"),
        (changed("push", "", before="0" * 64, commits=[]), "main", f"{SHOP}/-/commits/main"),
        (changed("push", "", after="0" * 40, ref="refs/heads/a/b"), "a/b", SHOP),
        (sample("push"), "main", f"{SHOP}/-/compare/{{before}}...{{after}}"),
        (changed("push", "", total_commits_count=0, commits=[]), "main", f"{SHOP}/-/compare/{{after}}...{{before}}"),
        (changed("push", "", before=None), "main", f"{SHOP}/-/commits/main"),
        (changed("tag_push", "", after="0" * 40), "v2.4.0", BOOKING),
        (changed("tag_push", "", before="1" * 40), "v2.4.0", f"{BOOKING}/-/tags/v2.4.0"),
    ],
    ids=["new branch", "empty new branch", "deleted branch", "commits", "moved back", "no range", "deleted", "moved"],
)
def test_pushes_distinguish_branches_from_tags_and_new_from_deleted(body: Json, name: str, url: str) -> None:
    event = read(body)
    assert event.name == name
    assert event.url == url.format(before=body.get("before"), after=body.get("after"))
    assert event.occurred_at is None


def test_a_branch_may_be_called_anything() -> None:
    event = read(changed("push", "", before="0" * 40, ref="refs/heads/fix/#12 50%"))
    assert event.url == "https://gitlab.example.com/tidewater/storefront/-/commits/fix/%2312%2050%25"
    assert event.subject == "41:refs/heads/fix/#12 50%"


def test_the_test_button_sends_no_action_and_the_event_still_has_a_name() -> None:
    event = read(changed("merge_request.open", "object_attributes", action=None), "Merge Request Hook")
    assert event.type == "merge_request"
    assert PROVIDER.line(event).startswith("GitLab merge request: !284 Keep the voucher")


@pytest.mark.parametrize("field", ["snippet", "project_snippet"])
def test_a_reaction_to_a_snippet_is_about_the_snippet(field: str) -> None:
    body: Json = {
        "object_kind": "emoji",
        "event_type": "award",
        "project_id": 7,
        "object_attributes": {"id": 4, "name": "tada", "awardable_type": "Snippet"},
        field: {"id": 53, "title": "Drain a node"},
    }
    assert (read(body).subject, read(body).name) == ("7$53", "Drain a node")


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (sample("issue.open"), "Confidential Issue Hook"),
        (changed("issue.open", "", event_type="confidential_issue"), "Issue Hook"),
        (changed("issue.open", "object_attributes", confidential=True), ""),
        (changed("work_item.update", "object_attributes", confidential=True), "Issue Hook"),
        (sample("note.issue"), "Confidential Note Hook"),
        (changed("note.issue", "", event_type="confidential_note"), "Note Hook"),
        (changed("note.issue", "object_attributes", internal=True), "Note Hook"),
        (changed("note.issue", "issue", confidential=True), "Note Hook"),
        (changed("emoji.revoke", "work_item", confidential=True), "Emoji Hook"),
        (changed("emoji.award", "", note={"internal": True}), "Emoji Hook"),
        ({"object_kind": "issue", "object_attributes": {"confidential": "true"}}, "Issue Hook"),
        ({"object_kind": "issue"}, "confidential issue hook"),
        ({"object_kind": "confidential_issue"}, "Issue Hook"),
        ({"event_name": "confidential_note"}, ""),
        ({"event_type": "Confidential Note"}, "Note Hook"),
    ],
)
def test_objects_visible_to_members_only_are_confidential(body: Json, header: str) -> None:
    assert read(body, header).confidential


def test_nothing_else_is_confidential() -> None:
    assert not [path.stem for path in SAMPLES if read(sample(path.stem)).confidential]


@pytest.mark.parametrize(
    ("body", "header", "event_type", "line"),
    [
        ({"text": "hi"}, "Merge Request Hook", "merge_request", "GitLab merge request"),
        ({"title": "Deploy"}, "Job Hook", "build", "GitLab job: Deploy"),
        ({}, "Confidential Issue Hook", "issue", "GitLab issue"),
        ([1], "Push Hook", "push", "GitLab push"),
        ("text", "Some New Hook", "some_new", "GitLab some new"),
        (None, "", "custom", "GitLab custom"),
        ({"object_kind": "Acme/Report"}, "Push Hook", "acme_report", "GitLab acme report"),
        ({"object_kind": "../../etc/passwd"}, "", "etc_passwd", "GitLab etc passwd"),
        ({"object_kind": 7, "object_attributes": []}, "", "7", "GitLab 7"),
        (
            {"object_kind": "thing", "object_attributes": {"action": "Do It", "title": "T"}},
            "",
            "thing.do_it",
            "GitLab thing do it: T",
        ),
        (
            {"event_name": "brand_new", "project": {"path_with_namespace": "a/b"}},
            "System Hook",
            "brand_new",
            "GitLab brand new",
        ),
    ],
)
def test_custom_templates_and_new_kinds_still_make_an_event(
    body: object, header: str, event_type: str, line: str
) -> None:
    event = read(body, header)
    assert (event.type, PROVIDER.line(event)) == (event_type, line)
    assert event.payload == (body if isinstance(body, dict) else {"body": body})


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the shared payloads are not beside this checkout")
def test_shared_payloads() -> None:
    index = json.loads((PAYLOADS / "index.json").read_text("utf-8"))
    for name, about in index.items():
        header = about["X-Gitlab-Event"]
        body = json.loads((PAYLOADS / name).read_text("utf-8"))
        event = read(body, header)
        assert event.subject, name
        assert event.name or event.type.startswith(("key_", "gitlab_subscription_")), name
        assert event.confidential == header.startswith("Confidential"), name
        sent = PROVIDER.request_for(event.type, body, SIGNING, NOW)
        PROVIDER.verify(sent, [SIGNING], NOW)
        assert PROVIDER.events(sent, "gitlab", NOW)[0].type == event.type, name
