"""Tests of the dedupe keys of GitLab's events."""

import pytest

from tests.sources.gitlab_bodies import NOW, SAMPLES, Json, changed, read, sample


def test_the_id_of_the_delivery_is_the_key() -> None:
    body = sample("push")
    by_id = read(
        body,
        headers={"webhook-id": "d1", "Idempotency-Key": "d1", "X-Gitlab-Webhook-UUID": "1", "X-Gitlab-Event-UUID": "1"},
    )
    again = read(
        body, now=NOW + 99, headers={"webhook-id": "d1", "X-Gitlab-Webhook-UUID": "2", "X-Gitlab-Event-UUID": "2"}
    )
    older = read(body, headers={"Idempotency-Key": "d1"})
    assert by_id.keys == again.keys == older.keys == ("delivery:d1",)
    assert read(body, headers={"webhook-id": "d2"}).keys != by_id.keys


def test_an_unsigned_idempotency_key_does_not_replace_the_signed_id() -> None:
    replayed = read(sample("push"), headers={"webhook-id": "d1", "Idempotency-Key": "fresh"})
    assert replayed.keys == ("delivery:d1",)


def test_the_same_body_under_a_new_id_is_a_new_event() -> None:
    body = sample("push")  # a second press of the Test button
    assert not set(read(body, headers={"webhook-id": "d1"}).keys) & set(read(body, headers={"webhook-id": "d2"}).keys)


OLD = {"X-Gitlab-Instance": "https://gitlab.example.com", "X-Gitlab-Event-UUID": "e1"}
CONTENT = [
    "push", "tag_push", "merge_request.merge", "issue.close", "work_item.open", "note.issue", "pipeline.failed",
    "build.failed", "deployment.approved", "release.create", "milestone.close", "wiki_page.update", "emoji.award",
    "vulnerability.confirmed", "user_add_to_group", "project_create", "group_rename", "user_create",
]  # fmt: skip


@pytest.mark.parametrize("name", CONTENT)
def test_without_an_id_the_content_is_the_key(name: str) -> None:
    first = read(sample(name), headers=OLD)
    second_hook = read(sample(name), now=NOW + 60, headers={**OLD, "X-Gitlab-Event-UUID": "e2"})
    assert first.keys == second_hook.keys
    assert first.keys[0].startswith("content:")
    assert read(sample(name), headers={"X-Gitlab-Instance": "https://other.example.com"}).keys != first.keys


def test_content_keys_differ_between_all_samples() -> None:
    keys = [read(sample(path.stem), headers=OLD).keys for path in SAMPLES]
    assert len(set(keys)) == len(SAMPLES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            sample("pipeline.failed"),
            changed("pipeline.failed", "object_attributes", finished_at="2026-11-20 12:00 UTC"),
        ),
        (sample("merge_request.approval"), changed("merge_request.approval", "user", username="ravi.s")),
        (sample("deployment.approved"), changed("deployment.approved", "approval", id=9)),
        (sample("release.update"), changed("release.update", "", description="More to read")),
        (sample("push"), changed("push", "", after="b" * 40)),
    ],
    ids=["retried pipeline", "second approver", "second approval", "second edit", "next push"],
)
def test_a_repeated_action_is_not_taken_for_a_duplicate(one: Json, other: Json) -> None:
    assert read(one, headers=OLD).keys != read(other, headers=OLD).keys


@pytest.mark.parametrize("body", [sample("feature_flag"), sample("user_failed_login"), {"anything": 1}, [1, 2]])
def test_without_a_distinguishing_field_occurrences_differ_by_second(body: object) -> None:
    assert read(body, headers=OLD).keys == read(body, headers=OLD).keys
    assert read(body, headers=OLD).keys != read(body, now=NOW + 1, headers=OLD).keys
    assert read({"anything": 2}, headers=OLD).keys != read(body, headers=OLD).keys
