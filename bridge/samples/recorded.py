"""Recorded bodies, used in place of a sample's body."""

from urllib.parse import parse_qsl

from bridge.core.payload import InvalidJsonError, parse_json
from bridge.samples.sample import samples


class UnreadableBodyError(ValueError):
    """The provider would never send this body. The text says why."""


def recorded_body(raw: bytes, provider: str) -> object:
    """Parse a recorded body as a sample holds it.

    The result is JSON, or a list of [name, value] pairs for a provider that sends forms. Raises UnreadableBodyError.
    """
    try:
        return parse_json(raw)
    except InvalidJsonError:
        if not _sends_forms(provider):
            raise UnreadableBodyError(f"is not JSON, and {provider} sends nothing else") from None
    try:
        pairs = parse_qsl(raw.decode("ascii").strip(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        pairs = []
    if not pairs:
        raise UnreadableBodyError("is neither JSON nor a form (name=value&…)")
    return [list(pair) for pair in pairs]


def _sends_forms(provider: str) -> bool:
    return any(isinstance(sample.body, list) for sample in samples().values() if sample.provider == provider)
