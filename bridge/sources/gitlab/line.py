"""The plain line of a GitLab event."""

import re

from bridge.sources.provider import Facts, plain_line


def line(facts: Facts) -> str:
    """Return one generic line: the type in words, and the name of the thing."""
    return plain_line("GitLab", re.sub(r"[._/]+", " ", facts.type), facts.name)
