"""The type of a GitLab event, in GitLab's own words.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/ and System hooks,
https://docs.gitlab.com/administration/system_hooks/
"""

from collections.abc import Mapping
from functools import lru_cache

from bridge.sources.gitlab.facts import Payload, map_of, text_of

KIND_OF_HEADER = {
    "Push Hook": "push",
    "Tag Push Hook": "tag_push",
    "Issue Hook": "issue",
    "Confidential Issue Hook": "issue",
    "Note Hook": "note",
    "Confidential Note Hook": "note",
    "Merge Request Hook": "merge_request",
    "Wiki Page Hook": "wiki_page",
    "Pipeline Hook": "pipeline",
    "Job Hook": "build",
    "Deployment Hook": "deployment",
    "Feature Flag Hook": "feature_flag",
    "Release Hook": "release",
    "Milestone Hook": "milestone",
    "Emoji Hook": "emoji",
    "Resource Access Token Hook": "access_token",
    "Resource Deploy Token Hook": "deploy_token",
    "Vulnerability Hook": "vulnerability",
    "Member Hook": "member",
    "Subgroup Hook": "subgroup",
    "Project Hook": "project",
    "System Hook": "system",
}
"""Map ``X-Gitlab-Event`` to the kind in the body. The bodies of the last four have only ``event_name``."""

_KINDS = frozenset(KIND_OF_HEADER.values())
_ACTION_FIELDS: Mapping[str, tuple[str, ...]] = {
    "push": (),
    "tag_push": (),
    "pipeline": ("object_attributes.status",),
    "build": ("build_status",),
    "deployment": ("status",),
    "vulnerability": ("object_attributes.state",),
    "note": ("object_attributes.noteable_type",),
    "emoji": ("object_attributes.action", "event_type"),  # a revoke may come without an action
}
_DEFAULT_ACTION_FIELDS = ("object_attributes.action", "action")  # release and milestone have it at top level


def kind_of(payload: Payload, header: str) -> str:
    """Return ``object_kind``, else ``event_name``, else the kind of ``X-Gitlab-Event``, else ``custom``.

    A hook's owner can write its body freely (a custom webhook template), so either field may be missing.
    """
    named = text_of(payload, "object_kind") or text_of(payload, "event_name")
    if named in _KINDS:
        return named
    kind = ".".join(part for part in map(_snake_case, named[:100].split(".")) if part)
    return kind or KIND_OF_HEADER.get(header) or _snake_case(header[:100].removesuffix(" Hook")) or "custom"


def action_of(kind: str, payload: Payload) -> str:
    """Return the action or status (``open``, ``failed``; for a note, the kind of its target), or ""."""
    for field in _ACTION_FIELDS.get(kind, _DEFAULT_ACTION_FIELDS):
        inner, dot, name = field.partition(".")
        text = text_of(map_of(payload, inner), name) if dot else text_of(payload, field)
        if text and (action := _snake_case(text[:100])):
            return action
    return ""


def type_of(kind: str, action: str) -> str:
    """Return ``merge_request.open``, ``pipeline.failed``, ``note.merge_request``, ``push``, ``user_add_to_group``…."""
    return f"{kind}.{action}" if action else kind


@lru_cache(1000)
def _snake_case(text: str) -> str:
    """Return ``MergeRequest``, ``merge request`` and ``merge_request`` as ``merge_request``: types are file names."""
    if text.isascii() and text.isidentifier() and text.islower():
        return text
    pieces: list[str] = []
    for before, c in zip(" " + text, text, strict=False):
        if c.isupper() and before.islower():
            pieces.append("_")
        pieces.append(c.lower() if c.isalnum() or c == "-" else "_")
    return "_".join(part for part in "".join(pieces).split("_") if part)
