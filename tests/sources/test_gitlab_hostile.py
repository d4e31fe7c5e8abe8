"""Tests that GitLab's events are complete with any body."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.events import Event
from bridge.sources import Malformed
from bridge.sources.gitlab.provider import PROVIDER
from bridge.sources.gitlab.types import KIND_OF_HEADER
from tests.sources.gitlab_bodies import SAMPLES, read

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["4000 digits", -(10**40), 1e400])
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | st.sampled_from(["0" * 40, "refs/heads/", "<!channel>", "\x00", "a" * 90_000, "2026-11-20 11:06:05 UTC"])
)
_NAMES = st.sampled_from([
    "object_attributes", "project", "id", "iid", "title", "url", "action", "status", "ref", "before", "after",
    "user", "name", "username", "issue", "merge_request", "note", "noteable_type", "type", "confidential",
    "event_type", "total_commits_count", "commits", "path_with_namespace", "web_url", "updated_at", "finished_at",
    "build_id", "environment", "deployment_id", "tag", "group", "full_path", "user_name", "group_name",
])  # fmt: skip
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=6))
_KINDS = sorted({*KIND_OF_HEADER.values(), *(path.stem.partition(".")[0] for path in SAMPLES)})


def whole(event: Event) -> bool:
    line = PROVIDER.line(event)
    texts = (event.type, event.subject, event.name, line, event.actor, event.url, *event.keys)
    return (
        line.startswith("GitLab ")
        and len(line) <= 300
        and len(event.name) <= 200
        and len(event.type) <= 210
        and all(text.isprintable() or "\u200d" in text for text in texts)
        and (event.url == "" or event.url.startswith(("https://", "http://")))
        and all(len(key) <= 300 for key in event.keys)
    )


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(st.sampled_from(_KINDS), st.dictionaries(_NAMES, _VALUES, max_size=10), st.text(st.characters(), max_size=40))
def test_no_json_object_breaks_any_kind(kind: str, payload: Mapping[str, object], header: str) -> None:
    names = {"object_kind": kind} if len(kind) % 2 else {"event_name": kind}
    assert whole(
        read(_dumped({**payload, **names}), header, headers={"X-Gitlab-Instance": header, "Idempotency-Key": header})
    )


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_no_value_in_place_of_another_breaks_a_sample(path: Path, data: st.DataObject) -> None:
    body = json.loads(path.read_text("utf-8"))
    inner = body
    for _ in range(3):
        name = data.draw(st.sampled_from(sorted(inner)))
        if not isinstance(inner[name], dict) or not inner[name] or data.draw(st.booleans()):
            inner[name] = data.draw(_VALUES)
            break
        inner = inner[name]
    assert whole(read(_dumped(body)))


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200) | st.sampled_from([b"[" * 10_000, b'{"a":' * 10_000, b"\xef\xbb\xbf{}", b'"\\ud800"', b""])
)
def test_any_bytes_are_an_event_or_malformed(raw: bytes) -> None:
    try:
        assert whole(read(raw, "Push Hook"))
    except Malformed:
        assert not raw.startswith(b"{}")


def _dumped(body: object) -> bytes:
    return json.dumps(body).encode().replace(b'"4000 digits"', b"9" * 4000)
