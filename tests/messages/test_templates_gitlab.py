"""Tests of GitLab's messages, for every sample and for hostile data."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events import Event
from bridge.messages import Message, Rendered
from bridge.messages.limits import limit_violations
from bridge.messages.templates import read_templates
from tests.messages.rendering import render
from tests.sources.gitlab_bodies import PAYLOADS, SAMPLES, Json, changed, read, sample
from tests.walks import for_each

TEMPLATES = read_templates(None, {"amara": "U012AB3CD"})
INDEX: Mapping[str, Mapping[str, str]] = (
    json.loads((PAYLOADS / "index.json").read_text("utf-8")) if PAYLOADS.is_dir() else {}
)
GITLAB = {"X-Gitlab-Instance": "https://gitlab.example.com"}
HOSTILE = "<!channel> <@U1> *b* _i_ `c` <https://evil.example|ok> @here & > ~s~\x00\n> q"


def rendered(body: object, header: str = "") -> Rendered:
    return render(read(body, header, headers=GITLAB), TEMPLATES)


def message(event: Event) -> Message:
    """Return the message of an event. It must render without an error and keep within Slack's limits."""
    made = render(event, TEMPLATES)
    assert not made.error
    assert made.template.startswith("gitlab/")
    assert made.message is not None, made.skip
    assert not limit_violations(made.message)
    return made.message


def written(message: Message) -> str:
    """Return all texts of a message as one."""
    return json.dumps(message.body(), ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')


def text_of(body: object, header: str = "") -> str:
    return written(message(read(body, header, headers=GITLAB)))


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda path: path.stem)
def test_every_sample_makes_a_message_without_holes_and_without_reading_what_is_not_there(path: Path) -> None:
    made = rendered(sample(path.stem))
    assert made.message is not None
    assert not made.error
    assert not made.missing
    assert not limit_violations(made.message)
    text = written(made.message)
    assert not any(hole in text for hole in ("None", "Undefined", "•\n", "Somebody", "()", ">>", "  "))
    title = made.message.body()["blocks"]
    assert json.dumps(title).count("<https://") >= 1 or path.stem.endswith("_destroy")


@pytest.mark.thorough
@pytest.mark.skipif(not INDEX, reason="the shared payloads are not beside this checkout")
def test_every_shared_payload_makes_a_message_without_holes() -> None:
    for name, about in INDEX.items():
        made = rendered(json.loads((PAYLOADS / name).read_text("utf-8")), about["X-Gitlab-Event"])
        assert made.message is not None, name
        assert not made.error, name
        assert not limit_violations(made.message), name
        text = written(made.message)
        assert not any(hole in text for hole in ("None", "Undefined", "•\n", "Somebody")), name


MR = "merge_requests/284|!284 Keep the voucher when the basket changes> in <https://gitlab.example.com/tidewater/"


@pytest.mark.parametrize(
    ("name", "phrases"),
    [
        (
            "push",
            [
                "*Mei-Ling Chen* pushed <",
                "|3 commits> by 2 authors to <",
                "|main> in <",
                "> Fix a typo in the delivery note — Kwame Mensah",
                "/-/compare/",
            ],
        ),
        ("tag_push", ["pushed tag <", "/-/tags/v2.4.0|v2.4.0>", "> Version 2.4.0: waiting lists"]),
        (
            "merge_request.open",
            [
                "*Mei-Ling Chen* opened merge request <",
                MR,
                "`fix/keep-voucher` → `main`",
                "<@U012AB3CD>",
                "☑ keep the voucher",
                "|the report>",
                "`bug` `checkout`",
            ],
        ),
        (
            "merge_request.update",
            [
                "*Amara Okafor* changed the title and labels of merge request <",
                "Keep the voucher when the basket changes → Keep vouchers",
                "added `checkout`",
                "`fix/keep-voucher` → `main`",
            ],
        ),
        (
            "merge_request.approval",
            ["*Amara Okafor* added their approval to merge request <", "it needs more approvals"],
        ),
        (
            "merge_request.approved",
            [":white_check_mark: *Jonas Lindqvist* approved merge request <", "it can be merged"],
        ),
        ("merge_request.unapproval", ["*Amara Okafor* removed their approval from merge request <"]),
        ("merge_request.unapproved", ["*Jonas Lindqvist* withdrew the approval of merge request <"]),
        (
            "merge_request.merge",
            [":white_check_mark: *Jonas Lindqvist* merged merge request <", MR, "→ `main`", '"good"'],
        ),
        ("merge_request.close", ["*Mei-Ling Chen* closed merge request <", MR, "> without merging"]),
        (
            "issue.open",
            [
                "*Leila Haddad* opened issue <",
                "|#312 Voucher disappears when the amount changes>",
                "*SPRING26*",
                "Kwame Mensah",
                "2026-11-27",
            ],
        ),
        (
            "issue.update",
            ["changed the labels, assignees and due date of issue <", "added `checkout`", "added Kwame Mensah"],
        ),
        (
            "work_item.open",
            [
                "opened epic <",
                "/groups/tidewater/platform/-/work_items/7|&amp;7 Waiting lists",
                "/groups/tidewater/platform|tidewater/platform>",
            ],
        ),
        ("work_item.update", ["changed the severity of incident <", "high → critical", '"danger"']),
        ("work_item.reopen", ["*Ravi Subramanian* reopened task <"]),
        (
            "note.merge_request",
            [
                "commented on <",
                "#note_440121|merge request !284",
                "> Could we also keep it when an item is _removed_?",
                "`app/basket/session.ts:48`",
            ],
        ),
        ("note.commit", ["commented on <", "|commit 95125a16 Round the tax per line, not per order>"]),
        ("note.snippet", ["|snippet Drain a node safely>"]),
        ("note.wiki_page", ["|wiki page Returns>"]),
        (
            "pipeline.failed",
            [
                ":x: Pipeline <",
                "/pipelines/90211/failures|#90211>",
                "for <",
                "failed after 5 minutes and 15 seconds",
                "*Failed jobs*",
                "/-/jobs/700002|unit> (test), <",
                "/-/jobs/700004|browser> (test)",
                "*Allowed to fail*",
                "|licences>",
                '"danger"',
            ],
        ),
        ("pipeline.success", [":white_check_mark: Pipeline <", "passed after 6 minutes and 20 seconds", '"good"']),
        (
            "pipeline.manual",
            [":warning: Pipeline <", "waits for somebody to start a job", "|deploy-staging> (deploy)"],
        ),
        (
            "build.failed",
            [
                ":x: Job <",
                "/-/jobs/812044|integration> on <",
                "it ran longer than it may",
                "/-/pipelines/90305|#90305>",
            ],
        ),
        ("build.manual", ["|deploy-production>", "waits for somebody to start it", "production"]),
        (
            "deployment.success",
            [
                ":white_check_mark: *Tomasz Wójcik* deployed <",
                "|bd538111> to *<https://booking.example.com|production>*",
                "`main`",
            ],
        ),
        (
            "deployment.blocked",
            [":warning: The <", "/-/jobs/812050|deployment> of <", "waits for approval", '"warning"'],
        ),
        (
            "deployment.approved",
            ["*Amara Okafor* approved the <", "> Load test looks fine, go ahead.", "started by Tomasz Wójcik"],
        ),
        (
            "deployment.rejected",
            [":x: *Amara Okafor* rejected the <", "> Please wait until the sale is over on Monday."],
        ),
        ("deployment.failed", [":x: The <", "> failed", "Open log", '"danger"']),
        (
            "release.create",
            [
                ":white_check_mark: Release <",
                "/-/releases/v2.4.0|2.4 Waiting lists> was published in <",
                "• riders can queue",
                "/-/tags/v2.4.0|v2.4.0>",
                "|bd538111> Merge branch",
                "|Container image>",
            ],
        ),
        ("milestone.create", ["Milestone <", "/-/milestones/6|Winter sale> was created in <", "2026-11-30"]),
        ("wiki_page.update", ["edited wiki page <", "|what changed>", "> Add the courier's new address"]),
        ("emoji.award", ["reacted with :tada: to <", "|merge request !284"]),
        ("feature_flag", ["turned feature flag <", "|waiting-lists> *on* in <"]),
        (
            "access_token",
            [
                ":warning: Access token <",
                "|terraform-state> of <",
                "|2026-11-30>*",
                "*Last used*",
            ],
        ),
        ("deploy_token", ["Deploy token <", "|registry-pull> of <", "> expires on *<!date^", "|2026-11-27>*"]),
        (
            "vulnerability.confirmed",
            [":rotating_light: High-severity vulnerability <", "was confirmed", "`rexml 3.3.1`", "|CVE-2026-0000>"],
        ),
        (
            "user_add_to_group",
            [
                "*<https://gitlab.example.com/kwame|Kwame Mensah>* was added to group *Platform* as *Developer*",
                "*Until*",
                "{date_short_pretty}|2027-01-31>",
            ],
        ),
        (
            "user_access_request_to_project",
            [
                ":warning: *Sofía Delgado* (sofia) asks for access to <",
                "/-/project_members?tab=access_requests|",
                "Open req",
            ],
        ),
        ("user_failed_login", [":warning: *<", "failed to log in: the account is blocked"]),
        ("user_rename", ["|Ingrid Solberg>* is now called `isolberg` (was `ingrid.s`)"]),
        ("key_create", ["|isolberg>* added an SSH key", "`ssh-ed25519 … isolberg@example.com`"]),
        ("group_rename", ["Group `tidewater/workshop` is now *<", "/tidewater/service|tidewater/service>*"]),
        ("subgroup_destroy", [":warning: Subgroup *tidewater/workshop* was deleted"]),
        ("project_transfer", ["Project `tidewater/loaner-bikes` was moved to *<"]),
        (
            "gitlab_subscription_member_approval.enqueue",
            [":warning: <", "waits for approval>", "Guest → *Developer*", "no. 52", "Review request"],
        ),
        ("project_create", ["Project *<", "|tidewater/loaner-bikes>* was created", "its members", "Ravi Subramanian"]),
        (
            "repository_update",
            [
                "*Tomasz Wójcik* pushed to 2 branches and tags in <",
                "• branch <",
                "|main>: <",
                "|11f6ad8e → 95cb0bfd>",
                "• new tag <",
            ],
        ),
    ],
)
def test_a_message_states_what_matters(name: str, phrases: list[str]) -> None:
    text = text_of(sample(name))
    for phrase in phrases:
        assert phrase in text


def test_the_notification_states_more_than_the_title_where_that_helps() -> None:
    failed = message(read(sample("pipeline.failed"))).text
    assert failed.startswith(":x: Pipeline #90211")
    assert failed.endswith(": unit, browser")
    comment = message(read(sample("note.issue"))).text
    assert comment == (
        "Kwame Mensah on issue #312 Voucher disappears when the amount changes: "
        "I can reproduce this on staging, but only with two or more items."
    )
    assert "it ran longer than it may" in message(read(sample("build.failed"))).text


def test_a_count_that_is_no_number_is_counted_instead() -> None:
    assert "3 commits" in text_of({**sample("push"), "total_commits_count": "3" * 40})


def test_a_push_lists_eight_commits_and_counts_the_rest() -> None:
    body = sample("push")
    assert isinstance(body["commits"], list)
    commit = body["commits"][0]
    many = [{**commit, "id": f"{n:040x}", "message": f"Step {n}\n\nmore"} for n in range(1, 21)]
    text = text_of({**body, "commits": many, "total_commits_count": 34})
    assert "|34 commits>" in text
    assert text.index("Step 20") < text.index("Step 13")
    assert "Step 12" not in text
    assert "|26 more>" in text
    assert "by at least" not in text  # only the person who pushed
    assert "more\n" not in text.replace("|26 more>\n", "")


def test_commit_authors_are_named_only_if_another_person_pushed() -> None:
    own = sample("push")
    assert isinstance(own["commits"], list)
    own["commits"] = own["commits"][:2]
    assert " — " not in text_of(own)
    assert " — Mei-Ling Chen" in text_of({**own, "user_name": "Jonas Lindqvist"})
    one = text_of({**own, "user_name": "Jonas Lindqvist", "total_commits_count": 2})
    assert "|2 commits> by Mei-Ling Chen to <" in one
    assert " — Mei-Ling Chen" not in one


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (
            changed("push", "", before="0" * 40),
            "pushed new branch <https://gitlab.example.com/tidewater/storefront/-/commits/main|main> with 3 ",
        ),
        # Its commits are known elsewhere.
        (
            changed("push", "", before="0" * 40, commits=[], total_commits_count=0),
            '/-/commits/main|main> in <https://gitlab.example.com/tidewater/storefront|tidewater/storefront>"',
        ),
        (changed("push", "", after="0" * 40), "deleted branch `main` in <"),
        (changed("push", "", commits=[], total_commits_count=0), "|main> back to <"),
        (changed("push", "", ref="refs/heads/fix/#12"), "/-/commits/fix/%2312|fix/#12>"),
        (changed("tag_push", "", after="0" * 40), "deleted tag `v2.4.0` in <"),
        (changed("tag_push", "", before="1" * 40), "moved tag <"),
    ],
    ids=["new", "empty", "deleted", "fewer commits", "odd name", "deleted tag", "moved tag"],
)
def test_branches_and_tags_come_and_go_in_plain_words(body: Json, phrase: str) -> None:
    assert phrase in text_of(body)


def test_the_authors_of_a_push_are_counted() -> None:
    body = sample("push")
    assert "|3 commits> by 2 authors to <" in text_of(body)
    assert "|34 commits> by at least 2 authors to <" in text_of({**body, "total_commits_count": 34})
    one = {**body, "commits": [], "total_commits_count": 3}
    assert "|3 commits> to <" in text_of(one)


def test_deleted_refs_and_removed_commits_can_be_found_again() -> None:
    before = sample("push")["before"]
    assert f"it was at <https://gitlab.example.com/tidewater/storefront/-/commit/{before}|" in text_of(
        changed("push", "", after="0" * 40)
    )
    back = text_of(changed("push", "", commits=[], total_commits_count=0))
    assert ":warning: *Mei-Ling Chen* moved <" in back
    assert f"...{before}|what was taken away>" in back


def test_a_push_without_a_list_or_a_count_claims_nothing() -> None:
    body = {**sample("push"), "commits": [], "total_commits_count": None}
    text = text_of(body)
    assert "|pushed> to <" in text
    assert "back to" not in text
    assert "no commits" not in text_of({**body, "before": "0" * 40})


def test_the_signature_of_a_tag_is_not_read_out() -> None:
    text = text_of(changed("tag_push", "", message="Version 3\n-----BEGIN PGP SIGNATURE-----\nabc"))
    assert "> Version 3" in text
    assert "PGP" not in text


def test_a_deployment_states_its_tier_where_the_name_does_not() -> None:
    assert "production tier" in text_of(changed("deployment.blocked", "", environment="eu-1"))
    assert "tier" not in text_of(sample("deployment.blocked")).replace("_tier", "")


def update(changes: object, **attributes: object) -> Json:
    body = changed("merge_request.update", "object_attributes", **attributes)
    return {**body, "changes": changes}


AMARA = {"name": "Amara Okafor", "username": "amara"}
RAVI = {"name": "Ravi Subramanian", "username": "ravi.s"}


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (update({"draft": {"previous": True, "current": False}}), "marked merge request <"),
        (update({"draft": {"previous": False, "current": True}}), "> as a draft in <"),
        (update({}, oldrev="a" * 40), f"/-/compare/{'a' * 40}..."),
        (update({}, system_action="approvals_reset_on_push"), "New commits took back the approvals of merge request <"),
        (update({"reviewers": [[AMARA], [AMARA, RAVI]]}), "asked Ravi Subramanian to review merge request <"),
        (
            update({"reviewers": {"previous": [], "current": [RAVI]}}),
            "asked Ravi Subramanian to review merge request <",
        ),
        (
            update({"reviewers": [[AMARA, RAVI], [AMARA]]}),
            "no longer asks Ravi Subramanian to review merge request <",
        ),
        (update({"reviewers": [[AMARA], [RAVI]]}), "added Ravi Subramanian, removed Amara Okafor"),
        (
            update({"assignees": {"previous": [RAVI], "current": []}}),
            "unassigned Ravi Subramanian from merge request <",
        ),
        (update({"assignees": {"previous": [], "current": [RAVI]}}), "assigned Ravi Subramanian to merge request <"),
        (update({"target_branch": {"previous": "main", "current": "next"}}), "`main` → `next`"),
        (update({"milestone_id": {"previous": None, "current": 3}}), "changed"),
        (
            {**update({"reviewers": [[AMARA], [AMARA]]}), "reviewers": [{**AMARA, "re_requested": True}]},
            "asked <@U012AB3CD> again to review merge request <",
        ),
    ],
)
def test_an_update_states_what_changed(body: Json, phrase: str) -> None:
    assert phrase in text_of(body)


def test_a_person_removed_from_a_list_is_named_at_any_line_start() -> None:
    gone = {"reviewers": [[AMARA, RAVI], [AMARA]]}
    for more in ({"oldrev": "a" * 40}, {"system_action": "approvals_reset_on_push"}):
        assert "removed Ravi Subramanian" in text_of(update(gone, **more))
    nameless = text_of(update({"reviewers": [[{"username": "ada"}, RAVI], []]}))
    assert "no longer asks ada, Ravi Subramanian to review" in nameless
    many = [{"name": f"Person {number}", "username": f"p{number}"} for number in range(200)]
    assert "Person 9 … and 190 more to review merge request <" in text_of(update({"reviewers": [many, []]}))
    themselves = text_of(update({"reviewers": [[AMARA], []]}))
    assert "changed the reviewers of" in themselves
    assert "removed Amara Okafor" in themselves


def test_a_removed_assignee_is_named_on_an_issue_too() -> None:
    body = {**sample("issue.update"), "changes": {"assignees": {"previous": [AMARA, RAVI], "current": [RAVI]}}}
    assert "unassigned Amara Okafor from issue <" in text_of(body)


@pytest.mark.parametrize(
    "body",
    [
        update({"updated_at": {"previous": "a", "current": "b"}, "merge_status": {"previous": "a", "current": "b"}}),
        update({}),
        {**sample("issue.update"), "changes": {"updated_at": {}, "relative_position": {}}},
        changed("note.issue", "object_attributes", system=True),
    ],
)
def test_an_invisible_change_is_not_posted_and_the_reason_is_kept(body: Json) -> None:
    made = rendered(body)
    assert made.message is None
    assert made.skip
    assert not made.error


def test_an_update_that_only_a_machine_would_notice_in_a_review_is_not_posted() -> None:
    def state(now: str) -> Json:
        reviewers = [[{**AMARA, "state": "unreviewed"}], [{**AMARA, "state": now}]]
        return {**update({"reviewers": reviewers}), "reviewers": reviewers[1]}

    assert rendered(state("review_started")).skip
    assert "*Amara Okafor* reviewed merge request <" in text_of(state("reviewed"))
    assert ":warning: *Amara Okafor* requested changes to merge request <" in text_of(state("requested_changes"))


def test_whom_an_update_asks_hears_of_it() -> None:
    assert "asked <@U012AB3CD> to review merge request <" in text_of(update({"reviewers": [[], [AMARA]]}))
    assert "assigned <@U012AB3CD> to merge request <" in text_of(
        update({"assignees": {"previous": [], "current": [AMARA]}})
    )


def test_an_edited_description_shows_its_new_lines_without_hidden_comments() -> None:
    old = "Steps\n\n- [ ] tell the shopper\n<!-- a\nhidden line -->"
    new = "Steps\n\n- [x] tell the shopper\n<!-- a\nhidden, edited line -->\nSee *there*."
    for body, thing in (
        (update({"description": {"previous": old, "current": new}}), "merge request"),
        ({**sample("issue.update"), "changes": {"description": {"previous": old, "current": new}}}, "issue"),
    ):
        text = text_of(body)
        assert f"edited the description of {thing} <" in text
        assert "> ☑ tell the shopper\n> See _there_." in text
        assert "Steps" not in text
        assert "hidden" not in text


@pytest.mark.parametrize(
    ("changes", "phrases"),
    [
        ({"title": {"previous": "Old", "current": "New"}}, ["renamed issue <", "Old → New"]),
        (
            {"due_date": {"previous": "2026-11-27", "current": "2026-12-04"}},
            ["changed the due date of issue <", "|2026-11-27> → <", "|2026-12-04>"],
        ),
        ({"due_date": {"previous": "2026-11-27", "current": None}}, ["|2026-11-27> → none"]),
        ({"total_time_spent": {"previous": 0, "current": 5400}}, ["time spent of issue <", "1 hour and 30 minutes"]),
        ({"confidential": {"previous": False, "current": True}}, ["visibility of issue <", "everybody → members only"]),
        ({"discussion_locked": {"previous": None, "current": True}}, ["locked the discussion of issue <"]),
        ({"weight": {"previous": 3, "current": None}}, ["changed the weight of issue <", "none (was 3)"]),
        ({"milestone_id": {"previous": 3, "current": None}}, ["changed the milestone of issue <", "removed"]),
        # A field that GitLab does not have yet.
        ({"risk_level": {"previous": "low", "current": "very_high"}}, ["the risk level of issue <", "low → very high"]),
    ],
)
def test_every_change_of_an_issue_shows_old_and_new_values(changes: Json, phrases: list[str]) -> None:
    text = text_of({**sample("issue.update"), "changes": changes})
    for phrase in phrases:
        assert phrase in text


@pytest.mark.parametrize("changes", [{"<!channel>": {"previous": 1, "current": 2}}, {"labels": 7}])
def test_changes_of_no_known_shape_change_nothing(changes: object) -> None:
    for name in ("issue.update", "merge_request.update"):
        assert rendered({**sample(name), "changes": changes}).skip


@pytest.mark.parametrize("kind", ["Task", "Objective", "Key Result", "Ticket", "Requirement", "Test Case", "Incident"])
def test_work_items_go_by_their_own_names(kind: str) -> None:
    text = text_of(changed("work_item.reopen", "object_attributes", type=kind))
    assert f"reopened {kind.lower()} <" in text
    assert (":rotating_light:" in text) == (kind == "Incident")


def test_an_epic_is_in_its_group() -> None:
    on_epic = sample("note.issue")
    place = "https://gitlab.example.com/groups/tidewater/platform"
    note = {**on_epic["object_attributes"], "url": f"{place}/-/work_items/7#note_3"}  # type: ignore[dict-item]
    epic = {"iid": 7, "title": "Waiting lists", "type": "Epic", "url": f"{place}/-/work_items/7"}
    body = {**on_epic, "project": None, "repository": None, "issue": None, "work_item": epic, "object_attributes": note}
    assert (
        f"commented on <{place}/-/work_items/7#note_3|epic &amp;7 Waiting lists> in <{place}|tidewater/platform>"
        in (text_of(body))
    )


def test_a_merge_request_states_what_it_still_needs() -> None:
    for status, words in (
        ("ci_must_pass", "its pipeline must pass first"),
        ("need_rebase", "it must be rebased first"),
    ):
        assert words in text_of(changed("merge_request.approved", "object_attributes", detailed_merge_status=status))
    assert '"context"' in text_of(
        changed("merge_request.approved", "object_attributes", detailed_merge_status="checking")
    )


def test_confidential_is_shown() -> None:
    assert ":lock: *Leila Haddad* opened confidential issue <" in text_of(
        changed("issue.open", "object_attributes", confidential=True)
    )
    assert ":lock: *Kwame Mensah* commented internally on <" in text_of(
        changed("note.issue", "object_attributes", internal=True)
    )
    assert "|confidential issue #312 " in text_of(changed("note.issue", "issue", confidential=True))
    assert ":lock: *Kwame Mensah* commented confidentially on <" in text_of(
        sample("note.issue"), "Confidential Note Hook"
    )
    assert ":lock: " in text_of(changed("emoji.revoke", "work_item", confidential=True))


def test_only_those_whom_the_routes_name_are_mentioned() -> None:
    assert "<@" not in text_of(sample("issue.open"))
    assert "<@U012AB3CD>" not in text_of(sample("merge_request.approval"))  # the person who acted needs no mention


def test_a_job_that_passed_when_tried_again_has_not_failed() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    body["builds"].append({**body["builds"][1], "id": 9, "status": "success"})
    text = text_of(body)
    assert "*Failed job*" in text
    assert "|unit>" not in text


def test_many_failed_jobs_are_counted() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    body["builds"] = [{**body["builds"][1], "id": n, "name": f"job-{n}"} for n in range(14)]
    assert "and 4 more" in text_of(body)


def test_a_job_that_failed_on_every_retry_is_named_once_with_its_reason() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    unit = next(job for job in body["builds"] if job["name"] == "unit")
    again = {**unit, "id": 9, "failure_reason": "runner_system_failure"}
    text = text_of({**body, "builds": [again, unit]})
    assert "*Failed job*" in text
    assert "|unit> (test: the runner itself failed)" in text
    assert text.count("|unit>") == 1


def test_a_pipeline_that_failed_without_a_job_links_no_list_of_failed_jobs() -> None:
    text = text_of({**sample("pipeline.failed"), "builds": []})
    assert "/failures" not in text
    assert "CI/CD configuration" in text
    assert "Open pipeline" in text


def test_a_pipeline_states_its_name_and_what_started_it() -> None:
    body = sample("pipeline.success")
    assert isinstance(body["object_attributes"], dict)
    body["object_attributes"] |= {"name": "Nightly", "source": "schedule"}
    text = text_of(body)
    assert "|#90211 Nightly> on <" in text
    assert "started by Mei-Ling Chen, on schedule" in text


def test_a_job_for_a_merge_request_links_it_and_not_a_branch_that_is_not_there() -> None:
    text = text_of(changed("build.failed", "", ref="refs/merge-requests/12/head"))
    assert "/-/merge_requests/12|!12> in <" in text
    assert "refs/" not in text


def test_a_pipeline_of_a_tag_links_the_tag() -> None:
    assert "on tag <https://gitlab.example.com/tidewater/storefront/-/tags/main|main>" in text_of(
        changed("pipeline.success", "object_attributes", tag=True)
    )


def test_hidden_comments_and_empty_quotes_are_no_text() -> None:
    assert "template:" not in text_of(sample("merge_request.open"))
    hidden = changed("note.issue", "object_attributes", note="<!-- nothing to see -->")
    assert '"> ' not in text_of(hidden)


def test_code_that_is_cut_short_is_closed() -> None:
    code = "Look:\n\n```\n" + "some line of code\n" * 80 + "```\nafter"
    for body in (
        changed("note.issue", "object_attributes", note=code),
        changed("issue.open", "object_attributes", description=code),
        changed("release.create", "", description=code),
    ):
        assert text_of(body).count("```") == 2


def test_the_test_button_and_custom_templates_make_a_readable_message() -> None:
    for header in ("Merge Request Hook", "Push Hook", "Job Hook", "Pipeline Hook", "Note Hook", "Issue Hook"):
        kind = {"Push Hook": "a push", "Note Hook": "a comment"}.get(header, header.removesuffix(" Hook").lower())
        text = text_of({"anything": "else"}, header)
        assert kind in text
        assert "anything: else" in text
    for name, thing in (("merge_request.open", "Merge request !284"), ("issue.open", "Issue #312")):
        text = text_of(changed(name, "object_attributes", action=None))
        assert thing in text
        assert "its Test button sends no action" in text
    own = text_of({"service": "tester", "runs": 3, "result": {"a": 1}, "message": "All fine"}, "Robot Hook")
    assert "*Service*\ntester" in own
    assert "*Runs*\n3" in own
    assert "> All fine" in own


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda path: path.stem)
def test_no_text_of_a_payload_mentions_links_or_formats(path: Path) -> None:
    def with_hostile_texts(value: object) -> object:
        if isinstance(value, dict):
            return {name: with_hostile_texts(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [with_hostile_texts(inner) for inner in value]
        kept = isinstance(value, str) and (value.startswith(("http", "refs/")) or "_" in value or value.islower())
        return HOSTILE if isinstance(value, str) and not kept else value

    body = sample(path.stem)
    made = rendered(with_hostile_texts(body))
    assert not made.error
    if made.message is not None:
        assert not limit_violations(made.message)
        text = re.sub(r"`[^`\n]*`", "", written(made.message))
        assert not any(token in text for token in ("<!channel", "<@U1", "<https://evil", "@here", "*b*"))


def emptied(body: object, empty: object) -> object:
    """Return a body with all its names and with empty values."""
    if isinstance(body, dict):
        return {name: emptied(value, empty) for name, value in body.items()}
    return [] if isinstance(body, list) else body if body in (True, False) else empty


@pytest.mark.thorough
@for_each(SAMPLES, name=lambda path: path.stem)
@pytest.mark.parametrize("empty", [None, "", 0], ids=["null", "blank", "zero"])
def test_a_body_that_states_nothing_leaves_no_dangling_words(path: Path, empty: object) -> None:
    body = sample(path.stem)
    hollow = emptied(body, empty)
    assert isinstance(hollow, dict)
    kept: Json = {
        name: body[name] for name in ("object_kind", "event_name", "action", "status", "build_status") if name in body
    }
    inner = body.get("object_attributes")
    if isinstance(inner, dict):
        kinds = {name: inner[name] for name in ("action", "status", "state", "noteable_type") if name in inner}
        kept["object_attributes"] = {**hollow["object_attributes"], **kinds}
    made = rendered({**hollow, **kept})
    assert not made.error
    if made.message is not None:
        for line in written(made.message).replace('"', "\n").splitlines():
            assert not re.search(r"(?:\b(?:in|on|by|to|of|for|with|as) ?|•|—|→)$", line) or line in ("text", "to"), line
            assert "None" not in line


_VALUES: st.SearchStrategy[object] = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        -1,
        10**30,
        1.5,
        "",
        "0" * 40,
        "x" * 90_000,
        HOSTILE,
        [],
        [[]],
        {},
        {"a": None},
        [None, 1, "a"],
    ]
)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_value_in_place_of_another_makes_a_template_fail(path: Path, data: st.DataObject) -> None:
    body = sample(path.stem)
    for _ in range(3):
        inner = body
        while True:
            name = data.draw(st.sampled_from(sorted(inner)))
            value = inner[name]
            if not isinstance(value, dict) or not value or data.draw(st.booleans()):
                inner[name] = deepcopy(data.draw(_VALUES))
                break
            inner = value
    made = rendered(body)
    assert not made.error
    assert made.message is None or not limit_violations(made.message)
