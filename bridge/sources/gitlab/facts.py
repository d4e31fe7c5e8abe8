"""Facts of a GitLab event, and the helpers that its readers share.

A reader takes the action (``open``, ``failed``) and the body. It returns EventFacts, or None if the body lacks a
required field: a custom webhook template may leave out any field.

Subjects follow GitLab's own references: ``7!12`` is merge request 12 of project 7, ``7#3`` an issue, ``group&3`` an
epic, ``7%4`` a milestone, ``7$53`` a snippet, ``7@…`` a commit; ``7:refs/heads/main`` is a branch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.payload import text_at
from bridge.core.times import written_time

Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EventFacts:
    """Facts of one event. Texts are as received, not yet cleaned or cut; ``occurred_at`` is in Unix seconds."""

    subject: str
    title: str
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None


def project_id(payload: Payload, fallback: str = "") -> str:
    """Return the project's id as text. Older bodies lack it: then ``fallback``, else the project's path, else ""."""
    return text_at(payload, "project", "id") or text_at(payload, "project_id") or fallback or project_path(payload)


def project_path(payload: Payload) -> str:
    """Return ``group/project``, or ""."""
    return text_at(payload, "project", "path_with_namespace")


def project_url(payload: Payload) -> str:
    """Return the project's page, or "". Newer bodies have no ``repository``, older bodies no ``project``."""
    return text_at(payload, "project", "web_url") or text_at(payload, "repository", "homepage")


def person(user: object) -> str:
    """Return a user's display name, else the user name, else ""."""
    return text_at(user, "name").strip() or text_at(user, "username").strip()


def sentence(who: str, verb: str, kind: str, name: str) -> str:
    """Return ``Ada opened merge request !7 Title``; without the verb, ``Merge request !7 Title``."""
    # A hook's Test button sends merge requests and issues without an action.
    if not verb:
        return f"{kind[:1].upper()}{kind[1:]} {name}".rstrip()
    return f"{who or 'Somebody'} {verb} {kind} {name}".rstrip()


def inside(payload: Payload) -> str:
    """Return `` in group/project``, or ``""``. Epics and vulnerabilities name their project only in their address."""
    address, dash, _ = text_at(payload, "object_attributes", "url").partition("/-/")
    page = address.split("/", 3)[3:] if dash else []
    path = project_path(payload) or text_at(payload, "repository", "name") or "".join(page).removeprefix("groups/")
    return f" in {path}" if path else ""


def first_time(data: Payload, *names: str) -> float | None:
    """Return the first of the named fields that holds a time, in Unix seconds, or None."""
    for name in names:
        if (time := written_time(text_at(data, name))) is not None:
            return time
    return None
