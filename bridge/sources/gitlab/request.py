"""Make the signed request that GitLab would send, for the demo, `bridge test` and tests."""

import hashlib
import uuid

from bridge.core.payload import text_at
from bridge.events import Request
from bridge.sources import standard_webhooks
from bridge.sources.gitlab.types import KIND_OF_HEADER
from bridge.sources.provider import DEFAULT_URL, sample_bytes

_GROUP_HOOKS = {
    "user_add_to_group": "Member Hook",
    "user_update_for_group": "Member Hook",
    "user_remove_from_group": "Member Hook",
    "user_access_request_to_group": "Member Hook",
    "user_access_request_denied_for_group": "Member Hook",
    "subgroup_create": "Subgroup Hook",
    "subgroup_destroy": "Subgroup Hook",
    "project_create": "Project Hook",
    "project_destroy": "Project Hook",
}
_HEADER_OF_KIND = {kind: header for header, kind in KIND_OF_HEADER.items() if not header.startswith("Confidential ")}


def request_for(
    event_type: str, body: object, secret: str, now: float, *, url: str = DEFAULT_URL + "gitlab"
) -> Request:
    """Make a delivery as GitLab 19 sends it. ``now`` is in Unix seconds.

    It is signed if ``secret`` is a signing token; a secret token goes into its header. The delivery's id is a digest of
    type, body and second, so the same arguments make the same delivery.
    Source: GitLab docs, Webhooks, https://docs.gitlab.com/user/project/integrations/webhooks/
    """
    raw, secret, timestamp = sample_bytes(body), secret.strip(), str(int(now))
    digest = hashlib.sha256(b"\0".join((event_type.encode(), timestamp.encode(), raw))).digest()
    webhook_id = str(uuid.UUID(bytes=digest[:16], version=4))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitLab/19.5.0",
        "X-Gitlab-Event": _event_header(event_type, body),
        "X-Gitlab-Instance": "https://gitlab.example.com",
        "X-Gitlab-Webhook-UUID": str(uuid.UUID(bytes=digest[8:24], version=4)),
        "X-Gitlab-Event-UUID": str(uuid.UUID(bytes=digest[16:], version=4)),
        "Idempotency-Key": webhook_id,
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
    }
    if key := standard_webhooks.decode_key(secret) if secret.startswith(standard_webhooks.PREFIX) else None:
        headers["webhook-signature"] = standard_webhooks.sign(
            key, webhook_id.encode(), timestamp.encode(), raw
        ).decode()
    else:
        headers["X-Gitlab-Token"] = secret
    return Request("POST", url, headers, raw)


def _event_header(event_type: str, body: object) -> str:
    header = _HEADER_OF_KIND.get(event_type.partition(".")[0]) or _GROUP_HOOKS.get(event_type, "System Hook")
    return f"Confidential {header}" if text_at(body, "event_type").startswith("confidential_") else header
