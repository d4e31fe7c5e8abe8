"""Turn a verified GitLab request into one event."""

from collections.abc import Callable, Mapping

from bridge.core.payload import at, clean, map_at, text_at
from bridge.events import Event, Request, new_id
from bridge.sources.gitlab import code, runs, security, work
from bridge.sources.gitlab.facts import EventFacts, Payload, inside, person, project_id, project_url
from bridge.sources.gitlab.keys import keys_of
from bridge.sources.gitlab.system_hooks import system_hook_facts
from bridge.sources.gitlab.types import action_of, kind_of, type_of
from bridge.sources.provider import json_body

_READERS: Mapping[str, Callable[[str, Payload], EventFacts | None]] = {
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
    """Return the one event of a request. ``now`` is in Unix seconds.

    Raises Malformed if the body is not JSON. A custom webhook template may send any JSON; a value other than an object
    is stored under the key ``body``.
    """
    body = json_body(request)
    payload: Payload = body if isinstance(body, dict) else {"body": body}
    header = clean(request.header("x-gitlab-event") or "", 100)
    kind = kind_of(payload, header)
    action = action_of(kind, payload)
    instance = _http_url(request.header("x-gitlab-instance") or "").rstrip("/")
    facts = _read_facts(kind, action, payload, instance) or _generic_facts(kind, header, payload)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="gitlab",
            type=type_of(kind, action),
            keys=keys_of(kind, payload, request, now),
            payload=payload,
            subject=clean(facts.subject, 200),
            title=clean(facts.title, 300) or "GitLab event",
            url=_http_url(facts.url),
            actor=clean(facts.actor, 100),
            occurred_at=facts.occurred_at,
            received_at=now,
            confidential=_is_confidential(payload, header),
            test=False,  # GitLab's test button sends the same body as a real event, without a mark
        )
    ]


def _read_facts(kind: str, action: str, payload: Payload, instance: str) -> EventFacts | None:
    if reader := _READERS.get(kind):
        return reader(action, payload)
    if kind in security.TOKEN_KINDS:
        return security.expiring_token(kind, payload, instance)
    return system_hook_facts(kind, payload, instance)


def _generic_facts(kind: str, header: str, payload: Payload) -> EventFacts:
    """Return the facts of an unknown kind of event, or of a body that a custom template made."""
    label = header or kind.replace("_", " ").replace(".", " ").capitalize()
    attributes = map_at(payload, "object_attributes")
    title = (
        text_at(attributes, "title")
        or text_at(payload, "title")
        or text_at(attributes, "name")
        or text_at(payload, "name")
    )
    return EventFacts(
        f"{project_id(payload) or 'gitlab'}/{kind}/{text_at(attributes, 'id') or title}",
        f"{label}{': ' + title if title else ''}{inside(payload)}",
        text_at(attributes, "url") or text_at(payload, "url") or project_url(payload),
        person(payload.get("user")) or text_at(payload, "user_name"),
    )


def _is_confidential(payload: Payload, header: str) -> bool:
    """Return whether only members may see the event: a confidential issue, an internal note, a reaction to either."""
    # A custom template may spell the name differently or write the value as text: when in doubt, treat it as
    # confidential.
    names = (header, *(text_at(payload, name) for name in ("event_type", "object_kind", "event_name")))
    if any(name[:12].lower() == "confidential" for name in names):
        return True
    parts = [at(payload, name) for name in ("object_attributes", "issue", "work_item", "epic", "note")]
    return any(
        at(attributes, mark) not in (None, False, "", "false", 0)
        for attributes in parts
        if attributes
        for mark in ("confidential", "internal")
    )


def _http_url(url: str) -> str:
    plain = len(url) <= 2000 and url.isprintable() and " " not in url
    return url if plain and url.startswith(("https://", "http://")) else ""
