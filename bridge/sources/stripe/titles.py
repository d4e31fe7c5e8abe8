"""Titles: one plain sentence for every event, put together from ``phrases.py``, ``beyond.py`` and ``thin.py``."""

import re
from collections.abc import Callable, Mapping, Sequence
from string import Formatter

from bridge.core.money import format_minor
from bridge.core.payload import at, clean, map_at, text_at
from bridge.sources.stripe import beyond, parts, phrases, thin
from bridge.sources.stripe.cases import case_of
from bridge.sources.stripe.parts import Told

PHRASES: Mapping[str, str] = {**phrases.PHRASES, **beyond.PHRASES, **thin.PHRASES}
PARTS: Mapping[str, Callable[[Told], str]] = {**parts.PARTS, **beyond.PARTS}

_Wording = tuple[tuple[str, str], ...]
"""Pieces in order: plain text, and the name of the part that follows it ("" for none)."""
_Segment = tuple[_Wording, ...]
"""Wordings to choose from: the first one with all its parts is taken."""

_LONGEST = 300
_VERBS = {
    **{itself: itself for itself in ("expired", "failed", "succeeded")},
    "delayed": "is delayed",
    "processing": "is being processed",
    **{
        done: f"was {done}"
        for done in (
            *("accepted", "activated", "approved", "canceled", "closed", "completed", "created", "deactivated"),
            *("declined", "deleted", "opened", "paid", "posted", "released", "returned", "reversed", "submitted"),
            *("updated", "voided"),
        )
    },
}
"""Verbs for the last word of a type."""


def title_of(event_type: str, payload: Mapping[str, object]) -> str:
    """Return the event in one line of at most 300 characters, without markup.

    A thin event (`v1.invoice.paid`) names its object and holds no other data, so only its id is added. An unknown type
    is spelled out: `climate.order.delayed` as `Climate order is delayed`, and `terminal.reader.foo_bar`, whose verb is
    unknown, as `Terminal reader: foo bar`.
    """
    told = Told(event_type, map_at(payload, "data", "object"), map_at(payload, "data", "previous_attributes"), payload)
    plain_type = event_type.removeprefix("v1.")
    phrase = _PARSED.get(f"{plain_type}:{case_of(told)}") or _PARSED.get(plain_type)
    sentence = _filled(phrase, told) if phrase else _spelled_out(told)
    named = "" if told.resource else clean(text_at(payload, "related_object", "id"), 80)
    return clean(f"{sentence} ({named})" if named else sentence, _LONGEST)


def _parsed(phrase: str) -> tuple[_Segment, ...]:
    """Split a phrase into segments. `re.split` alternates the text outside and inside of `[…]`."""
    segments: list[_Segment] = []
    for number, text in enumerate(re.split(r"[\[\]]", phrase)):
        inside = number % 2 == 1
        segments.append(tuple(_wording(choice) for choice in (text.split("|") if inside else (text,))))
    return tuple(segments)


def _wording(text: str) -> _Wording:
    return tuple((literal, part or "") for literal, part, _, _ in Formatter().parse(text))


_PARSED = {event_type: _parsed(phrase) for event_type, phrase in PHRASES.items()}


def _filled(phrase: Sequence[_Segment], told: Told) -> str:
    sentence = ""
    for segment in phrase:
        said = next((said for wording in segment if (said := _said(wording, told)) is not None), "")
        starts_with_a_name = not sentence and segment and segment[0] and not segment[0][0][0]
        sentence += said if sentence or starts_with_a_name else said[:1].upper() + said[1:]
    return sentence


def _said(wording: _Wording, told: Told) -> str | None:
    """Fill in a wording's parts; return None if one of them is empty."""
    said = ""
    for text, part in wording:
        value = PARTS[part](told) if part else ""
        if part and not value:
            return None
        said += text + value
    return said


def _spelled_out(told: Told) -> str:
    event_type, within = told.type, ""
    if "[" in event_type:  # account[configuration.merchant].updated
        before, _, rest = event_type.partition("[")
        inner, _, after = rest.partition("]")
        event_type, within = before + after, " ".join(reversed(inner.split(".")))
    words = event_type.replace("_", " ").split(".")
    while len(words) > 1 and words[0] in ("v1", "v2", "core"):
        words = words[1:]
    thing = " ".join(words[:-1]) + (f" ({within.replace('_', ' ')})" if within else "")
    amount = format_minor(at(told.resource, "amount"), at(told.resource, "currency"))
    happened = words[-1]
    if thing and (verb := _VERBS.get(happened)):
        sentence = f"{thing}{f' of {amount}' if amount else ''} {verb}"
    else:
        sentence = (f"{thing}: {happened}" if thing else happened) + (f" ({amount})" if amount else "")
    return sentence[:1].upper() + sentence[1:]
