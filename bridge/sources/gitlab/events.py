"""A verified GitLab request becomes one event."""

from collections.abc import Callable, Mapping

from bridge.core.payload import at, clean, map_at, text_at
from bridge.events import Event, Request, new_id
from bridge.sources.gitlab import code, runs, security, work
from bridge.sources.gitlab.about import About, Payload, inside, person, project_id, project_url
from bridge.sources.gitlab.keys import keys_of
from bridge.sources.gitlab.system_hooks import place
from bridge.sources.gitlab.types import action_of, kind_of, type_of
from bridge.sources.provider import json_body

_READERS: Mapping[str, Callable[[str, Payload], About | None]] = {
    "push": code.push,
    "tag_push": code.push,
    "release": code.release,
    "wiki_page": code.wiki_page,
    "merge_request": work.merge_request,
    "issue": work.issue,
    "work_item": work.issue,
    "note": work.note,
    "emoji": work.emoji,
    "milestone": work.milestone,
    "pipeline": runs.pipeline,
    "build": runs.build,
    "deployment": runs.deployment,
    "feature_flag": runs.feature_flag,
    "vulnerability": security.vulnerability,
}


def events(request: Request, source: str, now: float) -> list[Event]:
    """The one event of a request. ``now`` is in Unix seconds. Raises Malformed if the body is not JSON.

    A custom webhook template may send any JSON; what is not an object is kept under the key ``body``.
    """
    body = json_body(request)
    payload: Payload = body if isinstance(body, dict) else {"body": body}
    header = clean(request.header("x-gitlab-event") or "", 100)
    kind = kind_of(payload, header)
    action = action_of(kind, payload)
    instance = _address(request.header("x-gitlab-instance") or "").rstrip("/")
    about = _about(kind, action, payload, instance) or _unread(kind, header, payload)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="gitlab",
            type=type_of(kind, action),
            keys=keys_of(kind, action, payload, request, now),
            payload=payload,
            subject=clean(about.subject, 200),
            title=clean(about.title, 300) or "GitLab event",
            url=_address(about.url),
            actor=clean(about.actor, 100),
            occurred_at=about.occurred_at,
            received_at=now,
            confidential=_is_confidential(payload, header),
            test=False,  # GitLab's test button sends what a real event would, and marks nothing
        )
    ]


def _about(kind: str, action: str, payload: Payload, instance: str) -> About | None:
    if reader := _READERS.get(kind):
        return reader(action, payload)
    if kind in security.TOKENS:
        return security.expiring_token(kind, payload, instance)
    return place(kind, payload, instance)


def _unread(kind: str, header: str, payload: Payload) -> About:
    """An event of a kind that we do not know, or whose body a custom template made."""
    what = header or kind.replace("_", " ").replace(".", " ").capitalize()
    thing = map_at(payload, "object_attributes")
    title = text_at(thing, "title") or text_at(payload, "title") or text_at(thing, "name") or text_at(payload, "name")
    return About(
        f"{project_id(payload) or 'gitlab'}/{kind}/{text_at(thing, 'id') or title}",
        f"{what}{': ' + title if title else ''}{inside(payload)}",
        text_at(thing, "url") or text_at(payload, "url") or project_url(payload),
        person(payload.get("user")) or text_at(payload, "user_name"),
    )


def _is_confidential(payload: Payload, header: str) -> bool:
    """Whether GitLab shows this to members only: a confidential issue, an internal note, or a reaction to either."""
    # A custom template may have spelt the name otherwise or written a value as text: what is unclear is better kept in.
    names = (header, *(text_at(payload, name) for name in ("event_type", "object_kind", "event_name")))
    if any(name[:12].lower() == "confidential" for name in names):
        return True
    things = [at(payload, part) for part in ("object_attributes", "issue", "work_item", "epic", "note")]
    return any(
        at(thing, mark) not in (None, False, "", "false", 0)
        for thing in things
        if thing
        for mark in ("confidential", "internal")
    )


def _address(url: str) -> str:
    plain = len(url) <= 2000 and url.isprintable() and " " not in url
    return url if plain and url.startswith(("https://", "http://")) else ""
