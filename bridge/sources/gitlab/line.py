"""The plain line of a GitLab event."""

import re

from bridge.sources.provider import Facts, plain_line

_DONE = {
    "open": "opened",
    "close": "closed",
    "reopen": "reopened",
    "update": "updated",
    "merge": "merged",
    "create": "created",
    "delete": "deleted",
    "destroy": "deleted",
}
_REFERENCE = re.compile(r"[!#&]\d+\Z")
"""The number that GitLab shows, at the end of a subject: ``!12`` of ``7!12``."""


def line(facts: Facts) -> str:
    """Return one generic line: ``GitLab merge request opened: !12 Add a cache``."""
    kind, dot, action = facts.type.partition(".")
    kind = "job" if kind == "build" else f"comment{' on' if dot else ''}" if kind == "note" else kind
    before, _, last = f"{kind}_{action}".strip("_").replace(".", "_").rpartition("_")
    words = f"{before} {_DONE.get(last, last)}".replace("_", " ")
    number = _REFERENCE.search(facts.subject)
    return plain_line("GitLab", words, f"{number[0]} {facts.name}".rstrip() if number else facts.name)
