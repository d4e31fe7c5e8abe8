"""Vulnerabilities, and tokens that are about to expire.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from bridge.core.payload import map_at, text_at
from bridge.sources.gitlab.about import About, Payload, first_time, inside, project_id, project_url


def vulnerability(state: str, payload: Payload) -> About | None:
    """A vulnerability in a new state. The body names its project by id only, and has no number but in the address."""
    found = map_at(payload, "object_attributes")
    title, url, severity = text_at(found, "title"), text_at(found, "url"), text_at(found, "severity")
    if not title:
        return None
    return About(
        f"{text_at(found, 'project_id')}/vulnerabilities/{url.rpartition('/')[2] or title}",
        f"{severity.capitalize()} vulnerability {state.replace('_', ' ') or 'reported'}: {title}".strip()
        + inside(payload),
        url,
        "",
        first_time(found, "updated_at", "created_at"),
    )


TOKENS = {
    "access_token": ("Access token", "access_tokens"),
    "deploy_token": ("Deploy token", "repository"),
}
"""Kinds of token, each with its name and the settings page that lists it."""


def expiring_token(kind: str, payload: Payload, instance: str) -> About | None:
    """A project's or a group's token that expires soon. A group comes without an address: ``instance`` is GitLab's."""
    called, page = TOKENS[kind]
    token, group = map_at(payload, "object_attributes"), text_at(payload, "group", "full_path")
    name, expires = text_at(token, "name"), text_at(token, "expires_at")
    if not name:
        return None
    owner = project_id(payload) or f"groups/{text_at(payload, 'group', 'group_id') or group}"
    web = project_url(payload) or (f"{instance}/groups/{group}" if instance and group else "")
    return About(
        f"{owner}/{kind}s/{text_at(token, 'id') or name}",
        f"{called} {name} expires {'on ' + expires[:10] if expires else 'soon'}"
        + (inside(payload) or (f" in {group}" if group else "")),
        f"{web}/-/settings/{page}" if web else "",
    )
