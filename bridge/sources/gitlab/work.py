"""Merge requests, issues and other work items, milestones, comments and reactions.

Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from bridge.core.payload import map_at, text_at
from bridge.sources.gitlab.facts import (
    EventFacts,
    Payload,
    first_time,
    inside,
    person,
    project_id,
    project_url,
    sentence,
)

_MERGE_REQUEST_VERBS = {
    "open": "opened",
    "close": "closed",
    "reopen": "reopened",
    "update": "updated",
    "merge": "merged",
    "approval": "added their approval to",  # `approved` comes when no further approval is needed
    "approved": "approved",
    "unapproval": "removed their approval from",
    "unapproved": "unapproved",
}
_VERBS = {
    "open": "opened",
    "close": "closed",
    "reopen": "reopened",
    "update": "updated",
    "create": "created",
    "delete": "deleted",
}


def merge_request(action: str, payload: Payload) -> EventFacts | None:
    """Read a merge request. Only an update that adds commits has ``oldrev``."""
    request = map_at(payload, "object_attributes")
    iid, who = text_at(request, "iid"), person(payload.get("user"))
    if not iid:
        return None
    verb = _MERGE_REQUEST_VERBS.get(action, action.replace("_", " "))
    if action == "update" and text_at(request, "oldrev"):
        verb = "added commits to"
    return EventFacts(
        f"{project_id(payload, text_at(request, 'target_project_id'))}!{iid}",
        sentence(who, verb, "merge request", f"!{iid} {text_at(request, 'title')}") + inside(payload),
        text_at(request, "url"),
        who,
        first_time(request, "actioned_at", "updated_at", "created_at"),
    )


def issue(action: str, payload: Payload) -> EventFacts | None:
    """Read an issue, or a work item by its own name: epic, incident, task…."""
    item, who = map_at(payload, "object_attributes"), person(payload.get("user"))
    if not text_at(item, "iid"):
        return None
    subject, kind, name = _work_item(item, payload)
    return EventFacts(
        subject,
        sentence(who, _VERBS.get(action, action), kind, name) + inside(payload),
        text_at(item, "url"),
        who,
        first_time(item, "updated_at", "created_at"),
    )


def note(action: str, payload: Payload) -> EventFacts | None:
    """Read a comment. Its subject is the commented object."""
    comment, who = map_at(payload, "object_attributes"), person(payload.get("user"))
    if not text_at(comment, "id"):
        return None
    subject, target = _target(payload)
    verb = "edited a comment on" if text_at(comment, "action") == "update" else "commented on"
    return EventFacts(
        subject or f"{project_id(payload)}/notes/{text_at(comment, 'id')}",
        f"{who or 'Somebody'} {verb} {target or action.replace('_', ' ') or 'something'}{inside(payload)}",
        text_at(comment, "url"),
        who,
        first_time(comment, "updated_at", "created_at"),
    )


def emoji(action: str, payload: Payload) -> EventFacts | None:
    """Read a reaction. A revoked one still holds the times of its award."""
    award, who = map_at(payload, "object_attributes"), person(payload.get("user"))
    name = text_at(award, "name")
    if not name:
        return None
    subject, target = _target(payload)
    target = target or text_at(award, "awardable_type").lower() or "something"
    if text_at(award, "awardable_type") == "Note":
        target = f"a comment on {target}"
    verb = f"took :{name}: back from" if action == "revoke" else f"reacted with :{name}: to"
    return EventFacts(
        subject or f"{project_id(payload)}/emoji/{text_at(award, 'id')}",
        f"{who or 'Somebody'} {verb} {target}{inside(payload)}",
        text_at(award, "awarded_on_url"),
        who,
        None if action == "revoke" else first_time(award, "updated_at", "created_at"),
    )


def milestone(action: str, payload: Payload) -> EventFacts | None:
    """Read a milestone of a project, or of a group (then there is no project)."""
    target = map_at(payload, "object_attributes")
    title, iid, web = text_at(target, "title"), text_at(target, "iid"), project_url(payload)
    if not title:
        return None
    return EventFacts(
        f"{project_id(payload) or text_at(target, 'group_id')}%{iid or title}",
        f"Milestone {title} was {_VERBS.get(action, action) or 'sent'}{inside(payload)}",
        f"{web}/-/milestones/{iid}" if web and iid and action != "delete" else web,
        person(payload.get("user")),
        first_time(target, "updated_at", "created_at"),
    )


def _work_item(item: Payload, payload: Payload) -> tuple[str, str, str]:
    """Return subject, kind and name: ``7#3``, ``incident``, ``#3 Title``."""
    iid, title = text_at(item, "iid"), text_at(item, "title")
    kind = text_at(item, "type").replace("_", " ").strip().lower() or "issue"
    if kind == "epic" or "/epics/" in text_at(item, "url"):
        # An epic belongs to a group; only its address names it.
        group = text_at(item, "url").partition("/groups/")[2].partition("/-/")[0]
        return f"{group or text_at(item, 'group_id') or text_at(item, 'id')}&{iid}", "epic", f"&{iid} {title}".rstrip()
    return f"{project_id(payload, text_at(item, 'project_id'))}#{iid}", kind, f"#{iid} {title}".rstrip()


def _target(payload: Payload) -> tuple[str, str]:
    """Return subject and name of the target of a comment or reaction, or two empty strings."""
    project = project_id(payload)
    if iid := text_at(payload, "merge_request", "iid"):
        owner = project_id(payload, text_at(payload, "merge_request", "target_project_id"))
        return f"{owner}!{iid}", f"merge request !{iid} {text_at(payload, 'merge_request', 'title')}".rstrip()
    for field in ("issue", "work_item", "epic"):
        item = map_at(payload, field)
        if text_at(item, "iid"):
            subject, kind, name = _work_item(item, payload)
            return subject, f"{kind} {name}"
    if object_id := text_at(payload, "snippet", "id"):
        return f"{project}${object_id}", f"snippet {text_at(payload, 'snippet', 'title') or object_id}"
    if sha := text_at(payload, "commit", "id"):
        message = text_at(payload, "commit", "message").strip()[:200].partition("\n")[0]
        return f"{project}@{sha}", f"commit {sha[:8]} {message}".rstrip()
    if slug := text_at(payload, "wiki_page", "slug") or text_at(payload, "wiki_page", "title"):
        return f"{project}/wikis/{slug}", f"wiki page {text_at(payload, 'wiki_page', 'title') or slug}"
    return "", ""
