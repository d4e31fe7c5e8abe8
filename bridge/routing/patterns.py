"""Match patterns against event types.

No regular expressions: a type comes from outside, and matching must take linear time for any text.
"""

from collections.abc import Sequence

from bridge.config.diagnostics import Problem


def matches(pattern: str, event_type: str) -> bool:
    """Return whether one pattern (without ``!``) matches.

    ``*`` is any run of characters, also an empty one, and nothing else is special. A pattern without ``*`` also matches
    the types below it at a ``.`` or ``/``. Case counts.
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
    """Return whether a list of patterns matches a type, and the reason.

    A ``!pattern`` always wins. No patterns at all, or only ``!`` ones, match all the rest. Reasons do not name the
    type, so a list of patterns has only a few.
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


def problem(pattern: str) -> Problem | None:
    """Return the problem of a pattern as written; None if it can match a type."""
    bare = pattern.removeprefix("!")
    if not bare.strip():
        return Problem("is empty", 'write a type such as "merge_request.open", or leave `events` out for all types')
    if bare != bare.strip():
        return Problem("has a space at its start or end", "remove it")
    if bare.startswith("!"):
        return Problem("starts with more than one !", "write one")
    if bare[-1] in "./":
        return Problem(f"ends in {bare[-1]!r}", "remove it: a pattern also matches the types below it")
    return None
