"""The plain line of a Twilio event."""

from bridge.sources.provider import Facts, plain_line

_SEPARATORS = str.maketrans("._-/", "    ")


def line(facts: Facts) -> str:
    """Return one generic line: the type in words, and the name of the thing, or the number of the other side."""
    return plain_line("Twilio", facts.type.removeprefix("com.twilio.").translate(_SEPARATORS), facts.name)
