"""One plain sentence for every event, put together from ``phrases.py``."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import Formatter

from bridge.money import format_minor
from bridge.payload import at, clean, map_at, text_at
from bridge.sources.stripe.cases import case_of
from bridge.sources.stripe.parts import PARTS, Told
from bridge.sources.stripe.phrases import PHRASES

_Wording = Sequence[tuple[str, str]]
"""Pieces in order: plain text, and the name of the part that follows it ("" for none)."""

_LONGEST = 300


def title_of(type: str, payload: Mapping[str, object]) -> str:
    """The event in one line of at most 300 characters, without markup.

    A thin event (`v1.invoice.paid`) names its object and brings nothing of it along, so its id is all there is to add.
    A type that nobody foresaw is spelled out: `terminal.reader.foo_bar` as `Terminal reader: foo bar`.
    """
    told = Told(type, map_at(payload, "data", "object"), map_at(payload, "data", "previous_attributes"), payload)
    plain_type = type.removeprefix("v1.")
    case = case_of(told)
    phrase = (PHRASES.get(f"{plain_type}:{case}") if case else None) or PHRASES.get(plain_type)
    sentence = _filled(_parsed(phrase), told) if phrase else _spelled_out(told)
    named = "" if told.resource else clean(text_at(payload, "related_object", "id"), 80)
    return clean(f"{sentence} ({named})" if named else sentence, _LONGEST)


def _filled(segments: Sequence[Sequence[_Wording]], told: Told) -> str:
    written: list[str] = []
    for alternatives in segments:
        for wording in alternatives:
            values = [PARTS[part](told) if part else "" for _, part in wording]
            if all(value or not part for value, (_, part) in zip(values, wording, strict=True)):
                pieces = [piece for value, (text, _) in zip(values, wording, strict=True) for piece in (text, value)]
                if not written and pieces[0]:  # the sentence starts with our words, not with a name
                    pieces[0] = pieces[0][:1].upper() + pieces[0][1:]
                written.extend(piece for piece in pieces if piece)
                break
    return "".join(written)


@lru_cache(maxsize=len(PHRASES))
def _parsed(phrase: str) -> Sequence[Sequence[_Wording]]:
    """A phrase as segments, each a choice of wordings; text outside `[…]` is a segment with one wording."""
    return [
        [_wording(alternative) for alternative in (piece.split("|") if optional else [piece])]
        for number, piece in enumerate(re.split(r"[\[\]]", phrase))
        for optional in (number % 2 == 1,)
        if piece
    ]


def _wording(text: str) -> _Wording:
    return [(literal, part or "") for literal, part, _, _ in Formatter().parse(text)]


def _spelled_out(told: Told) -> str:
    type, within = told.type, ""
    if "[" in type:  # account[configuration.merchant].updated
        before, _, rest = type.partition("[")
        inner, _, after = rest.partition("]")
        type, within = before + after, " ".join(reversed(inner.split(".")))
    words = type.replace("_", " ").split(".")
    while len(words) > 1 and words[0] in ("v1", "v2", "core"):
        words = words[1:]
    thing = " ".join(words[:-1]) + (f" ({within.replace('_', ' ')})" if within else "")
    sentence = f"{thing}: {words[-1]}" if thing else words[-1]
    amount = format_minor(at(told.resource, "amount"), at(told.resource, "currency"))
    return sentence[:1].upper() + sentence[1:] + (f" ({amount})" if amount else "")
