"""Tests of GitLab's events: type, subject, title, link, person, time, and confidentiality."""

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
    assert event.title
    assert event.title == event.title.strip()
    assert not any(word in event.title for word in ("None", "Somebody", "System Hook", "  "))
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
    ("name", "subject", "title"),
    [
        ("push", "41:refs/heads/main", "Mei-Ling Chen pushed 3 commits to main in tidewater/storefront"),
        ("tag_push", "57:refs/tags/v2.4.0", "Tomasz Wójcik pushed tag v2.4.0 in tidewater/platform/booking-api"),
        (
            "merge_request.open",
            "41!284",
            f"Mei-Ling Chen opened merge request !284 {FIX} in tidewater/storefront",
        ),
        (
            "issue.close",
            "41#312",
            f"Kwame Mensah closed issue #312 {BUG} in tidewater/storefront",
        ),
        (
            "work_item.open",
            "tidewater/platform&7",
            "Ravi Subramanian opened epic &7 Waiting lists for workshop slots in tidewater/platform",
        ),
        (
            "note.merge_request",
            "41!284",
            f"Amara Okafor commented on merge request !284 {FIX} in tidewater/storefront",
        ),
        ("pipeline.failed", "41/pipelines/90211", "Pipeline #90211 on fix/keep-voucher in tidewater/storefront failed"),
        ("build.failed", "57/jobs/812044", "Job integration on main in tidewater/platform/booking-api failed"),
        (
            "deployment.blocked",
            "57/deployments/30418",
            "Deployment to production in tidewater/platform/booking-api waits for approval",
        ),
        (
            "release.create",
            "57/releases/v2.4.0",
            "Release 2.4 Waiting lists was published in tidewater/platform/booking-api",
        ),
        (
            "emoji.revoke",
            "41#312",
            f"Jonas Lindqvist took :eyes: back from issue #312 {BUG} in tidewater/storefront",
        ),
        (
            "vulnerability.confirmed",
            "57/vulnerabilities/418",
            "High vulnerability confirmed: Denial of service in the XML reader in tidewater/platform/booking-api",
        ),
        ("user_add_to_group", "groups/9/members/31", "Kwame Mensah was added to Platform as Developer"),
        (
            "project_transfer",
            "projects/88",
            "Project tidewater/loaner-bikes was moved to tidewater/workshop/loaner-bikes",
        ),
        (
            "access_token",
            "63/access_tokens/25",
            "Access token terraform-state expires on 2026-11-30 in tidewater/platform/infra",
        ),
    ],
)
def test_subject_and_title_state_what_happened_to_what(name: str, subject: str, title: str) -> None:
    event = read(sample(name), headers={"X-Gitlab-Instance": "https://gitlab.example.com"})
    assert (event.subject, event.title) == (subject, title)


def test_events_of_one_object_share_one_subject() -> None:
    about_the_merge_request = [p.stem for p in SAMPLES if p.stem.startswith("merge_request.")] + ["note.merge_request"]
    assert {read(sample(name)).subject for name in about_the_merge_request} == {"41!284"}
    about_the_issue = ["issue.open", "issue.update", "issue.close", "issue.reopen", "note.issue", "emoji.revoke"]
    assert {read(sample(name)).subject for name in about_the_issue} == {"41#312"}
    about_the_job = [p.stem for p in SAMPLES if p.stem.startswith("build.")]
    assert {read(sample(name)).subject for name in about_the_job} == {"57/jobs/812044"}


@pytest.mark.parametrize(
    ("body", "title", "url"),
    [
        (
            changed("push", "", before="0" * 40),
            "Mei-Ling Chen pushed new branch main with 3 commits in tidewater/storefront",
            "https://gitlab.example.com/tidewater/storefront/-/commits/main",
        ),
        (
            changed("push", "", before="0" * 64, total_commits_count=0, commits=[]),
            "Mei-Ling Chen pushed new branch main with no new commits in tidewater/storefront",
            "https://gitlab.example.com/tidewater/storefront/-/commits/main",
        ),
        (
            changed("push", "", after="0" * 40, ref="refs/heads/a/b"),
            "Mei-Ling Chen deleted branch a/b in tidewater/storefront",
            "https://gitlab.example.com/tidewater/storefront",
        ),
        (
            changed("push", "", total_commits_count=1),
            "Mei-Ling Chen pushed 1 commit to main in tidewater/storefront",
            "https://gitlab.example.com/tidewater/storefront/-/compare/{before}...{after}",
        ),
        (
            changed("tag_push", "", after="0" * 40),
            "Tomasz Wójcik deleted tag v2.4.0 in tidewater/platform/booking-api",
            "https://gitlab.example.com/tidewater/platform/booking-api",
        ),
        (
            changed("tag_push", "", before="1" * 40),
            "Tomasz Wójcik moved tag v2.4.0 in tidewater/platform/booking-api",
            "https://gitlab.example.com/tidewater/platform/booking-api/-/tags/v2.4.0",
        ),
    ],
    ids=["new branch", "empty new branch", "deleted branch", "one commit", "deleted tag", "moved tag"],
)
def test_pushes_distinguish_branches_from_tags_and_new_from_deleted(body: Json, title: str, url: str) -> None:
    event = read(body)
    assert event.title == title
    assert event.url == url.format(before=body["before"], after=body["after"])
    assert event.occurred_at is None


def test_a_branch_may_be_called_anything() -> None:
    event = read(changed("push", "", before="0" * 40, ref="refs/heads/fix/#12 50%"))
    assert event.url == "https://gitlab.example.com/tidewater/storefront/-/commits/fix/%2312%2050%25"
    assert event.subject == "41:refs/heads/fix/#12 50%"


def test_an_update_with_new_commits_mentions_them() -> None:
    event = read(changed("merge_request.update", "object_attributes", oldrev="a" * 40))
    assert event.title.startswith("Amara Okafor added commits to merge request !284")


def test_the_test_button_sends_no_action_and_still_makes_a_sentence() -> None:
    event = read(changed("merge_request.open", "object_attributes", action=None), "Merge Request Hook")
    assert event.type == "merge_request"
    assert event.title.startswith("Merge request !284 Keep the voucher")


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
    ("body", "header", "event_type", "title"),
    [
        ({"text": "hi"}, "Merge Request Hook", "merge_request", "Merge Request Hook"),
        ({"title": "Deploy"}, "Job Hook", "build", "Job Hook: Deploy"),
        ({}, "Confidential Issue Hook", "issue", "Confidential Issue Hook"),
        ([1], "Push Hook", "push", "Push Hook"),
        ("text", "Some New Hook", "some_new", "Some New Hook"),
        (None, "", "custom", "Custom"),
        ({"object_kind": "Acme/Report"}, "Push Hook", "acme_report", "Push Hook"),
        ({"object_kind": "../../etc/passwd"}, "", "etc_passwd", "Etc passwd"),
        ({"object_kind": 7, "object_attributes": []}, "", "7", "7"),
        (
            {"object_kind": "thing", "object_attributes": {"action": "Do It", "title": "T"}},
            "",
            "thing.do_it",
            "Thing: T",
        ),
        (
            {"event_name": "brand_new", "project": {"path_with_namespace": "a/b"}},
            "System Hook",
            "brand_new",
            "System Hook in a/b",
        ),
    ],
)
def test_custom_templates_and_new_kinds_still_make_an_event(
    body: object, header: str, event_type: str, title: str
) -> None:
    event = read(body, header)
    assert (event.type, event.title) == (event_type, title)
    assert event.payload == (body if isinstance(body, dict) else {"body": body})


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="the shared payloads are not beside this checkout")
def test_shared_payloads() -> None:
    index = json.loads((PAYLOADS / "index.json").read_text("utf-8"))
    generic = set(KIND_OF_HEADER)
    for name, about in index.items():
        header = about["X-Gitlab-Event"]
        body = json.loads((PAYLOADS / name).read_text("utf-8"))
        event = read(body, header)
        assert event.subject, name
        assert event.title.partition(":")[0].partition(" in ")[0] not in generic, name
        assert event.confidential == header.startswith("Confidential"), name
        sent = PROVIDER.request_for(event.type, body, SIGNING, NOW)
        PROVIDER.verify(sent, [SIGNING], NOW)
        assert PROVIDER.events(sent, "gitlab", NOW)[0].type == event.type, name
