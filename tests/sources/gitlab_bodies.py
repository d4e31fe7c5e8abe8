"""GitLab bodies for tests: the samples, changed samples, and their events."""

import json
from collections.abc import Mapping
from pathlib import Path

from bridge.events import Event, Request
from bridge.sources.gitlab.provider import PROVIDER

NOW = 1795392000.0
URL = "https://hooks.example.com/webhooks/gitlab"
TOKEN = "a-secret-token"
SIGNING = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
SAMPLES = sorted((Path(__file__).parents[2] / "bridge" / "samples" / "gitlab").glob("*.json"))
PAYLOADS = Path(__file__).parents[2].parent / "shared" / "payloads" / "gitlab"
CASES = Path(__file__).parents[2].parent / "shared" / "cases"
Json = dict[str, object]
NOTHING: Mapping[str, str] = {}


def sample(name: str) -> Json:
    path = next(path for path in SAMPLES if path.stem == name)
    body = json.loads(path.read_text("utf-8"))
    assert isinstance(body, dict)
    return body


def changed(name: str, at: str, **fields: object) -> Json:
    """Return a sample with changed fields in one object (``at``; "" is the top). None removes a field."""
    body = sample(name)
    inner = body[at] if at else body
    assert isinstance(inner, dict)
    for field, value in fields.items():
        if value is None:
            inner.pop(field, None)
        else:
            inner[field] = value
    return body


def read(body: object, header: str = "", now: float = NOW, headers: Mapping[str, str] = NOTHING) -> Event:
    """Return the event of a body: JSON, or bytes unchanged. ``header`` is X-Gitlab-Event."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {"X-Gitlab-Event": header} if header else {}
    (event,) = PROVIDER.events(Request("POST", URL, {**named, **headers}, raw), "gitlab", now)
    return event
