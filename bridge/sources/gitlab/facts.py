"""Facts of a GitLab event, and typed reads from its body.

Subjects follow GitLab's own references: ``7!12`` is merge request 12 of project 7, ``7#3`` an issue, ``group&3`` an
epic, ``7%4`` a milestone, ``7$53`` a snippet, ``7@…`` a commit; ``7:refs/heads/main`` is a branch.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bridge.core.payload import text_at
from bridge.core.times import written_time

Payload = Mapping[str, object]
_NOTHING: Payload = {}


class EventFacts(NamedTuple):
    """Facts of one event. Texts are as received, not yet cleaned or cut; ``occurred_at`` is in Unix seconds."""

    subject: str
    name: str
    url: str = ""
    actor: str = ""
    occurred_at: float | None = None


def text_of(data: Payload, name: str) -> str:
    """Return one field as text, like ``text_at``; faster for the texts and nulls that most fields are."""
    value = data.get(name)
    return value if type(value) is str else "" if value is None else text_at(data, name)


def map_of(data: Payload, name: str) -> Payload:
    """Return one field that is an object, or an empty one."""
    value = data.get(name)
    return value if isinstance(value, dict) else _NOTHING


def project_id(payload: Payload, fallback: str = "") -> str:
    """Return the project's id as text. Older bodies lack it: then ``fallback``, else the project's path, else ""."""
    project = map_of(payload, "project")
    return (
        text_of(project, "id") or text_of(payload, "project_id") or fallback or text_of(project, "path_with_namespace")
    )


def project_url(payload: Payload) -> str:
    """Return the project's page, or "". Newer bodies have no ``repository``, older bodies no ``project``."""
    return text_of(map_of(payload, "project"), "web_url") or text_of(map_of(payload, "repository"), "homepage")


def person(user: Payload) -> str:
    """Return a user's display name, else the user name, else ""."""
    return text_of(user, "name").strip() or text_of(user, "username").strip()


def first_time(data: Payload, *names: str) -> float | None:
    """Return the first of the named fields that holds a time, in Unix seconds, or None."""
    for name in names:
        if (text := text_of(data, name)) and (time := written_time(text)) is not None:
            return time
    return None
