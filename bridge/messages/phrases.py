"""Phrases: sentences with optional parts, as data. The one small language of ``words.toml``.

``{part}`` is filled in. ``[ of {amount}]`` is dropped if a part in it is empty. ``[to {name}|to somebody]`` takes the
first wording whose parts are all there.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from string import Formatter

from markupsafe import Markup

from bridge.messages.mrkdwn import escaped, escaped_verbatim, markup, plain_text, unformatted
from bridge.templating.limits import to_text

_Wording = tuple[tuple[str, str], ...]
"""Pieces in order: literal text, and the name of the part after it ("" for none)."""
_Segment = tuple[_Wording, ...]
"""Wordings to choose from."""


class PhraseError(ValueError):
    """A phrase cannot be read, or names a part that the template does not give."""

    def __init__(self, phrase: str, problem: str) -> None:
        super().__init__(f"the phrase {phrase[:100]!r} {problem}")
        self.phrase = phrase


def phrase(text: object = "", /, **parts: object) -> Markup:
    """Fill in a phrase; return nothing for a missing one. It starts with a capital, unless a part comes first.

    The phrase is text of the template's author, so its formatting stays. A part is text of a payload, so it is shown
    without formatting, unless it is markup already (a link, an amount in bold). Raises PhraseError.
    """
    wanted = plain_text(text)
    segments = _parsed(wanted)
    shown, sentence = _Parts(wanted, parts), ""
    for segment in segments:
        wording = next((wording for wording in segment if shown.has_all_of(wording)), ())
        filled = "".join(str(escaped_verbatim(literal)) + (shown[part] if part else "") for literal, part in wording)
        starts_with_part = bool(wording) and not wording[0][0]
        sentence += filled if sentence or starts_with_part else filled[:1].upper() + filled[1:]
    return markup(sentence)


def parts_of(text: str) -> frozenset[str]:
    """Return the names of the parts of a phrase. Raises PhraseError."""
    return frozenset(part for segment in _parsed(text) for wording in segment for _, part in wording if part)


class _Parts:
    """The parts of a phrase as mrkdwn, made when they are asked for."""

    def __init__(self, phrase: str, given: Mapping[str, object]) -> None:
        self._phrase = phrase
        self._given = given
        self._shown: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        """Return a part. Raises PhraseError if the template gives none of this name."""
        if name not in self._shown:
            if name not in self._given:
                known = ", ".join(f"{{{one}}}" for one in sorted(self._given)) or "none"
                raise PhraseError(self._phrase, f"names {{{name}}}, and the parts here are {known}")
            value = self._given[name]
            text = to_text(value)
            self._shown[name] = str(text if isinstance(text, Markup) else escaped(unformatted(text))).strip()
        return self._shown[name]

    def has_all_of(self, wording: _Wording) -> bool:
        """Return whether all parts of a wording have a text."""
        return all(self[part] for _, part in wording if part)


@lru_cache(2_000)
def _parsed(text: str) -> tuple[_Segment, ...]:
    """Split a phrase into segments: `re.split` alternates the text outside and inside of `[…]`. Raises PhraseError."""
    segments: list[_Segment] = []
    for number, piece in enumerate(re.split(r"[\[\]]", text)):
        wordings = piece.split("|") if number % 2 else [piece]
        segments.append(tuple(_wording(wording, text) for wording in wordings))
    return tuple(segments)


def _wording(text: str, whole: str) -> _Wording:
    pieces: list[tuple[str, str]] = []
    try:
        for literal, part, form, conversion in Formatter().parse(text):
            if part is not None and (form or conversion or not part):
                raise PhraseError(whole, "may only have the name of a part between braces")
            pieces.append((literal, part or ""))
    except PhraseError:
        raise
    except ValueError as error:
        raise PhraseError(whole, f"cannot be read ({error})") from None
    return tuple(pieces)
