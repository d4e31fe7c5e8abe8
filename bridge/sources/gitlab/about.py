"""What an event is about, and what the readers of all kinds share.

A reader takes the action (``open``, ``failed``) and the body, and answers About, or None where the body lacks what its
kind needs: a custom webhook template may leave out anything.

Subjects follow GitLab's own references: ``7!12`` is merge request 12 of project 7, ``7#3`` an issue, ``group&3`` an
epic, ``7%4`` a milestone, ``7$53`` a snippet, ``7@…`` a commit; ``7:refs/heads/main`` is a branch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.core.payload import text_at
from bridge.core.times import written_time

Payload = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class About:
    """Texts are as they came, not yet cleaned or cut; ``occurred_at`` is in Unix seconds."""

    subject: str
    title: str
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None


def project_id(payload: Payload, otherwise: str = "") -> str:
    """The project's id as text; where older bodies miss it ``otherwise``, or else its path, or ""."""
    return text_at(payload, "project", "id") or text_at(payload, "project_id") or otherwise or project_path(payload)


def project_path(payload: Payload) -> str:
    """``group/project``, or ""."""
    return text_at(payload, "project", "path_with_namespace")


def project_url(payload: Payload) -> str:
    """The project's page, or "". Newer bodies have no ``repository``, older ones no ``project``."""
    return text_at(payload, "project", "web_url") or text_at(payload, "repository", "homepage")


def person(user: object) -> str:
    """A user's display name, or else the user name, or ""."""
    return text_at(user, "name").strip() or text_at(user, "username").strip()


def sentence(who: str, verb: str, kind: str, name: str) -> str:
    """``Ada opened merge request !7 Title``; without the verb, ``Merge request !7 Title``."""
    # A hook's Test button sends merge requests and issues without an action.
    if not verb:
        return f"{kind[:1].upper()}{kind[1:]} {name}".rstrip()
    return f"{who or 'Somebody'} {verb} {kind} {name}".rstrip()


def inside(payload: Payload) -> str:
    """`` in group/project``, or ``""``. What names no project, an epic or a vulnerability, has it in its address."""
    address, dash, _ = text_at(payload, "object_attributes", "url").partition("/-/")
    page = address.split("/", 3)[3:] if dash else []
    path = project_path(payload) or text_at(payload, "repository", "name") or "".join(page).removeprefix("groups/")
    return f" in {path}" if path else ""


def first_time(data: Payload, *names: str) -> float | None:
    """The first of the named fields that holds a time, in Unix seconds."""
    for name in names:
        if (time := written_time(text_at(data, name))) is not None:
            return time
    return None
