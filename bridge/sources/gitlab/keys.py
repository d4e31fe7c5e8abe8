"""What makes two arrivals the same GitLab event."""

import hashlib

from bridge.core.payload import clean, map_at, text_at
from bridge.events import Request
from bridge.sources.gitlab.about import Payload, project_id
from bridge.sources.provider import key


def keys_of(kind: str, action: str, payload: Payload, request: Request, now: float) -> tuple[str, ...]:
    """One key: GitLab's own id for the delivery, or from GitLab before 17.4, which sends none, one made of the content.

    ``webhook-id`` goes first: it equals ``Idempotency-Key``, and a signing token signs it. Both stay the same when a
    person presses "Resend request". ``X-Gitlab-Webhook-UUID`` is new at each send, and ``X-Gitlab-Event-UUID`` is
    shared by different events: neither is a key. No digest of the body is added: a secret token signs nothing that it
    could defend, and a second press of "Test" sends the same body under a new id.
    Source: GitLab docs, Webhooks, https://docs.gitlab.com/user/project/integrations/webhooks/
    """
    for header in ("webhook-id", "idempotency-key"):
        if object_id := (request.header(header) or "").strip():
            return (key("delivery", object_id),)
    instance = request.header("x-gitlab-instance") or ""
    if content := _content(kind, action, payload):
        return (key("content", instance, kind, action, *content),)
    # Nothing in the body tells one occurrence from the next (a flag turned on, off and on again), so only what arrives
    # twice within a second counts as the same.
    digest = hashlib.sha256(request.body).hexdigest()
    return (key("arrival", instance, clean(kind), str(int(now)), digest),)


def _content(kind: str, action: str, payload: Payload) -> tuple[str, ...] | None:
    """What tells this occurrence from all others, or None. Two hooks that fire for one event make the same."""
    if kind in ("push", "tag_push"):
        return _all(project_id(payload), text_at(payload, "ref"), text_at(payload, "before"), text_at(payload, "after"))
    if kind == "pipeline":
        # A retried pipeline fails again under the same id, but finishes at another time.
        run = map_at(payload, "object_attributes")
        return _all(text_at(run, "id"), action, optional=(text_at(run, "finished_at"),))
    if kind == "build":
        return _all(text_at(payload, "build_id"), action)
    if kind == "deployment":
        return _all(text_at(payload, "deployment_id"), action, optional=(text_at(payload, "approval", "id"),))
    if kind == "release":
        told = (text_at(payload, "name"), text_at(payload, "description"), text_at(payload, "released_at"))
        return _all(project_id(payload), text_at(payload, "tag"), action, optional=told)
    if kind == "user_failed_login":
        return None
    thing = map_at(payload, "object_attributes")
    object_id, moment = (
        text_at(thing, "id") or text_at(thing, "url"),
        text_at(thing, "updated_at") or text_at(thing, "version_id"),
    )
    if object_id and moment:
        # Two people may approve, and two things may change, within a second.
        changed = ",".join(sorted(map_at(payload, "changes")))
        return (object_id, moment, text_at(payload, "user", "username"), text_at(thing, "oldrev"), changed)
    ids = [text_at(payload, name) for name in ("project_id", "group_id", "user_id", "id")]
    return _all("".join(ids), text_at(payload, "updated_at"), optional=tuple(ids))


def _all(*needed: str, optional: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    return (*needed, *optional) if all(needed) else None
