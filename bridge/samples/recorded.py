"""A body that was recorded, to stand in for a sample's."""

from urllib.parse import parse_qsl

from bridge.core.payload import InvalidJsonError, parse_json
from bridge.samples.sample import samples


class UnreadableBodyError(ValueError):
    """It is nothing that the provider would send. The text says why."""


def recorded_body(raw: bytes, provider: str) -> object:
    """A recorded body as a sample holds it: JSON, or a form as a list of [name, value] pairs where the provider sends
    such. Raises UnreadableBodyError."""
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
