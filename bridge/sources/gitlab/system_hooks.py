"""System and group hooks about people, groups, projects and keys, named only by ``event_name``.

Group hooks (member, subgroup and project events) and system hooks share these bodies. The bodies hold no links; the
address of the instance comes from the ``X-Gitlab-Instance`` header.
Sources: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
and System hooks, https://docs.gitlab.com/administration/system_hooks/
"""

from bridge.core.payload import list_at, text_at
from bridge.sources.gitlab.facts import EventFacts, Payload, first_time, person

_MEMBERSHIP = {
    "user_add_to": "{who} was added to {where} as {access}",
    "user_update_for": "{who} is now {access} in {where}",
    "user_remove_from": "{who} was removed from {where}",
    "user_access_request_to": "{who} asks for access to {where}",
    "user_access_request_denied_for": "{who} was refused access to {where}",
    "user_access_request_revoked_for": "{who}'s request for access to {where} was revoked",
}
_USER = {
    "user_create": "User {who} was created",
    "user_destroy": "User {who} was deleted",
    "user_rename": "User {old} is now called {name}",
    "user_failed_login": "{who} failed to log in{state}",
}
_GROUP = {
    "group_create": "Group {path} was created",
    "group_destroy": "Group {path} was deleted",
    "group_rename": "Group {old} was renamed to {path}",
    "subgroup_create": "Subgroup {path} was created",
    "subgroup_destroy": "Subgroup {path} was deleted",
}
_PROJECT = {
    "project_create": "Project {path} was created",
    "project_destroy": "Project {path} was deleted",
    "project_rename": "Project {old} was renamed to {path}",
    "project_transfer": "Project {old} was moved to {path}",
    "project_update": "The settings of project {path} were changed",
}


def system_hook_facts(event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    """Return the facts of a member, group, project, user, key or repository hook; None for any other hook."""
    membership, _, scope = event_name.rpartition("_")
    if membership in _MEMBERSHIP and scope in ("group", "team", "project"):
        return _member(_MEMBERSHIP[membership], event_name, payload, instance)
    if event_name in _USER:
        return _user(event_name, payload, instance)
    if event_name in _GROUP:
        return _group(event_name, payload, instance)
    if event_name in _PROJECT:
        return _project(event_name, payload, instance)
    if event_name in ("key_create", "key_destroy"):
        return _key(event_name, payload, instance)
    if event_name == "repository_update":
        return _repository(payload)
    if event_name.startswith("gitlab_subscription_member_approval"):
        return _seat_request(event_name, payload, instance)
    return None


def _member(template: str, event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    name, username = text_at(payload, "user_name"), text_at(payload, "user_username")
    where = text_at(payload, "project_path_with_namespace") or text_at(payload, "group_name")
    if not (name or username) or not where:
        return None
    access = text_at(payload, "group_access") or text_at(payload, "access_level") or "member"
    title = template.format(who=name or username, where=where, access=access)
    project, group = text_at(payload, "project_id"), text_at(payload, "group_id")
    owner = f"projects/{project}" if project else f"groups/{group}"
    path = text_at(payload, "project_path_with_namespace")
    members = "/-/project_members" + ("?tab=access_requests" if "access_request_to" in event_name else "")
    # A group hook gives only the last part of a group's path, which is no address: link the person instead.
    return EventFacts(
        f"{owner}/members/{text_at(payload, 'user_id') or username}",
        title,
        _page(instance, f"{path}{members}" if path else username),
        name if "access_request_to" in event_name else "",  # no other hook names its actor
        _record_time(event_name, payload),
    )


def _user(event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    name, username = text_at(payload, "name"), text_at(payload, "username")
    if not (name or username):
        return None
    state = text_at(payload, "state")
    title = _USER[event_name].format(
        who=name or username,
        name=username or name,
        old=text_at(payload, "old_username") or name,
        state=f" and is {state.replace('_', ' ')}" if state and state != "active" else "",
    )
    return EventFacts(
        f"users/{text_at(payload, 'user_id') or username}",
        title,
        "" if event_name == "user_destroy" else _page(instance, username),
        "",
        _record_time(event_name, payload),
    )


def _group(event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    full_path = text_at(payload, "full_path")
    path = full_path or text_at(payload, "path") or text_at(payload, "name")
    if not path:
        return None
    old = text_at(payload, "old_full_path") or text_at(payload, "old_path") or path
    link = "" if event_name.endswith("destroy") else _page(instance, full_path)
    return EventFacts(
        f"groups/{text_at(payload, 'group_id') or path}",
        _GROUP[event_name].format(path=path, old=old),
        link,
        "",
        _record_time(event_name, payload),
    )


def _project(event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    path = text_at(payload, "path_with_namespace")
    if not (path or text_at(payload, "name")):
        return None
    title = _PROJECT[event_name].format(
        path=path or text_at(payload, "name"), old=text_at(payload, "old_path_with_namespace") or path
    )
    return EventFacts(
        f"projects/{text_at(payload, 'project_id') or path}",
        title,
        "" if event_name == "project_destroy" else _page(instance, path),
        "",
        _record_time(event_name, payload),
    )


def _key(event_name: str, payload: Payload, instance: str) -> EventFacts | None:
    username = text_at(payload, "username")
    if not username:
        return None
    verb = "added" if event_name == "key_create" else "removed"
    return EventFacts(
        f"users/{username}/keys/{text_at(payload, 'id')}",
        f"{username} {verb} an SSH key",
        _page(instance, username),
        username,
        _record_time(event_name, payload),
    )


def _repository(payload: Payload) -> EventFacts | None:
    path = text_at(payload, "project", "path_with_namespace")
    if not path:
        return None
    who, refs = person({"name": text_at(payload, "user_name")}), len(list_at(payload, "refs"))
    return EventFacts(
        f"projects/{text_at(payload, 'project_id') or path}/repository",
        f"{who or 'Somebody'} updated {refs} ref{'' if refs == 1 else 's'} of {path}",
        text_at(payload, "project", "web_url"),
        who,
    )


def _seat_request(event_name: str, payload: Payload, instance: str) -> EventFacts:
    action = {"enqueue": "waits for approval", "approve": "was approved", "deny": "was denied"}
    outcome = action.get(text_at(payload, "action"), "was changed")
    return EventFacts(
        f"users/{text_at(payload, 'user_id')}/member_approval",
        f"A request for a role that takes a paid seat {outcome}",
        f"{instance}/admin/users" if instance else "",
        "",
        _record_time(event_name, payload),
    )


def _page(instance: str, path: str) -> str:
    return f"{instance}/{path}" if instance and path else ""


def _record_time(event_name: str, payload: Payload) -> float | None:
    # These are times of the record. They are wrong for a removal or a failed log-in.
    if "destroy" in event_name or "remove" in event_name or event_name == "user_failed_login":
        return None
    return first_time(payload, "created_at" if event_name.endswith("_create") else "updated_at", "created_at")
