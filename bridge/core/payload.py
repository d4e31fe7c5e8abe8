"""Read untrusted data: parse JSON, and get typed values at a path without exceptions."""

import json
import math
import re
from collections.abc import Mapping, Sequence

import msgspec

_decode = msgspec.json.Decoder().decode
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidJsonError(ValueError):
    """The bytes are not JSON, or nest too deep."""


def parse_json(raw: bytes) -> object:
    """Parse JSON, with exact big integers and without lone surrogates. Raises InvalidJsonError.

    msgspec parses well-formed JSON, twice as fast as the standard library (``bench/parsing.py``). The standard library
    parses JSON with a byte order mark, a lone surrogate, a number outside the range of a double, or invalid UTF-8.
    """
    try:
        return _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        data: object = json.loads(raw.decode("utf-8-sig", "replace"))
        # Lone surrogates cannot be written as UTF-8, neither to SQLite nor to Slack: replace them here, once.
        if _has_surrogate(data):
            data = json.loads(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise InvalidJsonError(type(error).__name__) from None
    return data


def _has_surrogate(data: object) -> bool:
    return _SURROGATE.search(json.dumps(data, ensure_ascii=False)) is not None


def clean(text: str, limit: int = 1000) -> str:
    """Return untrusted text as one line of at most ``limit`` characters, without spaces around it.

    Lone surrogates and control characters become spaces.
    """
    if text.isascii() and text.isprintable():
        return text.strip()[:limit].rstrip()
    kept = "".join(c if c.isprintable() or c == "\u200d" else " " for c in text[: limit * 2])
    return " ".join(kept.split())[:limit].rstrip()


def at(data: object, *path: str | int) -> object:
    """Return the value at a path of keys and list positions, or None if the path does not exist."""
    for step in path:
        if type(data) is dict:  # the type of JSON objects; the check for Mapping takes four times as long
            data = data.get(step)
        elif isinstance(step, int):
            if not isinstance(data, Sequence) or isinstance(data, str | bytes) or not -len(data) <= step < len(data):
                return None
            data = data[step]
        elif isinstance(data, Mapping):
            data = data.get(step)
        else:
            return None
    return data


def text_at(data: object, *path: str | int) -> str:
    """Return the text at a path, a number in decimal, or "" for anything else (null, true, 1e999, a list, no value)."""
    value = at(data, *path)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        # int -> str refuses more than 4,300 digits with ValueError (CPython's guard against quadratic time).
        return str(value) if value.bit_length() < 10_000 else ""
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else ""
    return ""


def int_at(data: object, *path: str | int) -> int | None:
    """Return the integer at a path (a string of ASCII digits counts), or None."""
    value = at(data, *path)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 30:
        return int(value)
    return None


def map_at(data: object, *path: str | int) -> Mapping[str, object]:
    """Return the object at a path, or an empty one."""
    value = at(data, *path)
    return value if isinstance(value, Mapping) else {}


def list_at(data: object, *path: str | int) -> Sequence[object]:
    """Return the list at a path, or an empty one."""
    value = at(data, *path)
    return value if isinstance(value, list | tuple) else ()


def true_at(data: object, *path: str | int) -> bool:
    """Return whether the value at a path is JSON's true, not only truthy."""
    return at(data, *path) is True
