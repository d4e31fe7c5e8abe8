"""Changes in a Next-Gen Event, in words: `price of variants`, `financial status (now paid)`.

Source: "Events delivery structure", https://shopify.dev/docs/apps/build/events/delivery-structure.
"""

import re

from bridge.core.payload import at, clean, list_at
from bridge.sources.shopify.phrases import Payload

_MAX_CHANGES = 5
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(r"\[[^\]]*\]")


def changes_of(payload: Payload) -> str:
    """Return all changes in one line, or "". A field that the event holds is shown with its new value."""
    changes = [
        f"{change}{verb}"
        for kind, verb in (("updated", ""), ("added", " added"), ("removed", " removed"))
        for path in list_at(payload, "fields_changed", kind)[: _MAX_CHANGES + 1]
        if isinstance(path, str) and (change := _change_text(path[:300], payload if kind == "updated" else {}))
    ]
    changes = list(dict.fromkeys(changes))
    return ", ".join(changes[:_MAX_CHANGES]) + (" and more" if len(changes) > _MAX_CHANGES else "")


def _change_text(path: str, payload: Payload) -> str:
    """Return `product[id: 'gid://…'].variants[id: 'gid://…'].price` as `price of variants`."""
    root, *steps = _ID.sub("", path).split(".")
    words = clean(" of ".join(_CAPITAL.sub(" ", step).lower() for step in reversed(steps)), 80)
    words = words.removeprefix("display ").removeprefix("is ")
    named = steps in (["title"], ["name"], ["displayName"])  # the title already holds it
    now = at(payload, "data", root, *steps) if len(steps) == 1 and not named else None
    if isinstance(now, bool):
        return f"{words} (now {'yes' if now else 'no'})"
    if isinstance(now, str) and 0 < len(now) <= 60:
        value = now.replace("_", " ").lower() if now.isupper() else now
        return f"{words} (now {clean(value, 60)})"
    return words
