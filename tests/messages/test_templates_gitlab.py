"""The messages of GitLab: what they say, for every sample, and for data that nobody would send."""

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
from bridge.messages.limits import problems
from bridge.messages.render import load_templates, render
from tests.sources.gitlab_bodies import PAYLOADS, SAMPLES, Json, changed, read, sample

TEMPLATES = load_templates(None, {"amara": "U012AB3CD"})
INDEX: Mapping[str, Mapping[str, str]] = (
    json.loads((PAYLOADS / "index.json").read_text("utf-8")) if PAYLOADS.is_dir() else {}
)
GITLAB = {"X-Gitlab-Instance": "https://gitlab.example.com"}
HOSTILE = "<!channel> <@U1> *b* _i_ `c` <https://evil.example|ok> @here & > ~s~\x00\n> q"


def rendered(body: object, header: str = "") -> Rendered:
    return render(read(body, header, headers=GITLAB), TEMPLATES)


def message(event: Event) -> Message:
    """The message of an event, which must render without fault and keep within Slack's limits."""
    made = render(event, TEMPLATES)
    assert not made.fault
    assert made.template.startswith("gitlab/")
    assert made.message is not None, made.skip
    assert not problems(made.message)
    return made.message


def written(message: Message) -> str:
    """Everything that a message says, as one text."""
    return json.dumps(message.body(), ensure_ascii=False).replace("\\n", "\n").replace('\\"', '"')


def said(body: object, header: str = "") -> str:
    return written(message(read(body, header, headers=GITLAB)))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_makes_a_message_without_holes_and_without_reading_what_is_not_there(path: Path) -> None:
    made = rendered(sample(path.stem))
    assert made.message is not None
    assert not made.fault
    assert not made.missing
    assert not problems(made.message)
    text = written(made.message)
    assert not any(hole in text for hole in ("None", "Undefined", "•\n", "Somebody", "()", ">>", "  "))
    title = made.message.body()["blocks"]
    assert json.dumps(title).count("<https://") >= 1 or path.stem.endswith("_destroy")


@pytest.mark.skipif(not INDEX, reason="the shared payloads are not beside this checkout")
def test_every_shared_payload_makes_a_message_without_holes() -> None:
    for name, about in INDEX.items():
        made = rendered(json.loads((PAYLOADS / name).read_text("utf-8")), about["X-Gitlab-Event"])
        assert made.message is not None, name
        assert not made.fault, name
        assert not problems(made.message), name
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
def test_a_message_says_what_matters(name: str, phrases: list[str]) -> None:
    text = said(sample(name))
    for phrase in phrases:
        assert phrase in text


def test_the_notification_says_more_than_the_title_where_that_helps() -> None:
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
    assert "3 commits" in said({**sample("push"), "total_commits_count": "3" * 40})


def test_a_push_lists_eight_commits_and_counts_the_rest() -> None:
    body = sample("push")
    assert isinstance(body["commits"], list)
    commit = body["commits"][0]
    many = [{**commit, "id": f"{n:040x}", "message": f"Step {n}\n\nmore"} for n in range(1, 21)]
    text = said({**body, "commits": many, "total_commits_count": 34})
    assert "|34 commits>" in text
    assert text.index("Step 20") < text.index("Step 13")
    assert "Step 12" not in text
    assert "|26 more>" in text
    assert "more\n" not in text.replace("|26 more>\n", "")


def test_who_wrote_the_commits_is_said_only_where_somebody_else_pushed_them() -> None:
    own = sample("push")
    assert isinstance(own["commits"], list)
    own["commits"] = own["commits"][:2]
    assert " — " not in said(own)
    assert " — Mei-Ling Chen" in said({**own, "user_name": "Jonas Lindqvist"})
    one = said({**own, "user_name": "Jonas Lindqvist", "total_commits_count": 2})
    assert "|2 commits> by Mei-Ling Chen to <" in one
    assert " — Mei-Ling Chen" not in one


@pytest.mark.parametrize(
    ("body", "phrase"),
    [
        (
            changed("push", "", before="0" * 40),
            "pushed new branch <https://gitlab.example.com/tidewater/storefront/-/commits/main|main> with 3 ",
        ),
        (changed("push", "", before="0" * 40, commits=[], total_commits_count=0), "storefront>, no commits yet"),
        (changed("push", "", after="0" * 40), "deleted branch `main` in <"),
        (changed("push", "", commits=[], total_commits_count=0), "|main> back to <"),
        (changed("push", "", ref="refs/heads/fix/#12"), "/-/commits/fix/%2312|fix/#12>"),
        (changed("tag_push", "", after="0" * 40), "deleted tag `v2.4.0` in <"),
        (changed("tag_push", "", before="1" * 40), "moved tag <"),
    ],
    ids=["new", "empty", "deleted", "fewer commits", "odd name", "deleted tag", "moved tag"],
)
def test_branches_and_tags_come_and_go_in_plain_words(body: Json, phrase: str) -> None:
    assert phrase in said(body)


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
        (update({"reviewers": [[AMARA, RAVI], [AMARA]]}), "removed Ravi Subramanian"),
        (update({"assignees": {"previous": [], "current": [RAVI]}}), "assigned Ravi Subramanian to merge request <"),
        (update({"target_branch": {"previous": "main", "current": "next"}}), "`main` → `next`"),
        (update({"milestone_id": {"previous": None, "current": 3}}), "changed"),
        (
            {**update({"reviewers": [[AMARA], [AMARA]]}), "reviewers": [{**AMARA, "re_requested": True}]},
            "asked <@U012AB3CD> again to review merge request <",
        ),
    ],
)
def test_an_update_says_what_changed(body: Json, phrase: str) -> None:
    assert phrase in said(body)


@pytest.mark.parametrize(
    "body",
    [
        update({"updated_at": {"previous": "a", "current": "b"}, "merge_status": {"previous": "a", "current": "b"}}),
        update({}),
        {**sample("issue.update"), "changes": {"updated_at": {}, "relative_position": {}}},
        changed("note.issue", "object_attributes", system=True),
    ],
)
def test_what_nobody_would_see_is_not_told_and_the_reason_is_kept(body: Json) -> None:
    made = rendered(body)
    assert made.message is None
    assert made.skip
    assert not made.fault


def test_confidential_is_said() -> None:
    assert ":lock: *Leila Haddad* opened confidential issue <" in said(
        changed("issue.open", "object_attributes", confidential=True)
    )
    assert ":lock: *Kwame Mensah* commented internally on <" in said(
        changed("note.issue", "object_attributes", internal=True)
    )
    assert ":lock: " in said(changed("emoji.revoke", "work_item", confidential=True))


def test_only_those_whom_the_routes_name_are_mentioned() -> None:
    assert "<@" not in said(sample("issue.open"))
    assert "<@U012AB3CD>" not in said(sample("merge_request.approval"))  # who did it needs no telling


def test_a_job_that_passed_when_tried_again_has_not_failed() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    body["builds"].append({**body["builds"][1], "id": 9, "status": "success"})
    text = said(body)
    assert "*Failed job*" in text
    assert "|unit>" not in text


def test_many_failed_jobs_are_counted() -> None:
    body = sample("pipeline.failed")
    assert isinstance(body["builds"], list)
    body["builds"] = [{**body["builds"][1], "id": n, "name": f"job-{n}"} for n in range(14)]
    assert "and 4 more" in said(body)


def test_a_pipeline_of_a_tag_links_the_tag() -> None:
    assert "/-/tags/main|main>" in said(changed("pipeline.success", "object_attributes", tag=True))


def test_hidden_comments_and_empty_quotes_are_no_text() -> None:
    assert "template:" not in said(sample("merge_request.open"))
    hidden = changed("note.issue", "object_attributes", note="<!-- nothing to see -->")
    assert '"> ' not in said(hidden)


def test_code_that_is_cut_short_is_closed() -> None:
    code = "Look:\n\n```\n" + "some line of code\n" * 80 + "```\nafter"
    for body in (
        changed("note.issue", "object_attributes", note=code),
        changed("issue.open", "object_attributes", description=code),
        changed("release.create", "", description=code),
    ):
        assert said(body).count("```") == 2


def test_the_test_button_and_custom_templates_make_a_readable_message() -> None:
    for header in ("Merge Request Hook", "Push Hook", "Job Hook", "Pipeline Hook", "Note Hook", "Issue Hook"):
        assert header in said({"anything": "else"}, header)
    assert "Merge request !284" in said(changed("merge_request.open", "object_attributes", action=None))


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_text_of_a_payload_mentions_links_or_formats(path: Path) -> None:
    def poisoned(value: object) -> object:
        if isinstance(value, dict):
            return {name: poisoned(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [poisoned(inner) for inner in value]
        kept = isinstance(value, str) and (value.startswith(("http", "refs/")) or "_" in value or value.islower())
        return HOSTILE if isinstance(value, str) and not kept else value

    body = sample(path.stem)
    made = rendered(poisoned(body))
    assert not made.fault
    if made.message is not None:
        assert not problems(made.message)
        text = re.sub(r"`[^`\n]*`", "", written(made.message))
        assert not any(token in text for token in ("<!channel", "<@U1", "<https://evil", "@here", "*b*"))


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
    assert not made.fault
    assert made.message is None or not problems(made.message)
