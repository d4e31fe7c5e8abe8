"""Readers of project and group hooks: one for each kind of event.

A reader takes the action (``open``, ``failed``), the body and its ``object_attributes``. It returns EventFacts, or None
if the body lacks a required field: a custom webhook template may leave out any field.
Source: GitLab docs, Webhook events, https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from collections.abc import Callable, Mapping

from bridge.sources.gitlab.facts import (
    EventFacts,
    Payload,
    first_time,
    map_of,
    person,
    project_id,
    project_url,
    text_of,
)
from bridge.sources.gitlab.pushes import push, system_push

_TIME_OF_STATUS = {
    "created": "created_at",
    "running": "started_at",
    "success": "finished_at",
    "failed": "finished_at",
    "canceled": "finished_at",
    "skipped": "finished_at",
}
"""The time field for each status. A restarted run keeps its old times, so only this field is current."""


def _release(action: str, payload: Payload, _: Payload) -> EventFacts | None:
    """Read a release; its fields are at the top level of the body."""
    if not (tag := text_of(payload, "tag")):
        return None
    url = project_url(payload) if action == "delete" else text_of(payload, "url")
    time = first_time(payload, "created_at") if action == "create" else None
    return EventFacts(f"{project_id(payload)}/releases/{tag}", text_of(payload, "name") or tag, url, "", time)


def _wiki_page(action: str, payload: Payload, page: Payload) -> EventFacts | None:
    """Read a wiki page; the event of a deleted page links to the wiki."""
    if not (title := text_of(page, "title")):
        return None
    url = text_of(map_of(payload, "wiki"), "web_url") if action == "delete" else text_of(page, "url")
    subject = f"{project_id(payload)}/wikis/{text_of(page, 'slug') or title}"
    return EventFacts(subject, title, url, person(map_of(payload, "user")))


def _merge_request(_action: str, payload: Payload, request: Payload) -> EventFacts | None:
    if not (iid := text_of(request, "iid")):
        return None
    return EventFacts(
        f"{project_id(payload, text_of(request, 'target_project_id'))}!{iid}",
        text_of(request, "title"),
        text_of(request, "url"),
        person(map_of(payload, "user")),
        first_time(request, "actioned_at", "updated_at", "created_at"),
    )


def _issue(_action: str, payload: Payload, item: Payload) -> EventFacts | None:
    """Read an issue or another work item."""
    if not text_of(item, "iid"):
        return None
    actor, time = person(map_of(payload, "user")), first_time(item, "updated_at", "created_at")
    return EventFacts(_subject_of_item(item, payload), text_of(item, "title"), text_of(item, "url"), actor, time)


def _note(_action: str, payload: Payload, comment: Payload) -> EventFacts | None:
    """Read a comment. Its subject is the commented object."""
    if not (note_id := text_of(comment, "id")):
        return None
    subject, name = _target(payload)
    return EventFacts(
        subject or f"{project_id(payload)}/notes/{note_id}",
        name,
        text_of(comment, "url"),
        person(map_of(payload, "user")),
        first_time(comment, "updated_at", "created_at"),
    )


def _emoji(action: str, payload: Payload, award: Payload) -> EventFacts | None:
    """Read a reaction. A revoked one still holds the times of its award."""
    if not text_of(award, "name"):
        return None
    subject, name = _target(payload)
    return EventFacts(
        subject or f"{project_id(payload)}/emoji/{text_of(award, 'id')}",
        name,
        text_of(award, "awarded_on_url"),
        person(map_of(payload, "user")),
        None if action == "revoke" else first_time(award, "updated_at", "created_at"),
    )


def _milestone(action: str, payload: Payload, milestone: Payload) -> EventFacts | None:
    """Read a milestone of a project, or of a group (then there is no project)."""
    title, iid, web = text_of(milestone, "title"), text_of(milestone, "iid"), project_url(payload)
    if not title:
        return None
    return EventFacts(
        f"{project_id(payload) or text_of(milestone, 'group_id')}%{iid or title}",
        title,
        f"{web}/-/milestones/{iid}" if web and iid and action != "delete" else web,
        person(map_of(payload, "user")),
        first_time(milestone, "updated_at", "created_at"),
    )


def _pipeline(status: str, payload: Payload, run: Payload) -> EventFacts | None:
    number, web = text_of(run, "id"), project_url(payload)
    if not number:
        return None
    return EventFacts(
        f"{project_id(payload)}/pipelines/{number}",
        text_of(run, "name") or text_of(run, "ref"),
        text_of(run, "url") or (f"{web}/-/pipelines/{number}" if web else ""),
        person(map_of(payload, "user")),
        first_time(run, _TIME_OF_STATUS.get(status, "")),
    )


def _build(status: str, payload: Payload, _: Payload) -> EventFacts | None:
    """Read a job. GitLab calls it ``build`` in the body, and its ``commit.id`` is the pipeline's id."""
    number, web = text_of(payload, "build_id"), project_url(payload)
    if not number:
        return None
    return EventFacts(
        f"{project_id(payload)}/jobs/{number}",
        text_of(payload, "build_name"),
        f"{web}/-/jobs/{number}" if web else "",
        person(map_of(payload, "user")),
        first_time(payload, "build_" + _TIME_OF_STATUS.get(status, "")),
    )


def _deployment(_status: str, payload: Payload, _: Payload) -> EventFacts | None:
    """Read a deployment; ``approved`` and ``rejected`` name the person as ``approver``."""
    environment, web = text_of(payload, "environment"), project_url(payload)
    if not environment:
        return None
    return EventFacts(
        f"{project_id(payload)}/deployments/{text_of(payload, 'deployment_id') or environment}",
        environment,
        text_of(payload, "deployable_url") or (f"{web}/-/environments" if web else ""),
        person(map_of(payload, "approver")) or person(map_of(payload, "user")),
        first_time(payload, "status_changed_at"),
    )


def _feature_flag(_action: str, payload: Payload, flag: Payload) -> EventFacts | None:
    """Read a feature flag. The body has no time, and no number for the flag's page."""
    name, web = text_of(flag, "name"), project_url(payload)
    if not name:
        return None
    subject = f"{project_id(payload)}/feature_flags/{text_of(flag, 'id') or name}"
    return EventFacts(subject, name, f"{web}/-/feature_flags" if web else "", person(map_of(payload, "user")))


def _vulnerability(_state: str, payload: Payload, found: Payload) -> EventFacts | None:
    """Read a vulnerability. Its number is only in the address."""
    if not (title := text_of(found, "title")):
        return None
    owner, url = text_of(found, "project_id") or project_id(payload), text_of(found, "url")
    subject = f"{owner}/vulnerabilities/{url.rpartition('/')[2] or title}"
    return EventFacts(subject, title, url, "", first_time(found, "updated_at", "created_at"))


def _subject_of_item(item: Payload, payload: Payload, *, is_epic: bool = False) -> str:
    iid, url = text_of(item, "iid"), text_of(item, "url")
    if is_epic or text_of(item, "type").strip().lower() == "epic" or "/epics/" in url:
        # An epic belongs to a group; only its address names it.
        group = url.partition("/groups/")[2].partition("/-/")[0]
        return f"{group or text_of(item, 'group_id') or text_of(item, 'id')}&{iid}"
    return f"{project_id(payload, text_of(item, 'project_id'))}#{iid}"


def _target(payload: Payload) -> tuple[str, str]:
    """Return subject and name of the target of a comment or reaction, or two empty strings."""
    if iid := text_of(request := map_of(payload, "merge_request"), "iid"):
        return f"{project_id(payload, text_of(request, 'target_project_id'))}!{iid}", text_of(request, "title")
    for field in ("issue", "work_item", "epic"):
        if text_of(item := map_of(payload, field), "iid"):
            return _subject_of_item(item, payload, is_epic=field == "epic"), text_of(item, "title")
    project = project_id(payload)
    for field in ("snippet", "project_snippet"):
        if number := text_of(snippet := map_of(payload, field), "id"):
            return f"{project}${number}", text_of(snippet, "title")
    if sha := text_of(commit := map_of(payload, "commit"), "id"):
        return f"{project}@{sha}", text_of(commit, "message")[:300].strip().partition("\n")[0]
    page = map_of(payload, "wiki_page")
    slug, title = text_of(page, "slug"), text_of(page, "title")
    return (f"{project}/wikis/{slug or title}", title or slug) if slug or title else ("", "")


READERS: Mapping[str, Callable[[str, Payload, Payload], EventFacts | None]] = {
    "push": push,
    "system push": system_push,
    "tag_push": push,
    "release": _release,
    "wiki_page": _wiki_page,
    "merge_request": _merge_request,
    "issue": _issue,
    "work_item": _issue,
    "note": _note,
    "emoji": _emoji,
    "milestone": _milestone,
    "pipeline": _pipeline,
    "build": _build,
    "deployment": _deployment,
    "feature_flag": _feature_flag,
    "vulnerability": _vulnerability,
}
"""The reader of each kind; of a push by a system hook."""
