"""Patterns over types: which kinds of events a route wants.

There is no regular expression in here: a type comes from outside, and a search must take linear time whatever it holds.
"""

from collections.abc import Sequence


def matches(pattern: str, event_type: str) -> bool:
    """Whether one pattern (without ``!``) matches.

    ``*`` is any run of characters, an empty one too, and nothing else is special. Without ``*`` a pattern also matches
    what lies below it at a ``.`` or ``/``. Case counts.
    """
    if "*" not in pattern:
        return event_type.startswith(pattern) and (len(event_type) == len(pattern) or event_type[len(pattern)] in "./")
    first, *inner, last = pattern.split("*")
    start, end = len(first), len(event_type) - len(last)
    if start > end or not event_type.startswith(first) or not event_type.endswith(last):
        return False
    for part in inner:
        # The leftmost place leaves the most room for the parts that follow, so there is never a reason to go back.
        found = event_type.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True


def verdict(patterns: Sequence[str], event_type: str) -> tuple[bool, str]:
    """Whether a list of patterns wants a type, and which of them says so.

    A ``!pattern`` always wins. No patterns at all, or only ``!`` ones, want all the rest. The texts do not name the
    type, so that a list of patterns has but a few of them.
    """
    wanted = False
    because = ""
    for pattern in patterns:
        if pattern.startswith("!"):
            if matches(pattern[1:], event_type):
                return False, f"kept out by {pattern}"
        elif not wanted:
            wanted = matches(pattern, event_type)
            because = f"matches {pattern}"
    if wanted:
        return True, because
    asked = [pattern for pattern in patterns if not pattern.startswith("!")]
    if asked:
        return False, "matches none of " + ", ".join(asked)
    return True, "every type but " + ", ".join(patterns) if patterns else "every type"


def fault(pattern: str) -> str | None:
    """What is wrong with a pattern as written, with the mend; None if it can match something."""
    bare = pattern.removeprefix("!")
    if not bare.strip():
        return 'is empty: write a type such as "merge_request.open", or leave `events` out for all of them'
    if bare != bare.strip():
        return "has a space at its start or end: take it out"
    if bare.startswith("!"):
        return "starts with more than one !: one is enough"
    if bare[-1] in "./":
        return f"ends in {bare[-1]!r}: leave that out, a pattern also matches what lies below it"
    return None
