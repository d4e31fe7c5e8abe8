"""Dedupe keys of GitLab events."""

import hashlib

from bridge.core.payload import at, clean
from bridge.events import Request
from bridge.sources.gitlab.facts import Payload
from bridge.sources.provider import CONTENT, key

_SAME_EACH_TIME = frozenset({"feature_flag", "user_failed_login"})
"""Kinds whose body has no time, or the time of a record: a flag turned on, off and on again within seconds."""
_OCCURRENCE_FIELDS = ("after", "build_id", "deployment_id", "tag", "updated_at", "created_at")


def keys_of(kind: str, payload: Payload, request: Request, now: float) -> tuple[str, ...]:
    """Return one key: GitLab's delivery id, or a digest of the body. ``now`` is in Unix seconds.

    ``webhook-id`` goes first: it equals ``Idempotency-Key``, and a signing token signs it. Both stay the same when a
    person presses "Resend request". ``X-Gitlab-Webhook-UUID`` is new at each send, and different events share one
    ``X-Gitlab-Event-UUID``: neither is a key.
    Source: GitLab docs, Webhooks, https://docs.gitlab.com/user/project/integrations/webhooks/

    GitLab before 17.4 sends no id. A project hook and a group hook send one body, within seconds. A later event may
    have the same body (a tag pushed, deleted and pushed again), so this key lives for a minute. It holds the second of
    arrival too if the body may say the same each time (two words of a custom webhook template).
    An event with an id gets no digest: a secret token signs nothing, so it would defend nothing, and a second press of
    "Test" sends the same body under a new id.
    """
    for header in ("webhook-id", "idempotency-key"):
        object_id = (request.header(header) or "").strip()
        if object_id.strip("0-"):  # an id of zeros is none
            return (key("delivery", object_id),)
    second = "" if kind not in _SAME_EACH_TIME and _is_one_occurrence(payload) else str(int(now))
    digest = hashlib.sha256(request.body).hexdigest()
    return (key(CONTENT, request.header("x-gitlab-instance") or "", clean(kind), second, digest),)


def _is_one_occurrence(payload: Payload) -> bool:
    attributes = payload.get("object_attributes")
    return any(payload.get(name) for name in _OCCURRENCE_FIELDS) or any(
        at(attributes, name) for name in ("id", "updated_at", "version_id")
    )
