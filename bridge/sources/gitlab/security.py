"""Vulnerabilities, and tokens that are about to expire.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from bridge.core.payload import map_at, text_at
from bridge.sources.gitlab.facts import EventFacts, Payload, first_time, inside, project_id, project_url


def vulnerability(state: str, payload: Payload) -> EventFacts | None:
    """Read a vulnerability in a new state. The body has only the project's id, and the number only in the address."""
    attributes = map_at(payload, "object_attributes")
    title, url, severity = text_at(attributes, "title"), text_at(attributes, "url"), text_at(attributes, "severity")
    if not title:
        return None
    return EventFacts(
        f"{text_at(attributes, 'project_id')}/vulnerabilities/{url.rpartition('/')[2] or title}",
        f"{severity.capitalize()} vulnerability {state.replace('_', ' ') or 'reported'}: {title}".strip()
        + inside(payload),
        url,
        "",
        first_time(attributes, "updated_at", "created_at"),
    )


TOKEN_KINDS = {
    "access_token": ("Access token", "access_tokens"),
    "deploy_token": ("Deploy token", "repository"),
}
"""Kinds of token, each with its name and its settings page."""


def expiring_token(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    """Read a token of a project or group that expires soon. ``instance`` is GitLab's URL: a group has no address."""
    label, page = TOKEN_KINDS[kind]
    token, group = map_at(payload, "object_attributes"), text_at(payload, "group", "full_path")
    name, expires = text_at(token, "name"), text_at(token, "expires_at")
    if not name:
        return None
    owner = project_id(payload) or f"groups/{text_at(payload, 'group', 'group_id') or group}"
    web = project_url(payload) or (f"{instance}/groups/{group}" if instance and group else "")
    return EventFacts(
        f"{owner}/{kind}s/{text_at(token, 'id') or name}",
        f"{label} {name} expires {'on ' + expires[:10] if expires else 'soon'}"
        + (inside(payload) or (f" in {group}" if group else "")),
        f"{web}/-/settings/{page}" if web else "",
    )
