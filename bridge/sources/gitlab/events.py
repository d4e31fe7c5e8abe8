"""Turn a verified GitLab request into one event."""

from bridge.core.payload import clean
from bridge.events import Event, Request, new_id
from bridge.sources.gitlab.facts import EventFacts, Payload, map_of, person, project_id, project_url, text_of
from bridge.sources.gitlab.instance_hooks import instance_hook
from bridge.sources.gitlab.keys import keys_of
from bridge.sources.gitlab.readers import READERS
from bridge.sources.gitlab.types import action_of, kind_of, type_of
from bridge.sources.provider import json_body


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
    facts = _facts(kind, action, payload, request) or _generic_facts(kind, payload)
    event_type, subject, name = type_of(kind, action), clean(facts.subject, 200), clean(facts.name, 200)
    return [
        Event(
            id=new_id(now),
            source=source,
            provider="gitlab",
            type=event_type,
            keys=keys_of(kind, payload, request, now),
            payload=payload,
            subject=subject,
            name=name,
            url=_http_url(facts.url),
            actor=clean(facts.actor, 100),
            occurred_at=facts.occurred_at,
            received_at=now,
            confidential=_is_confidential(payload, header),
            test=False,  # GitLab's test button sends the same body as a real event, without a mark
        )
    ]


def _facts(kind: str, action: str, payload: Payload, request: Request) -> EventFacts | None:
    is_system = kind == "push" and request.header("x-gitlab-event") == "System Hook"
    if reader := READERS.get("system push" if is_system else kind):
        return reader(action, payload, map_of(payload, "object_attributes"))
    return instance_hook(kind, payload, _http_url(request.header("x-gitlab-instance") or "").rstrip("/"))


def _generic_facts(kind: str, payload: Payload) -> EventFacts:
    """Return the facts of an unknown kind of event, or of a body that a custom template made."""
    attributes = map_of(payload, "object_attributes")
    name = (
        text_of(attributes, "title")
        or text_of(payload, "title")
        or text_of(attributes, "name")
        or text_of(payload, "name")
    )
    return EventFacts(
        f"{project_id(payload) or 'gitlab'}/{kind}/{text_of(attributes, 'id') or name}",
        name,
        text_of(attributes, "url") or text_of(payload, "url") or project_url(payload),
        person(map_of(payload, "user")) or text_of(payload, "user_name"),
    )


def _is_confidential(payload: Payload, header: str) -> bool:
    """Return whether only members may see the event: a confidential issue, an internal note, a reaction to either."""
    # A custom template may spell the name differently or write the value as text: when in doubt, treat it as
    # confidential.
    for name in (header, payload.get("event_type"), payload.get("object_kind"), payload.get("event_name")):
        if type(name) is str and name[:1] in ("c", "C") and name[:12].lower() == "confidential":
            return True
    for part in ("object_attributes", "issue", "work_item", "epic", "note"):
        attributes = payload.get(part)
        if type(attributes) is dict and (
            attributes.get("confidential") not in _NO or attributes.get("internal") not in _NO
        ):
            return True
    return False


_NO = (None, False, "", "false", 0)


def _http_url(url: str) -> str:
    plain = len(url) <= 2000 and url.isprintable() and " " not in url
    return url if plain and url.startswith(("https://", "http://")) else ""
