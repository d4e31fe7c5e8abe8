"""What a Next-Gen Event says has changed, in words: `price of variants`, `financial status (now paid)`.

Source: "Events delivery structure", https://shopify.dev/docs/apps/build/events/delivery-structure.
"""

import re

from bridge.core.payload import at, clean, list_at
from bridge.sources.shopify.phrases import Payload

_MOST = 5
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(r"\[[^\]]*\]")


def changes_of(payload: Payload) -> str:
    """All changes in one line; "" where none is told. A field that the event holds is told with its new value."""
    said = [
        f"{told}{verb}"
        for kind, verb in (("updated", ""), ("added", " added"), ("removed", " removed"))
        for path in list_at(payload, "fields_changed", kind)[: _MOST + 1]
        if isinstance(path, str) and (told := _told(path[:300], payload if kind == "updated" else {}))
    ]
    said = list(dict.fromkeys(said))
    return ", ".join(said[:_MOST]) + (" and more" if len(said) > _MOST else "")


def _told(path: str, payload: Payload) -> str:
    """`product[id: 'gid://…'].variants[id: 'gid://…'].price` -> `price of variants`."""
    root, *steps = _ID.sub("", path).split(".")
    words = clean(" of ".join(_CAPITAL.sub(" ", step).lower() for step in reversed(steps)), 80)
    words = words.removeprefix("display ").removeprefix("is ")
    named = steps in (["title"], ["name"], ["displayName"])  # the title says it already
    now = at(payload, "data", root, *steps) if len(steps) == 1 and not named else None
    if isinstance(now, bool):
        return f"{words} (now {'yes' if now else 'no'})"
    if isinstance(now, str) and 0 < len(now) <= 60:
        value = now.replace("_", " ").lower() if now.isupper() else now
        return f"{words} (now {clean(value, 60)})"
    return words
