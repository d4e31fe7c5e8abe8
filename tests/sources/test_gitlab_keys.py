"""Tests of the dedupe keys of GitLab's events."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest

from bridge.events import Request
from bridge.routing.decide import Planned
from bridge.sources.gitlab.provider import PROVIDER
from bridge.sources.provider import key_ttls
from bridge.store import NewEvent, Store, open_store
from tests.sources.gitlab_bodies import CASES, NOW, SAMPLES, URL, Json, changed, read, sample
from tests.store.samples import receive
from tests.walks import for_each


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


def test_an_id_of_zeros_is_no_id() -> None:
    zeros = read(sample("push"), headers={"webhook-id": "00000000-0000-0000-0000-000000000000", "Idempotency-Key": "0"})
    assert zeros.keys == read(sample("push")).keys


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
    second_hook = read(sample(name), now=NOW + 30, headers={**OLD, "X-Gitlab-Event-UUID": "e2"})
    assert first.keys == second_hook.keys
    assert first.keys[0].startswith("content:")
    assert read(sample(name), headers={"X-Gitlab-Instance": "https://other.example.com"}).keys != first.keys


def test_content_keys_differ_between_all_samples() -> None:
    keys = [read(sample(path.stem), headers=OLD).keys for path in SAMPLES]
    assert len(set(keys)) == len(SAMPLES)


OCCURRENCES: dict[str, tuple[str, str, dict[str, object]]] = {
    "retried pipeline": ("pipeline.failed", "object_attributes", {"finished_at": "2026-11-20 12:00 UTC"}),
    "second manual gate": ("pipeline.manual", "", {"builds": [{"started_at": "2026-11-20 12:00 UTC"}]}),
    "job run again": ("build.failed", "", {"build_finished_at": "2026-11-20 12:00 UTC", "retries_count": 1}),
    "second deployment": ("deployment.success", "", {"status_changed_at": "2026-11-20 12:00 UTC"}),
    "second approver": ("merge_request.approval", "user", {"username": "ravi.s"}),
    "second approval": ("deployment.approved", "approval", {"id": 9}),
    "second edit": ("release.update", "", {"description": "More to read"}),
    "second comment": ("note.issue", "object_attributes", {"id": 9}),
    "second reaction": ("emoji.award", "object_attributes", {"id": 9}),
    "next push": ("push", "", {"after": "b" * 40}),
}  # fmt: skip


@for_each(OCCURRENCES.values(), name=lambda case: case[0])
def test_a_repeated_action_is_not_taken_for_a_duplicate(case: tuple[str, str, dict[str, object]]) -> None:
    name, at, fields = case
    assert read(changed(name, at, **fields), headers=OLD).keys != read(sample(name), headers=OLD).keys


TAG: Json = {
    "object_kind": "tag_push",
    "ref": "refs/tags/v2.1",
    "before": "0" * 40,
    "after": "c0ffee" + "0" * 33 + "1",
    "project": {"id": 7, "path_with_namespace": "billing/api", "web_url": "https://gitlab.example.com/billing/api"},
    "user_name": "Ravi Example",
}


async def told(store: Store, bodies: Sequence[Json], *, gap: float) -> list[str]:
    """Return what becomes of bodies that arrive ``gap`` seconds apart, without an id."""
    statuses: list[str] = []
    for position, body in enumerate(bodies):
        now = NOW + position * gap
        event = read(body, now=now, headers=OLD)
        ttls = key_ttls(PROVIDER, event.keys, PROVIDER.dedupe_ttl)
        entry = NewEvent(event, 0, (Planned("general", "a route", None),), ttls)
        statuses.append((await receive(store, Request("POST", URL, {}, b""), [entry], now))[0].status)
    return statuses


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    opened = open_store("sqlite:///:memory:", limit=2**40, owner=True)
    yield opened
    await opened.close()


async def test_a_tag_pushed_deleted_pushed_and_deleted_again_is_told_four_times(store: Store) -> None:
    gone = {**TAG, "before": TAG["after"], "after": TAG["before"]}
    assert await told(store, [TAG, gone, TAG, gone], gap=40) == ["accepted"] * 4


async def test_a_second_hook_for_one_event_is_a_duplicate_within_a_minute(store: Store) -> None:
    assert await told(store, [TAG, TAG], gap=50) == ["accepted", "duplicate"]
    assert await told(store, [sample("pipeline.failed")] * 2, gap=61) == ["accepted", "accepted"]


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not beside this checkout")
async def test_the_shared_case_of_a_tag_is_told_each_time(store: Store) -> None:
    case = json.loads((CASES / "gitlab-16-tag-pushed-deleted-pushed-again.json").read_text("utf-8"))
    bodies = case["bodies_in_order"]
    assert await told(store, [*bodies, bodies[1]], gap=40) == ["accepted"] * 4


def test_an_id_is_remembered_for_a_day_and_content_for_a_minute() -> None:
    keys = (*read(TAG, headers={"webhook-id": "d1"}).keys, *read(TAG).keys)
    assert key_ttls(PROVIDER, keys, PROVIDER.dedupe_ttl) == (86_400, 60)
    assert key_ttls(PROVIDER, keys, 30) == (30, 30)


@pytest.mark.parametrize(
    "body",
    [
        sample("feature_flag"),
        sample("user_failed_login"),
        {"anything": 1},
        [1, 2],
        {"object_kind": "push", "text": "Somebody pushed"},
    ],
)
def test_without_a_distinguishing_field_occurrences_differ_by_second(body: object) -> None:
    assert read(body, headers=OLD).keys == read(body, headers=OLD).keys
    assert read(body, headers=OLD).keys != read(body, now=NOW + 1, headers=OLD).keys
    assert read({"anything": 2}, headers=OLD).keys != read(body, headers=OLD).keys
