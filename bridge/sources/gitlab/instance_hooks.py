"""Readers of events without a link: tokens that expire, and hooks about people, groups, projects and keys.

Group hooks (member, subgroup and project events) and system hooks share bodies that only ``event_name`` names. The
address of the instance comes from the ``X-Gitlab-Instance`` header.
Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
and System hooks, https://docs.gitlab.com/administration/system_hooks/
"""

from collections.abc import Callable, Mapping

from bridge.sources.gitlab.facts import EventFacts, Payload, first_time, map_of, project_id, project_url, text_of

_SETTINGS_PAGES = {"access_token": "access_tokens", "deploy_token": "repository"}


def instance_hook(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    """Read the facts; None for an unknown kind, or a body without a required field. ``instance`` is GitLab's URL."""
    for prefix, read in _READERS.items():
        if kind.startswith(prefix):
            return read(kind, payload, instance)
    return None


def _expiring_token(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    """Read a token of a project or group that expires soon. A group's page follows from its full path (17.4)."""
    token, group = map_of(payload, "object_attributes"), map_of(payload, "group")
    name, path = text_of(token, "name"), text_of(group, "full_path")
    if not name:
        return None
    owner = project_id(payload) or f"groups/{text_of(group, 'group_id') or path}"
    web = project_url(payload) or _page(instance, path and f"groups/{path}")
    url = f"{web}/-/settings/{_SETTINGS_PAGES[kind]}" if web else ""
    return EventFacts(f"{owner}/{kind}s/{text_of(token, 'id') or name}", name, url)


def _repository(_kind: str, payload: Payload, _instance: str) -> EventFacts | None:
    project = map_of(payload, "project")
    path = text_of(project, "path_with_namespace")
    if not path:
        return None
    subject = f"projects/{text_of(payload, 'project_id') or path}/repository"
    return EventFacts(subject, path, text_of(project, "web_url"), text_of(payload, "user_name").strip())


def _seat_request(kind: str, payload: Payload, instance: str) -> EventFacts:
    subject, url = f"users/{text_of(payload, 'user_id')}/member_approval", _page(instance, "admin/users")
    return EventFacts(subject, "", url, "", _record_time(kind, payload))


def _user(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    """Read an account; or a member, who has ``user_name`` in place of ``name``."""
    name, username = text_of(payload, "name"), text_of(payload, "username")
    if not (name or username):
        return _member(kind, payload, instance)
    url = "" if kind == "user_destroy" else _page(instance, username)
    subject = f"users/{text_of(payload, 'user_id') or username}"
    return EventFacts(subject, name or username, url, "", _record_time(kind, payload))


def _member(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    name, username = text_of(payload, "user_name"), text_of(payload, "user_username")
    if not (name or username):
        return None
    path = text_of(payload, "project_path_with_namespace")
    project, asks = text_of(payload, "project_id"), "access_request_to" in kind
    owner = f"projects/{project}" if project else f"groups/{text_of(payload, 'group_id')}"
    # A group hook gives only the last part of a group's path, which is no address: link the person instead.
    page = f"{path}/-/project_members{'?tab=access_requests' if asks else ''}" if path else username
    return EventFacts(
        f"{owner}/members/{text_of(payload, 'user_id') or username}",
        name or username,
        _page(instance, page),
        name if asks else "",  # no other hook names its actor
        _record_time(kind, payload),
    )


def _group(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    full_path = text_of(payload, "full_path")
    path = full_path or text_of(payload, "path") or text_of(payload, "name")
    if not path:
        return None
    url = "" if kind.endswith("destroy") else _page(instance, full_path)
    return EventFacts(f"groups/{text_of(payload, 'group_id') or path}", path, url, "", _record_time(kind, payload))


def _project(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    path = text_of(payload, "path_with_namespace")
    name = path or text_of(payload, "name")
    if not name:
        return None
    url = "" if kind == "project_destroy" else _page(instance, path)
    return EventFacts(f"projects/{text_of(payload, 'project_id') or path}", name, url, "", _record_time(kind, payload))


def _key(kind: str, payload: Payload, instance: str) -> EventFacts | None:
    username = text_of(payload, "username")
    if not username:
        return None
    subject = f"users/{username}/keys/{text_of(payload, 'id')}"
    return EventFacts(subject, "", _page(instance, username), username, _record_time(kind, payload))


def _page(instance: str, path: str) -> str:
    return f"{instance}/{path}" if instance and path else ""


def _record_time(kind: str, payload: Payload) -> float | None:
    # These are times of the record. They are wrong for a removal or a failed log-in.
    if "destroy" in kind or "remove" in kind or kind == "user_failed_login":
        return None
    return first_time(payload, "created_at" if kind.endswith("_create") else "updated_at", "created_at")


_READERS: Mapping[str, Callable[[str, Payload, str], EventFacts | None]] = {
    "access_token": _expiring_token,
    "deploy_token": _expiring_token,
    "repository_update": _repository,
    "gitlab_subscription_member_approval": _seat_request,
    "user_": _user,
    "group_": _group,
    "subgroup_": _group,
    "project_": _project,
    "key_": _key,
}
"""The reader of each kind, by the start of its name."""
