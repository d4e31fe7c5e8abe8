"""Dedupe keys of GitLab events."""

import hashlib

from bridge.core.payload import clean, map_at, text_at
from bridge.events import Request
from bridge.sources.gitlab.facts import Payload, project_id
from bridge.sources.provider import key


def keys_of(kind: str, action: str, payload: Payload, request: Request, now: float) -> tuple[str, ...]:
    """Return one key: GitLab's delivery id, or a key made from the content. ``now`` is in Unix seconds.

    GitLab before 17.4 sends no id. ``webhook-id`` goes first: it equals ``Idempotency-Key``, and a signing token signs
    it. Both stay the same when a person presses "Resend request". ``X-Gitlab-Webhook-UUID`` is new at each send, and
    different events share one ``X-Gitlab-Event-UUID``: neither is a key. A digest of the body is no key either: a
    secret token signs nothing, so the digest would defend nothing, and a second press of "Test" sends the same body
    under a new id.
    Source: GitLab docs, Webhooks, https://docs.gitlab.com/user/project/integrations/webhooks/
    """
    for header in ("webhook-id", "idempotency-key"):
        if object_id := (request.header(header) or "").strip():
            return (key("delivery", object_id),)
    instance = request.header("x-gitlab-instance") or ""
    if content := _content_fields(kind, action, payload):
        return (key("content", instance, kind, action, *content),)
    # The body does not distinguish one occurrence from the next (a flag turned on, off and on again), so only copies
    # within one second count as duplicates.
    digest = hashlib.sha256(request.body).hexdigest()
    return (key("arrival", instance, clean(kind), str(int(now)), digest),)


def _content_fields(kind: str, action: str, payload: Payload) -> tuple[str, ...] | None:
    """Return the fields that identify this occurrence, or None; two hooks for one event yield the same."""
    if kind in ("push", "tag_push"):
        return _all_needed(
            project_id(payload), text_at(payload, "ref"), text_at(payload, "before"), text_at(payload, "after")
        )
    if kind == "pipeline":
        # A retried pipeline fails again under the same id, but finishes at another time.
        run = map_at(payload, "object_attributes")
        return _all_needed(text_at(run, "id"), action, optional=(text_at(run, "finished_at"),))
    if kind == "build":
        return _all_needed(text_at(payload, "build_id"), action)
    if kind == "deployment":
        return _all_needed(text_at(payload, "deployment_id"), action, optional=(text_at(payload, "approval", "id"),))
    if kind == "release":
        fields = (text_at(payload, "name"), text_at(payload, "description"), text_at(payload, "released_at"))
        return _all_needed(project_id(payload), text_at(payload, "tag"), action, optional=fields)
    if kind == "user_failed_login":
        return None
    attributes = map_at(payload, "object_attributes")
    object_id, moment = (
        text_at(attributes, "id") or text_at(attributes, "url"),
        text_at(attributes, "updated_at") or text_at(attributes, "version_id"),
    )
    if object_id and moment:
        # Two people may approve, or two fields may change, within one second.
        changed = ",".join(sorted(map_at(payload, "changes")))
        return (object_id, moment, text_at(payload, "user", "username"), text_at(attributes, "oldrev"), changed)
    ids = [text_at(payload, name) for name in ("project_id", "group_id", "user_id", "id")]
    return _all_needed("".join(ids), text_at(payload, "updated_at"), optional=tuple(ids))


def _all_needed(*needed: str, optional: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    return (*needed, *optional) if all(needed) else None
